package ahead_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/ahead"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// upTo returns a fetch function that counts to n, and the number of its calls.
func upTo(n int) (fetch func(context.Context) (int, bool), calls *int) {
	calls = new(int)
	return func(context.Context) (int, bool) {
		*calls++
		return *calls, *calls < n
	}, calls
}

// start starts a reader.
func start[T any](ctx context.Context, n int, fetch func(context.Context) (T, bool)) *ahead.Reader[T] {
	r := ahead.New(ctx, n, fetch)
	go r.Run()
	return r
}

func ExampleReader() {
	fetch, _ := upTo(3)
	r := ahead.New(context.Background(), 2, fetch)
	go r.Run()
	for {
		v, err := r.Next(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(v)
	}
	// Output:
	// 1
	// 2
	// 3
	// ahead: no more values
}

func TestReaderIsBounded(t *testing.T) {
	for _, n := range []int{1, 2, 5} {
		synctest.Test(t, func(t *testing.T) {
			fetch, calls := upTo(100)
			r := start(t.Context(), n, fetch)
			for read := range 3 {
				synctest.Wait()
				if *calls != n+read {
					t.Errorf("n = %d: after %d reads got %d calls, want %d", n, read, *calls, n+read)
				}
				if v, err := r.Next(t.Context()); err != nil || v != read+1 {
					t.Errorf("Next() = %d, %v, want %d", v, err, read+1)
				}
			}
			r.Stop()
			r.Stop()
		})
	}
}

func TestNextContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := start(t.Context(), 1, func(context.Context) (string, bool) { <-release; return "late", false })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if v, err := r.Next(ctx); v != "" || !errors.Is(err, context.Canceled) {
			t.Errorf("Next() = %q, %v, want context.Canceled", v, err)
		}
		close(release)
		if v, err := r.Next(t.Context()); v != "late" || err != nil {
			t.Errorf("Next() = %q, %v, want the value that was being fetched", v, err)
		}
		if _, err := r.Next(t.Context()); !errors.Is(err, ahead.ErrEnded) {
			t.Errorf("got %v, want ErrEnded", err)
		}
	})
}

// A value that waits is read although the context has ended.
func TestNextPrefersValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetch, _ := upTo(1)
		r := start(t.Context(), 2, fetch)
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if v, err := r.Next(ctx); v != 1 || err != nil {
			t.Errorf("Next() = %d, %v, want 1", v, err)
		}
	})
}

func TestStopEndsFetch(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, "value")
	started := make(chan any)
	r := start(ctx, 1, func(ctx context.Context) (int, bool) {
		started <- ctx.Value(key{})
		<-ctx.Done()
		return 0, true
	})
	if v := <-started; v != "value" {
		t.Errorf("got the context value %v, want that of the caller", v)
	}
	r.Stop()
	if _, err := r.Next(t.Context()); !errors.Is(err, ahead.ErrEnded) {
		t.Errorf("Next() after Stop = %v, want ErrEnded", err)
	}
}

// What a fetch returns after its context has ended is no value: it may be the error of that context.
func TestCancelDropsFetch(t *testing.T) {
	for _, n := range []int{1, 5} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r := start(ctx, n, func(ctx context.Context) (string, bool) { <-ctx.Done(); return "canceled", false })
			time.AfterFunc(time.Second, cancel) // the end of the parent's context, while Next waits
			if v, err := r.Next(t.Context()); v != "" || !errors.Is(err, ahead.ErrEnded) {
				t.Errorf("n = %d: Next() = %q, %v, want ErrEnded", n, v, err)
			}
		})
	}
}

// Memory is needed for the values that wait, not for the limit.
func TestReaderHugeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetch, _ := upTo(3)
		r := start(t.Context(), math.MaxInt, fetch)
		for i := range 3 {
			if v, err := r.Next(t.Context()); err != nil || v != i+1 {
				t.Errorf("Next() = %d, %v, want %d", v, err, i+1)
			}
		}
	})
}

func TestStopDropsValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetch, _ := upTo(100)
		r := start(t.Context(), 5, fetch)
		synctest.Wait()
		r.Stop()
		if v, err := r.Next(t.Context()); !errors.Is(err, ahead.ErrEnded) {
			t.Errorf("Next() after Stop = %d, %v, want ErrEnded", v, err)
		}
	})
}
