package future_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestRule01SettlesOnce(t *testing.T) {
	p := future.NewPromise[int]()
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			var ok bool
			switch i % 4 {
			case 0:
				ok = p.Resolve(i)
			case 1:
				ok = p.Reject(errBoom)
			case 2:
				ok = p.Settle(i, errBoom)
			case 3:
				ok = p.Future().Cancel()
			}
			if ok {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d settlements returned true, want 1", won.Load())
	}
	v, err := p.Future().Result()
	p.Resolve(99)
	if again, err2 := p.Future().Result(); again != v || err2 != err {
		t.Fatalf("Result() = %v, %v after a second Resolve; want %v, %v", again, err2, v, err)
	}
}

func TestRule02CallbackOrder(t *testing.T) {
	p := future.NewPromise[int]()
	f := p.Future()
	var got record[int]
	const n = 200
	var next atomic.Int32
	// Half of the callbacks are registered before the settlement, the others by callbacks that run.
	for i := range n / 2 {
		f.OnComplete(func(int, error) {
			got.add(i)
			f.OnComplete(func(int, error) { got.add(n/2 + int(next.Add(1)) - 1) })
		})
	}
	p.Resolve(1)
	eventually(t, "not all callbacks ran", func() bool { return len(got.all()) == n })
	if !slices.IsSorted(got.all()) {
		t.Fatalf("callbacks ran in the order %v, want the order of registration", got.all())
	}
}

func TestRule02OneRunnerPerSettlement(t *testing.T) {
	for _, via := range []string{"goroutines", "a pool of 4"} {
		t.Run(via, func(t *testing.T) {
			p := future.NewPromise[int]()
			f := p.Future()
			if via != "goroutines" {
				f = f.Via(newPool(t, 4))
			}
			var at, most, ran atomic.Int32
			for range 50 {
				f.OnComplete(func(int, error) {
					if n := at.Add(1); n > most.Load() {
						most.Store(n)
					}
					runtime.Gosched()
					at.Add(-1)
					ran.Add(1)
				})
			}
			p.Resolve(1)
			eventually(t, "not all callbacks ran", func() bool { return ran.Load() == 50 })
			if most.Load() != 1 {
				t.Fatalf("%d callbacks of one future ran at once, want 1", most.Load())
			}
		})
	}
}

func TestRule03NotOnCallersStack(t *testing.T) {
	// The test holds mu while it registers and settles. A callback on this stack would deadlock.
	var mu sync.Mutex
	var ran atomic.Int32
	callback := func() {
		mu.Lock()
		defer mu.Unlock()
		ran.Add(1)
	}
	refuses := future.ExecutorFunc(func(func()) error { return errBoom })
	previous := future.SetUnobservedHandler(func(err error) {
		if errors.As(err, new(*future.UndeliveredError)) { // ignores reports of other tests
			callback()
		}
	})
	defer func() { future.SetUnobservedHandler(previous) }()

	mu.Lock()
	register := func(f *future.Future[int]) {
		f.OnComplete(func(int, error) { callback() })
		f.AddDoneCallback(func(*future.Future[int]) { callback() })
		f.Finally(callback)
		f.Catch(func(err error) (int, error) { callback(); return 0, nil })
		f.Via(refuses).OnComplete(func(int, error) { t.Error("the callback ran, want it refused by its executor") })
		future.Then(f, func(i int) (int, error) { callback(); return i, nil })
		future.Handle(f, func(i int, err error) (int, error) { callback(); return i, nil })
		future.ThenFuture(f, func(i int) *future.Future[int] { callback(); return future.Resolved(i) })
		future.HandleFuture(f, func(i int, err error) *future.Future[int] { callback(); return future.Resolved(i) })
	}
	resolved, rejected, cancelled := future.NewPromise[int](), future.NewPromise[int](), future.NewPromise[int]()
	for _, p := range []*future.Promise[int]{resolved, rejected, cancelled} {
		register(p.Future())
	}
	resolved.Resolve(1)
	rejected.Reject(errBoom)
	cancelled.Future().Cancel()
	register(resolved.Future()) // is settled already
	if ran.Load() != 0 {
		t.Fatal("a callback ran before the test released its lock")
	}
	mu.Unlock()
	// After a success 8 functions run (all except Catch), after a failure 7 (not those of Then and ThenFuture).
	const want = 2*8 + 2*7
	eventually(t, "not all callbacks ran", func() bool { return ran.Load() == want })
}

