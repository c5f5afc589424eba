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
			t.Fatalf("Await() error = %v after %v, want ErrTimeout after 1m", err, time.Since(begin))
		}
		if got := err.Error(); got != "future: timed out after 1m0s" {
			t.Errorf("Error() = %q, want \"future: timed out after 1m0s\"", got)
		}
		if p.Future().IsDone() || future.Links(p.Future()) != 0 {
			t.Fatal("the future is settled or has a link after the timeout, want neither")
		}
		p.Resolve(1)
		if v, err := future.WithTimeout(p.Future(), time.Minute).Await(t.Context()); v != 1 || err != nil {
			t.Fatalf("Await() = %v, %v; want 1, <nil>", v, err)
		}
	})
}

func TestWithTimeoutInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		f := future.WithTimeout(future.Then(future.Sleep(time.Second), func(struct{}) (int, error) { return 1, nil }), time.Minute)
		if v, err := f.Await(t.Context()); v != 1 || err != nil || time.Since(begin) != time.Second {
			t.Fatalf("Await() = %v, %v after %v; want 1, <nil> after 1s", v, err, time.Since(begin))
		}
	})
}

func TestFailureAfterTimeoutIsReported(t *testing.T) {
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
	eventually(t, "the failure after the timeout was not reported", func() bool { return reports(reported, errBang) == 1 })
	if reports(reported, errBoom) != 0 {
		t.Error("a failure before the timeout was reported, want it observed")
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
			t.Fatalf("Await() error = %v, want ErrTimeout", err)
		}
		if !f.Cancelled() || !errors.Is(f.Err(), future.ErrTimeout) {
			t.Fatalf("Err() of the operation = %v, want it cancelled with ErrTimeout", f.Err())
		}
		synctest.Wait()
		if ended != context.Canceled {
			t.Fatalf("the context of the operation ended with %v, want context.Canceled", ended)
		}

		p := future.NewPromise[int]()
		future.WaitFor(p.Future(), time.Minute).Cancel()
		if !p.Future().Cancelled() {
			t.Error("Cancel of WaitFor did not cancel its future")
		}
		p = future.NewPromise[int]()
		future.WaitFor(future.Shield(p.Future()), time.Minute).Cancel()
		if p.Future().IsDone() {
			t.Error("Cancel of WaitFor settled a shielded future, want it pending")
		}
		p.Resolve(1)
		if v, err := future.WaitFor(p.Future(), 0).Await(t.Context()); v != 1 || err != nil {
			t.Errorf("WaitFor(settled, 0) = %v, %v; want 1, <nil>", v, err)
		}
		p = future.NewPromise[int]()
		if err := future.WaitFor(p.Future(), 0).Err(); !errors.Is(err, future.ErrTimeout) || !p.Future().Cancelled() {
			t.Errorf("WaitFor(pending, 0) error = %v, want ErrTimeout and the future cancelled", err)
		}
	})
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		if _, err := future.Sleep(time.Hour).Await(t.Context()); err != nil || time.Since(begin) != time.Hour {
			t.Errorf("Sleep(1h) took %v with error %v, want 1h, <nil>", time.Since(begin), err)
		}
		if !future.Sleep(0).IsDone() || !future.Sleep(-1).IsDone() {
			t.Error("Sleep(0) or Sleep(-1) is pending, want it settled")
		}
		f := future.Sleep(time.Hour)
		if !f.Cancel() || !errors.Is(f.Err(), future.ErrCancelled) {
			t.Errorf("Err() = %v after Cancel, want ErrCancelled", f.Err())
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
			t.Errorf("AsCompleted() = %v, want [1 -1 3]", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		slow := after(time.Hour, 2, nil)
		var errs []error
		for _, err := range future.AsCompleted(ctx, slow, after(time.Minute, 1, nil)) {
			errs = append(errs, err)
		}
		if !slices.Equal(errs, []error{nil, context.DeadlineExceeded}) {
			t.Errorf("AsCompleted() errors = %v, want [<nil> context.DeadlineExceeded]", errs)
		}
		if future.Links(slow) != 0 {
			t.Error("a future has a link after AsCompleted ended, want none")
		}
		slow.Cancel()
	})
}

func TestWaitIterator(t *testing.T) {
	a, b, c := future.NewPromise[string](), future.NewPromise[string](), future.NewPromise[string]()
	it := future.NewWaitIterator(a.Future(), b.Future(), c.Future())
	if it.CurrentFuture() != nil || it.CurrentIndex() != 0 || it.Done() {
		t.Error("a new iterator has a current future or is done, want neither")
	}
	c.Resolve("c")
	if v, err := it.Next().Await(t.Context()); v != "c" || err != nil || it.CurrentIndex() != 2 || it.CurrentFuture() != c.Future() {
		t.Errorf("Next() = %v, %v with index %d; want c, <nil>, 2", v, err, it.CurrentIndex())
	}
	gaveUp := it.Next()
	gaveUp.Cancel() // does not consume an outcome
	second, third := it.Next(), it.Next()
	if !it.Done() {
		t.Error("Done() = false after three calls of Next, want true")
	}
	wantError(t, it.Next(), future.ErrNoMore)
	a.Reject(errBoom)
	wantError(t, second, errBoom)
	if it.CurrentIndex() != 0 || it.CurrentFuture() != a.Future() {
		t.Errorf("CurrentIndex() = %d, want 0", it.CurrentIndex())
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
		t.Errorf("CurrentIndex() = %q, want \"d\"", keyed.CurrentIndex())
	}
	if !future.NewWaitIterator[int]().Done() {
		t.Error("Done() = false without futures, want true")
	}
	e := future.NewPromise[int]()
	closed := future.NewWaitIterator(e.Future())
	pending := closed.Next()
	closed.Close()
	wantError(t, pending, future.ErrCancelled)
	if !closed.Done() || future.Links(e.Future()) != 0 {
		t.Error("the iterator is not done or a link is left after Close")
	}
}
