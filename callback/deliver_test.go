package callback_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
	"github.com/gomotor/gomotor/motor"
)

var errDelivery = errors.New("delivery failed")

// deliveryLoop is a loop whose turns the test runs.
type deliveryLoop interface {
	future.Executor
	turn()  // runs the functions that are ready
	close() // makes Execute return an error
}

// bareLoop is a minimal loop. It runs one function at a time.
type bareLoop struct {
	tasks  chan func()
	closed chan struct{}
}

var errBareLoopClosed = errors.New("the bare loop is closed")

func (l *bareLoop) Execute(task func()) error {
	select {
	case <-l.closed:
		return errBareLoopClosed
	default:
		l.tasks <- task
		return nil
	}
}

func (l *bareLoop) turn() {
	for {
		select {
		case task := <-l.tasks:
			task()
		default:
			return
		}
	}
}

func (l *bareLoop) close() { close(l.closed) }

// realLoop is a Loop whose turns the test runs.
type realLoop struct{ *callback.Loop }

func (l realLoop) turn() {
	for l.Poll() {
	}
}

func (l realLoop) close() { l.Close() }

// onEveryLoop runs test with a minimal loop and with a Loop. Handles get loop, and driver runs its turns. reported
// receives the panics of callbacks.
func onEveryLoop(t *testing.T, test func(t *testing.T, loop future.Executor, driver deliveryLoop, reported <-chan error)) {
	t.Run("bare loop", func(t *testing.T) {
		l := &bareLoop{make(chan func(), 100), make(chan struct{})}
		test(t, l, l, reporttest.Reports(t, errDelivery))
	})
	t.Run("Loop", func(t *testing.T) {
		unobserved := reporttest.Reports(t, errDelivery)
		panics := make(chan error, 100)
		l := newLoop(t, callback.WithPanicHandler(func(p *future.PanicError) { panics <- p }))
		t.Cleanup(func() { nothingReported(t, unobserved) })
		test(t, l, realLoop{l}, panics)
	})
}

func nothingReported(t *testing.T, reported <-chan error) {
	t.Helper()
	select {
	case err := <-reported:
		t.Errorf("reported %v, want nothing", err)
	default:
	}
}

func nextReport(t *testing.T, reported <-chan error) error {
	t.Helper()
	select {
	case err := <-reported:
		return err
	case <-time.After(hang):
		t.Fatal("nothing was reported, want an error")
		return nil
	}
}

// delivery is one call of a callback.
type delivery struct {
	result int
	err    error
}

func TestCallbackRunsOnceInLaterTurn(t *testing.T) {
	for _, c := range []struct {
		name   string
		result int
		err    error
		want   delivery
	}{
		{"result", 7, nil, delivery{7, nil}},
		{"error", 0, errDelivery, delivery{0, errDelivery}},
		{"error without its partial result", 7, errDelivery, delivery{0, errDelivery}},
	} {
		for _, when := range []string{"settled before", "settled after"} {
			t.Run(c.name+", "+when, func(t *testing.T) {
				onEveryLoop(t, func(t *testing.T, loop future.Executor, driver deliveryLoop, _ <-chan error) {
					var got []delivery // used only on the loop, so it needs no lock
					p, f := pending[int]()
					if when == "settled before" {
						p.Settle(c.result, c.err)
					}
					callback.Deliver(loop, f, func(n int, err error) { got = append(got, delivery{n, err}) })
					if when == "settled after" {
						driver.turn()
						p.Settle(c.result, c.err)
					}
					if len(got) != 0 {
						t.Fatalf("deliveries before a turn of the loop = %v, want none", got)
					}
					driver.turn()
					driver.turn()
					if !slices.Equal(got, []delivery{c.want}) {
						t.Errorf("deliveries = %v, want %v once", got, c.want)
					}
				})
			})
		}
	}
}