func TestRule03NoLockOrSlotHeld(t *testing.T) {
	pool := newPool(t, 1)
	f := future.Go(t.Context(), pool, func(context.Context) (int, error) { return 1, nil })
	free := future.Then(f, func(int) (bool, error) {
		return future.Unlocked(f, pool) && pool.Stats().Running == 0, nil
	})
	wantValue(t, free, true)
}

func TestRule04ChainsAreWalked(t *testing.T) {
	links := 10_000_000
	if raceEnabled || testing.Short() {
		links = 200_000
	}
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 20)) // too small for a recursion over 200,000 links

	p := future.NewPromise[int]()
	f := p.Future()
	for range links {
		f = future.Then(f, func(i int) (int, error) { return i + 1, nil })
	}
	p.Resolve(0)
	wantValue(t, f, links)
}

func TestRule04OtherChainsAreWalked(t *testing.T) {
	links := 100_000
	if raceEnabled || testing.Short() {
		links = 10_000
	}
	defer debug.SetMaxStack(debug.SetMaxStack(1 << 19))
	steps := []struct {
		name string
		step func(*future.Future[int]) *future.Future[int]
	}{
		{"Catch", func(f *future.Future[int]) *future.Future[int] {
			return f.Catch(func(e error) (int, error) { return 0, e })
		}},
		{"Finally", func(f *future.Future[int]) *future.Future[int] { return f.Finally(func() {}) }},
		{"Shield", future.Shield[int]},
		{"Any", func(f *future.Future[int]) *future.Future[int] { return future.Any(f) }},
		{"Race", func(f *future.Future[int]) *future.Future[int] { return future.Race(f) }},
		{"ThenFuture", func(f *future.Future[int]) *future.Future[int] { return future.ThenFuture(f, future.Resolved[int]) }},
		{"HandleFuture", func(f *future.Future[int]) *future.Future[int] { return future.HandleFuture(f, future.Settled[int]) }},
		{"Chain", func(f *future.Future[int]) *future.Future[int] {
			p := future.NewPromise[int]()
			future.Chain(f, p)
			return p.Future()
		}},
	}
	for _, s := range steps {
		t.Run(s.name, func(t *testing.T) {
			for _, settle := range []string{"resolve", "cancel"} {
				p := future.NewPromise[int]()
				f := p.Future()
				for range links {
					f = s.step(f)
				}
				if settle == "resolve" {
					p.Resolve(7)
					wantValue(t, f, 7)
				} else {
					p.Future().Cancel()
					if _, err := await(t, f); err == nil {
						t.Fatal("Await() error = <nil>, want ErrCancelled")
					}
				}
			}
		})
	}
	t.Run("adoption", func(t *testing.T) {
		last := future.NewPromise[int]()
		f := last.Future()
		start := future.Resolved(0)
		for range links {
			inner := f
			f = future.ThenFuture(start, func(int) *future.Future[int] { return inner })
		}
		last.Resolve(7)
		wantValue(t, f, 7)
	})
}

