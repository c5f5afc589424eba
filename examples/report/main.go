// Report shows a loop that does several things at regular times: a report of what has been counted so far, with a
// little jitter, as Tornado's PeriodicCallback would give it, while callbacks count. Work that would hold up the loop
// runs elsewhere and comes back to it. The program ends by itself after five reports, in about half a second.
package main

import (
	"context"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func main() {
	loop := callback.NewLoop(callback.WithSlowCallback(50*time.Millisecond, nil)) // logs what holds up the loop
	defer loop.Close()

	events, reports := 0, 0 // no lock: only callbacks touch them
	count := callback.NewPeriodic(loop, 7*time.Millisecond, func() {
		// Away from the loop; OnComplete's callback runs on it.
		slow := callback.RunInExecutor(context.Background(), loop, nil, compute)
		slow.OnComplete(func(n int, err error) {
			if err == nil {
				events += n
			}
		})
	})
	report := callback.NewPeriodic(loop, 100*time.Millisecond, func() {
		reports++
		fmt.Printf("report %d: some events: %t\n", reports, events > 0)
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

// compute blocks, as calls of other libraries do.
func compute(ctx context.Context) (int, error) {
	_, err := future.Sleep(5 * time.Millisecond).Await(ctx)
	return 3, err
}
