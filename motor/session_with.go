package motor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// WithSession starts a session, calls fn with it, and ends it when fn has returned. The result is that of fn. fn runs
// on its own goroutine and may block. It is called once.
//
//	motor.WithSession(ctx, client, func(ctx context.Context, s *motor.Session) (*motor.InsertOneResult, error) {
//		return users.InsertOne(ctx, bson.M{"_id": "ann"}).Await(ctx)
//	})
//
// The context of fn has the session, and ends with ctx and when the future is cancelled.
//
// Errors: those of fn and of [Client.StartSession].
//
// Motor: async with await client.start_session() as s.
func WithSession[T any](
	ctx context.Context, client *Client, fn func(ctx context.Context, s *Session) (T, error),
	opts ...options.Lister[options.SessionOptions],
) *future.Future[T] {
	if err := checkArguments(ctx, client != nil, fn != nil, "WithSession"); err != nil {
		return failedOrRejected[T](client, err)
	}
	starting := client.StartSession(ctx, opts...)
	return goUser(ctx, client, func(ctx context.Context) (none T, err error) {
		s, err := starting.Await(context.WithoutCancel(ctx)) // it may wait for a slot, and ends with the outer ctx
		if err != nil {
			return none, err
		}
		defer func() { awaitQuietly(s.EndSession(ctx)) }()
		return fn(s.Context(ctx), s)
	})
}

// Transact starts a transaction in the session, calls fn, and commits the transaction. The result is that of fn. If fn
// fails or panics, it aborts the transaction. If fn itself has committed or aborted it, Transact does neither. fn runs
// on its own goroutine and may block. It is called once: [WithTransaction] retries what may succeed later.
//
// The context of fn has the session, and ends with ctx and when the future is cancelled.
//
// Errors: those of fn, of [Session.StartTransaction] and of [Session.CommitTransaction].
//
// Motor: async with s.start_transaction().
func Transact[T any](
	ctx context.Context, s *Session, fn func(ctx context.Context) (T, error),
	opts ...options.Lister[options.TransactionOptions],
) *future.Future[T] {
	if err := checkArguments(ctx, s != nil, fn != nil, "Transact"); err != nil {
		return failedOrRejected[T](s.clientOf(), err)
	}
	if err := s.StartTransaction(opts...); err != nil {
		return failed[T](s.client, err)
	}
	return goUser(ctx, s.client, func(ctx context.Context) (none T, err error) {
		v, err := tryTransaction(ctx, s, fn)
		if err != nil || !s.InTransaction() {
			return v, err
		}
		if _, err = s.CommitTransaction(ctx).Await(context.WithoutCancel(ctx)); err != nil {
			if s.InTransaction() { // ctx has ended before the commit
				abort(ctx, s)
			}
			return none, err
		}
		return v, nil
	})
}

// transactionTime is how long WithTransaction retries.
const transactionTime = 120 * time.Second

// transactionClock measures transactionTime. It is a variable for tests.
var transactionClock = time.Now

// WithTransaction starts a transaction in the session, calls fn, and commits the transaction. The result is that of
// fn. For 120 seconds, it retries failures that may succeed later:
//   - the whole transaction, with fn, after an error of fn or of the commit that has the label
//     "TransientTransactionError";
//   - the commit, after an error that has the label "UnknownTransactionCommitResult", unless its time limit was exceeded
//     (code 50).
//
// It pauses before each retry, for a random part of a growing time: of 5 ms * 1.5 ** n and at most 500 ms before the
// transaction is retried for the n-th time, as the specification of the convenient API says; of 100 ms * 2 ** n and at
// most 10 s before the commit is, as the specification of client backpressure says for an overloaded server.
//
// Any other error, and a panic of fn, aborts the transaction. fn must return the errors of its operations, or errors
// that wrap them. If fn itself ends the transaction, the result is still that of fn.
//
//	transferred := motor.WithTransaction(ctx, s, func(ctx context.Context) (struct{}, error) {
//		_, err := future.All(
//			accounts.UpdateOne(ctx, bson.M{"_id": from}, bson.M{"$inc": bson.M{"balance": -100}}),
//			accounts.UpdateOne(ctx, bson.M{"_id": to}, bson.M{"$inc": bson.M{"balance": 100}}),
//		).Await(ctx)
//		return struct{}{}, err
//	})
//
// fn runs on its own goroutine, never in a slot of the executor: it may block and await any future. Its context has the
// session, and ends with ctx and when the future is cancelled; the transaction is aborted then. After the end of ctx
// nothing is retried. A commit that has been sent is awaited.
//
// Errors: those of fn, of [Session.StartTransaction] and of [Session.CommitTransaction]; ctx.Err() if ctx ended before
// the commit and fn did not fail, or before the next try. If the 120 seconds are over, it is a [NetworkTimeout] that
// wraps the last error and has its labels.
//
// Motor: MotorClientSession.with_transaction.
func WithTransaction[T any](
	ctx context.Context, s *Session, fn func(ctx context.Context) (T, error),
	opts ...options.Lister[options.TransactionOptions],
) *future.Future[T] {
	if err := checkArguments(ctx, s != nil, fn != nil, "WithTransaction"); err != nil {
		return failedOrRejected[T](s.clientOf(), err)
	}
	return goUser(ctx, s.client, func(ctx context.Context) (none T, err error) {
		limit := transactionClock().Add(transactionTime)
		for again := transactionPauses; ; {
			if err := s.StartTransaction(opts...); err != nil {
				return none, err
			}
			v, err := tryTransaction(ctx, s, fn)
			switch {
			case err == nil && !s.InTransaction():
				return v, nil
			case err == nil && ctx.Err() != nil:
				err = ctx.Err()
				abort(ctx, s)
			case err == nil:
				if err = s.commit(ctx, limit); err == nil {
					return v, nil
				}
			}
			if !hasLabel(err, "TransientTransactionError") {
				return v, err
			}
			if err := again.pause(ctx, limit, err); err != nil {
				return v, err
			}
		}
	})
}

