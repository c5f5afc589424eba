// Mainloop shows both ways to live with somebody else's main loop, here a plain chan func() as that of a graphical
// program or a game might be:
//
//   - results delivered on it: anything that can run a function later is a future.Executor, one function long;
//   - a whole callback.Loop embedded in it, with its timers and coroutines, by the same function.
//
// Everything that prints does so on the main loop. It ends after three ticks, in less than a second.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func main() {
	// The foreign main loop. It could be a toolkit's "run this on the main thread" as well.
	events := make(chan func(), 64)
	onMain := future.ExecutorFunc(func(task func()) error {
		events <- task
		return nil
	})

	// First way: no loop of ours at all. The work is done elsewhere, its callback runs on the main loop.
	elsewhere := future.ExecutorFunc(func(task func()) error {
		go task()
		return nil
	})
	answer := future.Go(context.Background(), elsewhere, func(context.Context) (int, error) { return 42, nil })
	answer.Via(onMain).OnComplete(func(v int, err error) {
		fmt.Println("delivered on the main loop:", v, err)
	})

	// Second way: our loop, run by the main loop turn by turn. There is no other goroutine.
	loop := callback.NewLoop(callback.WithHost(onMain))
	ticks := callback.Spawn(loop, func(co *callback.Co) (int, error) {
		for i := range 3 {
			if err := co.Sleep(100 * time.Millisecond); err != nil {
				return i, err
			}
			fmt.Println("tick", i+1)
		}
		return 3, nil
	})

	running := true
	callback.AddFuture(loop, ticks, func(*future.Future[int]) {
		loop.Close() // asks the main loop for one last turn
		_ = onMain(func() { running = false })
	})
	for running {
		event := <-events
		event()
	}
	fmt.Println("the main loop ends")
}
