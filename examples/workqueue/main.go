// Workqueue shows producers and consumers on a queue, as tornado.queues is used in Python. A crawler follows links
// between pages that exist only here: each worker takes a page from the queue, waits for it, and puts the pages that
// it links to back on the queue, until every page has been done. It takes less than a second.
package main

import (
	"fmt"
	"log"
	"time"

	"github.com/gomotor/gomotor/callback"
)

const workers = 4

// links says where the pages lead.
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
	seen := map[string]bool{} // no lock: one loop
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
					return err // the loop was closed: this is how workers end
				}
				if err := co.Sleep(50 * time.Millisecond); err != nil { // the page is being fetched
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