// retryPauses are the pauses before retries: random ones, whose longest value grows. They keep transactions from
// conflicting again and again, and the retries from overloading a server.
type retryPauses struct {
	next, last time.Duration // the longest value
	factor     float64
}

var (
	transactionPauses = retryPauses{next: 7500 * time.Microsecond, factor: 1.5, last: 500 * time.Millisecond}
	commitPauses      = retryPauses{next: 200 * time.Millisecond, factor: 2, last: 10 * time.Second}
)

// pause waits before the next retry. It returns an error if ctx ends, or if the limit is over or the pause would exceed
// it. The error then wraps failure, the reason of the retry.
func (p *retryPauses) pause(ctx context.Context, limit time.Time, failure error) error {
	wait := rand.N(p.next)
	p.next = min(time.Duration(float64(p.next)*p.factor), p.last)
	if !transactionClock().Add(wait).Before(limit) {
		return &Error{class: NetworkTimeout, text: fmt.Sprintf("not retried after %v", transactionTime), cause: failure}
	}
	_, err := future.Sleep(wait).Await(ctx)
	return err
}

// tryTransaction calls fn in a transaction, and aborts it if fn fails or does not return.
func tryTransaction[T any](ctx context.Context, s *Session, fn func(context.Context) (T, error)) (v T, err error) {
	succeeded := false
	defer func() {
		if !succeeded && s.InTransaction() {
			abort(ctx, s)
		}
	}()
	v, err = fn(s.Context(ctx))
	succeeded = err == nil
	return v, err
}

// abort aborts a transaction, also after the end of ctx.
func abort(ctx context.Context, s *Session) {
	awaitQuietly(s.AbortTransaction(context.WithoutCancel(ctx)))
}

// commit commits a transaction, and retries while the result of the commit is unknown. The end of ctx does not
// interrupt a commit, but ends the retries; the error is then that of the last commit.
func (s *Session) commit(ctx context.Context, limit time.Time) error {
	uninterrupted := context.WithoutCancel(ctx)
	for again := commitPauses; ; {
		_, err := s.CommitTransaction(uninterrupted).Await(uninterrupted)
		var own *Error
		late := errors.As(err, &own) && own.hasCode(codeMaxTimeMSExpired)
		if late || !hasLabel(err, "UnknownTransactionCommitResult") {
			return err
		}
		switch stopped := again.pause(ctx, limit, err); {
		case stopped == nil:
		case ctx.Err() != nil:
			return err
		default:
			return stopped
		}
	}
}

// hasCode reports whether one of the server's error codes is code.
func (e *Error) hasCode(code int) bool {
	var server mongo.ServerError
	return errors.As(e.cause, &server) && server.HasErrorCode(code)
}

// hasLabel reports whether an error, or one that it wraps, has a label.
func hasLabel(err error, label string) bool {
	var labeled mongo.LabeledError
	return errors.As(err, &labeled) && labeled.HasErrorLabel(label)
}

// awaitQuietly waits for an operation and ignores its outcome.
func awaitQuietly(f *future.Future[struct{}]) { _, _ = f.Await(context.Background()) }

// goUser starts fn, which calls user code and may take long, on its own goroutine.
func goUser[T any](ctx context.Context, c *Client, fn func(context.Context) (T, error)) *future.Future[T] {
	return future.GoVia(ctx, future.Goroutines, c.loop, fn)
}

// failedOrRejected is failed for a client that may be nil.
func failedOrRejected[T any](c *Client, err error) *future.Future[T] {
	if c == nil {
		return future.Rejected[T](err)
	}
	return failed[T](c, err)
}

// clientOf returns the client, or nil if there is no session.
func (s *Session) clientOf() *Client {
	if s == nil {
		return nil
	}
	return s.client
}

// checkArguments returns a [TypeError] if an argument is nil.
func checkArguments(ctx context.Context, on, fn bool, name string) error {
	switch {
	case ctx == nil:
		return newError(TypeError, "%s: the context is nil", name)
	case !on:
		return newError(TypeError, "%s: the client or the session is nil", name)
	case !fn:
		return newError(TypeError, "%s: fn is nil", name)
	}
	return nil
}
