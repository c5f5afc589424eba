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

// What other libraries of futures got wrong, each as a test.

func TestASecondCallbackIsNotLost(t *testing.T) {
	p := future.NewPromise[int]()
	var got record[int]
	for i := range 2 {
		p.Future().OnComplete(func(v int, _ error) { got.add(i) })
	}
	p.Resolve(1)
	for i := 2; i < 4; i++ {
		p.Future().OnComplete(func(v int, _ error) { got.add(i) })
	}
	eventually(t, "a callback was lost", func() bool { return slices.Equal(got.all(), []int{0, 1, 2, 3}) })
}

func TestACallbackMayUseItsOwnFuture(t *testing.T) {
	p := future.NewPromise[int]()
	f := p.Future()
	inside := make(chan int)
	f.OnComplete(func(int, error) {
		v, _ := f.Await(t.Context())
		f.Cancel()
		<-f.Done()
		f.OnComplete(func(int, error) { inside <- v })
	})
	p.Resolve(6)
	if v := <-inside; v != 6 {
		t.Fatalf("got %d", v)
	}
}

func TestAnImpatientWaiterDoesNotPoisonTheFuture(t *testing.T) {
	pool := newPool(t, 1)
	release := make(chan struct{})
	f := future.Go(context.Background(), pool, func(context.Context) (int, error) { <-release; return 8, nil })
	impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := f.Await(impatient); err != context.DeadlineExceeded {
		t.Fatalf("the impatient waiter got %v", err)
	}
	close(release)
	wantValue(t, f, 8)
}

func TestAValueThatIsAnError(t *testing.T) {
	f := future.Resolved(errBoom)
	if v, err := await(t, f); v != errBoom || err != nil {
		t.Fatalf("got %v, %v; the value happens to be an error, the future has not failed", v, err)
	}
	caught := f.Catch(func(error) (error, error) { return errBang, nil })
	if v, err := await(t, caught); v != errBoom || err != nil {
		t.Fatalf("Catch took a value for a failure: %v, %v", v, err)
	}
}

func TestWaitingInsideABoundedPool(t *testing.T) {
	pool := newPool(t, 1)
	// Each callback starts the next operation and waits for it, five deep, on a pool with one slot.
	var nest func(depth int) *future.Future[int]
	nest = func(depth int) *future.Future[int] {
		op := future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil })
		return future.Then(op, func(v int) (int, error) {
			if depth == 1 {
				return v, nil
			}
			deeper, err := nest(depth - 1).Await(t.Context())
			return v + deeper, err
		})
	}
	wantValue(t, nest(5), 5)
}

func TestAPanicInAContinuationSettlesTheChild(t *testing.T) {
	f := future.Then(future.Resolved(1), func(int) (int, error) { panic("x") })
	if p := wantPanic(t, f, "x"); p.Error() != "future: panic: x" {
		t.Errorf("the error says %q", p)
	}
}

func TestAllDoesNotReportFailureAsSuccess(t *testing.T) {
	bad := future.Rejected[int](errBoom)
	wantError(t, future.All(bad, bad), errBoom)
	wantError(t, future.Any(bad, bad), errBoom)
	wantError(t, future.Race(bad, bad), errBoom)
	wantError(t, future.Multi(bad, bad), errBoom)
	wantError(t, future.Join2(bad, bad), errBoom)
}

func TestAnErrorNobodyReads(t *testing.T) {
	reported := unobserved(t)
	future.Then(future.Resolved(1), func(int) (int, error) { return 0, errBang })
	eventually(t, "it was not reported", func() bool { return reports(reported, errBang) == 1 })
}

func TestUnobservedDefaultAndNilHandler(t *testing.T) {
	mine := func(error) {}
	previous := future.SetUnobservedHandler(mine)
	defer future.SetUnobservedHandler(previous)
	if future.SetUnobservedHandler(nil) == nil {
		t.Error("the previous handler is nil")
	}
	if future.SetUnobservedHandler(mine) == nil {
		t.Error("the default handler is nil")
	}
}

func TestReportUnobservedSurvivesItsHandler(t *testing.T) {
	previous := future.SetUnobservedHandler(func(error) { panic("in the handler") })
	defer future.SetUnobservedHandler(previous)
	future.ReportUnobserved(nil)
	future.ReportUnobserved(errBoom) // logs both; must return
}

func TestRefusedContinuationsFail(t *testing.T) {
	reported := unobserved(t)
	for name, ex := range map[string]future.Executor{
		"an error": future.ExecutorFunc(func(func()) error { return errBoom }),
		"a panic":  future.ExecutorFunc(func(func()) error { panic(errBoom) }),
	} {
		t.Run(name, func(t *testing.T) {
			before := len(reported.all())
			p := future.NewPromiseOn[int](ex)
			child := future.Then(p.Future(), func(int) (int, error) { return 1, nil })
			p.Future().OnComplete(func(int, error) { t.Error("ran") })
			grandchild := future.Then(child, func(int) (int, error) { return 1, nil })
			p.Resolve(1)
			wantError(t, child, errBoom)
			wantError(t, grandchild, errBoom)
			wantError(t, future.Go(t.Context(), ex, func(context.Context) (int, error) { return 1, nil }), errBoom)
			eventually(t, "the callback was not reported", func() bool { return len(reported.all()) == before+1 })
		})
	}
}

