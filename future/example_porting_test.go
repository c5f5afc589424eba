package future_test

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gomotor/gomotor/future"
)

func ExampleSettled() {
	f := future.Settled(strconv.Atoi("42"))
	fmt.Println(f.Result())
	// Output: 42 <nil>
}

func ExampleErase() {
	age, name := future.Resolved(42), future.Resolved("ann")
	all, err := future.All(future.Erase(age), future.Erase(name)).Await(context.Background())
	fmt.Println(all, err)
	// Output: [42 ann] <nil>
}

func ExampleWaitTimeout() {
	slow, fast := future.NewPromise[int]().Future(), future.Resolved(1)
	sets, err := future.WaitTimeout(time.Millisecond, future.AllCompleted, slow, fast).Await(context.Background())
	fmt.Println(len(sets.Done), len(sets.Pending), err)
	// Output: 1 1 <nil>
}

// A function that needs only to know when something is over takes an Awaitable: a future with a result of any type, or
// a task.
func ExampleAwaitable() {
	pending := func(all ...future.Awaitable) (n int) {
		for _, a := range all {
			if !a.IsDone() {
				n++
			}
		}
		return n
	}
	fmt.Println(pending(future.Resolved(1), future.Resolved("two"), future.NewPromise[bool]().Future()))
	// Output: 1
}

// logged is a context that reports what is awaited with it. A coroutine of package callback is a Suspender, too.
type logged struct{ context.Context }

func (l logged) Suspend(on future.Awaitable) error {
	fmt.Println("waiting")
	<-on.Done()
	return nil
}

func ExampleSuspender() {
	var s future.Suspender = logged{context.Background()}
	p := future.NewPromise[string]()
	go p.Resolve("done")
	fmt.Println(p.Future().Await(s))
	// Output:
	// waiting
	// done <nil>
}

// The loop of package callback returns LoopStats. Another event loop can return them, too.
func ExampleLoopStats() {
	s := future.LoopStats{Turns: 4, Lag: 8 * time.Millisecond}
	fmt.Println("mean lag:", s.Lag/time.Duration(s.Turns))
	// Output: mean lag: 2ms
}
