// Mainloop shows two ways to use gomotor with an existing main loop, such as that of a graphical program or a game. The
// main loop of this example is a channel of functions.
//
//   - The main loop delivers results. It is wrapped as a future.Executor, which needs one function.
//   - The main loop runs a callback.Loop, with its timers and coroutines, through the same function.
//
// All output is printed on the main loop. The program ends after three ticks, in less than a second.
//
//	go run ./examples/mainloop
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func main() {
	// The main loop. In a graphical program, onMain would call the toolkit's "run on the main thread".
	events := make(chan func(), 64)
	onMain := future.ExecutorFunc(func(task func()) error {
		events <- task
		return nil
	})

	// First way: the work runs on another goroutine, and its callback runs on the main loop.
	answer := future.Go(context.Background(), future.Goroutines, func(context.Context) (int, error) { return 42, nil })
	answer.Via(onMain).OnComplete(func(v int, err error) {
		fmt.Println("delivered on the main loop:", v, err)
	})

	// Second way: the main loop runs the turns of a callback.Loop. No other goroutine is needed.
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
		loop.Close() // schedules the loop's last turn on the main loop
		_ = onMain(func() { running = false })
	})
	for running {
		event := <-events
		event()
	}
	fmt.Println("the main loop ends")
}
