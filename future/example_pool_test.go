package future_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/gomotor/gomotor/future"
)

func ExampleGo() {
	pool, _ := future.NewPool(1)
	defer pool.Close()
	f := future.Go(ctx, pool, func(own context.Context) (int, error) {
		// A task that waits with its own context lends its slot to other tasks.
		v, err := future.Go(own, pool, func(context.Context) (int, error) { return 20, nil }).Await(own)
		return v + 1, err
	})
	fmt.Println(f.Await(ctx))
	// Output: 21 <nil>
}

func ExampleGoVia() {
	pool, _ := future.NewPool(1)
	defer pool.Close()
	loop := make(chan func(), 1)
	onLoop := future.ExecutorFunc(func(task func()) error { loop <- task; return nil })
	future.GoVia(ctx, pool, onLoop, func(context.Context) (int, error) { return 1, nil }).
		OnComplete(func(v int, _ error) { fmt.Println("on the loop:", v) })
	(<-loop)()
	// Output: on the loop: 1
}

func ExampleNewGroup() {
	pool, _ := future.NewPool(2)
	defer pool.Close()
	g := future.NewGroup(ctx, pool)
	g.Go(func(own context.Context) error { <-own.Done(); return own.Err() }) // ends when the other task fails
	g.Go(func(context.Context) error { return errors.New("offline") })
	_, err := g.Wait().Await(ctx)
	fmt.Println(err)
	// Output: offline
}

func ExampleGroup_Go() {
	pool, _ := future.NewPool(2)
	defer pool.Close()
	g := future.NewGroup(ctx, pool)
	counts := make([]int, 2)
	for i := range counts {
		g.Go(func(context.Context) error { counts[i] = i + 1; return nil })
	}
	_, err := g.Wait().Await(ctx)
	fmt.Println(counts, err)
	// Output: [1 2] <nil>
}

func ExampleGroupGo() {
	pool, _ := future.NewPool(2)
	defer pool.Close()
	g := future.NewGroup(ctx, pool)
	users := future.GroupGo(g, func(context.Context) (int, error) { return 3, nil })
	name := future.GroupGo(g, func(context.Context) (string, error) { return "jesse", nil })
	if _, err := g.Wait().Await(ctx); err == nil {
		n, _ := users.Result()
		s, _ := name.Result()
		fmt.Println(n, s)
	}
	// Output: 3 jesse
}

func ExampleGroupAdd() {
	pool, _ := future.NewPool(2)
	defer pool.Close()
	g := future.NewGroup(ctx, pool)
	added := future.GroupAdd(g, future.Sleep(time.Hour))
	g.Go(func(context.Context) error { return errors.New("offline") })
	_, err := g.Wait().Await(ctx)
	fmt.Println(err, added.Cancelled())
	// Output: offline true
}

func ExampleGroup_Wait() {
	pool, _ := future.NewPool(2)
	defer pool.Close()
	g := future.NewGroup(ctx, pool)
	_, err := g.Wait().Await(ctx)
	fmt.Println(err)
	// Output: <nil>
}

func ExampleGroup_Cancel() {
	pool, _ := future.NewPool(2)
	defer pool.Close()
	g := future.NewGroup(ctx, pool)
	g.Go(func(own context.Context) error { <-own.Done(); return own.Err() })
	g.Cancel()
	_, err := g.Wait().Await(ctx)
	fmt.Println(err)
	// Output: future: cancelled
}

func ExampleGroup_Context() {
	pool, _ := future.NewPool(2)
	defer pool.Close()
	g := future.NewGroup(ctx, pool)
	g.Cancel()
	fmt.Println(context.Cause(g.Context()))
	<-g.Wait().Done()
	// Output: future: cancelled
}

func ExampleNewPool() {
	_, err := future.NewPool(0)
	fmt.Println(errors.Is(err, future.ErrInvalidOption))
	pool, _ := future.NewPool(100)
	defer pool.Close()
	fmt.Println(future.Go(ctx, pool, func(context.Context) (int, error) { return 1, nil }).Await(ctx))
	// Output:
	// true
	// 1 <nil>
}

