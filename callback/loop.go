package callback

import (
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
)

// Loop is an event loop. It runs callbacks one at a time, in the order in which they were added. Data that only callbacks
// of the loop use needs no lock. Tornado's IOLoop.
//
// A loop is driven by the goroutine that calls [Loop.Start] or [RunSync], by another main loop that calls [Loop.Poll], or
// by the executor given to [WithHost]. Its methods are safe from any goroutine. It works in turns: a turn runs the
// callbacks that were ready when it began, first in, first out, then the timeouts that were due. Callbacks added meanwhile
// wait for a later turn.
//
// A loop is a [future.Executor]: futures and clients can deliver their callbacks on it.
type Loop struct {
	logger  *slog.Logger
	onPanic func(*future.PanicError)
	slow    *slowCallbacks
	host    future.Executor
	epoch   time.Time

	mu       sync.Mutex
	ready    ready
	timers   timers
	driven   bool          // a goroutine has the driver's role
	stopping bool          // Stop was called and has not yet ended a Start
	closed   bool          // the loop accepts no more callbacks
	ended    bool          // closed, and all accepted callbacks have run
	asleep   bool          // the driver sleeps; the code that clears this must wake it
	wakeAt   time.Duration // while asleep: when the driver wakes by itself
	counts   counts

	wake      chan struct{} // ends the driver's sleep
	hostTimer *time.Timer   // ends the sleep of a hosted loop
	sleeper   *time.Timer   // timer of the driver

	panics, slowOnes atomic.Uint64 // for Stats

	// Only the driver uses these.
	turn       turn
	coroutines coroutines

	gone *future.Promise[none] // settles when a closed loop has run all callbacks that it had accepted
}

// NewLoop returns a loop that is not running. Callbacks can be added at once. NewLoop starts no goroutine.
func NewLoop(opts ...LoopOption) *Loop {
	l := &Loop{
		epoch: time.Now(),
		wake:  make(chan struct{}, 1),
		gone:  future.NewPromise[none](),
	}
	l.ready.init()
	for _, o := range opts {
		o(l)
	}
	if l.host != nil {
		l.asleep, l.wakeAt = true, math.MaxInt64
	}
	return l
}

// AddCallback runs fn on the loop, in a later turn. It returns false if the loop is closed; then fn will not run. It never
// blocks.
//
// A panic of fn goes to the handler of [WithPanicHandler], and the loop goes on. If fn calls [runtime.Goexit], the
// goroutine that drives the loop ends; the loop keeps what it has queued, and can be started again.
//
// Tornado: IOLoop.add_callback. asyncio: loop.call_soon_threadsafe. Motor: frameworks.call_soon.
func (l *Loop) AddCallback(fn func()) bool {
	mustHave(fn != nil, "AddCallback", "fn")
	return l.post(fn)
}

// Execute implements [future.Executor]. It is [Loop.AddCallback] with an error: [ErrLoopClosed].
func (l *Loop) Execute(task func()) error {
	mustHave(task != nil, "Execute", "task")
	if !l.post(task) {
		return ErrLoopClosed
	}
	return nil
}

// post queues fn and wakes the driver if it sleeps.
func (l *Loop) post(fn func()) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	if l.ready.pushed == l.counts.taken { // the first callback of a turn
		l.counts.since = l.clock()
	}
	l.ready.push(fn)
	wake := l.asleep
	l.asleep = false
	l.mu.Unlock()
	if wake {
		l.wakeUp()
	}
	return true
}

// Stop makes [Loop.Start] return after the current turn. Queued callbacks wait for the next Start. If the loop is not
// running, the next Start returns at once. Stop has no effect on a loop with a host. Safe from any goroutine.
//
// Tornado: IOLoop.stop.
func (l *Loop) Stop() {
	l.mu.Lock()
	l.stopping = true
	wake := l.asleep && l.host == nil
	if wake {
		l.asleep = false
	}
	l.mu.Unlock()
	if wake {
		l.wakeUp()
	}
}

