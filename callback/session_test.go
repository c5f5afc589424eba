package callback_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// transactional returns a client of a peer that fails the first insert for a moment, and the loop that it lives on.
func transactional(t *testing.T) (*wiretest.Peer, *callback.Loop, *callback.Client) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Primary)
	failed := false
	peer.Handle("insert", func(r *wiretest.Request) {
		if !failed {
			failed = true
			r.Fail(112, "WriteConflict", "once more", "TransientTransactionError")
			return
		}
		r.OK(bson.M{"n": 1})
	})
	for _, name := range []string{"commitTransaction", "abortTransaction"} {
		peer.Handle(name, func(r *wiretest.Request) { r.OK() })
	}
	loop := callback.NewLoop()
	t.Cleanup(loop.Close)
	client, err := callback.NewClient(loop, peer.URI())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return peer, loop, client
}

// sent checks how often commands were sent.
func sent(t *testing.T, peer *wiretest.Peer, want map[string]int) {
	t.Helper()
	for name, n := range want {
		if got := len(peer.Seen(name)); got != n {
			t.Errorf("%s was sent %d times, want %d", name, got, n)
		}
	}
}

func TestSpawnWithTransaction(t *testing.T) {
	peer, loop, client := transactional(t)
	coll := client.Database("d").Collection("c").Futures()
	runs := 0 // no lock: it is the loop's
	n, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
		return callback.SpawnWithSession(co, client, func(co *callback.Co, s *callback.Session) (int, error) {
			return callback.SpawnWithTransaction(co, s, func(co *callback.Co) (int, error) {
				runs++
				if err := co.Sleep(time.Millisecond); err != nil {
					return 0, err
				}
				_, err := coll.InsertOne(co, bson.M{"_id": runs}).Await(co)
				return runs, err
			}).Await(co)
		}).Await(co)
	}, 30*time.Second)
	if n != 2 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	sent(t, peer, map[string]int{"insert": 2, "abortTransaction": 1, "commitTransaction": 1})
	for _, insert := range peer.Seen("insert") {
		if insert.Lookup("startTransaction").String() != "true" {
			t.Errorf("outside of a transaction: %s", insert)
		}
	}

	errMine := errors.New("mine")
	_, err = callback.RunSync(loop, func(co *callback.Co) (int, error) {
		return callback.SpawnWithSession(co, client, func(co *callback.Co, s *callback.Session) (int, error) {
			return callback.SpawnTransact(co, s, func(co *callback.Co) (int, error) {
				if _, err := coll.InsertOne(co, bson.M{}).Await(co); err != nil {
					return 0, err
				}
				return 0, errMine
			}).Await(co)
		}).Await(co)
	}, 30*time.Second)
	if !errors.Is(err, errMine) {
		t.Errorf("got %v", err)
	}
	sent(t, peer, map[string]int{"insert": 3, "abortTransaction": 2, "commitTransaction": 1})
}

func TestWithTransactionInCallbacks(t *testing.T) {
	peer, loop, client := transactional(t)
	coll := client.Database("d").Collection("c")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	runs, tries := 0, 0 // no lock: they are the loop's
	insert := func(ctx context.Context, done callback.Func[int]) {
		tries++
		coll.InsertOne(ctx, bson.M{}, func(_ *motor.InsertOneResult, err error) {
			runs++
			done(runs, err)
		})
	}
	var outcomes []error
	loop.AddCallback(func() {
		callback.WithSession(ctx, client, func(ctx context.Context, s *callback.Session, done callback.Func[int]) {
			callback.WithTransaction(ctx, s, insert, func(n int, err error) {
				if n != 2 {
					t.Errorf("got %d", n)
				}
				outcomes = append(outcomes, err)
				callback.Transact(ctx, s, insert, func(_ int, err error) {
					outcomes = append(outcomes, err)
					callback.Transact(ctx, s, func(context.Context, callback.Func[int]) { panic("no") }, func(_ int, err error) {
						outcomes = append(outcomes, err)
						done(runs, nil)
					})
				})
			})
		}, func(n int, err error) {
			outcomes = append(outcomes, err)
			if n != 3 {
				t.Errorf("got %d", n)
			}
			loop.Stop()
		})
	})
	loop.Start()
	var panicked *future.PanicError
	if len(outcomes) != 4 || outcomes[0] != nil || outcomes[1] != nil || !errors.As(outcomes[2], &panicked) || outcomes[3] != nil {
		t.Errorf("outcomes %v", outcomes)
	}
	if tries != 3 {
		t.Errorf("%d tries", tries)
	}
	sent(t, peer, map[string]int{"insert": 3, "abortTransaction": 1, "commitTransaction": 2})
}