func TestCallbacksRunInCompletionOrder(t *testing.T) {
	onEveryLoop(t, func(t *testing.T, loop future.Executor, driver deliveryLoop, _ <-chan error) {
		const n = 50
		var got []int
		promises := make([]*future.Promise[int], n)
		for i := range promises {
			promises[i] = future.NewPromise[int]()
			callback.Deliver(loop, promises[i].Future(), func(n int, err error) { got = append(got, n) })
		}
		var want []int
		for i := range promises {
			i = (i*7 + 3) % n
			want = append(want, i)
			promises[i].Resolve(i)
		}
		driver.turn()
		if !slices.Equal(got, want) {
			t.Errorf("order of callbacks:\ngot  %v\nwant %v", got, want)
		}
	})
}

func TestCallbackPanicIsReported(t *testing.T) {
	for _, err := range []error{nil, errDelivery} {
		onEveryLoop(t, func(t *testing.T, loop future.Executor, driver deliveryLoop, reported <-chan error) {
			calls, after := 0, 0
			callback.Deliver(loop, settled(1, err), func(int, error) {
				calls++
				panic("this is only a test")
			})
			callback.Deliver(loop, settled(2, nil), func(int, error) { after++ })
			driver.turn()
			var p *future.PanicError
			if err := nextReport(t, reported); !errors.As(err, &p) || p.Value != "this is only a test" {
				t.Errorf("reported %v, want a *PanicError of the test", err)
			}
			nothingReported(t, reported)
			equal(t, calls, 1)
			equal(t, after, 1)
		})
	}
}

// settled returns a future with the outcome v, err.
func settled[T any](v T, err error) *future.Future[T] {
	p, f := pending[T]()
	p.Settle(v, err)
	return f
}

func TestPanicInEach(t *testing.T) {
	onEveryLoop(t, func(t *testing.T, loop future.Executor, driver deliveryLoop, reported <-chan error) {
		c, err := callback.NewClient(loop, "mongodb://127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		c.Database("no database").Collection("c").Find(bson.D{}).Each(t.Context(), func(doc bson.M, err error) bool {
			calls++
			if doc != nil || !errors.Is(err, motor.InvalidName) {
				t.Errorf("callback got %v, %v; want nil and InvalidName", doc, err)
			}
			panic("this is only a test")
		})
		equal(t, calls, 0)
		driver.turn()
		var p *future.PanicError
		if err := nextReport(t, reported); !errors.As(err, &p) {
			t.Errorf("reported %v, want a *PanicError", err)
		}
		equal(t, calls, 1)
	})
}

func TestRefusedCallbackIsReported(t *testing.T) {
	for _, outcome := range []error{nil, errDelivery} {
		onEveryLoop(t, func(t *testing.T, loop future.Executor, driver deliveryLoop, _ <-chan error) {
			reported := reporttest.Reports(t, errDelivery)
			p, f := pending[int]()
			callback.Deliver(loop, f, func(int, error) { t.Error("the callback was called on a closed loop") })
			driver.close()
			p.Settle(1, outcome)

			var undelivered *future.UndeliveredError
			if err := nextReport(t, reported); !errors.As(err, &undelivered) {
				t.Fatalf("reported %v, want an *UndeliveredError", err)
			}
			if r := undelivered.Reason; r != errBareLoopClosed && r != callback.ErrLoopClosed {
				t.Errorf("Reason = %v, want that the loop is closed", r)
			}
			if undelivered.Outcome != outcome {
				t.Errorf("Outcome = %v, want %v", undelivered.Outcome, outcome)
			}
			nothingReported(t, reported)
		})
	}
}

func TestCloseRunsReadyCallbacks(t *testing.T) {
	loop := newLoop(t)
	calls := 0
	callback.Deliver(loop, future.Resolved(1), func(int, error) { calls++ })
	loop.Close()
	equal(t, calls, 1)
}

