package contract_test

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

type (
	futureOfDocument   = *future.Future[bson.M]
	callbackOfDocument = callback.Func[bson.M]
	futures            = *motor.Collection[bson.M]
	callbacks          = *callback.Collection[bson.M]
)

// awaitInStyle calls a method in the style of ops and waits for its outcome. byFuture and byCallback call the two forms of
// the method.
func awaitInStyle[T any](
	ops operations,
	byFuture func(context.Context, futures) *future.Future[T],
	byCallback func(context.Context, callbacks, callback.Func[T]),
) (T, error) {
	return startInStyle(ops, byFuture, byCallback).Await(contextOf(ops))
}

// startInStyle starts a method like awaitInStyle, and returns its outcome as a future. In callback style the future has the result
// that the callback got.
func startInStyle[T any](
	ops operations,
	byFuture func(context.Context, futures) *future.Future[T],
	byCallback func(context.Context, callbacks, callback.Func[T]),
) *future.Future[T] {
	switch s := ops.(type) {
	case byFutures:
		return byFuture(s.ctx, s.coll)
	case byCallbacks:
		return startOnLoop(s.loop, func(done callback.Func[T]) { byCallback(s.ctx, s.coll, done) })
	}
	panic(unknownStyle(ops))
}

// startOnLoop runs start on the loop and returns a future of what its callback gets.
func startOnLoop[T any](loop *callback.Loop, start func(callback.Func[T])) *future.Future[T] {
	p := future.NewPromise[T]()
	loop.AddCallback(func() {
		start(func(v T, err error) { p.Settle(v, err) })
	})
	return p.Future()
}

// awaitOnLoop runs start like startOnLoop and waits for the outcome.
func awaitOnLoop[T any](ctx context.Context, loop *callback.Loop, start func(callback.Func[T])) (T, error) {
	return startOnLoop(loop, start).Await(ctx)
}

// collectionOf returns the collection of ops.
func collectionOf(ops operations) *motor.Collection[bson.M] {
	switch s := ops.(type) {
	case byFutures:
		return s.coll
	case byCallbacks:
		return s.coll.Futures()
	}
	panic(unknownStyle(ops))
}

// contextOf returns the context of ops.
func contextOf(ops operations) context.Context {
	switch s := ops.(type) {
	case byFutures:
		return s.ctx
	case byCallbacks:
		return s.ctx
	}
	panic(unknownStyle(ops))
}

// withContext returns ops with another context for its operations.
func withContext(ctx context.Context, ops operations) operations {
	switch s := ops.(type) {
	case byFutures:
		return byFutures{ctx, s.coll}
	case byCallbacks:
		return byCallbacks{ctx, s.loop, s.coll}
	}
	panic(unknownStyle(ops))
}

func unknownStyle(ops operations) string { return fmt.Sprintf("a third style, %T", ops) }
