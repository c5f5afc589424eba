package contract_test

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// either calls a method in the style of ops, with whatever arguments its two forms are given, and waits for its
// outcome.
func either[T any](
	ops operations,
	byFuture func(context.Context, *motor.Collection[bson.M]) *future.Future[T],
	byCallback func(context.Context, *callback.Collection[bson.M], callback.Func[T]),
) (T, error) {
	switch s := ops.(type) {
	case byFutures:
		return byFuture(s.ctx, s.coll).Await(s.ctx)
	case byCallbacks:
		return called(s.ctx, s.loop, func(done callback.Func[T]) { byCallback(s.ctx, s.coll, done) })
	}
	panic(fmt.Sprintf("either: a third style, %T", ops))
}

// collectionOf returns the collection of ops.
func collectionOf(ops operations) *motor.Collection[bson.M] {
	switch s := ops.(type) {
	case byFutures:
		return s.coll
	case byCallbacks:
		return s.coll.Futures()
	}
	panic(fmt.Sprintf("collectionOf: a third style, %T", ops))
}