func TestStoppedLoopKeepsItsCallbacks(t *testing.T) {
	loop := newLoop(t)
	calls := 0
	callback.Deliver(loop, future.Resolved(1), func(int, error) { calls++; loop.Stop() })
	loop.Stop()
	loop.Start() // returns at once, because of Stop
	equal(t, calls, 0)
	loop.Start()
	equal(t, calls, 1)
}

func TestNilCallbackReportsFailure(t *testing.T) {
	onEveryLoop(t, func(t *testing.T, loop future.Executor, driver deliveryLoop, _ <-chan error) {
		reported := reporttest.Reports(t, errDelivery)
		var none callback.Func[int]
		callback.Deliver(loop, future.Resolved(1), none)
		callback.Deliver(loop, settled(1, errDelivery), none)
		if err := nextReport(t, reported); err != errDelivery {
			t.Errorf("reported %v, want %v", err, errDelivery)
		}
		p, f := pending[int]()
		callback.Deliver(loop, f, none)
		p.Reject(errDelivery)
		if err := nextReport(t, reported); err != errDelivery {
			t.Errorf("reported %v, want %v", err, errDelivery)
		}
		driver.turn()
		nothingReported(t, reported)
	})
}

func TestNewClientErrors(t *testing.T) {
	c, err := callback.NewClient(nil, "mongodb://127.0.0.1")
	if c != nil || !errors.Is(err, motor.TypeError) {
		t.Errorf("NewClient(nil) = %v, %v; want nil, TypeError", c, err)
	}
	if c, err = callback.NewClient(newLoop(t), "mongodb://"); c != nil || !errors.Is(err, motor.InvalidURI) {
		t.Errorf("NewClient() = %v, %v; want nil, InvalidURI", c, err)
	}
}

func TestWrapNilPanics(t *testing.T) {
	loop := newLoop(t)
	client, err := motor.NewClient("mongodb://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		wrap func()
	}{
		{"no loop", func() { callback.WrapClient(nil, client) }},
		{"no handle", func() { callback.WrapDatabase(loop, nil) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("Wrap did not panic, want a panic")
				}
			}()
			c.wrap()
		})
	}
}

func TestStylesConvert(t *testing.T) {
	loop, other := newLoop(t), newLoop(t)
	client, err := callback.NewClient(loop, "mongodb://127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, client.Futures().IOLoop(), future.Executor(loop))

	type user struct{ Name string }
	db := client.Database("d")
	users := callback.CollectionOf[*user](db, "users").Collection("old")
	cursor := users.Find(bson.D{})
	for _, got := range []future.Executor{
		client.IOLoop(), db.IOLoop(), db.Client().IOLoop(), db.Collection("c").IOLoop(), users.IOLoop(),
		users.Database().IOLoop(), cursor.IOLoop(), cursor.Clone().IOLoop(), cursor.Collection().IOLoop(),
	} {
		equal(t, got, future.Executor(loop))
	}
	equal(t, users.FullName(), "d.users.old")
	equal(t, db.Client().Futures(), client.Futures())
	equal(t, cursor.Collection().Futures(), users.Futures())
	equal(t, callback.WrapCollection(other, users.Futures()).IOLoop(), future.Executor(other))

	// Chained methods return the same cursor.
	equal(t, cursor.Sort("name").Skip(1).Limit(2).BatchSize(3).Rewind(), cursor)
	if clone := cursor.Clone(); clone == cursor || clone.Futures() == cursor.Futures() {
		t.Error("Clone() returned the same cursor, want a new one")
	}
}

func TestFuturesWithAnotherLoop(t *testing.T) {
	loop, other := newLoop(t), newLoop(t)
	client, err := callback.NewClient(loop, "mongodb://127.0.0.1", motor.WithIOLoop(other))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, client.IOLoop(), future.Executor(loop))
	equal(t, client.Futures().IOLoop(), future.Executor(other))
	calls := 0
	client.Database("no database").Command(context.Background(), "ping", func(bson.M, error) { calls++ })
	for other.Poll() {
	}
	equal(t, calls, 0)
	for loop.Poll() {
	}
	equal(t, calls, 1)
}

