// Workqueue shows coroutines that share a queue, like a program with tornado.queues in Python. Four workers crawl a
// small site that exists only in this program. Each worker gets a page from the queue, waits until it is fetched, and
// puts the linked pages into the queue. The program ends when all pages are done, in less than a second.
//
//	go run ./examples/workqueue
package main

import (
	"fmt"
	"log"
	"time"

	"github.com/gomotor/gomotor/callback"
)

const workers = 4

// links has the links of each page.
var links = map[string][]string{
	"/":         {"/docs", "/blog", "/download"},
	"/docs":     {"/docs/api", "/docs/tour", "/"},
	"/blog":     {"/blog/1", "/blog/2", "/docs"},
	"/blog/1":   {"/blog/2"},
	"/download": {"/docs/tour"},
}

func main() {
	loop := callback.NewLoop()
	defer loop.Close()

	queue := callback.NewQueue[string](loop, 0)
	seen := map[string]bool{} // no lock: all workers run on one loop
	visit := func(page string) error {
		if seen[page] {
			return nil
		}
		seen[page] = true
		return queue.PutNowait(page)
	}
	worker := func(id int) func(co *callback.Co) error {
		return func(co *callback.Co) error {
			for page, err := range queue.All(co) {
				if err != nil {
					return err // the loop is closed, so the worker ends
				}
				if err := co.Sleep(50 * time.Millisecond); err != nil { // stands for the time to fetch the page
					return err
				}
				fmt.Printf("worker %d: %s\n", id, page)
				for _, next := range links[page] {
					if err := visit(next); err != nil {
						return err
					}
				}
				queue.TaskDone()
			}
			return nil
		}
	}

	_, err := callback.RunSync(loop, func(co *callback.Co) (struct{}, error) {
		for id := range workers {
			loop.SpawnCallback(worker(id))
		}
		if err := visit("/"); err != nil {
			return struct{}{}, err
		}
		return queue.Join().Await(co)
	}, 10*time.Second)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(seen), "pages")
}
