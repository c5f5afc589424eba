package callback

import (
	"math"
	"time"
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
	switch err := l.take(); err {
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
	switch err := l.take(); err {
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

// take takes the driver's role.
func (l *Loop) take() error {
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

// leave is release for a driver who may not come back: goroutines kept for later coroutines end.
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

// sleep returns when somebody has woken the loop or at the given time.
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
		// Somebody may be about to wake the loop nevertheless. That one's token shortens a later sleep, which does
		// no harm: the loop looks around and sleeps on.
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
