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

func TestEndedQueuedTasksNeverStart(t *testing.T) {
	pool := newPool(t, 1)
	release := make(chan struct{})
	blocker := future.Go(t.Context(), pool, func(context.Context) (int, error) { <-release; return 1, nil })
	never := func(context.Context) (int, error) { t.Error("the task was started"); return 0, nil }
	ctx, cancel := context.WithCancel(t.Context())
	byCancel := future.Go(t.Context(), pool, never)
	byContext := future.Go(ctx, pool, never)
	byCancel.Cancel()
	cancel()
	wantError(t, byContext, context.Canceled) // the pool is still blocked
	if s := pool.Stats(); s.Queued != 0 {
		t.Errorf("Queued = %d, want 0", s.Queued)
	}
	dead := future.Go(ctx, pool, never)
	close(release)
	wantError(t, dead, context.Canceled)
	wantValue(t, blocker, 1)
	if s := pool.Stats(); s.Completed != 1 {
		t.Errorf("Completed = %d, want 1", s.Completed)
	}
}

func TestTaskLendsSlotDuringAwait(t *testing.T) {
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

func TestLentSlotReturnsBeforeQueue(t *testing.T) {
	pool := newPool(t, 1)
	p := future.NewPromise[int]()
	var got record[string]
	release := make(chan struct{})
	waiter := future.Go(t.Context(), pool, func(own context.Context) (int, error) {
		v, err := p.Future().Await(own)
		got.add("resumed")
		return v, err
	})
	eventually(t, "the waiting task has not lent its slot", func() bool { return pool.Stats().Running == 0 })
	running := future.Go(t.Context(), pool, func(context.Context) (int, error) { <-release; got.add("running"); return 0, nil })
	queued := future.Go(t.Context(), pool, func(context.Context) (int, error) { got.add("queued"); return 0, nil })
	p.Resolve(3)
	time.Sleep(5 * time.Millisecond) // until the waiter requests its slot
	close(release)
	wantValue(t, waiter, 3)
	await(t, future.All(running, queued))
	if want := []string{"running", "resumed", "queued"}; !slices.Equal(got.all(), want) {
		t.Errorf("order = %v, want %v", got.all(), want)
	}
}

func TestLentSlotContextEnds(t *testing.T) {
	pool := newPool(t, 1)
	f := future.Go(t.Context(), pool, func(own context.Context) (int, error) {
		return future.NewPromise[int]().Future().Await(own)
	})
	eventually(t, "the waiting task has not lent its slot", func() bool { return pool.Stats().Running == 0 })
	f.Cancel()
	pool.Close() // waits until the function returns, because of Cancel
}

func TestContextOfTask(t *testing.T) {
	pool := newPool(t, 1)
	type key struct{}
	parent, cancel := context.WithTimeoutCause(context.WithValue(t.Context(), key{}, "v"), time.Hour, errBang)
	defer cancel()
	var kept context.Context
	f := future.Go(parent, pool, func(ctx context.Context) (int, error) {
		if ctx.Value(key{}) != "v" || ctx.Err() != nil {
			t.Error("the context has no value of its parent or has ended, want neither")
		}
		if d, ok := ctx.Deadline(); !ok || time.Until(d) < time.Minute {
			t.Errorf("Deadline() = %v, %v; want that of the parent", d, ok)
		}
		n := runtime.NumGoroutine()
		child, cancel := context.WithCancel(ctx)
		defer cancel()
		if m := runtime.NumGoroutine(); m > n {
			t.Errorf("a derived context has started %d goroutines, want 0", m-n)
		}
		if child.Err() != nil || ctx.Err() != nil || ctx.Value(key{}) != "v" {
			t.Error("the context has ended before the task, want it active")
		}
		kept = ctx
		return 1, nil
	})
	wantValue(t, f, 1)
	if kept.Err() != context.Canceled {
		t.Errorf("Err() = %v after the task, want context.Canceled", kept.Err())
	}
	var lazy context.Context // the task does not call Done
	wantValue(t, future.Go(parent, pool, func(ctx context.Context) (int, error) { lazy = ctx; return 1, nil }), 1)
	if lazy.Err() != context.Canceled || context.Cause(lazy) != context.Canceled || lazy.Value(key{}) != "v" {
		t.Errorf("Err() = %v of an unused context after the task, want context.Canceled", lazy.Err())
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
			t.Fatalf("Await() with another context: in place = %v, error = %v; want false, <nil>", here, err)
		}
		cancel()
	}
	if inPlace == 0 {
		t.Error("no task ran in place, want some")
	}
	wantPanic(t, future.Then(future.Resolved(0), func(int) (int, error) {
		return future.Go(ctx, pool, func(context.Context) (int, error) { panic("x") }).Await(ctx)
	}), "x")
	wantPanic(t, future.Then(future.Resolved(0), func(int) (int, error) {
		f := future.Go(ctx, pool, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil })
		f.OnComplete(func(int, error) {}) // observes the error, because Goexit may end this goroutine before Await does
		return f.Await(ctx)
	}), nil)
	for _, c := range []context.Context{context.Background(), context.TODO(), context.WithoutCancel(ctx)} {
		wantValue(t, future.Then(future.Resolved(0), func(int) (int, error) {
			return future.Go(c, pool, func(context.Context) (int, error) { return 3, nil }).Await(c)
		}), 3)
	}
	pool.Close()
	if s := pool.Stats(); s.Running != 0 || s.Panics != 2 {
		t.Errorf("Stats() = %+v, want Running 0 and Panics 2", s)
	}
}

// goroutineID returns the number of the current goroutine, from its stack trace.
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

func TestTaskOutlivesItsFuture(t *testing.T) {
	pool := newPool(t, 1)
	release := make(chan struct{})
	started := make(chan struct{})
	f := future.Go(t.Context(), pool, func(context.Context) (int, error) { close(started); <-release; return 1, nil })
	<-started
	f.Cancel()
	next := future.Go(t.Context(), pool, func(context.Context) (int, error) { return 2, nil })
	if s := pool.Stats(); s.Running != 1 || s.Queued != 1 {
		t.Errorf("Stats() = %+v while a cancelled task runs, want Running 1 and Queued 1", s)
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
	cancelled := future.Go(t.Context(), q, func(context.Context) (int, error) { t.Error("the task was started"); return 0, nil })
	cancelled.Cancel()
	ctx, cancel := context.WithCancel(t.Context())
	ended := future.Go(ctx, q, func(context.Context) (int, error) { t.Error("the task was started"); return 0, nil })
	cancel()
	wantError(t, ended, context.Canceled)
	q.turn()
	wantValue(t, f, 1)

	pool := newPool(t, 1)
	via := future.GoVia(t.Context(), pool, q, func(context.Context) (int, error) { return 4, nil })
	child := future.Then(via, func(i int) (int, error) { return i + 1, nil })
	wantValue(t, via, 4)
	eventually(t, "the continuation was not queued on its executor", func() bool { return q.turn() == 1 })
	wantValue(t, child, 5)
}
