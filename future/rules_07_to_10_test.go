package future_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestRule07Cancel(t *testing.T) {
	t.Run("settles at once and ends the operation's context", func(t *testing.T) {
		pool := newPool(t, 1)
		started, ended := make(chan struct{}), make(chan error, 1)
		f := future.Go(t.Context(), pool, func(ctx context.Context) (int, error) {
			close(started)
			<-ctx.Done()
			ended <- ctx.Err()
			return 1, nil
		})
		<-started
		if !f.Cancel(errBoom) || !f.IsDone() || !f.Cancelled() {
			t.Fatal("the future is not cancelled after Cancel, want it cancelled at once")
		}
		if err := f.Err(); !errors.Is(err, future.ErrCancelled) || !errors.Is(err, context.Canceled) || !errors.Is(err, errBoom) {
			t.Fatalf("Err() = %v, want ErrCancelled, context.Canceled and the cause", err)
		}
		if err := <-ended; err != context.Canceled {
			t.Fatalf("the context of the operation ended with %v, want context.Canceled", err)
		}
		if f.Cancel() {
			t.Fatal("second Cancel() = true, want false")
		}
	})
	t.Run("reaches derived futures and not the parent", func(t *testing.T) {
		p := future.NewPromise[int]()
		f := p.Future()
		child := future.Then(f, func(i int) (int, error) { return i, nil })
		grandchild := future.Then(child, func(i int) (int, error) { return i, nil })
		child.Cancel()
		wantError(t, grandchild, future.ErrCancelled)
		if grandchild.Cancelled() {
			t.Error("Cancelled() of a derived future = true, want false")
		}
		if f.IsDone() {
			t.Error("the parent is settled after Cancel of its child, want it pending")
		}
		if n := future.Links(f); n != 0 {
			t.Errorf("the parent has %d links after Cancel of its child, want 0", n)
		}
	})
	t.Run("unregisters from every kind of parent", func(t *testing.T) {
		p := future.NewPromise[int]()
		f := p.Future()
		start := future.Resolved(0)
		adopting := future.ThenFuture(start, func(int) *future.Future[int] { return f })
		handling := future.HandleFuture(future.Rejected[int](errBoom), func(int, error) *future.Future[int] { return f })
		eventually(t, "the adopted future has no links", func() bool { return future.Links(f) == 2 })
		to := future.NewPromise[int]()
		future.Chain(f, to)
		for _, c := range []struct {
			name   string
			cancel func() bool
		}{
			{"ThenFuture", func() bool { return adopting.Cancel() }},
			{"HandleFuture", func() bool { return handling.Cancel() }},
			{"HandleFuture, not called", func() bool { return future.HandleFuture(f, future.Settled[int]).Cancel() }},
			{"Chain", func() bool { return to.Future().Cancel() }},
			{"Handle", func() bool { return future.Handle(f, func(int, error) (int, error) { return 0, nil }).Cancel() }},
			{"Catch", func() bool { return f.Catch(func(error) (int, error) { return 0, nil }).Cancel() }},
			{"Finally", func() bool { return f.Finally(func() {}).Cancel() }},
			{"Via", func() bool { return f.Via(goroutines).Cancel() }},
			{"Shield", func() bool { return future.Shield(f).Cancel() }},
			{"All", func() bool { return future.All(f, f).Cancel() }},
			{"AllSettled", func() bool { return future.AllSettled(f).Cancel() }},
			{"Any", func() bool { return future.Any(f).Cancel() }},
			{"Race", func() bool { return future.Race(f).Cancel() }},
			{"Multi", func() bool { return future.Multi(f).Cancel() }},
			{"MultiMap", func() bool { return future.MultiMap(map[int]*future.Future[int]{1: f}).Cancel() }},
			{"Join2", func() bool { return future.Join2(f, f).Cancel() }},
			{"Join3", func() bool { return future.Join3(f, f, start).Cancel() }},
			{"Wait", func() bool { return future.Wait(future.AllCompleted, f).Cancel() }},
			{"WithTimeout", func() bool { return future.WithTimeout(f, time.Hour).Cancel() }},
			{"OnComplete", func() bool { return f.OnComplete(func(int, error) {})() }},
			{"Notify", func() bool { return f.Notify(waker(func() {})).Stop() }},
		} {
			if !c.cancel() {
				t.Errorf("%s: Cancel() = false, want true", c.name)
			}
		}
		if n := future.Links(f); n != 0 || f.IsDone() {
			t.Errorf("%d links are left and IsDone() = %v, want 0 and false", n, f.IsDone())
		}
	})
}

