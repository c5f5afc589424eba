package motor_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// inserting returns a transaction function that inserts a document and returns n.
func inserting(coll collection, n int) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		_, err := coll.InsertOne(ctx, bson.M{"_id": n}).Await(ctx)
		return n, err
	}
}

// answer makes a peer answer the commands of one name in order. The last reply repeats.
type answer []func(*wiretest.Request)

func labelled(code int, labels ...string) func(*wiretest.Request) {
	return func(r *wiretest.Request) { r.Fail(code, "Scripted", "as scripted", labels...) }
}

func (a answer) handler() func(*wiretest.Request) {
	n := 0
	return func(r *wiretest.Request) {
		reply := a[min(n, len(a)-1)]
		if n++; n > 20 {
			reply = ok(bson.M{"n": 1}) // or endless retries would never stop
		}
		reply(r)
	}
}

const (
	transient = "TransientTransactionError"
	unknown   = "UnknownTransactionCommitResult"
)

func TestWithTransaction(t *testing.T) {
	done := ok(bson.M{"n": 1})
	for _, test := range []struct {
		name                      string
		inserts, commits, aborts  answer
		inserted, committed, abrt int // number of commands
		class                     *motor.ErrorClass
	}{
		{"all well", answer{done}, answer{ok()}, nil, 1, 1, 0, nil},
		{"an operation fails", answer{labelled(8)}, answer{ok()}, answer{ok()}, 1, 0, 1, motor.OperationFailure},
		{"transient operation error", answer{labelled(251, transient), labelled(112, transient), done},
			answer{ok()}, answer{labelled(251)}, 3, 1, 2, nil},
		{"unknown commit result", answer{done}, answer{labelled(8, unknown), labelled(8, unknown), ok()}, nil, 1, 3, 0, nil},
		{"the commit fails", answer{done}, answer{labelled(8)}, nil, 1, 1, 0, motor.OperationFailure},
		{"transient commit error", answer{done}, answer{labelled(251, transient), ok()}, nil, 2, 2, 0, nil},
		{"commit exceeds maxTimeMS", answer{done}, answer{labelled(50, unknown)}, nil, 1, 1, 0, motor.ExecutionTimeout},
		{"commit with WriteConcernTimeout", answer{done}, answer{func(r *wiretest.Request) {
			r.WriteConcernError(64, "WriteConcernTimeout", "waiting", unknown)
		}, ok()}, nil, 1, 2, 0, nil},
		{"commit with MaxTimeMSExpired as write concern error", answer{done}, answer{func(r *wiretest.Request) {
			r.WriteConcernError(50, "MaxTimeMSExpired", "waiting", unknown)
		}}, nil, 1, 1, 0, motor.ExecutionTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer, s, coll := newSession(t)
			peer.Handle("insert", test.inserts.handler())
			peer.Handle("commitTransaction", test.commits.handler())
			if test.aborts != nil {
				peer.Handle("abortTransaction", test.aborts.handler())
			}
			v, err := motor.WithTransaction(t.Context(), s, inserting(coll, 7)).Await(t.Context())
			if test.class == nil && (v != 7 || err != nil) || test.class != nil && !errors.Is(err, test.class) {
				t.Errorf("got %v, %v; want %v", v, err, test.class)
			}
			for _, test := range []struct {
				name string
				want int
			}{
				{"insert", test.inserted}, {"commitTransaction", test.committed}, {"abortTransaction", test.abrt},
			} {
				if got := len(peer.Seen(test.name)); got != test.want {
					t.Errorf("got %[2]d %[1]s commands, want %[3]d", test.name, got, test.want)
				}
			}
			numbers := make(map[int64]bool) // of the transactions; each try has its own number
			for _, insert := range peer.Seen("insert") {
				numbers[insert.Lookup("txnNumber").Int64()] = insert.Lookup("startTransaction").Boolean()
			}
			if len(numbers) != test.inserted {
				t.Errorf("got %d transactions, want %d", len(numbers), test.inserted)
			}
			if commits := peer.Seen("commitTransaction"); len(commits) == 3 && // retried with w: majority
				commits[2].Lookup("writeConcern", "w").String() != `"majority"` {
				t.Errorf("got last commit %s, want w: majority", commits[2])
			}
			if s.InTransaction() {
				t.Error("InTransaction() = true, want false")
			}
		})
	}
}

func TestWithTransactionEndedByFunction(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	for _, test := range []struct {
		name string
		end  func(context.Context) *future.Future[struct{}]
	}{
		{"commitTransaction", s.CommitTransaction}, {"abortTransaction", s.AbortTransaction},
	} {
		for _, with := range []func(context.Context, *motor.Session, func(context.Context) (int, error)) *future.Future[int]{
			func(ctx context.Context, s *motor.Session, fn func(context.Context) (int, error)) *future.Future[int] {
				return motor.WithTransaction(ctx, s, fn)
			},
			func(ctx context.Context, s *motor.Session, fn func(context.Context) (int, error)) *future.Future[int] {
				return motor.Transact(ctx, s, fn)
			},
		} {
			before := len(peer.Seen(test.name))
			v, err := with(t.Context(), s, func(ctx context.Context) (int, error) {
				n, err := inserting(coll, 3)(ctx)
				if err == nil {
					_, err = test.end(ctx).Await(ctx)
				}
				return n, err
			}).Await(t.Context())
			if v != 3 || err != nil || len(peer.Seen(test.name)) != before+1 {
				t.Errorf("%s: got %v, %v, sent %d times, want 3, nil, 1", test.name, v, err, len(peer.Seen(test.name))-before)
			}
		}
	}
}

