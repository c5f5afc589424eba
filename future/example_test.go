package future_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/gomotor/gomotor/future"
)

var ctx = context.Background()

func Example() {
	pool, err := future.NewPool(4)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	length := func(word string) *future.Future[int] {
		return future.Go(ctx, pool, func(context.Context) (int, error) { return len(word), nil })
	}
	sum := future.Then(future.All(length("future"), length("promise")), func(parts []int) (int, error) {
		return parts[0] + parts[1], nil
	})
	fmt.Println(sum.Await(ctx))
	// Output: 13 <nil>
}

func ExampleNewPromise() {
	p := future.NewPromise[string]()
	go p.Resolve("done")
	fmt.Println(p.Future().Await(ctx))
	// Output: done <nil>
}

func ExampleNewPromiseOn() {
	loop := make(chan func(), 1)
	p := future.NewPromiseOn[int](future.ExecutorFunc(func(task func()) error { loop <- task; return nil }))
	p.Future().OnComplete(func(v int, err error) { fmt.Println("on the loop:", v, err) })
	p.Resolve(1)
	(<-loop)()
	// Output: on the loop: 1 <nil>
}

// Two goroutines wait for the only permit. The first one gives up, so the second one gets the permit.
func ExampleNewPromiseCancelledOnGiveUp() {
	waiters := []*future.Promise[string]{future.NewPromiseCancelledOnGiveUp[string](nil), future.NewPromiseCancelledOnGiveUp[string](nil)}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	_, err := waiters[0].Future().Await(ended)
	fmt.Println("the first:", err)
	for _, w := range waiters {
		if w.Resolve("the permit") {
			break
		}
	}
	v, err := waiters[1].Future().Await(ctx)
	fmt.Println("the second:", v, err)
	// Output:
	// the first: context canceled
	// the second: the permit <nil>
}

func ExamplePromise_Future() {
	fetch := func() *future.Future[int] { // callers get only the read side
		p := future.NewPromise[int]()
		time.AfterFunc(time.Millisecond, func() { p.Resolve(1) })
		return p.Future()
	}
	fmt.Println(fetch().Await(ctx))
	// Output: 1 <nil>
}

func ExamplePromise_Resolve() {
	p := future.NewPromise[int]()
	fmt.Println(p.Resolve(1), p.Resolve(2))
	fmt.Println(p.Future().Result())
	// Output:
	// true false
	// 1 <nil>
}

func ExamplePromise_Reject() {
	p := future.NewPromise[int]()
	p.Reject(errors.New("no luck"))
	fmt.Println(p.Future().Result())
	// Output: 0 no luck
}

func ExamplePromise_Settle() {
	p := future.NewPromise[int]()
	p.Settle(3, errors.New("the fourth of 5 was rejected"))
	inserted, err := p.Future().Result()
	fmt.Println(inserted, "inserted;", err)
	// Output: 3 inserted; the fourth of 5 was rejected
}

func ExampleResolved() {
	fmt.Println(future.Resolved("cached").Await(ctx))
	// Output: cached <nil>
}

func ExampleRejected() {
	fmt.Println(future.Rejected[int](errors.New("not connected")).Await(ctx))
	// Output: 0 not connected
}

func ExampleResolvedOn() {
	loop := make(chan func(), 1)
	f := future.ResolvedOn(future.ExecutorFunc(func(task func()) error { loop <- task; return nil }), "cached")
	f.OnComplete(func(v string, err error) { fmt.Println("on the loop:", v, err) })
	(<-loop)()
	// Output: on the loop: cached <nil>
}

func ExampleRejectedOn() {
	loop := make(chan func(), 1)
	f := future.RejectedOn[int](future.ExecutorFunc(func(task func()) error { loop <- task; return nil }), errors.New("not connected"))
	f.OnComplete(func(v int, err error) { fmt.Println("on the loop:", v, err) })
	(<-loop)()
	// Output: on the loop: 0 not connected
}

func ExampleFuture_Await() {
	impatient, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	p := future.NewPromise[int]()
	_, err := p.Future().Await(impatient) // ends this wait; the future stays pending
	fmt.Println(err)
	p.Resolve(1)
	fmt.Println(p.Future().Await(ctx))
	// Output:
	// context deadline exceeded
	// 1 <nil>
}