func TestRule05PanicSettlesChild(t *testing.T) {
	reported := unobserved(t)
	for _, how := range []struct {
		name  string
		do    func()
		value any
	}{
		{"panic", func() { panic(errBang) }, errBang},
		{"Goexit", func() { runtime.Goexit() }, nil},
		{"FailNow-like", func() { defer func() { _ = recover() }(); runtime.Goexit() }, nil},
	} {
		t.Run(how.name, func(t *testing.T) {
			pool := newPool(t, 1)
			one := future.Resolved(1)
			fail := future.Rejected[int](errBoom)
			for _, c := range []struct {
				name string
				f    *future.Future[int]
			}{
				{"Then", future.Then(one, func(int) (int, error) { how.do(); return 0, nil })},
				{"Handle", future.Handle(one, func(int, error) (int, error) { how.do(); return 0, nil })},
				{"ThenFuture", future.ThenFuture(one, func(int) *future.Future[int] { how.do(); return one })},
				{"HandleFuture", future.HandleFuture(fail, func(int, error) *future.Future[int] { how.do(); return one })},
				{"Finally", one.Finally(how.do)},
				{"Catch", fail.Catch(func(error) (int, error) { how.do(); return 0, nil })},
				{"Go", future.Go(t.Context(), pool, func(context.Context) (int, error) { how.do(); return 0, nil })},
				{"Go on goroutines", future.Go(t.Context(), goroutines, func(context.Context) (int, error) {
					how.do()
					return 0, nil
				})},
				{"Then on a pool", future.Then(one.Via(pool), func(int) (int, error) { how.do(); return 0, nil })},
				{"Map", future.Then(future.Map(t.Context(), 2, []int{1, 2, 3}, func(context.Context, int) (int, error) {
					how.do()
					return 0, nil
				}), func([]int) (int, error) { return 0, nil })},
			} {
				_, err := await(t, c.f)
				var p *future.PanicError
				if !errors.As(err, &p) || how.value != nil && p.Value != how.value {
					t.Errorf("%s: Await() error = %v, want a *PanicError with value %v", c.name, err, how.value)
				}
			}
			wantValue(t, future.Go(t.Context(), pool, func(context.Context) (int, error) { return 7, nil }), 7)
			if s := pool.Stats(); s.Panics != 1 || s.Running != 0 {
				t.Errorf("Stats() = %+v after a panic of a task, want Panics 1 and Running 0", s)
			}
		})
	}
	if n := len(reported.all()); n != 0 {
		t.Errorf("%d failures were reported, want 0, because all were observed: %v", n, reported.all())
	}
}

func TestRule05OthersRunAfterPanic(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func()
	}{{"panic", func() { panic(errBang) }}, {"Goexit", runtime.Goexit}} {
		t.Run(c.name, func(t *testing.T) {
			reported := unobserved(t)
			for _, ex := range []future.Executor{nil, newPool(t, 1)} {
				p := future.NewPromiseOn[int](ex)
				f := p.Future()
				var calls, after atomic.Int32
				f.OnComplete(func(int, error) { after.Add(1) })
				f.OnComplete(func(int, error) { calls.Add(1); c.do() })
				f.OnComplete(func(int, error) { after.Add(1) })
				child := future.Then(f, func(i int) (int, error) { return i, nil })
				f.OnComplete(func(int, error) { calls.Add(1); c.do() })
				p.Resolve(3)
				wantValue(t, child, 3)
				wantValue(t, future.Then(f, func(i int) (int, error) { return i, nil }), 3)
				if calls.Load() != 2 || after.Load() != 2 {
					t.Fatalf("%d callbacks that fail and %d others ran, want 2 and 2", calls.Load(), after.Load())
				}
			}
			eventually(t, "fewer than 4 panics were reported", func() bool { return len(reported.all()) >= 4 })
			time.Sleep(5 * time.Millisecond)
			if n := len(reported.all()); n != 4 {
				t.Fatalf("%d panics were reported, want 4: %v", n, reported.all())
			}
		})
	}
}

func TestRule06ContextEndsOneWait(t *testing.T) {
	p := future.NewPromise[int]()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Future().Await(ctx); err != context.Canceled {
		t.Fatalf("Await() error = %v, want context.Canceled", err)
	}
	if p.Future().IsDone() {
		t.Fatal("IsDone() = true after the context of a wait ended, want false")
	}
	p.Resolve(5)
	if v, err := p.Future().Await(ctx); v != 5 || err != nil {
		t.Fatalf("Await() of a settled future = %v, %v; want 5, <nil>", v, err)
	}
}

var goroutines = future.Goroutines

// waker makes a future.Waker of a function.
type waker func()

func (w waker) Wake() { w() }
