// Gather shows coroutines: code that reads like Python's
//
//	async def fetch(name, delay): ...
//	results = await asyncio.gather(fetch("a", 0.3), fetch("b", 0.1), fetch("c", 0.2))
//
// Three coroutines run concurrently on one loop. They share a counter without a lock, because the loop switches between
// them only where they wait. The program takes as long as the slowest coroutine, about a third of a second.
//
//	go run ./examples/gather
package main

import (
	"fmt"
	"log"
	"time"

	"github.com/gomotor/gomotor/callback"
)

func main() {
	loop := callback.NewLoop()
	defer loop.Close()

	began := time.Now()
	requests := 0 // no lock: only coroutines of one loop use it
	fetch := func(name string, delay time.Duration) func(co *callback.Co) (string, error) {
		return func(co *callback.Co) (string, error) {
			requests++
			if err := co.Sleep(delay); err != nil { // stands for an operation of a client
				return "", err
			}
			return "the contents of " + name, nil
		}
	}

	results, err := callback.RunSync(loop, func(co *callback.Co) ([]string, error) {
		return callback.Gather(co,
			fetch("a", 300*time.Millisecond),
			fetch("b", 100*time.Millisecond),
			fetch("c", 200*time.Millisecond),
		)
	}, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range results {
		fmt.Println(r)
	}
	fmt.Printf("%d requests in %v\n", requests, time.Since(began).Round(100*time.Millisecond))
}
