package callback

import (
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"runtime"
	"time"

	"github.com/gomotor/gomotor/future"
)

// LoopOption is an option of [NewLoop].
type LoopOption func(*Loop)

// WithLogger makes the loop log to logger. The default is [slog.Default] at the time of each message.
func WithLogger(logger *slog.Logger) LoopOption {
	return func(l *Loop) { l.logger = logger }
}

// WithPanicHandler makes the loop call fn, on the loop, when a callback panics, with the panic's value and stack.
// The default logs an error. A panic of fn itself is logged.
//
// Tornado: IOLoop.handle_callback_exception. asyncio: loop.set_exception_handler.
func WithPanicHandler(fn func(p *future.PanicError)) LoopOption {
	return func(l *Loop) { l.onPanic = fn }
}

// WithSlowCallback makes the loop call report, on the loop, after each callback that ran longer than threshold. With a nil
// report the loop logs a warning. The cost is two readings of the clock per callback.
//
// asyncio: loop.slow_callback_duration.
func WithSlowCallback(threshold time.Duration, report func(SlowCallback)) LoopOption {
	return func(l *Loop) { l.slow = &slowCallbacks{threshold, report} }
}

// SlowCallback describes a slow callback: see [WithSlowCallback].
type SlowCallback struct {
	Took time.Duration
	Name string // the function and its position: "main.report (main.go:17)"
}

type slowCallbacks struct {
	threshold time.Duration
	report    func(SlowCallback)
}

// callTimed calls fn and reports it if it was slow. A callback that panics is reported as a panic only.
func (l *Loop) callTimed(fn func()) {
	l.coroutines.resumed = nil
	began := l.clock()
	fn()
	took := l.clock() - began
	if took <= l.slow.threshold {
		return
	}
	l.slowOnes.Add(1)
	var name string
	if c := l.coroutines.resumed; c != nil {
		name = entryName(c.entry)
	} else {
		name = entryName(entryOf(fn))
	}
	slow := SlowCallback{took, name}
	if l.slow.report != nil {
		l.slow.report(slow)
		return
	}
	l.log().Warn("callback: slow callback", "took", slow.Took, "name", slow.Name)
}

// entryOf returns the address of a function's code.
func entryOf(fn any) uintptr { return reflect.ValueOf(fn).Pointer() }

// entryName returns the name and the position of the function with this address.
func entryName(pc uintptr) string {
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "unknown"
	}
	file, line := f.FileLine(pc)
	return fmt.Sprintf("%s (%s:%d)", f.Name(), file, line)
}

// WithHost embeds the loop in another main loop. Whenever the loop has something to run, it submits one turn to host, which
// decides where the turn runs. Turns never overlap, even if host runs its tasks on several goroutines. Start, Poll and
// RunSync cannot be used on such a loop.
//
// If host refuses a turn, an error is logged, and the next call that adds work submits a turn again.
func WithHost(host future.Executor) LoopOption {
	return func(l *Loop) { l.host = host }
}

// askHost submits a turn to the host. The caller has cleared asleep, so there is no other call until the turn has run.
func (l *Loop) askHost() {
	err := l.host.Execute(l.hostTurn)
	if err == nil {
		return
	}
	l.log().Error("callback: the host refused a turn of the loop", "error", err)
	l.mu.Lock()
	if !l.closed {
		l.asleep, l.wakeAt = true, math.MaxInt64
		l.mu.Unlock()
		return
	}
	// Callbacks that a closed loop has accepted run nevertheless.
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

// leaveHost ends a turn on the host and arranges for the next one.
func (l *Loop) leaveHost() {
	if l.release() {
		l.askHost()
		return
	}
	// A callback that was posted after release checked found asleep false, so post did not call askHost.
	l.mu.Lock()
	switch {
	case l.ended:
		l.mu.Unlock()
	case l.closed || l.anyReady():
		l.mu.Unlock()
		l.askHost()
	default:
		at, timed := l.nextTimeout()
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

// armHost wakes a sleeping hosted loop after d. The caller holds mu.
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
