package future_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestGroup(t *testing.T) {
	pool := newPool(t, 2)
	t.Run("success", func(t *testing.T) {
		g := future.NewGroup(t.Context(), pool)
		var ran atomic.Int32
		for range 10 {
			g.Go(func(context.Context) error {
				if ran.Add(1) == 3 {
					g.Go(func(context.Context) error { ran.Add(1); return nil })
				}
				return nil
			})
		}
		n := future.GroupGo(g, func(context.Context) (int, error) { return 5, nil })
		p := future.NewPromise[int]()
		future.GroupAdd(g, p.Future())
		w := g.Wait()
		wantValue(t, n, 5)
		if w.IsDone() {
			t.Error("Wait() is settled before an added future, want it pending")
		}
		p.Resolve(1)
		wantValue(t, w, struct{}{})
		if ran.Load() != 11 || g.Context().Err() == nil || g.Wait() != w {
			t.Errorf("%d tasks ran, context error %v; want 11, an ended context and one Wait future", ran.Load(), g.Context().Err())
		}
		wantError(t, g.Go(func(context.Context) error { return nil }), future.ErrGroupDone)
		late := future.NewPromise[int]()
		wantError(t, future.GroupAdd(g, late.Future()), future.ErrGroupDone)
	})
	t.Run("failure", func(t *testing.T) {
		reported := unobserved(t)
		g := future.NewGroup(t.Context(), pool)
		var ended atomic.Bool
		started := make(chan struct{})
		g.Go(func(ctx context.Context) error {
			close(started)
			<-ctx.Done()
			time.Sleep(2 * time.Millisecond)
			ended.Store(true)
			return errBang // not the first error
		})
		added := future.GroupAdd(g, future.NewPromise[int]().Future())
		shielded := future.NewPromise[int]()
		future.GroupAdd(g, future.Shield(shielded.Future()))
		<-started
		g.Go(func(context.Context) error { return errBoom })
		never := g.Go(func(context.Context) error { <-t.Context().Done(); return nil })
		wantError(t, added, errBoom)
		w := g.Wait()
		wantError(t, w, errBoom)
		if !ended.Load() {
			t.Error("Wait() is settled before a running task, want it to wait")
		}
		if !added.Cancelled() || context.Cause(g.Context()) != errBoom || shielded.Future().IsDone() {
			t.Errorf("added future: %v, cause: %v; want it cancelled, %v, and the shielded future pending", added.Err(), context.Cause(g.Context()), errBoom)
		}
		wantError(t, never, context.Canceled)
		if len(reported.all()) != 0 {
			t.Errorf("reported %v, want nothing", reported.all())
		}
	})
	t.Run("panic and Goexit", func(t *testing.T) {
		for _, do := range []func(){func() { panic("x") }, runtime.Goexit} {
			g := future.NewGroup(t.Context(), pool)
			g.Go(func(context.Context) error { do(); return nil })
			wantPanic(t, g.Wait(), nil)
		}
	})
	t.Run("cancel", func(t *testing.T) {
		g := future.NewGroup(t.Context(), pool)
		alone := g.Go(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		alone.Cancel() // does not fail the group
		other := g.Go(func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		if g.Context().Err() != nil {
			t.Error("the context of the group has ended after Cancel of one task, want it active")
		}
		g.Cancel()
		wantError(t, other, context.Canceled)
		wantError(t, g.Wait(), future.ErrCancelled)

		g = future.NewGroup(t.Context(), pool)
		added := future.GroupAdd(g, future.NewPromise[int]().Future())
		g.Wait().Cancel()
		wantError(t, added, future.ErrCancelled)

		ctx, cancel := context.WithCancel(t.Context())
		g = future.NewGroup(ctx, pool)
		added = future.GroupAdd(g, future.NewPromise[int]().Future())
		cancel()
		wantError(t, added, future.ErrCancelled)
		wantError(t, g.Wait(), context.Canceled)
	})
	t.Run("churn", func(t *testing.T) {
		for range 50 {
			g := future.NewGroup(t.Context(), pool)
			var running, wrong atomic.Int32
			var wg sync.WaitGroup
			for i := range 10 {
				f := g.Go(func(ctx context.Context) error {
					running.Add(1)
					defer running.Add(-1)
					runtime.Gosched()
					if i == 7 {
						return errBoom
					}
					return nil
				})
				if i%2 == 0 {
					wg.Go(func() { f.Cancel() })
				}
			}
			g.Wait().OnComplete(func(struct{}, error) { wrong.Store(running.Load()) })
			wantError(t, g.Wait(), errBoom)
			wg.Wait()
			if wrong.Load() != 0 {
				t.Fatalf("%d tasks were running after Wait, want 0", wrong.Load())
			}
		}
	})
}
