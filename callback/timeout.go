package callback

import (
	"math"
	"time"
)

// CallLater runs fn on the loop once d has passed, never earlier; d of 0 or less means the next turn. Timeouts
// that are due fire in the order of their deadlines and, for the same deadline, in the order of the calls. Safe
// from any goroutine. On a closed loop it returns nil: fn will not run.
//
// Tornado: IOLoop.call_later. asyncio: loop.call_later.
func (l *Loop) CallLater(d time.Duration, fn func()) *Timeout {
	mustHave(fn != nil, "CallLater", "fn")
	return l.callAt(l.after(d), fn)
}

// CallAt is [Loop.CallLater] for a point in time. A time that has passed means the next turn. Setting the system's
// clock later on moves nothing.
//
// Tornado: IOLoop.call_at. asyncio: loop.call_at.
func (l *Loop) CallAt(t time.Time, fn func()) *Timeout {
	mustHave(fn != nil, "CallAt", "fn")
	if t == t.Round(0) {
		// A time of day: what the system's clock says now counts, not what it said when the loop was made.
		return l.callAt(l.after(time.Until(t)), fn)
	}
	return l.callAt(t.Sub(l.epoch), fn)
}

func (l *Loop) callAt(at time.Duration, fn func()) *Timeout {
	t := &Timeout{fn: fn}
	if !l.arm(t, at) {
		return nil
	}
	return t
}

// RemoveTimeout takes back what [Loop.CallLater] or [Loop.CallAt] returned and reports whether its callback will
// not run because of that. Once it has run or was removed, and for nil, this does nothing. Safe from any goroutine.
//
// Tornado: IOLoop.remove_timeout. asyncio: TimerHandle.cancel.
func (l *Loop) RemoveTimeout(t *Timeout) bool {
	if t == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch t.state {
	case timeoutArmed:
		l.timers.disarm(t)
	case timeoutDue:
		t.state = timeoutOff // its turn has begun: the turn skips it
	default:
		return false
	}
	t.fn = nil
	return true
}

// Time returns the current time. Tornado: IOLoop.time.
func (l *Loop) Time() time.Time { return time.Now() }

// clock is the time on which the loop's timers run: monotonic, and half as dear as time.Now.
func (l *Loop) clock() time.Duration { return time.Since(l.epoch) }

// after returns the time on the loop's clock at which d will have passed.
func (l *Loop) after(d time.Duration) time.Duration {
	at := l.clock() + max(d, 0)
	if at < 0 {
		return math.MaxInt64
	}
	return at
}

// arm sets t off to fire at a time of the loop's clock. It reports false on a closed loop.
func (l *Loop) arm(t *Timeout, at time.Duration) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.timers.arm(at, t)
	wake := l.asleep && at < l.wakeAt
	if wake {
		l.asleep = false
	}
	l.mu.Unlock()
	if wake {
		l.wakeUp()
	}
	return true
}

// fire runs the callback of a timeout that is part of this turn, unless it was removed since the turn began.
func (l *Loop) fire(t *Timeout) {
	l.mu.Lock()
	fn := t.fn
	live := t.state == timeoutDue
	t.state, t.fn = timeoutOff, nil
	l.mu.Unlock()
	if live {
		l.call(fn)
	}
}
