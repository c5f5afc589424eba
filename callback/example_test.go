package callback_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func ExampleLoop() {
	loop := callback.NewLoop()
	defer loop.Close()
	loop.CallLater(time.Millisecond, func() {
		fmt.Println("a moment later")
		loop.Stop()
	})
	loop.AddCallback(func() { fmt.Println("in the first turn") })
	loop.Start()
	// Output:
	// in the first turn
	// a moment later
}

func ExampleRunSync() {
	loop := callback.NewLoop()
	defer loop.Close()
	sum, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
		a := fetch(co, loop, 40)
		b := fetch(co, loop, 2) // both operations run now
		x, err := a.Await(co)   // suspends this coroutine, not the loop
		if err != nil {
			return 0, err
		}
		y, err := b.Await(co)
		return x + y, err
	})
	fmt.Println(sum, err)
	// Output: 42 <nil>
}

// fetch stands for an operation that returns a future.
func fetch(ctx context.Context, loop *callback.Loop, v int) *future.Future[int] {
	return callback.RunInExecutor(ctx, loop, nil, func(context.Context) (int, error) { return v, nil })
}

func ExampleRunSync_timeout() {
	loop := callback.NewLoop()
	defer loop.Close()
	_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
		return 0, co.Sleep(time.Hour)
	}, 5*time.Millisecond)
	fmt.Println(err, errors.Is(err, future.ErrTimeout))
	// Output: callback: operation timed out after 5ms true
}

func ExampleRunSyncFuture() {
	loop := callback.NewLoop()
	defer loop.Close()
	v, err := callback.RunSyncFuture(loop, func() *future.Future[int] {
		return fetch(context.Background(), loop, 7)
	})
	fmt.Println(v, err)
	// Output: 7 <nil>
}

func ExampleGather() {
	loop := callback.NewLoop()
	defer loop.Close()
	double := func(n int) func(co *callback.Co) (int, error) {
		return func(co *callback.Co) (int, error) {
			if err := co.Sleep(time.Duration(n) * time.Millisecond); err != nil {
				return 0, err
			}
			return 2 * n, nil
		}
	}
	fmt.Println(callback.RunSync(loop, func(co *callback.Co) ([]int, error) {
		return callback.Gather(co, double(3), double(1), double(2))
	}))
	// Output: [6 2 4] <nil>
}

func ExampleSpawn_cancel() {
	loop := callback.NewLoop()
	defer loop.Close()
	_, _ = callback.RunSync(loop, func(co *callback.Co) (int, error) {
		task := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			defer fmt.Println("cleaned up")
			return 0, co.Sleep(time.Hour)
		})
		_ = co.Sleep(0) // the coroutine starts
		task.Cancel()
		_, err := task.Await(co)
		fmt.Println(err)
		return 0, co.Sleep(0)
	})
	// Output:
	// future: cancelled
	// cleaned up
}

func ExampleCo_With() {
	loop := callback.NewLoop()
	defer loop.Close()
	_, _ = callback.RunSync(loop, func(co *callback.Co) (int, error) {
		ctx, cancel := context.WithTimeout(co, time.Millisecond)
		defer cancel()
		_, err := future.NewPromise[int]().Future().Await(co.With(ctx))
		fmt.Println(err)
		return 0, nil
	})
	// Output: context deadline exceeded
}

func ExampleAddFuture() {
	loop := callback.NewLoop()
	defer loop.Close()
	callback.AddFuture(loop, fetch(context.Background(), loop, 3), func(f *future.Future[int]) {
		fmt.Println(f.Result())
		loop.Stop()
	})
	loop.Start()
	// Output: 3 <nil>
}

func ExampleNewPeriodic() {
	loop := callback.NewLoop()
	defer loop.Close()
	n := 0
	report := callback.NewPeriodic(loop, time.Millisecond, func() {
		n++
		fmt.Println("report", n)
		if n == 3 {
			loop.Stop()
		}
	})
	report.Start()
	loop.Start()
	// Output:
	// report 1
	// report 2
	// report 3
}

// The main loop of a program runs the turns of the loop.
func ExampleWithHost() {
	mainLoop := make(chan func(), 16)
	loop := callback.NewLoop(callback.WithHost(future.ExecutorFunc(func(task func()) error {
		mainLoop <- task
		return nil
	})))
	quit := false
	loop.CallLater(time.Millisecond, func() {
		fmt.Println("on the main loop")
		quit = true // needs no lock: both run on the main loop
	})
	for !quit {
		(<-mainLoop)()
	}
	loop.Close()
	(<-mainLoop)()
	// Output: on the main loop
}

func ExampleLock() {
	loop := callback.NewLoop()
	defer loop.Close()
	lock := callback.NewLock(loop)
	work := func(name string) func(co *callback.Co) (none, error) {
		return func(co *callback.Co) (none, error) {
			release, err := lock.Acquire().Await(co)
			if err != nil {
				return none{}, err
			}
			defer release()
			fmt.Println(name, "in")
			defer fmt.Println(name, "out")
			return none{}, co.Sleep(time.Millisecond)
		}
	}
	_, _ = callback.RunSync(loop, func(co *callback.Co) ([]none, error) {
		return callback.Gather(co, work("a"), work("b"))
	})
	// Output:
	// a in
	// a out
	// b in
	// b out
}

func ExampleQueue() {
	loop := callback.NewLoop()
	defer loop.Close()
	q := callback.NewQueue[int](loop, 2)
	loop.SpawnCallback(func(co *callback.Co) error {
		for item, err := range q.All(co) {
			if err != nil {
				return err
			}
			fmt.Println("doing", item)
			q.TaskDone()
		}
		return nil
	})
	_, _ = callback.RunSync(loop, func(co *callback.Co) (none, error) {
		for i := range 3 {
			if _, err := q.Put(i).Await(co); err != nil { // waits while the queue is full
				return none{}, err
			}
		}
		return q.Join().Await(co)
	})
	// Output:
	// doing 0
	// doing 1
	// doing 2
}

func ExamplePriorityQueue() {
	loop := callback.NewLoop()
	defer loop.Close()
	q := callback.NewPriorityQueue(loop, 0, cmp.Compare[string])
	for _, s := range []string{"b", "c", "a"} {
		q.Put(s)
	}
	first, _ := q.GetNowait()
	fmt.Println(first)
	// Output: a
}
