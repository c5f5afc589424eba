package future_test

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestMap(t *testing.T) {
	in := make([]int, 100)
	for i := range in {
		in[i] = i
	}
	var at, most atomic.Int32
	f := future.Map(t.Context(), 4, in, func(_ context.Context, i int) (int, error) {
		n := at.Add(1)
		defer at.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		runtime.Gosched()
		return i * i, nil
	})
	out, err := await(t, f)
	if err != nil || len(out) != 100 || out[9] != 81 || most.Load() > 4 {
		t.Errorf("Map() = %v, %v with %d calls at once; want 100 squares with at most 4", out, err, most.Load())
	}

	var ended atomic.Int32
	f = future.Map(t.Context(), 2, []int{0, 1, 2, 3}, func(ctx context.Context, i int) (int, error) {
		if i == 1 {
			return 0, errBoom
		}
		if i > 1 {
			t.Errorf("fn(%d) was called after a failure, want no more calls", i)
		}
		<-ctx.Done()
		ended.Add(1)
		return 7, nil
	})
	if out, err := await(t, f); err != errBoom || ended.Load() != 1 || !slices.Equal(out, []int{7, 0, 0, 0}) {
		t.Errorf("Map() = %v, %v and %d calls were cancelled; want [7 0 0 0], %v and 1", out, err, ended.Load(), errBoom)
	}

	ctx, cancel := context.WithCancel(t.Context())
	f = future.Map(ctx, 1, in, func(ctx context.Context, i int) (int, error) { cancel(); return 0, nil })
	wantError(t, f, context.Canceled)

	done := make(chan struct{})
	f = future.Map(t.Context(), 1, []int{1}, func(ctx context.Context, i int) (int, error) { <-ctx.Done(); close(done); return 0, nil })
	f.Cancel()
	wantError(t, f, future.ErrCancelled)
	select { // the function does not run if Cancel comes first
	case <-done:
	case <-time.After(10 * time.Millisecond):
	}
	wantError(t, future.Map(t.Context(), 0, in, func(context.Context, int) (int, error) { return 0, nil }), future.ErrInvalidOption)
	if out, err := future.Map(t.Context(), 1, nil, func(context.Context, int) (int, error) { return 0, nil }).Result(); out == nil || len(out) != 0 || err != nil {
		t.Errorf("Map(nil) = %v, %v; want an empty slice and no error", out, err)
	}
}
