package future_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/future"
)

func ExampleAll() {
	fmt.Println(future.All(future.Resolved(1), future.Resolved(2)).Await(ctx))
	fmt.Println(future.All(future.Resolved(1), future.Rejected[int](errors.New("offline"))).Await(ctx))
	// Output:
	// [1 2] <nil>
	// [] offline
}

func ExampleAllSettled() {
	outcomes, _ := future.AllSettled(future.Resolved(1), future.Rejected[int](errors.New("offline"))).Await(ctx)
	for _, o := range outcomes {
		fmt.Println(o.Value, o.Err)
	}
	// Output:
	// 1 <nil>
	// 0 offline
}

func ExampleMulti() {
	fmt.Println(future.Multi(future.Resolved("a"), future.Resolved("b")).Await(ctx))
	// Output: [a b] <nil>
}

func ExampleMultiMap() {
	fmt.Println(future.MultiMap(map[string]*future.Future[int]{
		"users": future.Resolved(3),
		"posts": future.Resolved(14),
	}).Await(ctx))
	// Output: map[posts:14 users:3] <nil>
}

func ExampleAny() {
	fmt.Println(future.Any(future.Rejected[int](errors.New("offline")), future.Resolved(2)).Await(ctx))
	// Output: 2 <nil>
}

func ExampleAggregateError() {
	offline := errors.New("offline")
	err := future.Any(future.Rejected[int](offline), future.Rejected[int](errors.New("refused"))).Err()
	fmt.Println(err)
	fmt.Println(errors.Is(err, offline))
	// Output:
	// future: none of 2 futures succeeded, first error: offline
	// true
}

func ExampleRace() {
	fmt.Println(future.Race(future.NewPromise[int]().Future(), future.Resolved(2)).Await(ctx))
	// Output: 2 <nil>
}

func ExampleJoin2() {
	pair, err := future.Join2(future.Resolved("jesse"), future.Resolved(42)).Await(ctx)
	fmt.Println(pair.First, pair.Second, err)
	// Output: jesse 42 <nil>
}

func ExampleJoin3() {
	all, err := future.Join3(future.Resolved("jesse"), future.Resolved(42), future.Resolved(true)).Await(ctx)
	fmt.Println(all.First, all.Second, all.Third, err)
	// Output: jesse 42 true <nil>
}

func ExampleWait() {
	sets, _ := future.Wait(future.FirstCompleted, future.NewPromise[int]().Future(), future.Resolved(2)).Await(ctx)
	fmt.Println(len(sets.Done), "done,", len(sets.Pending), "pending")
	// Output: 1 done, 1 pending
}

func ExampleAsCompleted() {
	slow := future.Then(future.Sleep(5*time.Millisecond), func(struct{}) (string, error) { return "slow", nil })
	for v, err := range future.AsCompleted(ctx, slow, future.Resolved("fast")) {
		fmt.Println(v, err)
	}
	// Output:
	// fast <nil>
	// slow <nil>
}

func ExampleNewWaitIterator() {
	slow := future.Then(future.Sleep(5*time.Millisecond), func(struct{}) (string, error) { return "slow", nil })
	it := future.NewWaitIterator(slow, future.Resolved("fast"))
	for !it.Done() {
		v, err := it.Next().Await(ctx)
		fmt.Println(it.CurrentIndex(), v, err)
	}
	// Output:
	// 1 fast <nil>
	// 0 slow <nil>
}

func ExampleNewWaitIteratorMap() {
	it := future.NewWaitIteratorMap(map[string]*future.Future[int]{"users": future.Resolved(3)})
	v, err := it.Next().Await(ctx)
	fmt.Println(it.CurrentIndex(), v, err)
	// Output: users 3 <nil>
}

func ExampleWaitIterator_Next() {
	it := future.NewWaitIterator(future.Resolved(1))
	fmt.Println(it.Next().Await(ctx))
	fmt.Println(it.Next().Await(ctx))
	// Output:
	// 1 <nil>
	// 0 future: no more results
}

func ExampleWaitIterator_Done() {
	it := future.NewWaitIterator(future.Resolved(1))
	before := it.Done()
	it.Next()
	fmt.Println(before, it.Done())
	// Output: false true
}

func ExampleWaitIterator_CurrentIndex() {
	it := future.NewWaitIterator(future.NewPromise[int]().Future(), future.Resolved(1))
	it.Next()
	fmt.Println(it.CurrentIndex())
	// Output: 1
}

func ExampleWaitIterator_CurrentFuture() {
	f := future.Resolved(1)
	it := future.NewWaitIterator(f)
	it.Next()
	fmt.Println(it.CurrentFuture() == f)
	// Output: true
}

func ExampleWaitIterator_Close() {
	it := future.NewWaitIterator(future.NewPromise[int]().Future())
	next := it.Next()
	it.Close()
	fmt.Println(it.Done(), next.Cancelled())
	// Output: true true
}

func ExampleMap() {
	squares := future.Map(ctx, 2, []int{1, 2, 3}, func(_ context.Context, i int) (int, error) { return i * i, nil })
	fmt.Println(squares.Await(ctx))
	// Output: [1 4 9] <nil>
}

func ExampleWithTimeout() {
	p := future.NewPromise[int]()
	_, err := future.WithTimeout(p.Future(), time.Millisecond).Await(ctx)
	fmt.Println(err, p.Future().IsDone())
	// Output: future: timed out after 1ms false
}

func ExampleWaitFor() {
	f := future.Sleep(time.Hour)
	_, err := future.WaitFor(f, time.Millisecond).Await(ctx)
	fmt.Println(err, errors.Is(err, context.DeadlineExceeded), f.Cancelled())
	// Output: future: timed out after 1ms true true
}

func ExampleShield() {
	p := future.NewPromise[int]()
	future.WaitFor(future.Shield(p.Future()), time.Hour).Cancel()
	fmt.Println(p.Future().Cancelled())
	// Output: false
}

func ExampleSleep() {
	begin := time.Now()
	_, err := future.Sleep(2 * time.Millisecond).Await(ctx)
	fmt.Println(time.Since(begin) >= 2*time.Millisecond, err)
	// Output: true <nil>
}

func ExampleChain() {
	p := future.NewPromise[int]()
	future.Chain(future.Resolved(1), p)
	fmt.Println(p.Future().Await(ctx))
	// Output: 1 <nil>
}
