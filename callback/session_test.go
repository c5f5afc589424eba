package callback_test

import (
	"context"
	"errors"
	"maps"
	"slices"
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

// transactional returns a client and its loop. The peer fails the first insert with a transient error.
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

// sent checks the numbers of commands that were sent.
func sent(t *testing.T, peer *wiretest.Peer, want map[string]int) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if got := len(peer.Seen(name)); got != want[name] {
			t.Errorf("%s was sent %d times, want %d", name, got, want[name])
		}
	}
}

func TestSpawnWithTransaction(t *testing.T) {
	peer, loop, client := transactional(t)
	coll := client.Database("d").Collection("c").Futures()
	runs := 0 // needs no lock: used only on the loop
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
		t.Errorf("RunSync() = %d, %v; want 2, <nil>", n, err)
	}
	sent(t, peer, map[string]int{"insert": 2, "abortTransaction": 1, "commitTransaction": 1})
	for _, insert := range peer.Seen("insert") {
		if insert.Lookup("startTransaction").String() != "true" {
			t.Errorf("insert has no startTransaction, want true: %s", insert)
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
		t.Errorf("SpawnTransact() error = %v, want %v", err, errMine)
	}
	sent(t, peer, map[string]int{"insert": 3, "abortTransaction": 2, "commitTransaction": 1})
}

func TestWithTransactionInCallbacks(t *testing.T) {
	peer, loop, client := transactional(t)
	coll := client.Database("d").Collection("c")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	runs, tries := 0, 0 // need no lock: used only on the loop
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
					t.Errorf("WithTransaction result = %d, want 2", n)
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
				t.Errorf("WithSession result = %d, want 3", n)
			}
			loop.Stop()
		})
	})
	loop.Start()
	var panicked *future.PanicError
	if len(outcomes) != 4 || outcomes[0] != nil || outcomes[1] != nil || !errors.As(outcomes[2], &panicked) || outcomes[3] != nil {
		t.Errorf("outcomes = %v, want [<nil> <nil> *PanicError <nil>]", outcomes)
	}
	if tries != 3 {
		t.Errorf("insert was tried %d times, want 3", tries)
	}
	sent(t, peer, map[string]int{"insert": 3, "abortTransaction": 1, "commitTransaction": 2})
}

// An executor that is not a *Loop can run callbacks, but no coroutines.
func TestTransactionOnOtherExecutor(t *testing.T) {
	peer, _, client := transactional(t)
	pool, err := future.NewPool(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	own := callback.WrapClient(pool, client.Futures())
	f := callback.SpawnWithSession(t.Context(), own, func(*callback.Co, *callback.Session) (int, error) { return 1, nil })
	if _, err := f.Await(t.Context()); !errors.Is(err, motor.TypeError) {
		t.Errorf("SpawnWithSession() error = %v, want TypeError", err)
	}
	p := future.NewPromise[int]()
	callback.WithSession(t.Context(), own, func(_ context.Context, _ *callback.Session, done callback.Func[int]) {
		done(5, nil)
	}, func(n int, err error) { p.Settle(n, err) })
	if n, err := p.Future().Await(t.Context()); n != 5 || err != nil {
		t.Errorf("WithSession() = %d, %v; want 5, <nil>", n, err)
	}
	sent(t, peer, map[string]int{"insert": 0})
}

// A function that never calls done ends when its context ends.
func TestTransactionNeverDone(t *testing.T) {
	peer, loop, client := transactional(t)
	coll := client.Database("d").Collection("c")
	ctx, cancel := context.WithCancel(t.Context())
	guard := loop.CallLater(30*time.Second, loop.Stop)
	defer loop.RemoveTimeout(guard)
	var transact, withSession []error
	loop.AddCallback(func() {
		callback.WithSession(t.Context(), client, func(in context.Context, s *callback.Session, done callback.Func[int]) {
			callback.Transact(ctx, s, func(ctx context.Context, done callback.Func[int]) {
				coll.InsertOne(ctx, bson.M{}, func(*motor.InsertOneResult, error) { // fails with a transient error
					coll.InsertOne(ctx, bson.M{}, func(*motor.InsertOneResult, error) { cancel() })
				})
			}, func(_ int, err error) {
				transact = append(transact, err)
				done(0, nil)
			})
		}, func(_ int, err error) {
			withSession = append(withSession, err)
			loop.Stop()
		})
	})
	loop.Start()
	if !slices.Equal(transact, []error{context.Canceled}) || !slices.Equal(withSession, []error{nil}) {
		t.Errorf("Transact got %v, WithSession got %v; want [%v], [<nil>]", transact, withSession, context.Canceled)
	}
	sent(t, peer, map[string]int{"insert": 2, "abortTransaction": 1, "commitTransaction": 0})
}

func TestTransactionOptions(t *testing.T) {
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
	for _, c := range []struct {
		name string
		f    *future.Future[int]
	}{
		{"WithTransaction", inCallbacks(func(done callback.Func[int]) {
			callback.WithTransaction(ctx, s, fn, done, unacknowledged)
		})},
		{"Transact", inCallbacks(func(done callback.Func[int]) {
			callback.Transact(ctx, s, fn, done, unacknowledged)
		})},
		{"SpawnWithTransaction", callback.SpawnWithTransaction(ctx, s, co, unacknowledged)},
		{"SpawnTransact", callback.SpawnTransact(ctx, s, co, unacknowledged)},
		{"SpawnWithSession", callback.SpawnWithSession(ctx, client, func(*callback.Co, *callback.Session) (int, error) { return 0, nil },
			options.Session().SetSnapshotTime(bson.Timestamp{T: 1}))},
		{"WithSession", inCallbacks(func(done callback.Func[int]) {
			callback.WithSession(ctx, client, func(_ context.Context, _ *callback.Session, done callback.Func[int]) { done(0, nil) },
				done, options.Session().SetSnapshotTime(bson.Timestamp{T: 1}))
		})},
	} {
		_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) { return c.f.Await(co) }, 30*time.Second)
		if !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("%s() error = %v, want ConfigurationError", c.name, err)
		}
	}
}

func TestSessionFunctionsNil(t *testing.T) {
	_, loop, client := transactional(t)
	started, err := client.Futures().StartSession(t.Context()).Await(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := callback.WrapSession(loop, started)
	for _, c := range []struct {
		name string
		call func()
	}{
		{"WithTransaction", func() { callback.WithTransaction[int](t.Context(), s, nil, nil) }},
		{"SpawnWithTransaction", func() { callback.SpawnWithTransaction[int](t.Context(), s, nil) }},
		{"Transact", func() { callback.Transact[int](t.Context(), s, nil, nil) }},
		{"SpawnTransact", func() { callback.SpawnTransact[int](t.Context(), s, nil) }},
		{"WithSession", func() { callback.WithSession[int](t.Context(), client, nil, nil) }},
		{"SpawnWithSession", func() { callback.SpawnWithSession[int](t.Context(), client, nil) }},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s(nil) did not panic, want a panic", c.name)
				}
			}()
			c.call()
		}()
	}
}
