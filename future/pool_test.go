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
						case 3: // a task that waits, and lends its slot
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
				t.Errorf("with a limit of %d, %d tasks ran at once", limit, m)
			}
			pool.Close()
			if s := pool.Stats(); s.Running != 0 || s.Queued != 0 || s.Idle != 0 {
				t.Errorf("after Close: %+v", s)
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
		t.Errorf("while one runs: %+v", s)
	}
	close(release)
	await(t, future.All(fs...))
	if !slices.IsSorted(got.all()) || len(got.all()) != 100 {
		t.Fatalf("the order was %v", got.all())
	}
	s := pool.Stats()
	if s.Completed != 101 || s.Waited != 100 || s.QueueWait <= 0 || s.MaxQueueWait <= 0 || s.MaxQueueWait > s.QueueWait {
		t.Errorf("afterwards: %+v", s)
	}
}

func TestPoolOptions(t *testing.T) {
	if _, err := future.NewPool(0); !errors.Is(err, future.ErrInvalidOption) {
		t.Errorf("a limit of 0: %v", err)
	}
	if _, err := future.NewPool(1, future.WithMaxQueue(-1)); !errors.Is(err, future.ErrInvalidOption) {
		t.Errorf("a queue of -1: %v", err)
	}
	if n := newPool(t, 3).Limit(); n != 3 {
		t.Errorf("Limit is %d", n)
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
			t.Errorf("one too many: %v", full.Err())
		}
		if err := pool.Execute(func() {}); !errors.Is(err, future.ErrQueueFull) {
			t.Errorf("Execute: %v", err)
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
			t.Errorf("Stats: %+v", s)
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
	queued := future.Go(ctx, pool, func(context.Context) (int, error) { t.Error("a queued task ran"); return 0, nil })
	// Continuations and callbacks that were posted to the pool and did not get to run must not be lost either.
	continuation := future.Then(future.Resolved(1).Via(pool), func(int) (int, error) { t.Error("ran"); return 0, nil })
	future.Resolved(1).Via(pool).OnComplete(func(int, error) { t.Error("ran") })
	if err := pool.Execute(func() { t.Error("ran") }); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { pool.Close(); close(closed) }()
	wantError(t, queued, future.ErrPoolClosed)
	wantError(t, continuation, future.ErrPoolClosed)
	eventually(t, "2 undelivered callbacks were not reported", func() bool { return reports(reported, future.ErrPoolClosed) == 2 })
	late := future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil })
	wantError(t, late, future.ErrPoolClosed)
	if err := pool.Execute(func() {}); err != future.ErrPoolClosed {
		t.Errorf("Execute: %v", err)
	}
	select {
	case <-closed:
		t.Error("Close did not wait for the task that runs")
	default:
	}
	close(release)
	<-closed
	if v, err := running.Result(); v != 1 || err != nil {
		t.Errorf("the task that ran: %v, %v", v, err)
	}
	pool.Close()
}

func TestPoolShutdownWorksOffTheQueue(t *testing.T) {
	pool := newPool(t, 1)
	var fs []*future.Future[int]
	for i := range 20 {
		fs = append(fs, future.Go(t.Context(), pool, func(context.Context) (int, error) { runtime.Gosched(); return i, nil }))
	}
	pool.Shutdown()
	for i, f := range fs {
		if v, err := f.Result(); v != i || err != nil {
			t.Errorf("task %d: %v, %v", i, v, err)
		}
	}
}

func TestPoolCloseAmongSubmitters(t *testing.T) {
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
				t.Fatalf("got %v, %v", v, err)
			}
		}
	}
}

func TestExecutePanicsAndGoexitAreReported(t *testing.T) {
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
	eventually(t, "not reported", func() bool { return len(reported.all()) == 2 })
	if s := pool.Stats(); s.Panics != 2 {
		t.Errorf("Stats: %+v", s)
	}
}

func TestCloseWaitsForFunctionsAndForTheReportOfTheirPanics(t *testing.T) {
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
			t.Error("it has returned before the handler has")
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
		for range 50 { // one at a time: one worker does it all
			f := future.Go(t.Context(), pool, func(context.Context) (string, error) { return goroutineID(), nil })
			id, _ := f.Await(t.Context())
			synctest.Wait()
			where[id] = true
		}
		if len(where) != 1 {
			t.Errorf("%d goroutines did the work of one", len(where))
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
			t.Errorf("%d workers are idle after 10 tasks at once", s.Idle)
		}
		for range 20 { // a trickle keeps one
			future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil }).Await(t.Context())
			time.Sleep(50 * time.Millisecond)
		}
		if s := pool.Stats(); s.Idle != 1 {
			t.Errorf("a trickle of work keeps %d workers", s.Idle)
		}
		time.Sleep(time.Second)
		if s := pool.Stats(); s.Idle != 0 {
			t.Errorf("an idle pool keeps %d workers", s.Idle)
		}
		// Not closed on purpose: an idle pool leaves nothing behind, or the bubble would not end.
	})
}
