package future_test

import (
	"context"
	"runtime"
	"testing"
	"unsafe"

	"github.com/gomotor/gomotor/future"
)

func TestSizes(t *testing.T) {
	if n := unsafe.Sizeof(future.Future[int]{}); n > 64 {
		t.Errorf("size of Future[int] = %d bytes, want at most 64", n)
	}
}

func TestAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes allocations")
	}
	ctx := context.Background()
	pool := newPool(t, 1)
	inPlace := newPool(t, 1, future.WithInPlaceAwait())
	done := make(chan struct{}, 1)
	double := func(i int) (int, error) { done <- struct{}{}; return 2 * i, nil }
	task := func(context.Context) (int, error) { return 1, nil }
	reply := make(chan *future.Promise[int])
	defer close(reply)
	go func() {
		for p := range reply {
			p.Resolve(1)
		}
	}()
	two := []*future.Future[int]{future.Resolved(1), future.Resolved(2)}
	for _, c := range []struct {
		name string
		most float64
		do   func()
	}{
		{"create, resolve, await", 1, func() {
			p := future.NewPromise[int]()
			p.Resolve(1)
			_, _ = p.Future().Await(ctx)
		}},
		{"Resolved, await", 1, func() { _, _ = future.Resolved(1).Await(ctx) }},
		{"create, then, complete", 2, func() {
			p := future.NewPromise[int]()
			future.Then(p.Future(), double)
			p.Resolve(1)
			<-done
		}},
		{"a pending await", 2, func() {
			p := future.NewPromise[int]()
			reply <- p
			_, _ = p.Future().Await(ctx)
		}},
		{"Go, await", 2, func() { _, _ = future.Go(ctx, pool, task).Await(ctx) }},
		{"Go, await in place", 2, func() { _, _ = future.Go(ctx, inPlace, task).Await(ctx) }},
		{"All of two", 5, func() { _, _ = future.All(two...).Await(ctx) }},
		{"Race of two", 4, func() { _, _ = future.Race(two...).Await(ctx) }},
	} {
		// AllocsPerRun rounds the average down, so rare allocations of other goroutines do not count.
		if n := testing.AllocsPerRun(1000, c.do); n > c.most {
			t.Errorf("%s: %v allocations, want at most %v", c.name, n, c.most)
		}
	}
}

func TestMemoryOfQueuedTasks(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector changes the sizes of objects")
	}
	tasks := 1_000_000
	if testing.Short() {
		tasks = 100_000
	}
	pool := newPool(t, 1)
	release := make(chan struct{})
	block := func(context.Context) (int, error) { <-release; return 1, nil }
	fs := make([]*future.Future[int], tasks)
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	before := heap()
	for i := range fs {
		fs[i] = future.Go(ctx, pool, block)
	}
	each := float64(heap()-before) / float64(tasks)
	close(release)
	for _, f := range fs {
		_, _ = f.Await(context.Background())
	}
	t.Logf("a queued task takes %.0f bytes", each)
	if each > 300 {
		t.Errorf("memory of a queued task = %.0f bytes, want at most 300", each)
	}
}
