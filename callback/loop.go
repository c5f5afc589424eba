package callback

import (
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
)

// Loop is an event loop: it runs callbacks one at a time, in the order in which they were added, so that what only
// they touch needs no lock. Tornado's IOLoop.
//
// A loop is driven by the goroutine that calls [Loop.Start] or [RunSync], by a foreign main loop that calls
// [Loop.Poll], or by the executor given to [WithHost]. Its methods are safe from any goroutine. Work is divided
// into turns: a turn runs the callbacks that were ready when it began, first in, first out, then the timeouts that
// were due. What they add waits for a later turn.
//
// A loop is a [future.Executor]: futures and clients that are given it deliver on it.
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
	stopping bool          // Stop was called and has not ended a Start yet
	closed   bool          // nothing is accepted any more
	ended    bool          // and nothing is left to run
	asleep   bool          // the driver waits to be woken: the code that clears this must do that
	wakeAt   time.Duration // while asleep: when it wakes by itself

	wake      chan struct{} // ends the driver's sleep
	hostTimer *time.Timer   // ends the sleep of a hosted loop
	sleeper   *time.Timer   // the driver's

	// The rest belongs to the driver.
	turn       turn
	coroutines coroutines

	gone *future.Promise[none] // settles when a closed loop has run everything that it had accepted
}

// NewLoop returns a loop that is not running yet. It can be given work at once. It starts no goroutine.
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

// AddCallback runs fn on the loop, in a later turn than this one, and reports whether it will: not on a loop that
// has been closed. It never blocks.
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
	l.ready.push(fn)
	wake := l.asleep
	l.asleep = false
	l.mu.Unlock()
	if wake {
		l.wakeUp()
	}
	return true
}

// Stop ends the loop's run after the current turn; what is queued waits for the next [Loop.Start]. Before Start, it
// makes Start return at once. It does nothing to a loop with a host. Safe from any goroutine.
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

// Close ends the loop for good. From now on AddCallback returns false and Execute ErrLoopClosed. Then, in this order:
//   - what had been accepted runs, each callback once, as one last turn;
//   - coroutines that still wait are told so: the await that they are in, and every further one, returns
//     [ErrLoopClosed], and they run to their end with their deferred functions;
//   - timeouts that have not fired are dropped, and the logger is told how many;
//   - waits for the loop's locks, events, conditions, semaphores and queues that are left fail with [ErrLoopClosed], and
//     so do later ones that would have to wait.
//
// A running loop does this on the goroutine that drives it, after the current turn: Close does not wait for it, so
// that callbacks may call it; it is done when Start returns. If no goroutine drives the loop, Close does it itself.
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
// One goroutine at a time drives a loop: Start panics with [ErrLoopRunning] otherwise. Coroutines cannot change
// their OS thread if they were started while the driving goroutine was locked to one ([runtime.LockOSThread]), nor
// be moved to a locked one: Start panics with [ErrWrongThread] if it would, and nothing has happened. Callbacks and
// coroutines must leave the lock as they found it.
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

// Poll runs one turn, without ever waiting, and reports whether there is something to do for another one already.
// It is for main loops that come by regularly anyway, as those of games do; others use [WithHost]. It panics as
// Start does. On a closed loop it does nothing.
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

// release gives the driver's role back, once it has ended a loop that was closed meanwhile. It is deferred, and
// runs too when a callback has called runtime.Goexit. It reports whether there is something to do.
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

// leave is release for a driver that may not come back: goroutines kept for later coroutines end.
func (l *Loop) leave() {
	l.coroutines.stopIdle()
	l.release()
}

// drive runs turns until *done, or until the loop is stopped or closed. done is only looked at between turns.
func (l *Loop) drive(done *bool) {
	for {
		l.mu.Lock()
		if l.closed || l.stopping || *done {
			// A Stop that came too late for this run is not kept for the next one.
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
	// A reading of the clock that rounds down must not make the loop spin until the deadline.
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
		// Another goroutine may be about to wake the loop nevertheless. Its token shortens a later sleep, which does no
		// harm: the loop finds nothing to do and sleeps on.
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
	default: // a token that came late for an earlier sleep is still there and will do
	}
}

// turn is the part of a turn that still has to run. It outlives the run that started it if a callback ends the
// goroutine.
type turn struct {
	callbacks int // of those that are ready
	due       []*Timeout
	fired     int // of due
}

func (t *turn) over() bool { return t.callbacks == 0 && t.fired == len(t.due) }

// anyReady reports whether a turn would have anything to run. mu is held.
func (l *Loop) anyReady() bool {
	if l.ready.length() > 0 || !l.turn.over() {
		return true
	}
	at, ok := l.nextTimeout()
	return ok && at <= l.clock()
}

// nextTimeout returns the earliest deadline. mu is held.
func (l *Loop) nextTimeout() (at time.Duration, ok bool) {
	if len(l.timers.heap) == 0 {
		return 0, false
	}
	return l.timers.heap[0].at, true
}

// prepare makes a turn of what is ready, unless one is unfinished, and reports whether there is anything to run.
// The driver calls it, with mu held.
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
	if !ok {
		return t.callbacks > 0
	}
	for now := l.clock(); ok && at <= now; at, ok = l.nextTimeout() {
		due := l.timers.heap[0].t
		l.timers.disarm(due)
		due.state = timeoutDue
		t.due = append(t.due, due)
	}
	return !t.over()
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

// runTurn runs the turn to its end. A panic costs a new stack frame to catch the next one, callbacks that behave
// share one.
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
	l.log().Error("callback: a callback panicked", "error", p, "stack", string(p.Stack))
}

// shutdown is the end of a closed loop: see Close. The driver calls it.
func (l *Loop) shutdown() {
	finished := false
	defer func() {
		// A callback has called runtime.Goexit. What is left still runs, on what is left of this goroutine.
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

// dropTimers forgets the timeouts of a closed loop, and says so.
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
		l.log().Warn("callback: the loop was closed with timeouts that have not fired", "timeouts", lost)
	}
}

// chunkLen makes a chunk 2 KB, one size class of the allocator.
const chunkLen = 255

// maxSpare is how many chunks a loop keeps for later. A burst's memory goes back to the collector.
const maxSpare = 32

// chunk is a piece of a queue of callbacks. A queue in pieces never copies what it holds in order to grow, and
// costs 8 bytes a callback even at its fullest.
type chunk struct {
	next *chunk
	fns  [chunkLen]func()
}

// ready is a FIFO queue of callbacks: any goroutine pushes, with the loop's mu held; the driver alone pops, without.
//
// They share the chunks, never a place in one. The driver pops no more than what length said while it held mu, so
// that everything it reads, the places and the links to the next chunk alike, was written before that.
type ready struct {
	// For push, under mu.
	tail   *chunk
	write  int // the next place in tail
	pushed uint64
	spare  *chunk
	spares int

	// The driver's.
	head    *chunk
	read    int // the next place in head
	popped  uint64
	emptied *chunk // to become spare the next time the driver holds mu
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

// pop takes the first of the callbacks, of which there must be one.
func (q *ready) pop() func() {
	if q.read == chunkLen {
		c := q.head
		q.head, q.read = c.next, 0
		c.next = q.emptied
		q.emptied = c
	}
	fn := q.head.fns[q.read]
	q.head.fns[q.read] = nil // run once, then the collector's
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
