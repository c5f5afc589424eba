package motor_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// Operations of a session run one at a time, in call order, with more operations than workers and with cancelled ones.
func TestSessionRunsInCallOrder(t *testing.T) {
	peer, s, coll := newSession(t)
	var mu sync.Mutex
	var order []int32
	running := 0
	givenUp := func(id int32) bool { return id%5 == 2 || id%3 == 1 } // The peer may still handle it after its cancellation.
	begin := make(chan struct{})
	peer.Handle("insert", func(r *wiretest.Request) {
		<-begin
		id := r.Command.Lookup("documents", "0", "_id").Int32()
		busy := func(n int) {
			mu.Lock()
			defer mu.Unlock()
			if running += n; running > 1 {
				t.Error("two operations of one session ran at once")
			}
		}
		mu.Lock()
		order = append(order, id)
		mu.Unlock()
		if !givenUp(id) {
			busy(1)
			time.Sleep(time.Millisecond / 4)
			busy(-1)
		}
		r.OK(bson.M{"n": 1})
	})
	ended, cancel := context.WithCancel(t.Context())
	const callers = 100
	all := []*future.Future[*motor.InsertOneResult]{coll.InsertOne(s.Context(t.Context()), bson.M{"_id": 0})}
	want := []int32{0}
	var called sync.Mutex
	var wg sync.WaitGroup
	for i := int32(1); i < callers; i++ {
		wg.Go(func() {
			ctx := s.Context(t.Context())
			if i%3 == 1 {
				ctx = mongo.NewSessionContext(ended, s.Delegate())
			}
			called.Lock()
			defer called.Unlock()
			f := coll.InsertOne(ctx, bson.M{"_id": i})
			all = append(all, f)
			want = append(want, i)
		})
	}
	wg.Wait()
	cancelled := 0
	for i, id := range want {
		if id%5 != 2 {
			continue
		}
		all[i].Cancel()
		if cancelled++; cancelled == 10 { // The first ten wait in the queue. The others may be in any state.
			close(begin)
		}
	}
	cancel()
	guard, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	if _, err := future.AllSettled(all...).Await(guard); err != nil {
		t.Fatalf("they do not end: AllSettled() = %v, want nil", err)
	}
	// The last operation runs after all others.
	succeed(t, coll.InsertOne(s.Context(t.Context()), bson.M{"_id": callers}))
	mu.Lock()
	defer mu.Unlock()
	next := 0
	for _, id := range append(want, callers) {
		if next < len(order) && order[next] == id {
			next++
		} else if id == callers || !givenUp(id) {
			t.Errorf("operation %d did not run in call order", id)
		}
	}
	if next != len(order) {
		t.Errorf("got order %v, want the order of the calls %v", order, want)
	}
	if dropped := callers + 1 - len(order); dropped < 10 {
		t.Errorf("got %d cancelled operations that did not run, want at least 10", dropped)
	}
}

// An operation that waits for its session takes no slot. If its context ends, its error is the context's error.
func TestSessionWaitTakesNoSlot(t *testing.T) {
	peer, s, coll := newSession(t) // two workers
	first := coll.InsertOne(s.Context(t.Context()), bson.M{"_id": 1})
	held := peer.Receive("insert")
	var waiting []*future.Future[*motor.InsertOneResult]
	for range 20 {
		waiting = append(waiting, coll.InsertOne(s.Context(t.Context()), bson.M{"_id": 2}))
	}
	found := coll.FindOne(t.Context(), bson.D{})
	peer.Receive("find").Cursor("d.c", 0)
	succeed(t, found)

	ctx, expire := expiring(s.Context(t.Context()))
	late := coll.InsertOne(ctx, bson.D{})
	expire()
	if _, err := late.Await(t.Context()); err != context.DeadlineExceeded {
		t.Errorf("got %v, want the context's error, unwrapped", err)
	}
	for _, f := range waiting {
		f.Cancel()
	}
	last := coll.DeleteOne(s.Context(t.Context()), bson.D{})
	held.OK(bson.M{"n": 1})
	succeed(t, first)
	peer.Receive("delete").OK(bson.M{"n": 1})
	succeed(t, last)
}

// Client.Close waits for operations that wait for their session.
func TestClientCloseWaitsForSession(t *testing.T) {
	peer, s, coll := newSession(t)
	first := coll.InsertOne(s.Context(t.Context()), bson.M{"_id": 1})
	held := peer.Receive("insert")
	next := coll.DeleteOne(s.Context(t.Context()), bson.D{})
	closed := make(chan error, 1)
	go func() { closed <- coll.Database().Client().Close(context.Background()) }()
	eventually(t, func() bool { return !coll.Database().Client().Connected() })
	held.OK(bson.M{"n": 1})
	peer.Receive("delete").OK(bson.M{"n": 1})
	succeed(t, first)
	succeed(t, next)
	select {
	case err := <-closed:
		noError(t, err)
	case <-time.After(30 * time.Second):
		t.Error("Close did not return")
	}
}

// Reads of a cursor and operations of its session share one order.
func TestSessionAndCursorShareOrder(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 1}) })
	peer.Handle("insert", ok(bson.M{"n": 1}))
	cursors := []*motor.Cursor[bson.M]{coll.Find(bson.D{}), coll.Find(bson.D{})}
	ctx := s.Context(t.Context())
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 40 {
				switch (n + i) % 5 {
				case 0, 1, 2:
					if _, err := cursors[(n+i)%2].Next(ctx).Await(ctx); err != nil && !errors.Is(err, motor.StopAsyncIteration) {
						t.Errorf("Next() = %v, want nil or StopAsyncIteration", err)
					}
				case 3:
					if _, err := coll.InsertOne(ctx, bson.D{}).Await(ctx); err != nil {
						t.Errorf("InsertOne() = %v, want nil", err)
					}
				case 4:
					cursors[i%2].Rewind()
				}
			}
		})
	}
	wg.Wait()
	for _, c := range cursors {
		succeed(t, c.Close(ctx))
	}
}

// A commit that is cancelled before its turn has no effect, and its future settles at once.
func TestCommitCancelledInQueue(t *testing.T) {
	for _, test := range []struct {
		name string
		wait func(*testing.T, *motor.Client)
	}{
		{"at once", func(*testing.T, *motor.Client) {}},
		{"while it waits for its turn", func(t *testing.T, client *motor.Client) {
			eventually(t, func() bool { return client.Stats().Running == 1 }) // the slot is lent
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer, s, coll := newSession(t)
			noError(t, s.StartTransaction())
			inserted := coll.InsertOne(s.Context(t.Context()), bson.D{})
			held := peer.Receive("insert")
			commit := s.CommitTransaction(t.Context())
			test.wait(t, coll.Database().Client())
			commit.Cancel()
			if !s.InTransaction() {
				t.Error("InTransaction() = false, want true")
			}
			held.OK(bson.M{"n": 1})
			succeed(t, inserted)
			succeed(t, s.CommitTransaction(t.Context()))
			if n := len(peer.Seen("commitTransaction")); n != 1 {
				t.Errorf("got %d commitTransaction commands, want 1", n)
			}
		})
	}
}

// expiring returns a context whose deadline passes when expire is called.
func expiring(ctx context.Context) (e context.Context, expire func()) {
	over := make(chan struct{})
	return expiringContext{ctx, over}, sync.OnceFunc(func() { close(over) })
}

type expiringContext struct {
	context.Context
	over <-chan struct{}
}

func (e expiringContext) Done() <-chan struct{} { return e.over }

func (e expiringContext) Err() error {
	select {
	case <-e.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}
