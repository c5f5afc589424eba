package future_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestWithTimeoutDoesNotCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		p := future.NewPromise[int]()
		f := future.WithTimeout(p.Future(), time.Minute)
		_, err := f.Await(t.Context())
		if !errors.Is(err, future.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Fatalf("after %v: %v", time.Since(begin), err)
		}
		if got := err.Error(); got != "future: timed out after 1m0s" {
			t.Errorf("the error says %q", got)
		}
		if p.Future().IsDone() || future.Links(p.Future()) != 0 {
			t.Fatal("the future was cancelled, or keeps the link")
		}
		p.Resolve(1)
		if v, err := future.WithTimeout(p.Future(), time.Minute).Await(t.Context()); v != 1 || err != nil {
			t.Fatalf("got %v, %v", v, err)
		}
	})
}

func TestWithTimeoutInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		f := future.WithTimeout(future.Then(future.Sleep(time.Second), func(struct{}) (int, error) { return 1, nil }), time.Minute)
		if v, err := f.Await(t.Context()); v != 1 || err != nil || time.Since(begin) != time.Second {
			t.Fatalf("after %v: %v, %v", time.Since(begin), v, err)
		}
	})
}

func TestAFailureAfterTheTimeoutIsReported(t *testing.T) {
	reported := unobserved(t)
	func() {
		p := future.NewPromise[int]()
		await(t, future.WithTimeout(p.Future(), time.Microsecond))
		p.Reject(errBang)
		q := future.NewPromise[int]()
		in := future.WithTimeout(q.Future(), time.Hour)
		q.Reject(errBoom)
		await(t, in)
	}()
	eventually(t, "not reported", func() bool { return reports(reported, errBang) == 1 })
	if reports(reported, errBoom) != 0 {
		t.Error("a failure in time was reported")
	}
}

func TestWaitForCancels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, _ := future.NewPool(1)
		defer pool.Close()
		var ended error
		f := future.Go(t.Context(), pool, func(ctx context.Context) (int, error) {
			<-ctx.Done()
			ended = ctx.Err()
			return 0, ended
		})
		w := future.WaitFor(f, time.Minute)
		if _, err := w.Await(t.Context()); !errors.Is(err, future.ErrTimeout) || w.Cancelled() {
			t.Fatalf("got %v", err)
		}
		if !f.Cancelled() || !errors.Is(f.Err(), future.ErrTimeout) {
			t.Fatalf("the operation was not cancelled: %v", f.Err())
		}
		synctest.Wait()
		if ended != context.Canceled {
			t.Fatalf("the operation's context: %v", ended)
		}

		p := future.NewPromise[int]()
		future.WaitFor(p.Future(), time.Minute).Cancel()
		if !p.Future().Cancelled() {
			t.Error("cancelling WaitFor does not cancel what it waits for")
		}
		p = future.NewPromise[int]()
		future.WaitFor(future.Shield(p.Future()), time.Minute).Cancel()
		if p.Future().IsDone() {
			t.Error("Shield does not shield")
		}
		p.Resolve(1)
		if v, err := future.WaitFor(p.Future(), 0).Await(t.Context()); v != 1 || err != nil {
			t.Errorf("a settled future with no time at all: %v, %v", v, err)
		}
		p = future.NewPromise[int]()
		if err := future.WaitFor(p.Future(), 0).Err(); !errors.Is(err, future.ErrTimeout) || !p.Future().Cancelled() {
			t.Errorf("a pending future with no time at all: %v", err)
		}
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if _, err := future.Sleep(time.Hour).Await(t.Context()); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("slept %v: %v", time.Since(begin), err)
		}
		if !future.Sleep(0).IsDone() || !future.Sleep(-1).IsDone() {
			t.Error("a sleep of nothing is not over at once")
		}
		f := future.Sleep(time.Hour)
		if !f.Cancel() || !errors.Is(f.Err(), future.ErrCancelled) {
			t.Error("not cancelled")
		}
	})
}

func TestCompletionOrder(t *testing.T) {
	after := func(d time.Duration, v int, err error) *future.Future[int] {
		return future.Then(future.Sleep(d), func(struct{}) (int, error) { return v, err })
	}
	synctest.Test(t, func(t *testing.T) {
		fs := []*future.Future[int]{after(3*time.Second, 3, nil), after(1*time.Second, 1, nil), after(2*time.Second, 2, errBoom)}
		var got []int
		for v, err := range future.AsCompleted(t.Context(), fs...) {
			if err != nil {
				v = -1
			}
			got = append(got, v)
		}
		if !slices.Equal(got, []int{1, -1, 3}) {
			t.Errorf("as completed: %v", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		slow := after(time.Hour, 2, nil)
		var errs []error
		for _, err := range future.AsCompleted(ctx, slow, after(time.Minute, 1, nil)) {
			errs = append(errs, err)
		}
		if !slices.Equal(errs, []error{nil, context.DeadlineExceeded}) {
			t.Errorf("with a context that ends: %v", errs)
		}
		if future.Links(slow) != 0 {
			t.Error("a loop that ended is still registered")
		}
		slow.Cancel()
	})
}

func TestWaitIterator(t *testing.T) {
	a, b, c := future.NewPromise[string](), future.NewPromise[string](), future.NewPromise[string]()
	it := future.NewWaitIterator(a.Future(), b.Future(), c.Future())
	if it.CurrentFuture() != nil || it.CurrentIndex() != 0 || it.Done() {
		t.Error("before the first")
	}
	c.Resolve("c")
	if v, err := it.Next().Await(t.Context()); v != "c" || err != nil || it.CurrentIndex() != 2 || it.CurrentFuture() != c.Future() {
		t.Errorf("the first: %v, %v from %d", v, err, it.CurrentIndex())
	}
	gaveUp := it.Next()
	gaveUp.Cancel() // takes no outcome along
	second, third := it.Next(), it.Next()
	if !it.Done() {
		t.Error("as many were asked for as there are")
	}
	wantError(t, it.Next(), future.ErrNoMore)
	a.Reject(errBoom)
	wantError(t, second, errBoom)
	if it.CurrentIndex() != 0 || it.CurrentFuture() != a.Future() {
		t.Error("the second")
	}
	b.Resolve("b")
	wantValue(t, third, "b")
	wantError(t, it.Next(), future.ErrNoMore)

	d := future.NewPromise[string]()
	keyed := future.NewWaitIteratorMap(map[string]*future.Future[string]{"d": d.Future()})
	next := keyed.Next()
	d.Resolve("x")
	wantValue(t, next, "x")
	if keyed.CurrentIndex() != "d" {
		t.Errorf("the key is %q", keyed.CurrentIndex())
	}
	if !future.NewWaitIterator[int]().Done() {
		t.Error("an iterator over nothing is not done")
	}
	e := future.NewPromise[int]()
	closed := future.NewWaitIterator(e.Future())
	pending := closed.Next()
	closed.Close()
	wantError(t, pending, future.ErrCancelled)
	if !closed.Done() || future.Links(e.Future()) != 0 {
		t.Error("Close left something")
	}
}
