// Crawler shows futures without MongoDB. It crawls a small site that this program serves from three mirrors:
//
//   - It asks all mirrors for an answer, and prefers the first that gives one.
//   - An executor limits the requests to four at a time.
//   - If a mirror is slow, it asks the next one too, takes the first answer and cancels the other request.
//   - If both fail, it tries again after a pause.
//
// The program ends in less than a second.
//
//	go run ./examples/crawler
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gomotor/gomotor/future"
)

const (
	requests = 4                      // at a time
	hedge    = 100 * time.Millisecond // before the next mirror is asked
	attempts = 3
	pause    = 20 * time.Millisecond // after the first attempt, and twice as long after each other one
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal("crawler: ", err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	site, err := serve()
	if err != nil {
		return err
	}
	defer site.close()
	pool, err := future.NewPool(requests)
	if err != nil {
		return err
	}
	defer pool.Shutdown()
	c := &crawler{client: &http.Client{Transport: new(http.Transport)}, pool: pool, mirrors: site.mirrors}
	defer c.client.CloseIdleConnections()
	if err := c.findMirror(ctx); err != nil {
		return err
	}
	if err := c.crawl(ctx, out); err != nil {
		return err
	}
	fmt.Fprintf(out, "asked a second mirror: %t, tried again: %t, at most %d requests at a time: %t\n",
		c.hedged.Load() > 0, c.retried.Load() > 0, requests, c.most.Load() <= requests)
	return nil
}

type crawler struct {
	client          *http.Client
	pool            *future.Pool
	mirrors         []string // the preferred one is the first
	hedged, retried atomic.Int64
	running, most   atomic.Int64 // requests at a time
}

// get requests a page, which is a list of links. The request takes a slot of the executor.
func (c *crawler) get(ctx context.Context, mirror, page string) *future.Future[[]string] {
	return future.Go(ctx, c.pool, func(ctx context.Context) (links []string, err error) {
		defer c.running.Add(-1)
		for now, most := c.running.Add(1), c.most.Load(); now > most && !c.most.CompareAndSwap(most, now); {
			most = c.most.Load()
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, mirror+page, nil)
		if err != nil {
			return nil, err
		}
		reply, err := c.client.Do(request)
		if err != nil {
			return nil, err
		}
		defer reply.Body.Close()
		if reply.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s: %s", page, reply.Status)
		}
		return links, json.NewDecoder(reply.Body).Decode(&links)
	})
}

// findMirror puts the mirror that answers first before the others.
func (c *crawler) findMirror(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the other requests
	var answers []*future.Future[int]
	for i, mirror := range c.mirrors {
		answers = append(answers, future.Then(c.get(ctx, mirror, "/ping"), func([]string) (int, error) { return i, nil }))
	}
	first, err := future.Any(answers...).Await(ctx)
	if err != nil {
		return err
	}
	c.mirrors[0], c.mirrors[first] = c.mirrors[first], c.mirrors[0]
	return nil
}

// getHedged requests a page from the first mirror, and a little later from the second one. The result is the first
// success. Then the other request ends, or is never sent.
func (c *crawler) getHedged(ctx context.Context, page string) *future.Future[[]string] {
	ctx, cancel := context.WithCancel(ctx)
	late := future.Sleep(hedge)
	second := future.ThenFuture(late, func(struct{}) *future.Future[[]string] {
		if ctx.Err() == nil {
			c.hedged.Add(1)
		}
		return c.get(ctx, c.mirrors[1], page)
	})
	return future.Any(c.get(ctx, c.mirrors[0], page), second).Finally(func() {
		late.Cancel()
		cancel()
	})
}

// fetch requests a page. It tries again while attempts are left.
func (c *crawler) fetch(ctx context.Context, page string, left int, pause time.Duration) *future.Future[[]string] {
	return future.HandleFuture(c.getHedged(ctx, page), func(links []string, err error) *future.Future[[]string] {
		if err == nil || left == 1 || ctx.Err() != nil {
			return future.Settled(links, err)
		}
		c.retried.Add(1)
		return future.ThenFuture(future.Sleep(pause), func(struct{}) *future.Future[[]string] {
			return c.fetch(ctx, page, left-1, 2*pause)
		})
	})
}

// crawl fetches the pages that are one link away from the start, then those that are two links away, and so on.
func (c *crawler) crawl(ctx context.Context, out io.Writer) error {
	seen := map[string]bool{"/": true}
	for level := []string{"/"}; len(level) > 0; {
		var pages []*future.Future[[]string]
		for _, page := range level {
			pages = append(pages, c.fetch(ctx, page, attempts, pause))
		}
		links, err := future.All(pages...).Await(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintln(out, strings.Join(level, " "))
		level = nil
		for _, page := range links { // in the order of the pages, whichever came first
			for _, link := range page {
				if !seen[link] {
					seen[link] = true
					level = append(level, link)
				}
			}
		}
	}
	fmt.Fprintln(out, len(seen), "pages")
	return nil
}