// Close closes the loop. From now on AddCallback returns false and Execute returns [ErrLoopClosed]. Then, in this order:
//   - accepted callbacks run, each once, in a last turn;
//   - the current await of each suspended coroutine, and every later one, returns [ErrLoopClosed], and the coroutines run
//     to their end with their deferred functions;
//   - timeouts that have not fired are dropped, and their number is logged;
//   - pending waits for the loop's locks, events, conditions, semaphores and queues fail with [ErrLoopClosed], and so do
//     later ones that would have to wait.
//
// On a running loop, the goroutine that drives it does this after the current turn, and it is done when Start returns.
// Close does not wait for it, so callbacks may call Close. If no goroutine drives the loop, Close does it before it
// returns.
//
// Close may be called more than once. Tornado: IOLoop.close.
func (l *Loop) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	if !l.driven && l.host == nil && !l.rightThread() {
		l.mu.Unlock()
		panic(ErrWrongThread)
	}
	l.closed = true
	wake, own := l.asleep, !l.driven && l.host == nil
	l.asleep = false
	if own {
		l.driven = true
	}
	l.mu.Unlock()
	switch {
	case wake:
		l.wakeUp()
	case own:
		l.leave()
	}
}

func (l *Loop) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Start drives the loop on this goroutine until [Loop.Stop] or [Loop.Close]. On a closed loop it returns at once.
// A loop that was stopped can be started again, by any goroutine.
//
// One goroutine at a time may drive a loop; otherwise Start panics with [ErrLoopRunning]. If the driving goroutine was
// locked to an OS thread ([runtime.LockOSThread]) when coroutines started, only that goroutine can drive them. If it was
// not, a locked goroutine cannot. Otherwise Start panics with [ErrWrongThread] before it runs a callback. Callbacks and
// coroutines must not change the lock.
//
// Tornado: IOLoop.start. asyncio: loop.run_forever.
func (l *Loop) Start() {
	switch err := l.acquire(); err {
	case nil:
		defer l.leave()
		l.drive(new(bool))
	case ErrLoopClosed:
	default:
		panic(err)
	}
}

// Poll runs one turn without waiting, and reports whether another turn already has something to run. It is for main loops
// that run at regular intervals, as those of games do; for others, use [WithHost]. It panics as Start does. On a closed
// loop it does nothing.
func (l *Loop) Poll() (more bool) {
	switch err := l.acquire(); err {
	case nil:
	case ErrLoopClosed:
		return false
	default:
		panic(err)
	}
	defer func() { more = l.release() }()
	l.runReady()
	return false
}

// acquire takes the driver's role.
func (l *Loop) acquire() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return ErrLoopClosed
	case l.driven || l.host != nil:
		return ErrLoopRunning
	case !l.rightThread():
		return ErrWrongThread
	}
	l.driven = true
	return nil
}

// release gives up the driver's role. If the loop was closed meanwhile, it first shuts the loop down. It is deferred, so it
// also runs if a callback has called runtime.Goexit. It reports whether there is something to run.
func (l *Loop) release() (more bool) {
	l.mu.Lock()
	if l.closed && !l.ended {
		l.mu.Unlock()
		l.shutdown()
		return false
	}
	l.driven = false
	more = l.anyReady()
	l.mu.Unlock()
	return more
}

// leave is release for a driver that may not come back. It also ends the idle goroutines of coroutines.
func (l *Loop) leave() {
	l.coroutines.stopIdle()
	l.release()
}

// drive runs turns until *done, or until the loop is stopped or closed. done is only looked at between turns.
func (l *Loop) drive(done *bool) {
	for {
		l.mu.Lock()
		if l.closed || l.stopping || *done {
			// A Stop that came too late for this run does not affect the next one.
			l.stopping = false
			l.mu.Unlock()
			return
		}
		if l.prepare() {
			l.mu.Unlock()
			l.runTurn()
			continue
		}
		at, timed := l.nextTimeout()
		if !timed {
			at = math.MaxInt64
		}
		l.asleep, l.wakeAt = true, at
		l.mu.Unlock()
		l.sleep(at, timed)
	}
}

// sleep returns when the loop is woken or at the given time.
func (l *Loop) sleep(at time.Duration, timed bool) {
	if !timed {
		<-l.wake
		return
	}
	// The timer must not fire before the deadline, or the loop would spin until then.
	d := at - l.clock()
	if l.sleeper == nil {
		l.sleeper = time.NewTimer(d)
	} else {
		l.sleeper.Reset(d)
	}
	select {
	case <-l.wake:
		l.sleeper.Stop()
	case <-l.sleeper.C:
		// Another goroutine may still be about to wake the loop. Its token ends a later sleep early, which is harmless: the
		// loop finds nothing to run and sleeps again.
		l.mu.Lock()
		l.asleep = false
		l.mu.Unlock()
	}
}

// wakeUp ends the driver's sleep. The caller has cleared asleep, so that there is one call per sleep.
func (l *Loop) wakeUp() {
	if l.host != nil {
		l.askHost()
		return
	}
	select {
	case l.wake <- struct{}{}:
	default: // a late token of an earlier sleep is still in the channel, which is enough
	}
}

