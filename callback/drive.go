package callback

import (
	"math"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
)

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
		at, timed := l.timers.next()
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
	at, ok := l.timers.next()
	return ok && at <= l.clock()
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
	at, ok := l.timers.next()
	if !ok {
		return t.callbacks > 0
	}
	for now := l.clock(); ok && at <= now; at, ok = l.timers.next() {
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

// askHost makes the host run a turn. The caller has cleared asleep: until the turn has run, there is no other call.
func (l *Loop) askHost() {
	err := l.host.Execute(l.hostTurn)
	if err == nil {
		return
	}
	l.log().Error("callback: the loop's host refused to run it", "error", err)
	l.mu.Lock()
	if !l.closed {
		l.asleep, l.wakeAt = true, math.MaxInt64
		l.mu.Unlock()
		return
	}
	// The callbacks that were accepted run nevertheless.
	l.driven = true
	l.mu.Unlock()
	l.leave()
}

// hostTurn is the task that the host runs.
func (l *Loop) hostTurn() {
	l.mu.Lock()
	if l.ended {
		l.mu.Unlock()
		return
	}
	if !l.rightThread() {
		l.mu.Unlock()
		panic(ErrWrongThread)
	}
	l.driven = true
	l.mu.Unlock()
	defer l.leaveHost()
	l.runReady()
}

// leaveHost ends a turn on the host and sees to the next one.
func (l *Loop) leaveHost() {
	if l.release() {
		l.askHost()
		return
	}
	// A callback that was posted since release looked found asleep false, and did not ask the host.
	l.mu.Lock()
	switch {
	case l.ended:
		l.mu.Unlock()
	case l.closed || l.anyReady():
		l.mu.Unlock()
		l.askHost()
	default:
		at, timed := l.timers.next()
		if !timed {
			at = math.MaxInt64
		}
		l.asleep, l.wakeAt = true, at
		if timed {
			l.armHost(at - l.clock())
		}
		l.mu.Unlock()
	}
}

// armHost wakes a sleeping hosted loop after d. mu is held.
func (l *Loop) armHost(d time.Duration) {
	if l.hostTimer == nil {
		l.hostTimer = time.AfterFunc(d, l.hostAlarm)
		return
	}
	l.hostTimer.Reset(d)
}

func (l *Loop) hostAlarm() {
	l.mu.Lock()
	wake := l.asleep
	l.asleep = false
	l.mu.Unlock()
	if wake {
		l.askHost()
	}
}