// A loop that is no *Loop runs no coroutines, but callbacks.
func TestTransactionsOnALoopOfAnotherKind(t *testing.T) {
	peer, _, client := transactional(t)
	pool, err := future.NewPool(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	own := callback.WrapClient(pool, client.Futures())
	f := callback.SpawnWithSession(t.Context(), own, func(*callback.Co, *callback.Session) (int, error) { return 1, nil })
	if _, err := f.Await(t.Context()); !errors.Is(err, motor.TypeError) {
		t.Errorf("got %v, want TypeError", err)
	}
	p := future.NewPromise[int]()
	callback.WithSession(t.Context(), own, func(_ context.Context, _ *callback.Session, done callback.Func[int]) {
		done(5, nil)
	}, func(n int, err error) { p.Settle(n, err) })
	if n, err := p.Future().Await(t.Context()); n != 5 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
	sent(t, peer, map[string]int{"insert": 0})
}

// What does not call done ends with its context, and what is called in it afterwards counts for nothing.
func TestTransactionThatIsNeverDone(t *testing.T) {
	peer, loop, client := transactional(t)
	coll := client.Database("d").Collection("c")
	ctx, cancel := context.WithCancel(t.Context())
	guard := loop.CallLater(30*time.Second, loop.Stop)
	defer loop.RemoveTimeout(guard)
	outcomes := make(map[string]error)
	loop.AddCallback(func() {
		callback.WithSession(t.Context(), client, func(in context.Context, s *callback.Session, done callback.Func[int]) {
			callback.Transact(ctx, s, func(ctx context.Context, done callback.Func[int]) {
				coll.InsertOne(ctx, bson.M{}, func(*motor.InsertOneResult, error) { // which fails for a moment
					coll.InsertOne(ctx, bson.M{}, func(*motor.InsertOneResult, error) { cancel() })
				})
			}, func(_ int, err error) {
				outcomes["Transact"] = err
				done(0, nil)
			})
		}, func(_ int, err error) {
			outcomes["WithSession"] = err
			loop.Stop()
		})
	})
	loop.Start()
	if err := outcomes["Transact"]; err != context.Canceled || len(outcomes) != 2 || outcomes["WithSession"] != nil {
		t.Errorf("got %v", outcomes)
	}
	sent(t, peer, map[string]int{"insert": 2, "abortTransaction": 1, "commitTransaction": 0})
}

func TestTransactionsHaveTheirOptions(t *testing.T) {
	_, loop, client := transactional(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	started, err := client.Futures().StartSession(ctx).Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := callback.WrapSession(loop, started)
	unacknowledged := options.Transaction().SetWriteConcern(writeconcern.Unacknowledged())
	fn := func(_ context.Context, done callback.Func[int]) { done(0, nil) }
	co := func(*callback.Co) (int, error) { return 0, nil }
	inCallbacks := func(call func(callback.Func[int])) *future.Future[int] {
		p := future.NewPromise[int]()
		call(func(n int, err error) { p.Settle(n, err) })
		return p.Future()
	}
	for name, f := range map[string]*future.Future[int]{
		"WithTransaction": inCallbacks(func(done callback.Func[int]) {
			callback.WithTransaction(ctx, s, fn, done, unacknowledged)
		}),
		"Transact": inCallbacks(func(done callback.Func[int]) {
			callback.Transact(ctx, s, fn, done, unacknowledged)
		}),
		"SpawnWithTransaction": callback.SpawnWithTransaction(ctx, s, co, unacknowledged),
		"SpawnTransact":        callback.SpawnTransact(ctx, s, co, unacknowledged),
		"SpawnWithSession": callback.SpawnWithSession(ctx, client, func(*callback.Co, *callback.Session) (int, error) { return 0, nil },
			options.Session().SetSnapshotTime(bson.Timestamp{T: 1})),
		"WithSession": inCallbacks(func(done callback.Func[int]) {
			callback.WithSession(ctx, client, func(_ context.Context, _ *callback.Session, done callback.Func[int]) { done(0, nil) },
				done, options.Session().SetSnapshotTime(bson.Timestamp{T: 1}))
		}),
	} {
		_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) { return f.Await(co) }, 30*time.Second)
		if !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("%s: got %v, want ConfigurationError", name, err)
		}
	}
}

func TestSessionFunctionsNeedAFunction(t *testing.T) {
	_, loop, client := transactional(t)
	started, err := client.Futures().StartSession(t.Context()).Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := callback.WrapSession(loop, started)
	for name, call := range map[string]func(){
		"WithTransaction":      func() { callback.WithTransaction[int](t.Context(), s, nil, nil) },
		"SpawnWithTransaction": func() { callback.SpawnWithTransaction[int](t.Context(), s, nil) },
		"Transact":             func() { callback.Transact[int](t.Context(), s, nil, nil) },
		"SpawnTransact":        func() { callback.SpawnTransact[int](t.Context(), s, nil) },
		"WithSession":          func() { callback.WithSession[int](t.Context(), client, nil, nil) },
		"SpawnWithSession":     func() { callback.SpawnWithSession[int](t.Context(), client, nil) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}
