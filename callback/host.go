package callback

import (
	"math"
	"time"
)

// askHost has the host run a turn. The caller has cleared asleep: until the turn has run, nobody else asks.
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
	// The last turn is owed to those whose callbacks were accepted.
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
	// Whatever was posted since release looked found asleep false and asked nobody.
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

// armHost has a sleeping hosted loop woken after d. mu is held.
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
