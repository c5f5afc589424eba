package callback

import (
	"context"

	"github.com/gomotor/gomotor/future"
)

// AddFuture has loop call fn with f once f is settled: always in a later turn, even when f is settled already. If
// the loop has been closed by then, fn does not run, and [future.SetUnobservedHandler]'s function is told by a
// [*future.UndeliveredError].
//
// Tornado: IOLoop.add_future. Motor: frameworks.add_future.
func AddFuture[T any](loop *Loop, f *future.Future[T], fn func(f *future.Future[T])) {
	mustHave(loop != nil, "AddFuture", "loop")
	mustHave(f != nil, "AddFuture", "f")
	mustHave(fn != nil, "AddFuture", "fn")
	deliverOn(loop, f, func() { fn(f) })
}

// RunInExecutor runs fn on ex, away from the loop, and returns the future of its result, whose callbacks and
// continuations run on loop. It is for what would hold up the loop: file access, computation, clients that block.
// A nil ex runs fn on a goroutine of its own; a [future.Pool] limits how many run at once. See [future.Go] for what
// ctx does.
//
// Tornado: IOLoop.run_in_executor. asyncio: loop.run_in_executor, asyncio.to_thread. Motor:
// frameworks.run_on_executor.
func RunInExecutor[T any](
	ctx context.Context, loop *Loop, ex future.Executor, fn func(ctx context.Context) (T, error),
) *future.Future[T] {
	mustHave(loop != nil, "RunInExecutor", "loop")
	if ex == nil {
		ex = ownGoroutine
	}
	return future.GoVia(ctx, ex, loop, fn)
}

var ownGoroutine = future.ExecutorFunc(func(task func()) error {
	go task()
	return nil
})
