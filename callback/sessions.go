package callback

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// In motor, the function of a session or transaction returns when its work is done. In this package, the function returns
// at once and calls done when its work is done. In the functions that begin with Spawn, it is a coroutine.

// WithTransaction is [motor.WithTransaction] in callback style. fn is called on the session's loop. Its ctx is the context
// for the operations of the transaction. fn returns at once and later calls done with its outcome: after a value the
// transaction is committed, after an error it is aborted. If another attempt may succeed, fn is called again. callback
// gets the outcome of the last attempt.
//
//	transfer := func(ctx context.Context, done callback.Func[any]) {
//		orders.InsertOne(ctx, order, func(_ *motor.InsertOneResult, err error) {
//			if err != nil {
//				done(nil, err)
//				return
//			}
//			entries.InsertOne(ctx, entry, func(_ *motor.InsertOneResult, err error) { done(nil, err) })
//		})
//	}
//	callback.WithTransaction(ctx, s, transfer, func(_ any, err error) { ... })
//
// done may be called from any goroutine; only its first call counts. A panic of fn counts as an error, a
// [*future.PanicError]. A panic of a callback that fn has passed to an operation does not. If done is never called, the
// transaction ends when ctx ends.
//
// Motor: MotorClientSession.with_transaction.
func WithTransaction[T any](
	ctx context.Context, s *Session, fn func(ctx context.Context, done Func[T]), callback Func[T],
	opts ...options.Lister[options.TransactionOptions],
) {
	mustHave(s != nil, "WithTransaction", "s")
	mustHave(fn != nil, "WithTransaction", "fn")
	deliver(s.loop, motor.WithTransaction(ctx, s.futures, calledBack(s.loop, fn), opts...), callback)
}

// SpawnWithTransaction is [motor.WithTransaction] with a coroutine for fn, which runs on the session's loop: a [*Loop],
// or the future fails with [motor.TypeError]. Its Co has the session, so operations called with it are part of the
// transaction. It may be started several times, one after another.
//
//	_, err := callback.SpawnWithTransaction(co, s, func(co *callback.Co) (*motor.InsertOneResult, error) {
//		if _, err := orders.InsertOne(co, order).Await(co); err != nil {
//			return nil, err
//		}
//		return entries.InsertOne(co, entry).Await(co)
//	}).Await(co)
//
// Motor: MotorClientSession.with_transaction.
func SpawnWithTransaction[T any](
	ctx context.Context, s *Session, fn func(co *Co) (T, error), opts ...options.Lister[options.TransactionOptions],
) *future.Future[T] {
	mustHave(s != nil, "SpawnWithTransaction", "s")
	mustHave(fn != nil, "SpawnWithTransaction", "fn")
	return motor.WithTransaction(ctx, s.futures, spawnedOn(s.loop, fn), opts...).Via(s.loop)
}

// Transact is [motor.Transact] in callback style. It is like [WithTransaction], without further attempts.
//
// Motor: async with s.start_transaction().
func Transact[T any](
	ctx context.Context, s *Session, fn func(ctx context.Context, done Func[T]), callback Func[T],
	opts ...options.Lister[options.TransactionOptions],
) {
	mustHave(s != nil, "Transact", "s")
	mustHave(fn != nil, "Transact", "fn")
	deliver(s.loop, motor.Transact(ctx, s.futures, calledBack(s.loop, fn), opts...), callback)
}

// SpawnTransact is [motor.Transact] with a coroutine for fn. It is like [SpawnWithTransaction], without further attempts.
//
// Motor: async with s.start_transaction().
func SpawnTransact[T any](
	ctx context.Context, s *Session, fn func(co *Co) (T, error), opts ...options.Lister[options.TransactionOptions],
) *future.Future[T] {
	mustHave(s != nil, "SpawnTransact", "s")
	mustHave(fn != nil, "SpawnTransact", "fn")
	return motor.Transact(ctx, s.futures, spawnedOn(s.loop, fn), opts...).Via(s.loop)
}

// WithSession is [motor.WithSession] in callback style. fn is called on the client's loop, with the context for operations
// in the session. The session ends when fn has called done. For done and callback see [WithTransaction].
//
// Motor: async with await client.start_session() as s.
func WithSession[T any](
	ctx context.Context, client *Client, fn func(ctx context.Context, s *Session, done Func[T]), callback Func[T],
	opts ...options.Lister[options.SessionOptions],
) {
	mustHave(client != nil, "WithSession", "client")
	mustHave(fn != nil, "WithSession", "fn")
	deliver(client.loop, motor.WithSession(ctx, client.futures, func(ctx context.Context, s *motor.Session) (T, error) {
		own := WrapSession(client.loop, s)
		return calledBack(client.loop, func(ctx context.Context, done Func[T]) { fn(ctx, own, done) })(ctx)
	}, opts...), callback)
}

