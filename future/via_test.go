package future_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestRefusedContinuationsFail(t *testing.T) {
	reported := unobserved(t)
	for _, c := range []struct {
		name string
		ex   future.Executor
	}{
		{"an error", future.ExecutorFunc(func(func()) error { return errBoom })},
		{"a panic", future.ExecutorFunc(func(func()) error { panic(errBoom) })},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(reported.all())
			p := future.NewPromiseOn[int](c.ex)
			child := future.Then(p.Future(), func(int) (int, error) { return 1, nil })
			p.Future().OnComplete(func(int, error) { t.Error("the callback ran on an executor that refused it") })
			grandchild := future.Then(child, func(int) (int, error) { return 1, nil })
			p.Resolve(1)
			wantError(t, child, errBoom)
			wantError(t, grandchild, errBoom)
			wantError(t, future.Go(t.Context(), c.ex, func(context.Context) (int, error) { return 1, nil }), errBoom)
			eventually(t, "the refused callback was not reported", func() bool { return len(reported.all()) == before+1 })
		})
	}
}

func TestUndeliveredError(t *testing.T) {
	reported := unobserved(t)
	p := future.NewPromiseOn[int](future.ExecutorFunc(func(func()) error { return errBoom }))
	p.Future().OnComplete(func(int, error) {})
	p.Reject(errBang)
	eventually(t, "the callback was not reported", func() bool { return len(reported.all()) == 1 })
	err, ok := reported.all()[0].(*future.UndeliveredError)
	if !ok || err.Reason != errBoom || err.Outcome != errBang || reports(reported, errBang) != 1 || reports(reported, errBoom) != 1 {
		t.Fatalf("reported %#v, want an *UndeliveredError with reason %v and outcome %v", reported.all()[0], errBoom, errBang)
	}
	if got := err.Error(); got != "future: callback not delivered: boom; undelivered error: bang" {
		t.Errorf("Error() = %q, want the reason and the outcome", got)
	}
}

func TestUnobservedHandlerCallsGoexit(t *testing.T) {
	var reported atomic.Int32
	previous := future.SetUnobservedHandler(func(error) { reported.Add(1); runtime.Goexit() })
	defer func() { future.SetUnobservedHandler(previous) }()
	p := future.NewPromiseOn[int](future.ExecutorFunc(func(func()) error { return errBoom }))
	p.Future().OnComplete(func(int, error) {})
	p.Future().OnComplete(func(int, error) {})
	child := future.Then(p.Future(), func(int) (int, error) { return 1, nil })
	p.Resolve(1)
	wantError(t, child, errBoom)
	eventually(t, "fewer than 2 callbacks were reported", func() bool { return reported.Load() == 2 })
}

func TestViaDelivers(t *testing.T) {
	q := new(queue)
	p := future.NewPromise[int]()
	f := p.Future().Via(q)
	var got record[string]
	f.OnComplete(func(int, error) { got.add("first") })
	child := future.Then(f, func(i int) (int, error) { got.add("then"); return i, nil })
	child.OnComplete(func(int, error) { got.add("child") })
	p.Resolve(1)
	if len(got.all()) != 0 || q.turn() != 1 {
		t.Fatal("the settlement did not make exactly one task of the executor")
	}
	if !slices.Equal(got.all(), []string{"first", "then"}) {
		t.Fatalf("first turn ran %v, want [first then]", got.all())
	}
	q.turn()
	if !slices.Equal(got.all(), []string{"first", "then", "child"}) {
		t.Fatalf("two turns ran %v, want [first then child]", got.all())
	}
	for _, d := range []struct {
		name string
		f    *future.Future[int]
	}{
		{"All", future.Then(future.All(f), func([]int) (int, error) { got.add("All"); return 0, nil })},
		{"Race", future.Then(future.Race(f), func(int) (int, error) { got.add("Race"); return 0, nil })},
		{"Any", future.Then(future.Any(f), func(int) (int, error) { got.add("Any"); return 0, nil })},
		{"WithTimeout", future.Then(future.WithTimeout(f, time.Hour), func(int) (int, error) { got.add("WithTimeout"); return 0, nil })},
		{"Shield", future.Then(future.Shield(f), func(int) (int, error) { got.add("Shield"); return 0, nil })},
		{"Join2", future.Then(future.Join2(f, f), func(future.Pair[int, int]) (int, error) { got.add("Join2"); return 0, nil })},
		{"AllSettled", future.Then(future.AllSettled(f), func([]future.Outcome[int]) (int, error) { got.add("AllSettled"); return 0, nil })},
	} {
		if d.f.IsDone() {
			t.Errorf("%s: settled without its executor, want it pending", d.name)
		}
	}
	q.turn()
	if len(got.all()) != 3+7 {
		t.Errorf("functions of derived futures: %v, want all 10 on the executor", got.all())
	}
}

func TestStopOfCallback(t *testing.T) {
	p := future.NewPromise[int]()
	q := new(queue)
	f := p.Future().Via(q)
	stop := f.OnComplete(func(int, error) { t.Error("a stopped callback was called") })
	later := f.OnComplete(func(int, error) { t.Error("a stopped callback was called") })
	if !stop() || stop() {
		t.Error("stop() twice did not return true, then false")
	}
	ran := f.OnComplete(func(int, error) {})
	p.Resolve(1)
	if !later() { // the callback is queued, but has not run
		t.Error("stop() = false before the callback ran, want true")
	}
	q.turn()
	if ran() {
		t.Error("stop() = true after the callback ran, want false")
	}
}

func TestNotifyWakesOnce(t *testing.T) {
	p := future.NewPromise[int]()
	var woken atomic.Int32
	wake := waker(func() { woken.Add(1) })
	p.Future().Notify(wake)
	stopped := p.Future().Notify(wake)
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop() twice before the settlement did not return true, then false")
	}
	p.Resolve(1)
	if woken.Load() != 1 {
		t.Fatalf("Wake was called %d times by Resolve, want 1", woken.Load())
	}
	if r := p.Future().Notify(wake); woken.Load() != 2 || r.Stop() {
		t.Error("Notify of a settled future did not wake at once")
	}
}

func TestAwaitSuspends(t *testing.T) {
	p := future.NewPromise[int]()
	s := &suspender{Context: t.Context(), wake: make(chan struct{}, 1)}
	var wg sync.WaitGroup
	wg.Go(func() {
		<-s.suspended()
		p.Resolve(2)
	})
	if v, err := p.Future().Await(s); v != 2 || err != nil {
		t.Errorf("Await() = %v, %v; want 2, <nil>", v, err)
	}
	wg.Wait()
	s.err = errBoom
	if _, err := future.NewPromise[int]().Future().Await(s); err != errBoom {
		t.Errorf("Await() error = %v, want %v of the Suspender", err, errBoom)
	}
}

// suspender is a context that implements future.Suspender.
type suspender struct {
	context.Context
	wake chan struct{}
	once sync.Once
	in   chan struct{}
	err  error
}

func (s *suspender) suspended() chan struct{} {
	s.once.Do(func() { s.in = make(chan struct{}) })
	return s.in
}

func (s *suspender) Wake() { s.wake <- struct{}{} }

func (s *suspender) Suspend(on future.Awaitable) error {
	if s.err != nil {
		return s.err
	}
	on.Notify(s)
	close(s.suspended())
	<-s.wake
	if !on.IsDone() {
		return errBang
	}
	<-on.Done()
	return nil
}
