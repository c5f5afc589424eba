package future_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/future"
)

// onGoroutines runs each task on a new goroutine.
var onGoroutines = future.ExecutorFunc(func(task func()) error { go task(); return nil })

// calls counts the calls of the functions of an operation.
type calls struct{ run, undo, ended atomic.Int32 }

func (c *calls) op(run func(context.Context) (int, error)) future.Op[int] {
	return future.Op[int]{
		Run:   func(ctx context.Context) (int, error) { c.run.Add(1); return run(ctx) },
		Undo:  func(int, error) { c.undo.Add(1) },
		Ended: func() { c.ended.Add(1) },
	}
}

func (c *calls) want(t *testing.T, run, undo, ended int32) {
	t.Helper()
	if c.run.Load() != run || c.undo.Load() != undo || c.ended.Load() != ended {
		t.Errorf("calls of Run, Undo, Ended = %d, %d, %d; want %d, %d, %d",
			c.run.Load(), c.undo.Load(), c.ended.Load(), run, undo, ended)
	}
}

func TestStart(t *testing.T) {
	for _, ex := range []struct {
		name string
		make func(*testing.T) future.Executor
	}{
		{"pool", func(t *testing.T) future.Executor { return newPool(t, 1) }},
		{"in place", func(t *testing.T) future.Executor { return newPool(t, 1, future.WithInPlaceAwait()) }},
		{"goroutines", func(*testing.T) future.Executor { return onGoroutines }},
	} {
		t.Run(ex.name, func(t *testing.T) {
			t.Run("succeeds", func(t *testing.T) {
				var c calls
				f, err := future.Start(t.Context(), ex.make(t), c.op(func(context.Context) (int, error) { return 1, nil }))
				if err != nil {
					t.Fatal(err)
				}
				wantValue(t, f, 1)
				c.want(t, 1, 0, 1)
			})
			t.Run("fails", func(t *testing.T) {
				var c calls
				f, _ := future.Start(t.Context(), ex.make(t), c.op(func(context.Context) (int, error) { return 1, errBoom }))
				wantError(t, f, errBoom)
				c.want(t, 1, 0, 1)
			})
			t.Run("panics", func(t *testing.T) {
				var c calls
				f, _ := future.Start(t.Context(), ex.make(t), c.op(func(context.Context) (int, error) { panic("x") }))
				wantPanic(t, f, "x")
				c.want(t, 1, 0, 1)
			})
			t.Run("calls Goexit", func(t *testing.T) {
				var c calls
				f, _ := future.Start(t.Context(), ex.make(t), c.op(func(context.Context) (int, error) { runtime.Goexit(); return 0, nil }))
				wantPanic(t, f, nil)
				c.want(t, 1, 0, 1)
			})
			for _, failure := range []error{nil, errBoom} {
				t.Run(fmt.Sprintf("cancelled while it runs, with the error %v", failure), func(t *testing.T) {
					var c calls
					started, cancelled := make(chan int), make(chan int)
					op := c.op(func(context.Context) (int, error) {
						close(started)
						<-cancelled
						return 1, failure
					})
					op.Undo = func(v int, err error) {
						if c.undo.Add(1); v != 1 || err != failure {
							t.Errorf("Undo(%v, %v), want (1, %v)", v, err, failure)
						}
					}
					f, _ := future.Start(t.Context(), ex.make(t), op)
					<-started
					f.Cancel()
					c.want(t, 1, 0, 0)
					close(cancelled)
					eventually(t, "Ended was not called", func() bool { return c.ended.Load() == 1 })
					c.want(t, 1, 1, 1)
					wantError(t, f, future.ErrCancelled)
				})
			}
		})
	}
	t.Run("cancelled while it is queued", func(t *testing.T) {
		pool := newPool(t, 1)
		hold := make(chan struct{})
		first := future.Go(t.Context(), pool, func(context.Context) (int, error) { <-hold; return 0, nil })
		var c calls
		f, _ := future.Start(t.Context(), pool, c.op(func(context.Context) (int, error) { return 1, nil }))
		f.Cancel()
		c.want(t, 0, 0, 1)
		close(hold)
		wantValue(t, first, 0)
	})
	t.Run("not accepted", func(t *testing.T) {
		pool := newPool(t, 1)
		pool.Close()
		var c calls
		f, err := future.Start(t.Context(), pool, c.op(func(context.Context) (int, error) { return 1, nil }))
		if f != nil || err != future.ErrPoolClosed {
			t.Errorf("Start() = %v, %v; want nil, ErrPoolClosed", f, err)
		}
		c.want(t, 0, 0, 0)
	})
	t.Run("the pool closes while it is queued", func(t *testing.T) {
		pool := newPool(t, 1)
		hold := make(chan struct{})
		future.Go(t.Context(), pool, func(context.Context) (int, error) { <-hold; return 0, nil })
		var c calls
		f, _ := future.Start(t.Context(), pool, c.op(func(context.Context) (int, error) { return 1, nil }))
		go pool.Close()
		wantError(t, f, future.ErrPoolClosed)
		c.want(t, 0, 0, 1)
		close(hold)
	})
	t.Run("Ended is called before the outcome is visible", func(t *testing.T) {
		for range 1000 {
			var c calls
			f, _ := future.Start(t.Context(), onGoroutines, c.op(func(context.Context) (int, error) { return 1, nil }))
			wantValue(t, f, 1)
			c.want(t, 1, 0, 1)
		}
	})
	t.Run("Ended panics", func(t *testing.T) {
		reported := unobserved(t)
		f, _ := future.Start(t.Context(), onGoroutines, future.Op[int]{
			Run: func(context.Context) (int, error) { return 1, nil }, Ended: func() { panic(errBoom) },
		})
		wantValue(t, f, 1)
		if reports(reported, errBoom) != 1 {
			t.Errorf("%d reports of the panic, want 1", reports(reported, errBoom))
		}
	})
}

