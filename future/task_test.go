package future_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestQueuedTasksThatEndEarlyNeverStart(t *testing.T) {
	pool := newPool(t, 1)
	release := make(chan struct{})
	blocker := future.Go(t.Context(), pool, func(context.Context) (int, error) { <-release; return 1, nil })
	never := func(context.Context) (int, error) { t.Error("started"); return 0, nil }
	ctx, cancel := context.WithCancel(t.Context())
	byCancel := future.Go(t.Context(), pool, never)
	byContext := future.Go(ctx, pool, never)
	byCancel.Cancel()
	cancel()
	wantError(t, byContext, context.Canceled) // while the pool is still blocked
	if s := pool.Stats(); s.Queued != 0 {
		t.Errorf("%d are still queued", s.Queued)
	}
	dead := future.Go(ctx, pool, never)
	close(release)
	wantError(t, dead, context.Canceled)
	wantValue(t, blocker, 1)
	if s := pool.Stats(); s.Completed != 1 {
		t.Errorf("%d completed; only one task has run", s.Completed)
	}
}

func TestTasksLendTheirSlotWhileTheyWait(t *testing.T) {
	for _, opts := range [][]future.PoolOption{nil, {future.WithInPlaceAwait()}} {
		pool := newPool(t, 1, opts...)
		var nest func(ctx context.Context, depth int) *future.Future[int]
		nest = func(ctx context.Context, depth int) *future.Future[int] {
			return future.Go(ctx, pool, func(own context.Context) (int, error) {
				if depth == 1 {
					return 1, nil
				}
				v, err := nest(own, depth-1).Await(own)
				return v + 1, err
			})
		}
		wantValue(t, nest(t.Context(), 5), 5)
		var fs []*future.Future[int]
		for range 20 {
			fs = append(fs, nest(t.Context(), 4))
		}
		for _, f := range fs {
			wantValue(t, f, 4)
		}
	}
}

func TestALentSlotComesBackFirst(t *testing.T) {
	pool := newPool(t, 1)
	p := future.NewPromise[int]()
	var got record[string]
	release := make(chan struct{})
	waiter := future.Go(t.Context(), pool, func(own context.Context) (int, error) {
		v, err := p.Future().Await(own)
		got.add("resumed")
		return v, err
	})
	eventually(t, "the slot was not lent", func() bool { return pool.Stats().Running == 0 })
	running := future.Go(t.Context(), pool, func(context.Context) (int, error) { <-release; got.add("running"); return 0, nil })
	queued := future.Go(t.Context(), pool, func(context.Context) (int, error) { got.add("queued"); return 0, nil })
	p.Resolve(3)
	time.Sleep(5 * time.Millisecond) // until the waiter asks for its slot
	close(release)
	wantValue(t, waiter, 3)
	await(t, future.All(running, queued))
	if want := []string{"running", "resumed", "queued"}; !slices.Equal(got.all(), want) {
		t.Errorf("the order was %v; want %v", got.all(), want)
	}
}

func TestALentSlotAndTheEndOfTheContext(t *testing.T) {
	pool := newPool(t, 1)
	f := future.Go(t.Context(), pool, func(own context.Context) (int, error) {
		return future.NewPromise[int]().Future().Await(own)
	})
	eventually(t, "the slot was not lent", func() bool { return pool.Stats().Running == 0 })
	f.Cancel()
	pool.Close() // waits for the function, which Cancel made return
}

func TestTheContextOfATask(t *testing.T) {
	pool := newPool(t, 1)
	type key struct{}
	parent, cancel := context.WithTimeoutCause(context.WithValue(t.Context(), key{}, "v"), time.Hour, errBang)
	defer cancel()
	var kept context.Context
	f := future.Go(parent, pool, func(ctx context.Context) (int, error) {
		if ctx.Value(key{}) != "v" || ctx.Err() != nil {
			t.Error("the values are not the parent's")
		}
		if d, ok := ctx.Deadline(); !ok || time.Until(d) < time.Minute {
			t.Error("the deadline is not the parent's")
		}
		n := runtime.NumGoroutine()
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		if m := runtime.NumGoroutine(); m > n {
			t.Errorf("a context derived from the task's took %d goroutines", m-n)
		}
		if child.Err() != nil || ctx.Err() != nil || ctx.Value(key{}) != "v" {
			t.Error("ended early")
		}
		kept = ctx
		return 1, nil
	})
	wantValue(t, f, 1)
	if kept.Err() != context.Canceled {
		t.Error("the context goes on after the task")
	}
	var lazy context.Context // never asked for its channel while the task ran
	wantValue(t, future.Go(parent, pool, func(ctx context.Context) (int, error) { lazy = ctx; return 1, nil }), 1)
	if lazy.Err() != context.Canceled || context.Cause(lazy) != context.Canceled || lazy.Value(key{}) != "v" {
		t.Error("a context that was not used goes on after the task")
	}
	<-lazy.Done()
	cancelled := future.Go(parent, pool, func(ctx context.Context) (int, error) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { <-ctx.Done() })
		}
		wg.Wait()
		return 0, ctx.Err()
	})
	time.Sleep(time.Millisecond)
	cancelled.Cancel()
	wantError(t, cancelled, future.ErrCancelled)
}