// turn is the part of a turn that still has to run. If a callback calls runtime.Goexit, the next driver continues it.
type turn struct {
	callbacks int // how many of those that are ready
	due       []*Timeout
	fired     int // of due
}

func (t *turn) over() bool { return t.callbacks == 0 && t.fired == len(t.due) }

// anyReady reports whether a turn would have anything to run. The caller holds mu.
func (l *Loop) anyReady() bool {
	if l.ready.length() > 0 || !l.turn.over() {
		return true
	}
	at, ok := l.nextTimeout()
	return ok && at <= l.clock()
}

// nextTimeout returns the earliest deadline. The caller holds mu.
func (l *Loop) nextTimeout() (at time.Duration, ok bool) {
	if len(l.timers.heap) == 0 {
		return 0, false
	}
	return l.timers.heap[0].at, true
}

// prepare begins a turn with the callbacks that are ready, unless one is unfinished, and reports whether there is anything
// to run. The driver calls it, with mu held.
func (l *Loop) prepare() bool {
	t := &l.turn
	if !t.over() {
		return true
	}
	if l.ready.emptied != nil {
		l.ready.recycle()
	}
	t.callbacks = l.ready.length()
	at, ok := l.nextTimeout()
	if !ok && t.callbacks == 0 {
		return false
	}
	now := l.clock()
	lag := time.Duration(0)
	if ok && at <= now {
		lag = now - at
	}
	for ; ok && at <= now; at, ok = l.nextTimeout() {
		due := l.timers.heap[0].t
		l.timers.disarm(due)
		due.state = timeoutDue
		t.due = append(t.due, due)
	}
	if t.over() {
		return false
	}
	if t.callbacks > 0 {
		lag = max(lag, now-l.counts.since)
	}
	l.counts.turn(l.ready.pushed, len(t.due), lag)
	return true
}

// runReady runs one turn if there is anything to run.
func (l *Loop) runReady() {
	l.mu.Lock()
	any := l.prepare()
	l.mu.Unlock()
	if any {
		l.runTurn()
	}
}

// runTurn runs the turn to its end. Callbacks share one deferred recover; only after a panic is it set up again.
func (l *Loop) runTurn() {
	for !l.runCallbacks() {
	}
}

func (l *Loop) runCallbacks() (finished bool) {
	defer l.catch()
	t := &l.turn
	for t.callbacks > 0 {
		t.callbacks--
		l.call(l.ready.pop())
	}
	for t.fired < len(t.due) {
		due := t.due[t.fired]
		t.due[t.fired] = nil
		t.fired++
		l.fire(due)
	}
	t.due, t.fired = t.due[:0], 0
	return true
}

func (l *Loop) call(fn func()) {
	if l.slow != nil {
		l.callTimed(fn)
		return
	}
	fn()
}

// catch is deferred around callbacks.
func (l *Loop) catch() {
	v := recover()
	if v == nil {
		return
	}
	if ended, ok := v.(fiberEnded); ok {
		ended.c.goexited()
	} else {
		l.reportPanic(&future.PanicError{Value: v, Stack: panics.NewRecovered(1, v).Stack})
	}
}

func (l *Loop) reportPanic(p *future.PanicError) {
	l.panics.Add(1)
	if l.onPanic == nil {
		l.logPanic(p)
		return
	}
	defer func() {
		if v := recover(); v != nil {
			l.logPanic(p)
			l.logPanic(&future.PanicError{Value: v, Stack: panics.NewRecovered(1, v).Stack})
		}
	}()
	l.onPanic(p)
}

func (l *Loop) logPanic(p *future.PanicError) {
	l.log().Error("callback: a callback panicked", "panic", fmt.Sprint(p.Value), "where", p.Where())
}

// shutdown does the work of Close. The driver calls it.
func (l *Loop) shutdown() {
	finished := false
	defer func() {
		// A callback has called runtime.Goexit. The rest still runs, in this deferred function.
		if !finished {
			l.shutdown()
		}
	}()
	l.runTurn()
	l.mu.Lock()
	l.turn.callbacks = l.ready.length()
	l.mu.Unlock()
	l.runTurn()
	l.coroutines.endAll()
	l.coroutines.stopIdle()
	l.dropTimers()
	finished = true
	l.mu.Lock()
	l.ended, l.driven = true, false
	l.mu.Unlock()
	l.gone.Resolve(none{})
}

