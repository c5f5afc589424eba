package callback_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

var errMissing = errors.New("not found")

// lookup stands for an operation that returns a future.
func lookup(key string) *future.Future[int] {
	if key == "" {
		return future.Rejected[int](errMissing)
	}
	return future.Resolved(len(key))
}

func ExampleMust() {
	total := func(co *callback.Co, keys ...string) (sum int) {
		for _, key := range keys {
			sum += callback.Must(co, lookup(key))
		}
		return sum
	}
	err := callback.Run(context.Background(), func(co *callback.Co) {
		defer fmt.Println("finally")
		fmt.Println(total(co, "a", "bc"))
		fmt.Println(total(co, "a", ""))
		fmt.Println("never printed")
	})
	fmt.Println(err, err == errMissing)
	// Output:
	// 3
	// finally
	// not found true
}

func ExampleMust_function() {
	err := callback.Run(context.Background(), func(co *callback.Co) {
		n := callback.Must(co, future.Settled(strconv.Atoi("12")))
		fmt.Println(n)
		callback.Must(co, future.Settled(strconv.Atoi("twelve")))
	})
	fmt.Println(err)
	// Output:
	// 12
	// strconv.Atoi: parsing "twelve": invalid syntax
}

func ExampleRaise() {
	loop := callback.NewLoop(callback.WithPanicHandler(func(p *future.PanicError) {
		fmt.Println("reported:", errors.Is(p, errMissing))
	}))
	defer loop.Close()
	found := func(n int, err error) {
		callback.Raise(err)
		fmt.Println("found", n)
	}
	loop.AddCallback(func() { found(2, nil) })
	loop.AddCallback(func() { found(0, errMissing) })
	loop.AddCallback(loop.Stop)
	loop.Start()
	// Output:
	// found 2
	// reported: true
}

func ExampleCo_Try() {
	err := callback.Run(context.Background(), func(co *callback.Co) {
		err := co.Try(func() {
			fmt.Println(callback.Must(co, lookup("key")))
			fmt.Println(callback.Must(co, lookup("")))
		}, errMissing)
		fmt.Println("caught:", err)
		_ = co.Try(func() { co.Must(errors.New("another error")) }, errMissing)
	})
	fmt.Println(err)
	// Output:
	// 3
	// caught: not found
	// another error
}

func ExampleRange() {
	err := callback.Run(context.Background(), func(co *callback.Co) {
		q := callback.NewQueue[string](co.Loop(), 0)
		q.Put("a")
		q.Put("b")
		for item := range callback.Range(co, q.All(co)) {
			fmt.Println(item)
			if item == "b" {
				break
			}
		}
	})
	fmt.Println(err)
	// Output:
	// a
	// b
	// <nil>
}

func ExampleCreateTask() {
	_ = callback.Run(context.Background(), func(co *callback.Co) {
		task := callback.CreateTask(co, callback.Proc(func(co *callback.Co) {
			defer func() {
				co.Must(co.WithoutCancel().Sleep(time.Millisecond))
				fmt.Println("cleaned up")
			}()
			co.Must(co.Sleep(time.Hour))
		}))
		co.Must(co.Sleep(0)) // the coroutine starts
		task.Cancel()
		_, err := task.Await(co)
		fmt.Println(err, task.Cancelled())
	})
	// Output:
	// cleaned up
	// future: cancelled true
}

func ExampleProc() {
	_ = callback.Run(context.Background(), func(co *callback.Co) error {
		_, err := callback.Gather(co,
			callback.Proc(func(co *callback.Co) { fmt.Println("one") }),
			callback.Proc(func(co *callback.Co) error { fmt.Println("two"); return nil }))
		return err
	})
	// Output:
	// one
	// two
}

func ExampleValue() {
	loop := callback.NewLoop()
	defer loop.Close()
	double := func(co *callback.Co) int { return 2 * callback.Must(co, lookup("abc")) }
	fmt.Println(callback.RunSync(loop, callback.Value(double)))
	// Output: 6 <nil>
}

func ExampleGatherSettled() {
	length := func(key string) func(co *callback.Co) (int, error) {
		return callback.Value(func(co *callback.Co) int { return callback.Must(co, lookup(key)) })
	}
	_ = callback.Run(context.Background(), func(co *callback.Co) error {
		outcomes, err := callback.GatherSettled(co, length("abc"), length(""), length("a"))
		for _, o := range outcomes {
			fmt.Println(o.Value, o.Err)
		}
		return err
	})
	// Output:
	// 3 <nil>
	// 0 not found
	// 1 <nil>
}

func ExampleWaitFor() {
	_ = callback.Run(context.Background(), func(co *callback.Co) {
		_, err := callback.WaitFor(co, time.Millisecond, callback.Proc(func(co *callback.Co) {
			defer fmt.Println("cleaned up")
			co.Must(co.Sleep(time.Hour))
		}))
		fmt.Println(err, errors.Is(err, future.ErrTimeout))
	})
	// Output:
	// cleaned up
	// callback: operation timed out after 1ms true
}

func ExampleFromCallback() {
	_ = callback.Run(context.Background(), func(co *callback.Co) {
		loop := co.Loop()
		fetch := func(url string, done callback.Func[string]) {
			loop.CallLater(time.Millisecond, func() { done("the contents of "+url, nil) })
		}
		body := callback.Must(co, callback.FromCallback(loop, func(done callback.Func[string]) { fetch("/a", done) }))
		fmt.Println(body)
	})
	// Output: the contents of /a
}

// Ctrl-C cancels the coroutine.
func ExampleRunSyncContext() {
	loop := callback.NewLoop()
	defer loop.Close()
	ctx, interrupt := context.WithCancel(context.Background()) // in a program: signal.NotifyContext
	loop.CallLater(time.Millisecond, interrupt)
	_, err := callback.RunSyncContext(ctx, loop, func(co *callback.Co) (int, error) {
		defer fmt.Println("cleaned up")
		return 0, co.Sleep(time.Hour)
	})
	fmt.Println(err)
	// Output:
	// cleaned up
	// context canceled
}

// timer is a resource with __aenter__ and __aexit__.
type timer struct{ name string }

func (t timer) AEnter(*callback.Co) (string, error) {
	fmt.Println("enter")
	return t.name, nil
}

func (t timer) AExit(_ *callback.Co, err error) error {
	fmt.Println("exit:", err)
	return err
}

func ExampleWith() {
	err := callback.Run(context.Background(), func(co *callback.Co) error {
		return callback.With(co, timer{"t"}, func(name string) error {
			fmt.Println("in", name)
			callback.Must(co, lookup(""))
			return nil
		})
	})
	fmt.Println(err)
	// Output:
	// enter
	// in t
	// exit: not found
	// not found
}