func TestRule08LosersKeepNothing(t *testing.T) {
	long := future.NewPromise[int]()
	f := long.Future()
	winner := future.NewPromise[int]()
	any := future.Any(f, winner.Future())
	races := []*future.Future[int]{
		future.Race(f, winner.Future()), any,
		future.Race(future.Resolved(1), f), future.Any(future.Resolved(1), f),
		future.WithTimeout(f, time.Nanosecond), future.WithTimeout(f, -1),
		future.Then(future.All(f, future.Rejected[int](errBoom)), func([]int) (int, error) { return 0, nil }),
		future.Then(future.Wait(future.FirstCompleted, f, winner.Future()), func(future.Sets[int]) (int, error) { return 0, nil }),
		future.Then(future.Join2(f, future.Rejected[int](errBoom)), func(future.Pair[int, int]) (int, error) { return 0, nil }),
	}
	winner.Resolve(2)
	for _, r := range races {
		await(t, r)
	}
	for range future.AsCompleted(t.Context(), f, future.Resolved(1)) {
		break
	}
	it := future.NewWaitIterator(f)
	it.Close()
	if n := future.Links(f); n != 0 {
		t.Fatalf("the long-lived future has %d links, want 0", n)
	}
}

func TestRule08LosersAreCollected(t *testing.T) {
	long := future.NewPromise[int]()
	var collected atomic.Int32
	const rounds = 20
	for range rounds {
		big := new([1 << 16]byte)
		runtime.AddCleanup(big, func(int) { collected.Add(1) }, 0)
		winner := future.NewPromise[int]()
		race := future.Then(future.Race(long.Future(), winner.Future()), func(int) (int, error) { return len(big), nil })
		winner.Resolve(1)
		await(t, race)
	}
	eventually(t, "a finished race is still referenced", func() bool { return collected.Load() == rounds })
	runtime.KeepAlive(long)
}

func TestRule09UnobservedReportedOnce(t *testing.T) {
	reported := unobserved(t)
	seen, unseen, cancelled := errors.New("seen"), errors.New("unseen"), errors.New("cancelled")
	func() {
		future.Rejected[int](unseen)
		p := future.NewPromise[int]()
		p.Settle(1, unseen)
		pending := future.NewPromise[int]()
		future.Then(pending.Future(), func(int) (int, error) { return 0, nil }) // the failure of the child is not observed
		pending.Reject(unseen)
		eventually(t, "pending", pending.Future().IsDone)

		_, _ = future.Rejected[int](seen).Result()
		_ = future.Rejected[int](seen).Err()
		_, _ = future.Rejected[int](seen).Await(t.Context())
		future.Rejected[int](seen).OnComplete(func(int, error) {})
		future.Rejected[int](seen).Catch(func(error) (int, error) { return 0, nil })
		c := future.NewPromise[int]()
		future.Then(c.Future(), func(int) (int, error) { return 0, nil })
		c.Future().Cancel(cancelled)
		future.Resolved(1)
	}()
	eventually(t, "not all failures were reported", func() bool { return reports(reported, unseen) == 3 })
	for range 3 {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if n := reports(reported, unseen); n != 3 {
		t.Errorf("%d reports of 3 unobserved failures, want 3", n)
	}
	if reports(reported, seen)+reports(reported, cancelled) != 0 {
		t.Errorf("an observed failure or a cancellation was reported, want neither: %v", reported.all())
	}
}

func TestRule10ValueAndError(t *testing.T) {
	p := future.NewPromise[string]()
	f := p.Future()
	var got record[string]
	f.OnComplete(func(s string, err error) {
		if err == errBoom {
			got.add(s)
		}
	})
	p.Settle("partial", errBoom)
	for _, c := range []struct {
		name string
		f    *future.Future[string]
	}{
		{"the future", f},
		{"Finally", f.Finally(func() {})},
		{"Handle", future.Handle(f, func(s string, err error) (string, error) { return s, err })},
		{"Via", f.Via(goroutines)},
		{"Shield", future.Shield(f)},
		{"Race", future.Race(f)},
		{"WithTimeout", future.WithTimeout(f, time.Hour)},
		{"ThenFuture", future.ThenFuture(future.Resolved(1), func(int) *future.Future[string] { return f })},
		{"HandleFuture", future.HandleFuture(future.Resolved(1), func(int, error) *future.Future[string] { return f })},
		{"HandleFuture of it", future.HandleFuture(f, future.Settled[string])},
		{"Go", future.Go(t.Context(), goroutines, func(context.Context) (string, error) { return "partial", errBoom })},
	} {
		if v, err := await(t, c.f); v != "partial" || err != errBoom {
			t.Errorf("%s: Await() = %q, %v; want \"partial\", %v", c.name, v, err, errBoom)
		}
	}
	eventually(t, "the callback did not get the value and the error", func() bool { return len(got.all()) == 1 })
}
