package future_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/gomotor/gomotor/future"
)

// blocked returns a pool with one slot. A task holds the slot until the test calls release or ends.
func blocked(t *testing.T, opts ...future.PoolOption) (pool *future.Pool, release func()) {
	pool = newPool(t, 1, opts...)
	end := make(chan struct{})
	release = sync.OnceFunc(func() { close(end) })
	t.Cleanup(release) // runs before Close of the pool, which waits for the task
	future.Go(context.Background(), pool, func(context.Context) (int, error) { <-end; return 0, nil })
	return pool, release
}

func TestContextEndsItsQueuedTasks(t *testing.T) {
	pool, release := blocked(t)
	never := func(context.Context) (int, error) { t.Error("a task of an ended context was started"); return 0, nil }
	once := func(context.Context) (int, error) { return 1, nil }
	ended, end := context.WithCancel(t.Context())
	other, cancel := context.WithCancel(t.Context())
	defer cancel()
	type key struct{}
	var doomed, spared []*future.Future[int]
	for i := range 30 {
		switch i % 10 {
		case 3: // another context with the same Done channel
			doomed = append(doomed, future.Go(context.WithValue(ended, key{}, i), pool, never))
		case 5, 8:
			spared = append(spared, future.Go(other, pool, once))
		case 7:
			spared = append(spared, future.Go(context.Background(), pool, once))
		default:
			doomed = append(doomed, future.Go(ended, pool, never))
		}
	}
	doomed[4].Cancel()
	doomed = append(doomed[:4], doomed[5:]...)
	end()
	for _, f := range doomed {
		wantError(t, f, context.Canceled) // the pool is still blocked
	}
	if s := pool.Stats(); s.Queued != len(spared) {
		t.Errorf("Queued = %d, want %d", s.Queued, len(spared))
	}
	late := future.Go(ended, pool, never)
	wantError(t, late, context.Canceled)
	release()
	for _, f := range spared {
		wantValue(t, f, 1)
	}
}

func TestContextReleasesFinishedTasks(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	pool, release := blocked(t)
	var gone []weak.Pointer[[]byte]
	for range 20 {
		held := new([]byte)
		gone = append(gone, weak.Make(held))
		f := future.Go(ctx, pool, func(context.Context) (int, error) { return len(*held), nil })
		defer f.IsDone()
	}
	queued := future.Go(ctx, pool, func(context.Context) (int, error) { return 1, nil })
	release()
	wantValue(t, queued, 1)
	eventually(t, "a finished task is still referenced", func() bool {
		runtime.GC()
		for _, w := range gone {
			if w.Value() != nil {
				return false
			}
		}
		return true
	})
	if future.Watches(pool) {
		t.Error("Watches() = true without queued tasks, want false")
	}
}

// The context ends while its tasks are submitted, started and cancelled.
func TestContextEndsDuringSubmit(t *testing.T) {
	for range 300 {
		pool := newPool(t, 2)
		ctx, end := context.WithCancel(t.Context())
		go func() {
			runtime.Gosched()
			end()
		}()
		var fs []*future.Future[int]
		for i := range 50 {
			fs = append(fs, future.Go(ctx, pool, func(context.Context) (int, error) { return 1, nil }))
			if i%7 == 0 {
				fs[i].Cancel()
			}
		}
		for _, f := range fs {
			waiting, stop := context.WithTimeout(t.Context(), 30*time.Second)
			if _, _ = f.Await(waiting); !f.IsDone() {
				t.Fatal("a task is pending, want all settled")
			}
			stop()
		}
		if s := pool.Stats(); s.Queued != 0 {
			t.Fatalf("Queued = %d, want 0", s.Queued)
		}
		pool.Close()
		if future.Watches(pool) {
			t.Fatal("Watches() = true after Close, want false")
		}
	}
}
