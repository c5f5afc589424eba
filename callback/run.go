package callback

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
)

// RunSync runs fn as a coroutine and drives loop on this goroutine until fn has returned. It is for the main function of a
// program. After the timeout, if one is given, the coroutine is cancelled and the error is [future.ErrTimeout], with the
// text "operation timed out after ...".
//
// If fn calls [runtime.Goexit], as [testing.T.Fatal] and [testing.T.Skip] do, RunSync does so too.
//
// Errors: that of fn; [*future.PanicError] if fn panicked; [ErrLoopRunning]; [ErrLoopClosed] if the loop was closed;
// [ErrLoopStopped] if it was stopped: the coroutine then waits until the loop is started again.
//
// Tornado: IOLoop.run_sync. asyncio: asyncio.run, loop.run_until_complete.
func RunSync[T any](loop *Loop, fn func(co *Co) (T, error), timeout ...time.Duration) (T, error) {
	mustHave(loop != nil, "RunSync", "loop")
	mustHave(fn != nil, "RunSync", "fn")
	return runCoroutine(context.Background(), loop, fn, timeout...)
}

// RunSyncContext is [RunSync] for a coroutine whose Co has the values and the deadline of ctx. When ctx ends, the coroutine
// is cancelled, and RunSyncContext returns once it has ended. With the context of [signal.NotifyContext], Ctrl-C ends the
// program as it ends asyncio.run: deferred functions run, and can wait with [Co.WithoutCancel].
//
// asyncio: asyncio.run.
func RunSyncContext[T any](ctx context.Context, loop *Loop, fn func(co *Co) (T, error)) (T, error) {
	mustHave(ctx != nil, "RunSyncContext", "ctx")
	mustHave(loop != nil, "RunSyncContext", "loop")
	mustHave(fn != nil, "RunSyncContext", "fn")
	return runCoroutine(ctx, loop, fn)
}

// Run runs fn as a coroutine on a loop that it makes and closes, and returns the error of fn. When ctx ends, the coroutine is
// cancelled, and Run returns once it has ended. Coroutines that are left then end with [ErrLoopClosed].
//
//	err := callback.Run(ctx, func(co *callback.Co) {
//
// asyncio: asyncio.run.
func Run[F func(co *Co) | func(co *Co) error](ctx context.Context, fn F) error {
	loop := NewLoop()
	defer loop.Close()
	_, err := RunSyncContext(ctx, loop, Proc(fn))
	return err
}

// Main is [Run] for the main function of a program. Ctrl-C cancels the coroutine. If fn fails, Main prints the error to the
// standard error, with the stack if fn has panicked, and ends the program with exit status 1.
//
//	func main() { callback.Main(run) }
//
// asyncio: asyncio.run as the last line of a script.
func Main[F func(co *Co) | func(co *Co) error](fn F) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := Run(ctx, fn)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, err)
	if p, ok := errors.AsType[*future.PanicError](err); ok {
		fmt.Fprintf(os.Stderr, "%s\n", p.Stack)
	}
	os.Exit(1)
}

func runCoroutine[T any](
	ctx context.Context, loop *Loop, fn func(co *Co) (T, error), timeout ...time.Duration,
) (T, error) {
	v, err := RunSyncFuture(loop, func() *future.Future[T] { return SpawnContext(ctx, loop, fn) }, timeout...)
	passGoexit(err)
	return v, err
}

// RunSyncFuture is [RunSync] for a function that returns a future. It calls fn on loop and drives loop until the
// future is settled. After the timeout, if one is given, the future is cancelled.
func RunSyncFuture[T any](loop *Loop, fn func() *future.Future[T], timeout ...time.Duration) (T, error) {
	mustHave(loop != nil, "RunSyncFuture", "loop")
	mustHave(fn != nil, "RunSyncFuture", "fn")
	var f *future.Future[T]
	err := runSync(loop, limitOf(timeout), func() settling {
		f = fn()
		mustHave(f != nil, "RunSyncFuture", "the future returned by fn")
		return f
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return f.Result()
}

// runSync drives loop until the future that start returns is settled. It returns an error if start panicked, after the
// timeout, or if the loop ended first.
func runSync(loop *Loop, limit timeLimit, start func() settling) error {
	if err := loop.acquire(); err != nil {
		return err
	}
	var (
		f        settling
		failed   error // start panicked
		done     bool
		timedOut bool
	)
	if limit.set {
		// A cancelled coroutine still gets a turn, in which its await fails.
		t := &Timeout{quiet: true, fn: func() { timedOut = f != nil && f.Cancel(&timeoutError{limit.after}) }}
		loop.arm(t, loop.after(limit.after))
		defer loop.RemoveTimeout(t)
	}
	accepted := loop.post(func() {
		if f, failed = callStart(start); failed != nil {
			done = true
			return
		}
		f.Notify(&runEnd{loop, func() { done = true }})
	})
	func() {
		defer loop.leave()
		loop.drive(&done)
	}()
	switch {
	case failed != nil:
		return failed
	case timedOut:
		return &timeoutError{limit.after}
	case f != nil && f.IsDone():
		return nil
	case !accepted || loop.isClosed():
		return ErrLoopClosed
	default:
		return ErrLoopStopped
	}
}

// runEnd posts tell to the loop when the future of a RunSync is settled.
type runEnd struct {
	loop *Loop
	tell func()
}

// Wake implements [future.Waker].
func (e *runEnd) Wake() { e.loop.post(e.tell) }

// callStart calls start and returns a panic as an error.
func callStart(start func() settling) (f settling, err error) {
	defer func() {
		if v := recover(); v != nil {
			f, err = nil, &future.PanicError{Value: v, Stack: panics.NewRecovered(1, v).Stack}
		}
	}()
	return start(), nil
}
