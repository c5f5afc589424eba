package callback

import (
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
)

// RunSync runs fn as a coroutine and drives loop on this goroutine until fn has returned; it is main for programs
// that live on a loop. With a timeout, the coroutine is cancelled when that has passed, and the error says
// "operation timed out after ..." and is [future.ErrTimeout].
//
// Errors: fn's; [*future.PanicError] if it panicked; [ErrLoopRunning]; [ErrLoopClosed] and [ErrLoopStopped] if the
// loop was ended by somebody else, in the latter case with the coroutine waiting for the loop to be started again.
//
// Tornado: IOLoop.run_sync. asyncio: asyncio.run, loop.run_until_complete.
func RunSync[T any](loop *Loop, fn func(co *Co) (T, error), timeout ...time.Duration) (T, error) {
	mustHave(loop != nil, "RunSync", "loop")
	mustHave(fn != nil, "RunSync", "fn")
	return RunSyncFuture(loop, func() *future.Future[T] { return Spawn(loop, fn) }, timeout...)
}

// RunSyncFuture is [RunSync] for a function that returns a future: it calls fn on loop and drives loop until the
// future is settled. With a timeout, the future is cancelled when that has passed.
func RunSyncFuture[T any](loop *Loop, fn func() *future.Future[T], timeout ...time.Duration) (T, error) {
	mustHave(loop != nil, "RunSyncFuture", "loop")
	mustHave(fn != nil, "RunSyncFuture", "fn")
	after, limited := optional(timeout)
	var (
		zero     T
		f        *future.Future[T]
		done     bool
		timedOut bool
	)
	if err := loop.take(); err != nil {
		return zero, err
	}
	if limited {
		// Cancelled is not done: the coroutine gets a turn to hear of it.
		t := &Timeout{quiet: true, fn: func() { timedOut = f.Cancel(&timeoutError{after}) }}
		loop.arm(t, loop.after(after))
		defer loop.RemoveTimeout(t)
	}
	accepted := loop.post(func() {
		f = started(fn)
		f.Notify(&runEnd{loop, func() { done = true }})
	})
	func() {
		defer loop.leave()
		loop.drive(&done)
	}()
	switch {
	case timedOut:
		return zero, &timeoutError{after}
	case f != nil && f.IsDone():
		return f.Result()
	case !accepted || loop.isClosed():
		return zero, ErrLoopClosed
	default:
		return zero, ErrLoopStopped
	}
}

// runEnd has the loop told, in a turn of its own, that the future of a RunSync is settled.
type runEnd struct {
	loop *Loop
	tell func()
}

func (e *runEnd) Wake() { e.loop.post(e.tell) }

// started calls fn and makes a panic the error of the future.
func started[T any](fn func() *future.Future[T]) (f *future.Future[T]) {
	defer func() {
		if v := recover(); v != nil {
			f = future.Rejected[T](&future.PanicError{Value: v, Stack: panics.NewRecovered(1, v).Stack})
		}
	}()
	f = fn()
	mustHave(f != nil, "RunSyncFuture", "the future returned by fn")
	return f
}
