package callback_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

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
	}, time.Minute)
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
	}, time.Minute)
	if !errors.Is(err, errMine) {
		t.Errorf("got %v", err)
	}
	sent(t, peer, map[string]int{"insert": 3, "abortTransaction": 2, "commitTransaction": 1})
}

func TestWithTransactionInCallbacks(t *testing.T) {
	peer, loop, client := transactional(t)
	coll := client.Database("d").Collection("c")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
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
