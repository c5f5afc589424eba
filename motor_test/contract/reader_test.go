package contract_test

import (
	"context"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// cursorState has the methods that all cursors share and that are the same in both styles.
type cursorState[D any] interface {
	NextObject() D
	Alive() bool
	Started() bool
	Closed() bool
	CursorID() int64
	Err() error
	Address() (motor.Address, bool)
	Each(ctx context.Context, fn func(D, error) bool)
	All(ctx context.Context) iter.Seq2[D, error]
}

// anyCursor is a cursor of either style whose reads return futures. In callback style it is a calledCursor.
type anyCursor[D any] interface {
	cursorState[D]
	Session() *motor.Session
	FetchNext(ctx context.Context) *future.Future[bool]
	Next(ctx context.Context) *future.Future[D]
	TryNext(ctx context.Context) *future.Future[D]
	ToList(ctx context.Context, length ...int) *future.Future[[]D]
	Close(ctx context.Context) *future.Future[struct{}]
}

// anyQuery is a cursor of a query whose reads return futures.
type anyQuery[D any] interface {
	anyCursor[D]
	Tail(ctx context.Context, fn func(D, error) bool)
	Count(ctx context.Context, withLimitAndSkip bool) *future.Future[int64]
	Distinct(ctx context.Context, key string) *future.Future[[]any]
	Explain(ctx context.Context) *future.Future[bson.M]
}

// callbackCursor is a cursor in callback style.
type callbackCursor[D any] interface {
	cursorState[D]
	Session() *callback.Session
	FetchNext(ctx context.Context, done callback.Func[bool])
	Next(ctx context.Context, done callback.Func[D])
	TryNext(ctx context.Context, done callback.Func[D])
	ToList(ctx context.Context, done callback.Func[[]D], length ...int)
	Close(ctx context.Context, done callback.Func[struct{}])
}

// calledCursor reads a cursor in callback style. Its futures have the outcomes that the callbacks get.
type calledCursor[D any] struct {
	cursorState[D]
	loop *callback.Loop
	c    callbackCursor[D]
}

func calledBy[D any](loop *callback.Loop, c callbackCursor[D]) calledCursor[D] {
	return calledCursor[D]{c, loop, c}
}

func (c calledCursor[D]) FetchNext(ctx context.Context) *future.Future[bool] {
	return startOnLoop(c.loop, func(done callback.Func[bool]) { c.c.FetchNext(ctx, done) })
}

func (c calledCursor[D]) Next(ctx context.Context) *future.Future[D] {
	return startOnLoop(c.loop, func(done callback.Func[D]) { c.c.Next(ctx, done) })
}

func (c calledCursor[D]) TryNext(ctx context.Context) *future.Future[D] {
	return startOnLoop(c.loop, func(done callback.Func[D]) { c.c.TryNext(ctx, done) })
}

func (c calledCursor[D]) ToList(ctx context.Context, length ...int) *future.Future[[]D] {
	return startOnLoop(c.loop, func(done callback.Func[[]D]) { c.c.ToList(ctx, done, length...) })
}

func (c calledCursor[D]) Close(ctx context.Context) *future.Future[struct{}] {
	return startOnLoop(c.loop, func(done callback.Func[struct{}]) { c.c.Close(ctx, done) })
}

func (c calledCursor[D]) Session() *motor.Session {
	if s := c.c.Session(); s != nil {
		return s.Futures()
	}
	return nil
}

// closeNow closes the cursor from a callback, which runs on the loop already.
func (c calledCursor[D]) closeNow(ctx context.Context) { c.c.Close(ctx, nil) }

type calledQuery[D any] struct {
	calledCursor[D]
	c *callback.Cursor[D]
}

func (c calledQuery[D]) Tail(ctx context.Context, fn func(D, error) bool) { c.c.Tail(ctx, fn) }

func (c calledQuery[D]) Count(ctx context.Context, withLimitAndSkip bool) *future.Future[int64] {
	return startOnLoop(c.loop, func(done callback.Func[int64]) { c.c.Count(ctx, withLimitAndSkip, done) })
}

func (c calledQuery[D]) Distinct(ctx context.Context, key string) *future.Future[[]any] {
	return startOnLoop(c.loop, func(done callback.Func[[]any]) { c.c.Distinct(ctx, key, done) })
}

func (c calledQuery[D]) Explain(ctx context.Context) *future.Future[bson.M] {
	return startOnLoop(c.loop, func(done callback.Func[bson.M]) { c.c.Explain(ctx, done) })
}

// reader reads a cursor in either style and waits for each outcome.
type reader[D any] struct {
	anyCursor[D]
	ctx context.Context
}

func (r reader[D]) FetchNext() (bool, error) { return r.anyCursor.FetchNext(r.ctx).Await(r.ctx) }
func (r reader[D]) Next() (D, error)         { return r.anyCursor.Next(r.ctx).Await(r.ctx) }
func (r reader[D]) TryNext() (D, error)      { return r.anyCursor.TryNext(r.ctx).Await(r.ctx) }
func (r reader[D]) ToList(length ...int) ([]D, error) {
	return r.anyCursor.ToList(r.ctx, length...).Await(r.ctx)
}
func (r reader[D]) Each(fn func(D, error) bool) { r.anyCursor.Each(r.ctx, fn) }
func (r reader[D]) All() iter.Seq2[D, error]    { return r.anyCursor.All(r.ctx) }
func (r reader[D]) Close() error {
	_, err := r.anyCursor.Close(r.ctx).Await(r.ctx)
	return err
}

// closeInCallback closes the cursor from one of its callbacks. It does not wait.
func (r reader[D]) closeInCallback() {
	if c, ok := r.anyCursor.(interface{ closeNow(context.Context) }); ok {
		c.closeNow(r.ctx)
	} else {
		r.anyCursor.Close(r.ctx)
	}
}

// started returns the cursor, for tests that do not wait for a read at once.
func (r reader[D]) started() anyCursor[D] { return r.anyCursor }

// commandReader reads the cursor of a command.
type commandReader[D any] struct {
	reader[D]
	cursor *motor.CommandCursor[D] // the part common to both styles
}

// queryReader reads the cursor of a query.
type queryReader[D any] struct {
	reader[D]
	query  anyQuery[D]
	cursor *motor.Cursor[D] // the part common to both styles
}

func (r queryReader[D]) Tail(fn func(D, error) bool) { r.query.Tail(r.ctx, fn) }

func (r queryReader[D]) Count(withLimitAndSkip bool) (int64, error) {
	return r.query.Count(r.ctx, withLimitAndSkip).Await(r.ctx)
}

func (r queryReader[D]) Distinct(key string) ([]any, error) {
	return r.query.Distinct(r.ctx, key).Await(r.ctx)
}

func (r queryReader[D]) Explain() (bson.M, error) { return r.query.Explain(r.ctx).Await(r.ctx) }

// queryOf reads the cursor of a query in the style of ops.
func queryOf[D any](ops operations, c *motor.Cursor[D]) queryReader[D] {
	switch s := ops.(type) {
	case byFutures:
		return queryReader[D]{reader[D]{c, s.ctx}, c, c}
	case byCallbacks:
		return calledQueryOf(s, callback.WrapCursor(s.loop, c))
	}
	panic(unknownStyle(ops))
}

func calledQueryOf[D any](s byCallbacks, c *callback.Cursor[D]) queryReader[D] {
	q := calledQuery[D]{calledBy(s.loop, c), c}
	return queryReader[D]{reader[D]{q, s.ctx}, q, c.Futures()}
}

func calledCommandOf[D any](s byCallbacks, c *callback.CommandCursor[D]) commandReader[D] {
	return commandReader[D]{reader[D]{calledBy(s.loop, c), s.ctx}, c.Futures()}
}

// commandOf makes a cursor of the collection in the style of ops and reads it.
func commandOf[D any](
	ops operations, byFuture func(futures) *motor.CommandCursor[D], byCallback func(callbacks) *callback.CommandCursor[D],
) commandReader[D] {
	switch s := ops.(type) {
	case byFutures:
		c := byFuture(s.coll)
		return commandReader[D]{reader[D]{c, s.ctx}, c}
	case byCallbacks:
		return calledCommandOf(s, byCallback(s.coll))
	}
	panic(unknownStyle(ops))
}

// sentCommandOf reads a cursor like commandOf, for a cursor that exists only after a reply to its command.
func sentCommandOf[D any](
	ops operations,
	byFuture func(context.Context, futures) *future.Future[*motor.CommandCursor[D]],
	byCallback func(context.Context, callbacks, callback.Func[*callback.CommandCursor[D]]),
) (r commandReader[D], err error) {
	switch s := ops.(type) {
	case byFutures:
		c, err := byFuture(s.ctx, s.coll).Await(s.ctx)
		if err != nil {
			return r, err
		}
		return commandReader[D]{reader[D]{c, s.ctx}, c}, nil
	case byCallbacks:
		c, err := startOnLoop(s.loop, func(done callback.Func[*callback.CommandCursor[D]]) { byCallback(s.ctx, s.coll, done) }).Await(s.ctx)
		if err != nil {
			return r, err
		}
		return calledCommandOf(s, c), nil
	}
	panic(unknownStyle(ops))
}
