package future_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestPoolNeverExceedsItsLimit(t *testing.T) {
	for _, limit := range []int{1, 2, 7} {
		for _, opts := range [][]future.PoolOption{nil, {future.WithInPlaceAwait()}} {
			pool := newPool(t, limit, opts...)
			var at, most atomic.Int64
			count := func() func() {
				n := at.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				return func() { at.Add(-1) }
			}
			ctx := t.Context()
			task := func(context.Context) (int, error) {
				defer count()()
				runtime.Gosched()
				return 1, nil
			}
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for i := range 100 {
						switch i % 5 {
						case 0:
							future.Go(ctx, pool, task).Await(ctx)
						case 1:
							future.Then(future.Go(ctx, pool, task), func(int) (int, error) {
								return future.Go(ctx, pool, task).Await(ctx)
							}).Await(ctx)
						case 2:
							future.Go(ctx, pool, task).Cancel()
						case 3: // a task that lends its slot while it waits
							future.Go(ctx, pool, func(own context.Context) (int, error) {
								done := count()
								next := future.Go(own, pool, task)
								done()
								v, err := next.Await(own)
								defer count()()
								return v, err
							}).Await(ctx)
						case 4:
							done := make(chan struct{})
							if err := pool.Execute(func() { defer close(done); defer count()() }); err != nil {
								t.Error(err)
							}
							<-done
						}
					}
				})
			}
			wg.Wait()
			if m := most.Load(); m > int64(limit) {
				t.Errorf("%d tasks ran at once, want at most %d", m, limit)
			}
			pool.Close()
			if s := pool.Stats(); s.Running != 0 || s.Queued != 0 || s.Idle != 0 {
				t.Errorf("Stats() = %+v after Close, want Running, Queued and Idle 0", s)
			}
		}
	}
}

func TestPoolIsFIFO(t *testing.T) {
	pool := newPool(t, 1)
	release := make(chan struct{})
	var got record[int]
	fs := []*future.Future[int]{future.Go(t.Context(), pool, func(context.Context) (int, error) { <-release; return 0, nil })}
	for i := range 100 {
		fs = append(fs, future.Go(t.Context(), pool, func(context.Context) (int, error) { got.add(i); return i, nil }))
	}
	if s := pool.Stats(); s.Queued != 100 || s.Running != 1 {
		t.Errorf("Stats() = %+v, want Queued 100 and Running 1", s)
	}
	close(release)
	await(t, future.All(fs...))
	if !slices.IsSorted(got.all()) || len(got.all()) != 100 {
		t.Fatalf("tasks ran in the order %v, want the order of submission", got.all())
	}
	s := pool.Stats()
	if s.Completed != 101 || s.Waited != 100 || s.QueueWait <= 0 || s.MaxQueueWait <= 0 || s.MaxQueueWait > s.QueueWait {
		t.Errorf("Stats() = %+v, want Completed 101, Waited 100 and their waits", s)
	}
}

func TestPoolOptions(t *testing.T) {
	if _, err := future.NewPool(0); !errors.Is(err, future.ErrInvalidOption) {
		t.Errorf("NewPool(0) error = %v, want ErrInvalidOption", err)
	}
	if _, err := future.NewPool(1, future.WithMaxQueue(-1)); !errors.Is(err, future.ErrInvalidOption) {
		t.Errorf("WithMaxQueue(-1) error = %v, want ErrInvalidOption", err)
	}
	if n := newPool(t, 3).Limit(); n != 3 {
		t.Errorf("Limit() = %d, want 3", n)
	}
}

func TestPoolQueueLimit(t *testing.T) {
	for _, limit := range []int{0, 2} {
		pool := newPool(t, 1, future.WithMaxQueue(limit))
		release := make(chan struct{})
		task := func(context.Context) (int, error) { <-release; return 1, nil }
		accepted := []*future.Future[int]{future.Go(t.Context(), pool, task)}
		for range limit {
			accepted = append(accepted, future.Go(t.Context(), pool, task))
		}
		full := future.Go(t.Context(), pool, task)
		if !full.IsDone() || !errors.Is(full.Err(), future.ErrQueueFull) {
			t.Errorf("Err() = %v with a full queue, want ErrQueueFull at once", full.Err())
		}
		if err := pool.Execute(func() {}); !errors.Is(err, future.ErrQueueFull) {
			t.Errorf("Execute() = %v, want ErrQueueFull", err)
		}
		if limit > 0 { // a cancelled task makes room
			accepted[limit].Cancel()
			accepted[limit] = future.Go(t.Context(), pool, task)
		}
		close(release)
		if _, err := await(t, future.All(accepted...)); err != nil {
			t.Error(err)
		}
		if s := pool.Stats(); s.Rejected != 2 {
			t.Errorf("Stats() = %+v, want Rejected 2", s)
		}
	}
}