func TestTransact(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	if v := succeed(t, motor.Transact(t.Context(), s, inserting(coll, 4))); v != 4 || len(peer.Seen("commitTransaction")) != 1 {
		t.Errorf("got %d, %d commits, want 4, 1", v, len(peer.Seen("commitTransaction")))
	}
	errMine := errors.New("mine")
	_, err := motor.Transact(t.Context(), s, func(ctx context.Context) (int, error) {
		succeed(t, coll.InsertOne(ctx, bson.D{}))
		return 0, fmt.Errorf("of the program: %w", errMine)
	}).Await(t.Context())
	if !errors.Is(err, errMine) || len(peer.Seen("abortTransaction")) != 1 || s.InTransaction() {
		t.Errorf("got %v, %d aborts, want %v, 1", err, len(peer.Seen("abortTransaction")), errMine)
	}
	peer.Handle("commitTransaction", labelled(251, transient))
	if _, err := motor.Transact(t.Context(), s, inserting(coll, 4)).Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("Transact() with a failing commit = %v, want OperationFailure", err)
	}
	if n := len(peer.Seen("insert")); n != 3 {
		t.Errorf("got %d insert commands, want 3", n)
	}
	ended, end := context.WithCancel(t.Context())
	_, err = motor.Transact(ended, s, func(ctx context.Context) (int, error) {
		succeed(t, coll.InsertOne(ctx, bson.D{}))
		end()
		return 4, nil
	}).Await(t.Context())
	if err != context.Canceled || len(peer.Seen("abortTransaction")) != 2 || s.InTransaction() {
		t.Errorf("ended before the commit: got %v, %d aborts, want context.Canceled, 2", err, len(peer.Seen("abortTransaction")))
	}
	noError(t, s.StartTransaction())
	if f := motor.Transact(t.Context(), s, inserting(coll, 4)); !f.IsDone() || !errors.Is(f.Err(), motor.InvalidOperation) {
		t.Errorf("nested Transact() = %v, want InvalidOperation at once", f.Err())
	}
	succeed(t, s.AbortTransaction(t.Context()))
}

func TestWithSession(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	var own *motor.Session
	v := succeed(t, motor.WithSession(t.Context(), s.Client(), func(ctx context.Context, s *motor.Session) (int, error) {
		own = s
		noError(t, s.StartTransaction())
		return inserting(coll, 5)(ctx)
	}))
	insert := peer.Seen("insert")[0]
	if v != 5 || !own.HasEnded() || insert.Lookup("lsid").String() != own.SessionID().String() {
		t.Errorf("got %d, ended %t, insert %s, want 5, true, session %s", v, own.HasEnded(), insert, own.SessionID())
	}
	if len(peer.Seen("abortTransaction")) != 1 {
		t.Error("transaction was not aborted")
	}
}

// A panic or runtime.Goexit in a transaction function aborts the transaction and becomes the future's error.
func TestTransactionPanics(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	for i, end := range []func(){func() { panic("no") }, runtime.Goexit} {
		for j, f := range []*future.Future[int]{
			motor.WithTransaction(t.Context(), s, func(ctx context.Context) (int, error) {
				defer end()
				return inserting(coll, 1)(ctx)
			}),
		} {
			var p *future.PanicError
			if _, err := f.Await(t.Context()); !errors.As(err, &p) {
				t.Errorf("got %v, want a PanicError", err)
			}
			eventually(t, func() bool { return len(peer.Seen("abortTransaction")) == i+j+1 && !s.InTransaction() })
		}
	}
}

// The test sets the retry clock of all transactions, so it is not parallel.
func TestTransactionTimeLimit(t *testing.T) {
	start := time.Now()
	var passed atomic.Int64
	motor.SetTransactionClock(t, func() time.Time { return start.Add(time.Duration(passed.Load())) })
	peer, s, coll := newSession(t)
	// The time is over when the third try fails. The fifth try would succeed, so that a faulty loop ends.
	inTime := func(reply func(*wiretest.Request)) func(*wiretest.Request) {
		passed.Store(0)
		at := func(d time.Duration) func(*wiretest.Request) {
			return func(r *wiretest.Request) { passed.Store(int64(d)); reply(r) }
		}
		return answer{at(0), at(119 * time.Second), at(120 * time.Second), reply, ok(bson.M{"n": 1})}.handler()
	}
	peer.Handle("insert", inTime(labelled(251, transient)))
	_, err := motor.WithTransaction(t.Context(), s, inserting(coll, 1)).Await(t.Context())
	check := func(err error, label string) {
		t.Helper()
		var own *motor.Error
		if !errors.Is(err, motor.NetworkTimeout) || !errors.Is(err, motor.OperationFailure) || !motor.HasLabel(err, label) ||
			!errors.As(err, &own) || !own.Timeout() {
			t.Errorf("WithTransaction() = %v, want NetworkTimeout that wraps OperationFailure and has the label %s", err, label)
		}
	}
	check(err, transient)
	if n := len(peer.Seen("insert")); n != 3 {
		t.Errorf("got %d tries, want 3", n)
	}
	peer.Handle("insert", ok(bson.M{"n": 1}))
	peer.Handle("commitTransaction", inTime(labelled(8, unknown)))
	_, err = motor.WithTransaction(t.Context(), s, inserting(coll, 1)).Await(t.Context())
	check(err, unknown)
	if n := len(peer.Seen("commitTransaction")); n != 3 {
		t.Errorf("got %d commits, want 3", n)
	}
}