func TestUndeliveredErrorTellsBoth(t *testing.T) {
	reported := unobserved(t)
	p := future.NewPromiseOn[int](future.ExecutorFunc(func(func()) error { return errBoom }))
	p.Future().OnComplete(func(int, error) {})
	p.Reject(errBang)
	eventually(t, "not reported", func() bool { return len(reported.all()) == 1 })
	err, ok := reported.all()[0].(*future.UndeliveredError)
	if !ok || err.Reason != errBoom || err.Outcome != errBang || reports(reported, errBang) != 1 || reports(reported, errBoom) != 1 {
		t.Fatalf("reported %#v", reported.all()[0])
	}
	if got := err.Error(); got != "future: callback not delivered: boom; its error was: bang" {
		t.Errorf("it says %q", got)
	}
}

func TestAHandlerThatEndsItsGoroutineLosesNothing(t *testing.T) {
	var told atomic.Int32
	previous := future.SetUnobservedHandler(func(error) { told.Add(1); runtime.Goexit() })
	defer future.SetUnobservedHandler(previous)
	p := future.NewPromiseOn[int](future.ExecutorFunc(func(func()) error { return errBoom }))
	p.Future().OnComplete(func(int, error) {})
	p.Future().OnComplete(func(int, error) {})
	child := future.Then(p.Future(), func(int) (int, error) { return 1, nil })
	p.Resolve(1)
	wantError(t, child, errBoom)
	eventually(t, "not all were reported", func() bool { return told.Load() == 2 })
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
		t.Fatal("one settlement is one task of the executor")
	}
	if !slices.Equal(got.all(), []string{"first", "then"}) {
		t.Fatalf("in the first turn ran %v", got.all())
	}
	q.turn()
	if !slices.Equal(got.all(), []string{"first", "then", "child"}) {
		t.Fatalf("in both turns ran %v", got.all())
	}
	for name, derived := range map[string]*future.Future[int]{
		"All":         future.Then(future.All(f), func([]int) (int, error) { got.add("All"); return 0, nil }),
		"Race":        future.Then(future.Race(f), func(int) (int, error) { got.add("Race"); return 0, nil }),
		"Any":         future.Then(future.Any(f), func(int) (int, error) { got.add("Any"); return 0, nil }),
		"WithTimeout": future.Then(future.WithTimeout(f, time.Hour), func(int) (int, error) { got.add("WithTimeout"); return 0, nil }),
		"Shield":      future.Then(future.Shield(f), func(int) (int, error) { got.add("Shield"); return 0, nil }),
		"Join2":       future.Then(future.Join2(f, f), func(future.Pair[int, int]) (int, error) { got.add("Join2"); return 0, nil }),
		"AllSettled":  future.Then(future.AllSettled(f), func([]future.Outcome[int]) (int, error) { got.add("AllSettled"); return 0, nil }),
	} {
		if derived.IsDone() {
			t.Errorf("%s: ran without the executor", name)
		}
	}
	q.turn()
	if len(got.all()) != 3+7 {
		t.Errorf("what derives from a Via future does not run on its executor: %v", got.all())
	}
}

func TestStopTakesACallbackBack(t *testing.T) {
	p := future.NewPromise[int]()
	q := new(queue)
	f := p.Future().Via(q)
	stop := f.OnComplete(func(int, error) { t.Error("called although it was stopped in time") })
	later := f.OnComplete(func(int, error) { t.Error("called although it was stopped in time") })
	if !stop() || stop() {
		t.Error("the first stop says false, or the second true")
	}
	ran := f.OnComplete(func(int, error) {})
	p.Resolve(1)
	if !later() { // settled and posted, but not run
		t.Error("stop came before the callback, and says that it did not")
	}
	q.turn()
	if ran() {
		t.Error("stop says that it prevented a callback that had run")
	}
}

func TestNotifyWakesOnce(t *testing.T) {
	p := future.NewPromise[int]()
	var woken atomic.Int32
	wake := waker(func() { woken.Add(1) })
	p.Future().Notify(wake)
	stopped := p.Future().Notify(wake)
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop before the settlement")
	}
	p.Resolve(1)
	if woken.Load() != 1 {
		t.Fatalf("woken %d times on the settling stack", woken.Load())
	}
	if r := p.Future().Notify(wake); woken.Load() != 2 || r.Stop() {
		t.Error("Notify of a settled future wakes at once")
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
		t.Errorf("got %v, %v", v, err)
	}
	wg.Wait()
	s.err = errBoom
	if _, err := future.NewPromise[int]().Future().Await(s); err != errBoom {
		t.Errorf("the suspender's reason was lost: %v", err)
	}
}

// suspender is a context that waits in its own way.
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