func ExampleFuture_Result() {
	p := future.NewPromise[int]()
	_, err := p.Future().Result()
	fmt.Println(err == future.ErrNotDone)
	p.Resolve(1)
	fmt.Println(p.Future().Result())
	// Output:
	// true
	// 1 <nil>
}

func ExampleFuture_Err() {
	fmt.Println(future.Resolved(1).Err(), future.NewPromise[int]().Future().Err())
	// Output: <nil> future: not done
}

func ExampleFuture_Done() {
	p := future.NewPromise[int]()
	go p.Resolve(1)
	select {
	case <-p.Future().Done():
		fmt.Println("done")
	case <-time.After(time.Minute):
		fmt.Println("slow")
	}
	// Output: done
}

func ExampleFuture_IsDone() {
	p := future.NewPromise[int]()
	before := p.Future().IsDone()
	p.Resolve(1)
	fmt.Println(before, p.Future().IsDone())
	// Output: false true
}

func ExampleFuture_Cancelled() {
	f := future.NewPromise[int]().Future()
	f.Cancel()
	fmt.Println(f.Cancelled(), future.Resolved(1).Cancelled())
	// Output: true false
}

func ExampleFuture_Cancel() {
	f := future.NewPromise[int]().Future()
	fmt.Println(f.Cancel(errors.New("the user left")))
	err := f.Err()
	fmt.Println(err, errors.Is(err, future.ErrCancelled), errors.Is(err, context.Canceled))
	// Output:
	// true
	// future: cancelled: the user left true true
}

func ExampleFuture_OnComplete() {
	p := future.NewPromise[int]()
	called := make(chan struct{})
	p.Future().OnComplete(func(v int, err error) {
		fmt.Println(v, err)
		close(called)
	})
	stop := p.Future().OnComplete(func(int, error) { fmt.Println("never") })
	fmt.Println(stop())
	p.Resolve(1)
	<-called
	// Output:
	// true
	// 1 <nil>
}

func ExampleFuture_AddDoneCallback() {
	called := make(chan struct{})
	future.Resolved(1).AddDoneCallback(func(f *future.Future[int]) {
		fmt.Println(f.Result())
		close(called)
	})
	<-called
	// Output: 1 <nil>
}

func ExampleFuture_Via() {
	loop := make(chan func(), 10) // the main loop of a program
	onLoop := future.ExecutorFunc(func(task func()) error { loop <- task; return nil })
	future.Resolved(1).Via(onLoop).OnComplete(func(v int, _ error) {
		fmt.Println("on the loop:", v)
		close(loop)
	})
	for task := range loop {
		task()
	}
	// Output: on the loop: 1
}

func ExampleFuture_Catch() {
	f := future.Rejected[string](errors.New("offline")).Catch(func(error) (string, error) { return "from the cache", nil })
	fmt.Println(f.Await(ctx))
	// Output: from the cache <nil>
}

func ExampleFuture_Finally() {
	f := future.Resolved(1).Finally(func() { fmt.Println("cleaned up") })
	fmt.Println(f.Await(ctx))
	// Output:
	// cleaned up
	// 1 <nil>
}

// wakeUp is a Waker. Its method Wake must not block.
type wakeUp chan struct{}

func (w wakeUp) Wake() { w <- struct{}{} }

func ExampleFuture_Notify() {
	p := future.NewPromise[int]()
	w := make(wakeUp, 1)
	p.Future().Notify(w)
	p.Resolve(1)
	<-w
	fmt.Println(p.Future().Result())
	// Output: 1 <nil>
}

// A scheduler that waits for one future at a time can reuse one Registration.
func ExampleFuture_NotifyWith() {
	var r future.Registration
	w := make(wakeUp, 1)
	for i := range 3 {
		p := future.NewPromise[int]()
		p.Future().NotifyWith(&r, w)
		p.Resolve(i)
		<-w
		fmt.Println(p.Future().Result())
	}
	// Output:
	// 0 <nil>
	// 1 <nil>
	// 2 <nil>
}

func ExampleRegistration_Stop() {
	p := future.NewPromise[int]()
	w := make(wakeUp, 1)
	fmt.Println(p.Future().Notify(w).Stop())
	p.Resolve(1)
	fmt.Println(len(w))
	// Output:
	// true
	// 0
}