// An Await with the context of the operation either returns the outcome or cancels the operation, which calls Undo.
func TestAwaitWithOperationContext(t *testing.T) {
	var ran, got, undone atomic.Int32
	const rounds = 2000
	for i := range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		var over sync.WaitGroup
		over.Add(1)
		f, _ := future.Start(ctx, onGoroutines, future.Op[int]{
			Run:   func(context.Context) (int, error) { ran.Add(1); return 1, nil },
			Undo:  func(int, error) { undone.Add(1) },
			Ended: over.Done,
		})
		go func() {
			for range i % 50 {
				runtime.Gosched()
			}
			cancel()
		}()
		switch v, err := f.Await(ctx); {
		case err == nil && v == 1:
			got.Add(1)
		case !errors.Is(err, context.Canceled):
			t.Fatal(err)
		case !f.IsDone():
			t.Fatal("IsDone() = false after Await gave up, want the operation cancelled")
		}
		over.Wait()
		cancel()
	}
	if got.Load()+undone.Load() != ran.Load() {
		t.Errorf("%d values returned + %d undone, want a sum of %d", got.Load(), undone.Load(), ran.Load())
	}
}

func TestAwaitWithAnotherContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := future.Go(t.Context(), onGoroutines, func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil })
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if _, err := f.Await(ctx); err != context.DeadlineExceeded {
			t.Errorf("Await() error = %v, want context.DeadlineExceeded", err)
		}
		if v, err := f.Await(t.Context()); v != 1 || err != nil {
			t.Errorf("Await() = %v, %v; want 1, <nil>", v, err)
		}
	})
}

// While Ended runs, it is too late to cancel. An Await whose context ends then waits for the outcome.
func TestCancelDuringEnded(t *testing.T) {
	ending, end := make(chan int), make(chan int)
	ctx, cancel := context.WithCancel(t.Context())
	f, _ := future.Start(ctx, onGoroutines, future.Op[int]{
		Run:   func(context.Context) (int, error) { return 1, nil },
		Undo:  func(int, error) { t.Error("Undo was called") },
		Ended: func() { close(ending); <-end },
	})
	<-ending
	if f.Cancel() || f.IsDone() {
		t.Error("the future is settled by Cancel during Ended, want it pending")
	}
	timed := future.WaitFor(f, 0)
	cancel()
	go func() { time.Sleep(time.Millisecond); close(end) }()
	if v, err := f.Await(ctx); v != 1 || err != nil {
		t.Errorf("Await() = %v, %v; want 1, <nil>", v, err)
	}
	wantValue(t, timed, 1)
}

// The error of an operation that the pool does not accept is reported if it is never read.
func TestGoRefusalIsReported(t *testing.T) {
	reported := unobserved(t)
	pool := newPool(t, 1, future.WithMaxQueue(0))
	hold := make(chan int)
	first := future.Go(t.Context(), pool, func(context.Context) (int, error) { return <-hold, nil })
	for range 5 {
		future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil })
	}
	eventually(t, "fewer than 5 refused operations were reported", func() bool { return reports(reported, future.ErrQueueFull) == 5 })
	close(hold)
	wantValue(t, first, 0)
}
