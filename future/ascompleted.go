package future

import (
	"context"
	"iter"
)

// AsCompleted is a loop over the outcomes of fs in the order in which they are settled. If ctx ends first, the last
// turn has the error of ctx. Leaving the loop leaves the futures as they are, unregistered.
//
//	for v, err := range future.AsCompleted(ctx, fs...) {
//
// To know which future an outcome came from, use [NewWaitIterator].
//
// asyncio: as_completed.
func AsCompleted[T any](ctx context.Context, fs ...*Future[T]) iter.Seq2[T, error] {
	mustHave(ctx != nil, "AsCompleted", "ctx")
	mustHaveAll("AsCompleted", fs)
	return func(yield func(T, error) bool) {
		it := NewWaitIterator(fs...)
		defer it.Close()
		for !it.Done() {
			next := it.Next()
			v, err := next.Await(ctx)
			done := next.IsDone()
			if done { // perhaps since Await gave up
				v, err = next.Result()
			}
			if !yield(v, err) || !done {
				return
			}
		}
	}
}
