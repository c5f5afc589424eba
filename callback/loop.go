package callback

import (
	"log/slog"
	"math"
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
	driven   bool          // somebody has the driver's role
	stopping bool          // Stop was called and has not ended a Start yet
	closed   bool          // nothing is accepted any more
	ended    bool          // and nothing is left to run
	asleep   bool          // the driver waits to be woken, which whoever clears this has to do
	wakeAt   time.Duration // while asleep: when it wakes by itself

	wake      chan struct{} // ends the driver's sleep
	hostTimer *time.Timer   // ends the sleep of a hosted loop
	sleeper   *time.Timer   // the driver's

	// The rest belongs to the driver.
	turn       turn
	coroutines coroutines
}

// NewLoop returns a loop that is not running yet. It can be given work at once. It starts no goroutine.
func NewLoop(opts ...LoopOption) *Loop {
	l := &Loop{
		epoch: time.Now(),
		wake:  make(chan struct{}, 1),
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

// Execute is [Loop.AddCallback] for those who work with any [future.Executor]. Its error is [ErrLoopClosed].
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
// makes that one return at once. It does nothing to a loop with a host. Safe from any goroutine.
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
//   - timeouts that have not fired are dropped, and the logger is told how many.
//
// A running loop does this on the goroutine that drives it, after the current turn: Close does not wait for it, so
// that callbacks may call it; Start returning says that it is done. If nobody drives the loop, Close does it itself.
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