func TestInPlaceAwait(t *testing.T) {
	pool := newPool(t, 2, future.WithInPlaceAwait())
	ctx := t.Context()
	inPlace := 0
	for range 200 {
		me := goroutineID()
		f := future.Go(ctx, pool, func(context.Context) (bool, error) { return goroutineID() == me, nil })
		here, err := f.Await(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if here {
			inPlace++
		}
		other, cancel := context.WithCancel(ctx)
		f = future.Go(ctx, pool, func(context.Context) (bool, error) { return goroutineID() == me, nil })
		if here, err := f.Await(other); here || err != nil {
			t.Fatalf("run in place under another context: %v, %v", here, err)
		}
		cancel()
	}
	if inPlace == 0 {
		t.Error("no task was run in place")
	}
	wantPanic(t, future.Then(future.Resolved(0), func(int) (int, error) {
		return future.Go(ctx, pool, func(context.Context) (int, error) { panic("x") }).Await(ctx)
	}), "x")
	wantPanic(t, future.Then(future.Resolved(0), func(int) (int, error) {
		f := future.Go(ctx, pool, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
		f.OnComplete(func(int, error) {}) // sees the error: this goroutine may not get to it
		return f.Await(ctx)
	}), nil)
	for _, c := range []context.Context{context.Background(), context.TODO(), context.WithoutCancel(ctx)} {
		wantValue(t, future.Then(future.Resolved(0), func(int) (int, error) {
			return future.Go(c, pool, func(context.Context) (int, error) { return 3, nil }).Await(c)
		}), 3)
	}
	pool.Close()
	if s := pool.Stats(); s.Running != 0 || s.Panics != 2 {
		t.Errorf("Stats: %+v", s)
	}
}

// goroutineID tells goroutines apart by what their stack dump begins with.
func goroutineID() string {
	var b [32]byte
	s := string(b[:runtime.Stack(b[:], false)])
	for i := len("goroutine "); i < len(s); i++ {
		if s[i] == ' ' {
			return s[:i]
		}
	}
	return s
}

func TestATaskMayOutliveItsFuture(t *testing.T) {
	pool := newPool(t, 1)
	release := make(chan struct{})
	started := make(chan struct{})
	f := future.Go(t.Context(), pool, func(context.Context) (int, error) { close(started); <-release; return 1, nil })
	<-started
	f.Cancel()
	next := future.Go(t.Context(), pool, func(context.Context) (int, error) { return 2, nil })
	if s := pool.Stats(); s.Running != 1 || s.Queued != 1 {
		t.Errorf("the slot of a cancelled task is still taken: %+v", s)
	}
	close(release)
	wantValue(t, next, 2)
	wantError(t, f, future.ErrCancelled)
}

func TestGoOnAnyExecutor(t *testing.T) {
	q := new(queue)
	f := future.Go(t.Context(), q, func(ctx context.Context) (int, error) {
		return future.Resolved(1).Await(ctx)
	})
	cancelled := future.Go(t.Context(), q, func(context.Context) (int, error) { t.Error("started"); return 0, nil })
	cancelled.Cancel()
	ctx, cancel := context.WithCancel(t.Context())
	ended := future.Go(ctx, q, func(context.Context) (int, error) { t.Error("started"); return 0, nil })
	cancel()
	wantError(t, ended, context.Canceled)
	q.turn()
	wantValue(t, f, 1)

	pool := newPool(t, 1)
	via := future.GoVia(t.Context(), pool, q, func(context.Context) (int, error) { return 4, nil })
	child := future.Then(via, func(i int) (int, error) { return i + 1, nil })
	wantValue(t, via, 4)
	eventually(t, "not posted", func() bool { return q.turn() == 1 })
	wantValue(t, child, 5)
}
