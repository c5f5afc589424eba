package callback

import (
	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
)

// turn is what one turn still has to run. It outlives the run that began it if a callback ends the goroutine.
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
		ended.c.lost()
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
