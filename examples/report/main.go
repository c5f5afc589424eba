// Report shows two periodic callbacks on one loop, as with Tornado's PeriodicCallback. One counts events, the other
// prints a report, with some jitter. Blocking work runs on an executor, and its result is delivered on the loop.
//
// The program ends after five reports, in about half a second.
//
//	go run ./examples/report
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func main() {
	loop := callback.NewLoop(callback.WithSlowCallback(50*time.Millisecond, nil)) // logs callbacks that take longer
	defer loop.Close()

	events, reports := 0, 0 // no lock: only callbacks of the loop use them
	count := callback.NewPeriodic(loop, 7*time.Millisecond, func() {
		// compute runs on another goroutine, the callback of OnComplete on the loop.
		slow := callback.RunInExecutor(context.Background(), loop, nil, compute)
		slow.OnComplete(func(n int, err error) {
			if err == nil {
				events += n
			}
		})
	})
	report := callback.NewPeriodic(loop, 100*time.Millisecond, func() {
		reports++
		fmt.Printf("report %d: events counted: %t\n", reports, events > 0)
		if reports == 5 {
			loop.Stop()
		}
	}, callback.WithJitter(0.1))
	count.Start()
	report.Start()
	loop.Start()

	count.Stop()
	report.Stop()
}

// compute blocks for a while, like a call of another library.
func compute(ctx context.Context) (int, error) {
	_, err := future.Sleep(5 * time.Millisecond).Await(ctx)
	return 3, err
}