// Tornado: IOLoop.add_future schedules a callback on the loop when the future is done.
func TestAddFuture(t *testing.T) {
	t.Run("defers the callback of a settled future", func(t *testing.T) {
		loop := newLoop(t)
		var got []string
		loop.AddCallback(func() {
			callback.AddFuture(loop, future.Resolved(1), func(f *future.Future[int]) {
				v, err := f.Result()
				equal(t, v, 1)
				equal(t, err, nil)
				got = append(got, "future")
			})
			got = append(got, "callback")
		})
		loop.Poll()
		equalSlices(t, got, []string{"callback"})
		loop.Poll()
		equalSlices(t, got, []string{"callback", "future"})
	})
	t.Run("delivers in the order of settlement", func(t *testing.T) {
		loop := newLoop(t)
		var got []int
		var ps []*future.Promise[int]
		for range 100 {
			p, f := pending[int]()
			ps = append(ps, p)
			callback.AddFuture(loop, f, func(f *future.Future[int]) {
				v, _ := f.Result()
				got = append(got, v)
			})
		}
		for i := range ps {
			ps[len(ps)-1-i].Resolve(i)
		}
		loop.Poll()
		equal(t, len(got), 100)
		equal(t, slices.IsSorted(got), true)
	})
	t.Run("on a closed loop is reported", func(t *testing.T) {
		reports := reporttest.Reports(t)
		loop := newLoop(t)
		p, f := pending[int]()
		callback.AddFuture(loop, f, func(*future.Future[int]) { t.Error("the callback was called on a closed loop") })
		loop.Close()
		failure := errors.New("failure")
		p.Reject(failure)
		reported := <-reports
		wantError(t, reported, callback.ErrLoopClosed)
		wantError(t, reported, failure)
	})
}

func TestRunInExecutor(t *testing.T) {
	t.Run("runs on a goroutine, delivers on the loop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			loop := newLoop(t)
			hold := make(chan none)
			f := callback.RunInExecutor(t.Context(), loop, nil, func(context.Context) (int, error) {
				<-hold
				return 3, nil
			})
			got := 0
			f.OnComplete(func(v int, _ error) { got = v }) // needs no lock: both run on the loop
			loop.Poll()
			equal(t, got, 0)
			close(hold)
			synctest.Wait()
			equal(t, got, 0)
			loop.Poll()
			equal(t, got, 3)
		})
	})
	t.Run("takes any executor", func(t *testing.T) {
		loop := newLoop(t)
		var mu sync.Mutex
		ran := 0
		ex := future.ExecutorFunc(func(task func()) error {
			mu.Lock()
			ran++
			mu.Unlock()
			go task()
			return nil
		})
		run(t, loop, func(co *callback.Co) error {
			v, err := callback.RunInExecutor(co, loop, ex, func(context.Context) (int, error) { return 4, nil }).Await(co)
			equal(t, v, 4)
			return err
		})
		equal(t, ran, 1)
	})
}

// A Loop is a future.Executor.
func TestContinuationsRunOnTheLoop(t *testing.T) {
	loop := newLoop(t)
	unlocked := 0
	const n = 1000
	var wg sync.WaitGroup
	for range n {
		p, f := pending[int]()
		wg.Add(1)
		future.Then(f.Via(loop), func(v int) (int, error) {
			unlocked += v
			return v, nil
		}).Finally(func() {
			unlocked++
			wg.Done()
		})
		go p.Resolve(1)
	}
	wait := background(loop)
	wg.Wait()
	loop.Close()
	wait()
	equal(t, unlocked, 2*n)

	p, f := pending[int]()
	child := future.Then(f.Via(loop), func(v int) (int, error) { return v, nil })
	p.Resolve(1)
	_, err := child.Await(t.Context())
	wantError(t, err, callback.ErrLoopClosed)
}
