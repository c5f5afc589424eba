package contract_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// sessionIn starts a session in the style of ops. It returns the session, and ops in that session.
func sessionIn(t *testing.T, ops operations) (*motor.Session, operations) {
	t.Helper()
	var s *motor.Session
	var in operations
	switch style := ops.(type) {
	case byFutures:
		started, err := style.coll.Database().Client().StartSession(style.ctx).Await(style.ctx)
		noError(t, err)
		s = started
		in = byFutures{s.Context(style.ctx), style.coll}
	case byCallbacks:
		client := style.coll.Database().Client()
		started, err := awaitOnLoop(style.ctx, style.loop, func(done callback.Func[*callback.Session]) {
			client.StartSession(style.ctx, done)
		})
		noError(t, err)
		s = started.Futures()
		in = byCallbacks{started.Context(style.ctx), style.loop, style.coll}
	}
	t.Cleanup(func() { _, _ = s.EndSession(context.Background()).Await(context.Background()) })
	return s, in
}

// ending ends a session or a transaction in the style of ops, by one of its methods.
func ending(
	ops operations, s *motor.Session, byFuture func(*motor.Session, context.Context) *future.Future[struct{}],
	byCallback func(*callback.Session, context.Context, callback.Func[struct{}]),
) error {
	_, err := awaitInStyle(ops, func(ctx context.Context, _ *motor.Collection[bson.M]) *future.Future[struct{}] {
		return byFuture(s, ctx)
	}, func(ctx context.Context, c *callback.Collection[bson.M], done callback.Func[struct{}]) {
		byCallback(callback.WrapSession(c.IOLoop(), s), ctx, done)
	})
	return err
}

func commit(ops operations, s *motor.Session) error {
	return ending(ops, s, (*motor.Session).CommitTransaction, (*callback.Session).CommitTransaction)
}

func abort(ops operations, s *motor.Session) error {
	return ending(ops, s, (*motor.Session).AbortTransaction, (*callback.Session).AbortTransaction)
}

func TestSessionOperations(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		s, in := sessionIn(t, ops)
		if _, err := in.InsertOne(bson.M{"_id": "ann"}); err != nil {
			t.Fatal(err)
		}
		if doc, err := in.FindOne(bson.M{"_id": "ann"}); doc["_id"] != "ann" || err != nil {
			t.Errorf("FindOne() = %v, %v; want ann", doc, err)
		}
		docs, err := in.Find(bson.M{}).ToList()
		if len(docs) != 1 || err != nil {
			t.Errorf("ToList() = %v, %v; want one document", docs, err)
		}
		if n, err := in.CountDocuments(bson.M{}); n != 1 || err != nil {
			t.Errorf("CountDocuments() = %d, %v; want 1", n, err)
		}
		noError(t, ending(ops, s, (*motor.Session).EndSession, (*callback.Session).EndSession))
		if _, err := in.FindOne(bson.M{}); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("in an ended session: %v, want InvalidOperation", err)
		}
		for _, c := range []struct {
			name string
			end  func(operations, *motor.Session) error
		}{{"commit", commit}, {"abort", abort}} {
			if err := c.end(ops, s); !errors.Is(err, motor.InvalidOperation) {
				t.Errorf("%s after the end: %v, want InvalidOperation", c.name, err)
			}
		}
	})
}

// Callers that share a session need not coordinate.
func TestSessionConcurrentOperations(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, in := sessionIn(t, ops)
		var all []*future.Future[*motor.InsertOneResult]
		const n = 100
		for range n {
			switch style := in.(type) {
			case byFutures:
				all = append(all, style.coll.InsertOne(style.ctx, bson.M{}))
			case byCallbacks:
				all = append(all, startNow(func(done callback.Func[*motor.InsertOneResult]) {
					style.coll.InsertOne(style.ctx, bson.M{}, done)
				}))
			}
		}
		if count, err := in.CountDocuments(bson.M{}); count != n || err != nil { // called last, so it runs after the inserts
			t.Errorf("CountDocuments() = %d, %v; want %d", count, err, n)
		}
		if _, err := future.All(all...).Await(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCommitAndAbortTransaction(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "transactions")
	inBothStyles(t, func(t *testing.T, ops operations) {
		if _, err := ops.InsertOne(bson.M{"_id": "first"}); err != nil { // creates the collection
			t.Fatal(err)
		}
		s, in := sessionIn(t, ops)
		for _, test := range []struct {
			end  func(operations, *motor.Session) error
			want int64
		}{{abort, 1}, {commit, 2}} {
			noError(t, s.StartTransaction())
			if _, err := in.InsertOne(bson.M{"_id": "ann"}); err != nil {
				t.Fatal(err)
			}
			if n, err := in.CountDocuments(bson.M{}); n != 2 || err != nil {
				t.Errorf("in the transaction: %d documents, %v; want 2", n, err)
			}
			if n, err := ops.CountDocuments(bson.M{}); n != 1 || err != nil {
				t.Errorf("outside the transaction: %d documents, %v; want 1", n, err)
			}
			noError(t, test.end(ops, s))
			if n, err := in.CountDocuments(bson.M{}); n != test.want || err != nil {
				t.Errorf("after the transaction: %d documents, %v; want %d", n, err, test.want)
			}
		}
	})
}

func TestWithTransaction(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "transactions")
	errMine := errors.New("mine")
	inBothStyles(t, func(t *testing.T, ops operations) {
		if _, err := ops.InsertOne(bson.M{"_id": "first"}); err != nil {
			t.Fatal(err)
		}
		s, _ := sessionIn(t, ops)
		for _, test := range []struct {
			outcome error
			want    int64
		}{{errMine, 1}, {nil, 2}} {
			v, err := awaitInStyle(ops, func(ctx context.Context, c *motor.Collection[bson.M]) *future.Future[int] {
				return motor.WithTransaction(ctx, s, func(ctx context.Context) (int, error) {
					if _, err := c.InsertOne(ctx, bson.M{"_id": "ann"}).Await(ctx); err != nil {
						return 0, err
					}
					return 7, test.outcome
				})
			}, func(ctx context.Context, c *callback.Collection[bson.M], done callback.Func[int]) {
				callback.WithTransaction(ctx, callback.WrapSession(c.IOLoop(), s), func(ctx context.Context, done callback.Func[int]) {
					c.InsertOne(ctx, bson.M{"_id": "ann"}, func(_ *motor.InsertOneResult, err error) {
						if err == nil {
							err = test.outcome
						}
						done(7, err)
					})
				}, done)
			})
			if !errors.Is(err, test.outcome) || err == nil && v != 7 {
				t.Errorf("WithTransaction() = %d, %v; want error %v", v, err, test.outcome)
			}
			if n, err := ops.CountDocuments(bson.M{}); n != test.want || err != nil {
				t.Errorf("after the transaction: %d documents, %v; want %d", n, err, test.want)
			}
		}
	})
}
