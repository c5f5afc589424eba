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