func ExampleWithMaxQueueWait() {
	pool, err := future.NewPool(1, future.WithMaxQueueWait(10*time.Millisecond, nil))
	if err != nil {
		panic(err)
	}
	defer pool.Close()
	end := make(chan struct{})
	runs := future.Go(ctx, pool, func(context.Context) (int, error) { <-end; return 1, nil })
	waits := future.Go(ctx, pool, func(context.Context) (int, error) { return 2, nil })
	_, err = waits.Await(ctx)
	fmt.Println(errors.Is(err, future.ErrQueueTimeout))
	close(end)
	fmt.Println(runs.Await(ctx))
	// Output:
	// true
	// 1 <nil>
}

func ExampleWithMaxQueue() {
	pool, _ := future.NewPool(1, future.WithMaxQueue(0))
	defer pool.Close()
	release := make(chan struct{})
	defer close(release)
	block := func(context.Context) (int, error) { <-release; return 1, nil }
	future.Go(ctx, pool, block)
	fmt.Println(future.Go(ctx, pool, block).Await(ctx))
	// Output: 0 future: the pool's queue is full
}

func ExampleWithInPlaceAwait() {
	pool, _ := future.NewPool(1, future.WithInPlaceAwait())
	defer pool.Close()
	// Await with the same context may run the task on this goroutine.
	fmt.Println(future.Go(ctx, pool, func(context.Context) (int, error) { return 1, nil }).Await(ctx))
	// Output: 1 <nil>
}

func ExamplePool_Execute() {
	pool, _ := future.NewPool(1)
	if err := pool.Execute(func() { fmt.Println("on the pool") }); err != nil {
		log.Fatal(err)
	}
	pool.Close()
	fmt.Println(pool.Execute(func() {}))
	// Output:
	// on the pool
	// future: the pool is closed
}

func ExamplePool_Limit() {
	pool, _ := future.NewPool(100)
	defer pool.Close()
	fmt.Println(pool.Limit())
	// Output: 100
}

func ExamplePool_Stats() {
	pool, _ := future.NewPool(1)
	defer pool.Close()
	_, _ = future.Go(ctx, pool, func(context.Context) (int, error) { return 1, nil }).Await(ctx)
	s := pool.Stats()
	fmt.Println(s.Completed, s.Running, s.Queued)
	// Output: 1 0 0
}

func ExamplePool_Close() {
	pool, _ := future.NewPool(1)
	pool.Close()
	fmt.Println(future.Go(ctx, pool, func(context.Context) (int, error) { return 1, nil }).Await(ctx))
	// Output: 0 future: the pool is closed
}

func ExamplePool_Shutdown() {
	pool, _ := future.NewPool(1)
	queued := make([]*future.Future[int], 3)
	for i := range queued {
		queued[i] = future.Go(ctx, pool, func(context.Context) (int, error) { return i, nil })
	}
	pool.Shutdown() // runs the queued tasks first
	fmt.Println(queued[2].Result())
	// Output: 2 <nil>
}

func ExampleExecutorFunc_Execute() {
	goroutines := future.ExecutorFunc(func(task func()) error { go task(); return nil })
	done := make(chan struct{})
	_ = goroutines.Execute(func() { fmt.Println("elsewhere"); close(done) })
	<-done
	// Output: elsewhere
}

// The operation takes an item from a queue. If it is cancelled after it got the item, Undo puts the item back.
func ExampleStart() {
	items := make(chan string, 1)
	items <- "work"
	pool, _ := future.NewPool(1)
	defer pool.Close()

	taken, cancelled := make(chan bool), make(chan bool)
	f, err := future.Start(ctx, pool, future.Op[string]{
		Run: func(context.Context) (string, error) {
			item := <-items
			taken <- true
			<-cancelled
			return item, nil
		},
		Undo: func(item string, err error) {
			if err == nil {
				items <- item
			}
		},
		Ended: func() { close(items) },
	})
	fmt.Println(err)
	<-taken
	f.Cancel()
	cancelled <- true
	fmt.Println(<-items)
	// Output:
	// <nil>
	// work
}