// SpawnWithSession is [motor.WithSession] with a coroutine for fn, which runs on the client's loop: a [*Loop], or the
// future fails with [motor.TypeError]. Its Co has the session, so operations called with it are in the session.
//
// Motor: async with await client.start_session() as s.
func SpawnWithSession[T any](
	ctx context.Context, client *Client, fn func(co *Co, s *Session) (T, error),
	opts ...options.Lister[options.SessionOptions],
) *future.Future[T] {
	mustHave(client != nil, "SpawnWithSession", "client")
	mustHave(fn != nil, "SpawnWithSession", "fn")
	return motor.WithSession(ctx, client.futures, func(ctx context.Context, s *motor.Session) (T, error) {
		own := WrapSession(client.loop, s)
		return spawnedOn(client.loop, func(co *Co) (T, error) { return fn(co, own) })(ctx)
	}, opts...).Via(client.loop)
}

// UseSession starts a session of client and calls fn in this coroutine. The Co of fn has the session: operations called with it
// are in the session, and awaits with it suspend the coroutine. The session ends when fn has returned or unwound.
//
//	err := callback.UseSession(co, client, func(co *callback.Co, s *motor.Session) error {
//		return callback.UseTransaction(co, s, func(co *callback.Co) error {
//			callback.Must(co, orders.InsertOne(co, order))
//			callback.Must(co, entries.InsertOne(co, entry))
//			return nil
//		})
//	})
//
// Errors: those of fn and of [motor.Client.StartSession].
//
// Motor: async with await client.start_session() as s.
func UseSession(
	co *Co, client *motor.Client, fn func(co *Co, s *motor.Session) error, opts ...options.Lister[options.SessionOptions],
) error {
	co.mustUnwind("UseSession")
	mustHave(client != nil, "UseSession", "client")
	mustHave(fn != nil, "UseSession", "fn")
	s, err := client.StartSession(co, opts...).Await(co)
	if err != nil {
		return err
	}
	defer func() {
		clean := co.WithoutCancel()
		_, _ = s.EndSession(clean).Await(clean)
	}()
	return fn(co.With(s.Context(co)), s)
}

// UseTransaction starts a transaction in the session and calls fn in this coroutine. The Co of fn has the session. When fn
// has returned nil, UseTransaction commits the transaction. If fn fails, unwinds or panics, or co ends before the commit, it
// aborts the transaction. If fn itself has committed or aborted it, it does neither.
//
// Nothing is retried: see [SpawnWithTransaction]. Errors: those of fn, of [motor.Session.StartTransaction] and of
// [motor.Session.CommitTransaction].
//
// Motor: async with s.start_transaction().
func UseTransaction(
	co *Co, s *motor.Session, fn func(co *Co) error, opts ...options.Lister[options.TransactionOptions],
) error {
	co.mustUnwind("UseTransaction")
	mustHave(s != nil, "UseTransaction", "s")
	mustHave(fn != nil, "UseTransaction", "fn")
	if err := s.StartTransaction(opts...); err != nil {
		return err
	}
	clean := co.WithoutCancel()
	committed := false
	defer func() {
		if !committed && s.InTransaction() {
			_, _ = s.AbortTransaction(clean).Await(clean)
		}
	}()
	if err := fn(co.With(s.Context(co))); err != nil || !s.InTransaction() {
		return err
	}
	if _, err := s.CommitTransaction(co).Await(clean); err != nil {
		return err
	}
	committed = true
	return nil
}

// calledBack returns a function that calls fn on a loop and waits until fn has called done.
func calledBack[T any](loop future.Executor, fn func(ctx context.Context, done Func[T])) func(context.Context) (T, error) {
	return func(ctx context.Context) (T, error) {
		outcome := future.NewPromise[T]()
		future.Go(ctx, loop, func(context.Context) (none struct{}, err error) {
			fn(ctx, func(v T, err error) { outcome.Settle(v, err) })
			return none, nil
		}).OnComplete(func(_ struct{}, err error) {
			if err != nil {
				outcome.Reject(err)
			}
		})
		return outcome.Future().Await(ctx)
	}
}

// spawnedOn returns a function that runs fn on a loop and waits until it has ended. When its context ends, fn ends soon.
func spawnedOn[T any](loop future.Executor, fn func(co *Co) (T, error)) func(context.Context) (T, error) {
	return func(ctx context.Context) (none T, err error) {
		l, ok := loop.(*Loop)
		if !ok {
			return none, fmt.Errorf("%w: coroutines run on a *callback.Loop, not on %T", motor.TypeError, loop)
		}
		return SpawnContext(ctx, l, fn).Await(context.WithoutCancel(ctx))
	}
}