// dropTimers drops the timeouts of a closed loop and logs their number.
func (l *Loop) dropTimers() {
	l.mu.Lock()
	lost := 0
	for _, e := range l.timers.heap {
		if !e.t.quiet {
			lost++
		}
		e.t.state, e.t.fn = timeoutOff, nil
	}
	l.timers = timers{}
	if l.hostTimer != nil {
		l.hostTimer.Stop()
	}
	l.mu.Unlock()
	if lost > 0 {
		l.log().Warn("callback: the loop was closed before all timeouts fired", "timeouts", lost)
	}
}

// chunkLen makes a chunk 2 KB, one size class of the allocator.
const chunkLen = 255

// maxSpare is how many chunks a loop keeps for reuse. After a burst, the others are garbage collected.
const maxSpare = 32

// chunk is a part of a queue of callbacks. A queue of chunks grows without copying, and takes 8 bytes for each callback.
type chunk struct {
	next *chunk
	fns  [chunkLen]func()
}

// ready is a FIFO queue of callbacks. Any goroutine pushes, with the loop's mu held. Only the driver pops, without mu.
//
// They share the chunks, never a place in one. The driver pops at most as many as length returned while it held mu. So all
// that it reads, places and links to the next chunk, was written before that.
type ready struct {
	// For push, under mu.
	tail   *chunk
	write  int // the next place in tail
	pushed uint64
	spare  *chunk
	spares int

	// For the driver.
	head    *chunk
	read    int // the next place in head
	popped  uint64
	emptied *chunk // made spare the next time the driver holds mu
}

func (q *ready) init() {
	q.head = new(chunk)
	q.tail = q.head
}

// length returns how many callbacks are queued. The driver calls it, with mu held.
func (q *ready) length() int { return int(q.pushed - q.popped) }

func (q *ready) push(fn func()) {
	if q.write == chunkLen {
		q.extend()
	}
	q.tail.fns[q.write] = fn
	q.write++
	q.pushed++
}

func (q *ready) extend() {
	c := q.spare
	if c == nil {
		c = new(chunk)
	} else {
		q.spare = c.next
		q.spares--
		c.next = nil
	}
	q.tail.next = c
	q.tail, q.write = c, 0
}

// pop removes and returns the first callback. The queue must not be empty.
func (q *ready) pop() func() {
	if q.read == chunkLen {
		c := q.head
		q.head, q.read = c.next, 0
		c.next = q.emptied
		q.emptied = c
	}
	fn := q.head.fns[q.read]
	q.head.fns[q.read] = nil // so that it can be garbage collected
	q.read++
	q.popped++
	return fn
}

// recycle makes the chunks that the driver has emptied available again. The driver calls it, with mu held.
func (q *ready) recycle() {
	for c := q.emptied; c != nil && q.spares < maxSpare; {
		next := c.next
		c.next = q.spare
		q.spare = c
		q.spares++
		c = next
	}
	q.emptied = nil
}

// Stats returns the counters of the loop since it was made. It may be called on any goroutine.
//
// The lag of a turn is how long the first of its callbacks, or the earliest of its timeouts, has waited. A loop whose
// callbacks take long has a large lag. The slow ones among them are counted only with [WithSlowCallback].
func (l *Loop) Stats() future.LoopStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return future.LoopStats{
		Queued: int(l.ready.pushed - l.counts.taken), Timeouts: len(l.timers.heap),
		Turns: l.counts.turns, Callbacks: l.counts.taken, Fired: l.counts.fired,
		Panics: l.panics.Load(), Slow: l.slowOnes.Load(),
		Lag: l.counts.lag, MaxLag: l.counts.maxLag,
	}
}

// counts are the counters of a loop. Its mu guards them.
type counts struct {
	turns, fired uint64
	taken        uint64        // the callbacks that have been taken from the queue for a turn
	since        time.Duration // when the first callback after these was added
	lag, maxLag  time.Duration
}

// turn records the begin of a turn. pushed is the number of callbacks that have been added.
func (c *counts) turn(pushed uint64, due int, lag time.Duration) {
	c.turns++
	c.taken = pushed
	c.fired += uint64(due)
	c.lag += lag
	c.maxLag = max(c.maxLag, lag)
}

// clock is the time on which the loop's timers run: monotonic, and twice as fast as time.Now.
func (l *Loop) clock() time.Duration { return time.Since(l.epoch) }

func mustHave(ok bool, function, argument string) {
	if !ok {
		panicNil(function, argument)
	}
}

//go:noinline
func panicNil(function, argument string) {
	panic("callback: " + function + ": " + argument + " is nil")
}

// log returns the logger.
func (l *Loop) log() *slog.Logger {
	if l.logger != nil {
		return l.logger
	}
	return slog.Default()
}