// The end of the context ends the pause before the next try. No further try is made.
func TestTransactionContextEndsInPause(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", labelled(251, transient))
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	_, err := motor.WithTransaction(ctx, s, func(ctx context.Context) (int, error) {
		tries++
		n, err := inserting(coll, 1)(ctx)
		cancel()
		return n, err
	}).Await(t.Context())
	if err != context.Canceled || tries != 1 || len(peer.Seen("abortTransaction")) != 1 {
		t.Errorf("got %v after %d tries and %d aborts, want context.Canceled, 1, 1", err, tries, len(peer.Seen("abortTransaction")))
	}
}

// A commit that has started is awaited even if the context has ended.
func TestCommitOutlivesContext(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	peer.Handle("commitTransaction", nil)
	ctx, cancel := context.WithCancel(t.Context())
	f := motor.WithTransaction(ctx, s, inserting(coll, 1))
	commit := peer.Receive("commitTransaction")
	cancel()
	for range 50 { // long enough to give up
		succeed(t, coll.Database().Command(t.Context(), "ping"))
	}
	commit.OK()
	if n, err := f.Await(t.Context()); n != 1 || err != nil {
		t.Errorf("WithTransaction() = %d, %v, want 1, nil", n, err)
	}
}

func TestCancelledTransactionIsAborted(t *testing.T) {
	peer, s, coll := newSession(t)
	began := make(chan struct{})
	f := motor.WithTransaction(t.Context(), s, func(ctx context.Context) (int, error) {
		inserted := coll.InsertOne(ctx, bson.D{})
		peer.Receive("insert").OK(bson.M{"n": 1})
		succeed(t, inserted)
		close(began)
		<-ctx.Done()
		return 0, nil
	})
	<-began
	f.Cancel()
	eventually(t, func() bool { return len(peer.Seen("abortTransaction")) == 1 && !s.InTransaction() })
	if len(peer.Seen("commitTransaction")) != 0 {
		t.Error("transaction was committed")
	}
}

func TestLegacyWritesInTransaction(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	peer.Handle("update", ok(bson.M{"n": 1}))
	noError(t, coll.SetWriteConcern(bson.M{"w": 0})) // ignored in a transaction
	succeed(t, motor.WithTransaction(t.Context(), s, func(ctx context.Context) (any, error) {
		bulk := coll.InitializeOrderedBulkOp()
		bulk.Insert(bson.M{"_id": 1})
		if _, err := bulk.Execute(ctx).Await(ctx); err != nil {
			return nil, err
		}
		return coll.Save(ctx, bson.M{"_id": 2}).Await(ctx)
	}))
	for _, sent := range slices.Concat(peer.Seen("insert"), peer.Seen("update")) {
		if sent.Lookup("autocommit").String() != "false" {
			t.Errorf("got command %s, want autocommit: false", sent)
		}
	}
}

func TestSessionFunctionsNilArguments(t *testing.T) {
	client := newClient(t, noServerURI)
	s := sessionOf(t, client)
	fn := func(context.Context) (int, error) { return 0, nil }
	var none context.Context
	for _, test := range []struct {
		name string
		f    *future.Future[int]
	}{
		{"WithTransaction, context", motor.WithTransaction(none, s, fn)},
		{"WithTransaction, session", motor.WithTransaction(t.Context(), nil, fn)},
		{"WithTransaction, fn", motor.WithTransaction[int](t.Context(), s, nil)},
		{"Transact, session", motor.Transact(t.Context(), nil, fn)},
		{"Transact, fn", motor.Transact[int](t.Context(), s, nil)},
		{"WithSession, client", motor.WithSession(t.Context(), nil, func(context.Context, *motor.Session) (int, error) {
			return 0, nil
		})},
		{"WithSession, fn", motor.WithSession[int](t.Context(), client, nil)},
	} {
		if _, err := test.f.Await(t.Context()); !errors.Is(err, motor.TypeError) {
			t.Errorf("%s: got %v, want TypeError", test.name, err)
		}
	}
	if _, err := s.EndSession(none).Await(t.Context()); !errors.Is(err, motor.TypeError) || s.HasEnded() {
		t.Errorf("EndSession() = %v, want TypeError", err)
	}
	if s := mongo.SessionFromContext(s.Context(t.Context())); s == nil {
		t.Error("context has no driver session")
	}
}
