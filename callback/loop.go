package callback

import (
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"runtime"
	"sync"
	"time"

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

func mustHave(ok bool, function, argument string) {
	if !ok {
		panic("callback: " + function + ": " + argument + " is nil")
	}
}

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

// WithSlowCallback makes the loop call report, on the loop, after each callback that held it up for longer than
// threshold. A nil report logs a warning. It costs two readings of the clock per callback.
//
// asyncio: loop.slow_callback_duration.
func WithSlowCallback(threshold time.Duration, report func(SlowCallback)) LoopOption {
	return func(l *Loop) { l.slow = &slowCallbacks{threshold, report} }
}

// WithHost embeds the loop in a main loop of another kind: whenever the loop has something to do, it asks host to
// run one turn of it. No goroutine is needed; host decides where turns run, and they never overlap, even on a host
// that runs its tasks on several goroutines. Start, Poll and RunSync cannot be used on such a loop.
//
// If host refuses a turn, an error is logged, and the next call that adds work asks again.
func WithHost(host future.Executor) LoopOption {
	return func(l *Loop) { l.host = host }
}

// log returns the logger.
func (l *Loop) log() *slog.Logger {
	if l.logger != nil {
		return l.logger
	}
	return slog.Default()
}

// SlowCallback tells which callback held up its loop: see [WithSlowCallback].
type SlowCallback struct {
	Took time.Duration
	Name string // the function and where it is: "main.report (main.go:17)"
}

type slowCallbacks struct {
	threshold time.Duration
	report    func(SlowCallback)
}

// callTimed calls fn and reports it if that took long. A panic is not reported as slow: it is reported as a panic.
func (l *Loop) callTimed(fn func()) {
	l.coroutines.resumed = nil
	began := l.clock()
	fn()
	took := l.clock() - began
	if took <= l.slow.threshold {
		return
	}
	var name string
	if c := l.coroutines.resumed; c != nil {
		name = funcName(c.function)
	} else {
		name = funcName(fn)
	}
	slow := SlowCallback{took, name}
	if l.slow.report != nil {
		l.slow.report(slow)
		return
	}
	l.log().Warn("callback: a callback held up the loop", "took", slow.Took, "name", slow.Name)
}

func funcName(fn any) string {
	pc := reflect.ValueOf(fn).Pointer()
	f := runtime.FuncForPC(pc)
	if f == nil {
		return "unknown"
	}
	file, line := f.FileLine(pc)
	return fmt.Sprintf("%s (%s:%d)", f.Name(), file, line)
}