func ExampleThen() {
	f := future.Then(future.Resolved(20), func(v int) (string, error) { return fmt.Sprint(v + 1), nil })
	fmt.Println(f.Await(ctx))
	// Output: 21 <nil>
}

func ExampleThenFuture() {
	find := func(name string) *future.Future[int] { return future.Resolved(len(name)) }
	f := future.ThenFuture(future.Resolved("jesse"), find)
	fmt.Println(f.Await(ctx))
	// Output: 5 <nil>
}

func ExampleHandleFuture() {
	attempts := 0
	try := func() *future.Future[string] {
		return future.Go(ctx, future.Goroutines, func(context.Context) (string, error) {
			if attempts++; attempts < 3 {
				return "", errors.New("offline")
			}
			return fmt.Sprintf("attempt %d", attempts), nil
		})
	}
	var retry func(left int) *future.Future[string]
	retry = func(left int) *future.Future[string] {
		return future.HandleFuture(try(), func(v string, err error) *future.Future[string] {
			if err == nil || left == 0 {
				return future.Settled(v, err)
			}
			return future.ThenFuture(future.Sleep(time.Millisecond), func(struct{}) *future.Future[string] { return retry(left - 1) })
		})
	}
	fmt.Println(retry(5).Await(ctx))
	// Output: attempt 3 <nil>
}

func ExampleHandle() {
	f := future.Handle(future.Rejected[int](errors.New("offline")), func(v int, err error) (string, error) {
		return fmt.Sprintf("%d, %v", v, err), nil
	})
	fmt.Println(f.Await(ctx))
	// Output: 0, offline <nil>
}

func ExamplePanicError() {
	_, err := future.Then(future.Resolved(1), func(int) (int, error) { panic("oops") }).Await(ctx)
	var p *future.PanicError
	fmt.Println(errors.As(err, &p), p.Value)
	// Output: true oops
}

func ExampleSetUnobservedHandler() {
	told := make(chan error, 1)
	previous := future.SetUnobservedHandler(func(err error) {
		var panicked *future.PanicError
		if !errors.As(err, &panicked) {
			return // a failure that was not observed
		}
		select { // the handler must not block
		case told <- err:
		default:
		}
	})
	defer func() { future.SetUnobservedHandler(previous) }()
	future.Resolved(1).OnComplete(func(int, error) { panic("in a callback") })
	fmt.Println(<-told)
	// Output: future: panic: in a callback
}

func ExamplePanicError_Unwrap() {
	errBroken := errors.New("broken")
	_, err := future.Then(future.Resolved(1), func(int) (int, error) { panic(errBroken) }).Await(ctx)
	fmt.Println(err)
	fmt.Println(errors.Is(err, errBroken))
	// Output:
	// future: panic: broken
	// true
}

func ExampleUndeliveredError() {
	told := make(chan error, 1)
	previous := future.SetUnobservedHandler(func(err error) {
		var undelivered *future.UndeliveredError
		if errors.As(err, &undelivered) {
			told <- err
		}
	})
	defer func() { future.SetUnobservedHandler(previous) }()
	closed := future.ExecutorFunc(func(func()) error { return future.ErrPoolClosed })
	future.Rejected[int](errors.New("no such rider")).Via(closed).OnComplete(func(int, error) {})
	err := <-told
	fmt.Println(err)
	fmt.Println(errors.Is(err, future.ErrPoolClosed))
	// Output:
	// future: callback not delivered: future: the pool is closed; undelivered error: no such rider
	// true
}

func ExampleReportUnobserved() {
	previous := future.SetUnobservedHandler(func(err error) { fmt.Println("unobserved:", err) })
	defer func() { future.SetUnobservedHandler(previous) }()
	future.ReportUnobserved(errors.New("connection lost"))
	// Output: unobserved: connection lost
}

// The log has one line for a panic.
func ExamplePanicError_Where() {
	pool, err := future.NewPool(1)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()
	parse := func(context.Context) (int, error) { panic("no digits") }
	_, err = future.Go(ctx, pool, parse).Await(ctx)
	var p *future.PanicError
	if errors.As(err, &p) {
		function, _, _ := strings.Cut(p.Where(), " (") // without the file and the line
		fmt.Println(p.Value, "in", function)
	}
	// Output: no digits in future_test.ExamplePanicError_Where.func1
}