func TestPoolClose(t *testing.T) {
	reported := unobserved(t)
	pool := newPool(t, 1)
	release := make(chan struct{})
	started := make(chan struct{})
	running := future.Go(t.Context(), pool, func(context.Context) (int, error) { close(started); <-release; return 1, nil })
	<-started
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	queued := future.Go(ctx, pool, func(context.Context) (int, error) { t.Error("a queued task ran after Close"); return 0, nil })
	// Continuations and callbacks that are queued on the pool fail or are reported. They are not lost.
	continuation := future.Then(future.Resolved(1).Via(pool), func(int) (int, error) { t.Error("a queued function ran after Close"); return 0, nil })
	future.Resolved(1).Via(pool).OnComplete(func(int, error) { t.Error("a queued function ran after Close") })
	if err := pool.Execute(func() { t.Error("a queued function ran after Close") }); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { pool.Close(); close(closed) }()
	wantError(t, queued, future.ErrPoolClosed)
	wantError(t, continuation, future.ErrPoolClosed)
	eventually(t, "fewer than 2 undelivered callbacks were reported", func() bool { return reports(reported, future.ErrPoolClosed) == 2 })
	late := future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil })
	wantError(t, late, future.ErrPoolClosed)
	if err := pool.Execute(func() {}); err != future.ErrPoolClosed {
		t.Errorf("Execute() = %v, want ErrPoolClosed", err)
	}
	select {
	case <-closed:
		t.Error("Close has returned before the running task, want it to wait")
	default:
	}
	close(release)
	<-closed
	if v, err := running.Result(); v != 1 || err != nil {
		t.Errorf("Result() of the running task = %v, %v; want 1, <nil>", v, err)
	}
	pool.Close()
}

func TestPoolShutdownRunsQueuedTasks(t *testing.T) {
	pool := newPool(t, 1)
	var fs []*future.Future[int]
	for i := range 20 {
		fs = append(fs, future.Go(t.Context(), pool, func(context.Context) (int, error) { runtime.Gosched(); return i, nil }))
	}
	pool.Shutdown()
	for i, f := range fs {
		if v, err := f.Result(); v != i || err != nil {
			t.Errorf("Result() of task %d = %v, %v; want %d, <nil>", i, v, err, i)
		}
	}
}

func TestPoolCloseDuringSubmit(t *testing.T) {
	for range 50 {
		pool := newPool(t, 2)
		var wg sync.WaitGroup
		var fs record[*future.Future[int]]
		for range 4 {
			wg.Go(func() {
				for range 20 {
					fs.add(future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil }))
				}
			})
		}
		pool.Close()
		wg.Wait()
		for _, f := range fs.all() {
			if v, err := await(t, f); (v != 1 || err != nil) && err != future.ErrPoolClosed {
				t.Fatalf("Await() = %v, %v; want 1, <nil> or ErrPoolClosed", v, err)
			}
		}
	}
}

func TestExecutePanicsAreReported(t *testing.T) {
	reported := unobserved(t)
	pool := newPool(t, 1)
	for _, do := range []func(){func() { panic(errBoom) }, runtime.Goexit} {
		if err := pool.Execute(do); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	if err := pool.Execute(func() { close(done) }); err != nil {
		t.Fatal(err)
	}
	<-done
	eventually(t, "fewer than 2 panics were reported", func() bool { return len(reported.all()) == 2 })
	if s := pool.Stats(); s.Panics != 2 {
		t.Errorf("Stats() = %+v, want Panics 2", s)
	}
}

func TestShutdownWaitsForPanicReports(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reported bool
		previous := future.SetUnobservedHandler(func(error) { time.Sleep(time.Second); reported = true })
		defer func() { future.SetUnobservedHandler(previous) }()
		pool, err := future.NewPool(1)
		if err != nil {
			t.Fatal(err)
		}
		if err := pool.Execute(func() { time.Sleep(time.Second); panic(errBoom) }); err != nil {
			t.Fatal(err)
		}
		pool.Shutdown()
		if !reported {
			t.Error("Shutdown has returned before the unobserved handler, want it to wait")
		}
	})
}

func TestWorkersAreReusedAndRetire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, err := future.NewPool(10)
		if err != nil {
			t.Fatal(err)
		}
		where := make(map[string]bool)
		for range 50 { // one task at a time needs one worker
			f := future.Go(t.Context(), pool, func(context.Context) (string, error) { return goroutineID(), nil })
			id, _ := f.Await(t.Context())
			synctest.Wait()
			where[id] = true
		}
		if len(where) != 1 {
			t.Errorf("%d goroutines ran the tasks, want 1", len(where))
		}
		var fs []*future.Future[struct{}]
		for range 10 {
			fs = append(fs, future.Go(t.Context(), pool, func(context.Context) (struct{}, error) {
				time.Sleep(time.Second)
				return struct{}{}, nil
			}))
		}
		future.All(fs...).Await(t.Context())
		synctest.Wait()
		if s := pool.Stats(); s.Idle != 10 {
			t.Errorf("Idle = %d after 10 concurrent tasks, want 10", s.Idle)
		}
		for range 20 { // a task now and then needs one worker
			future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil }).Await(t.Context())
			time.Sleep(50 * time.Millisecond)
		}
		if s := pool.Stats(); s.Idle != 1 {
			t.Errorf("Idle = %d after a task every 50ms, want 1", s.Idle)
		}
		time.Sleep(time.Second)
		if s := pool.Stats(); s.Idle != 0 {
			t.Errorf("Idle = %d after a second without tasks, want 0", s.Idle)
		}
		// The test does not close the pool. An idle pool has no goroutine, or the synctest bubble would not end.
	})
}
