package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
)

// visitor sends requests to the server, and prints the answers.
type visitor struct {
	out    io.Writer
	site   string
	client *motor.Client
	proxy  *faultproxy.Proxy
}

func (v *visitor) visit(ctx context.Context) error {
	defer http.DefaultClient.CloseIdleConnections()
	for _, step := range []func(context.Context) error{v.fill, v.look, v.leave, v.wait, v.crowd, v.outage} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// books is how many books there are.
const books = 100

// fill stores the books, all at once.
func (v *visitor) fill(ctx context.Context) error {
	began := time.Now()
	statuses := v.together(ctx, books, func(ctx context.Context, i int) (int, string, error) {
		return v.send(ctx, "POST", "/books", fmt.Sprintf(`{"id": "book-%03d", "title": "Title %d", "author": "Author %d"}`, i, i, i%3))
	})
	fmt.Fprintf(v.out, "%d x POST /books, all at once: %s (%d ms)\n", books, statuses, time.Since(began).Milliseconds())
	return nil
}

// look sends requests one after the other, right and wrong ones.
func (v *visitor) look(ctx context.Context) error {
	for _, r := range []struct{ method, path, body string }{
		{"GET", "/books/book-007", ""},
		{"GET", "/books/none", ""},
		{"POST", "/books", `{"id": "book-007", "title": "Again"}`},
		{"POST", "/books", `{"id": "book-100"}`},
		{"DELETE", "/books/book-099", ""},
		{"GET", "/authors", ""},
		{"GET", "/export", ""},
	} {
		status, body, err := v.send(ctx, r.method, r.path, r.body)
		if err != nil {
			return err
		}
		if lines := strings.Count(body, "\n"); lines > 1 {
			body = fmt.Sprintf("%d lines", lines)
		}
		fmt.Fprintf(v.out, "%s %s: %d %s\n", r.method, r.path, status, strings.TrimSpace(body))
	}
	return nil
}

// leave ends a request while the database works on it. The operation ends too, and frees its worker.
func (v *visitor) leave(ctx context.Context) error {
	if err := v.proxy.Script("aggregate", faultproxy.Fault{Stall: true}); err != nil {
		return err
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if _, _, err := v.send(short, "GET", "/authors", ""); !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("got %v for a request of 100 ms, want a deadline", err)
	}
	for v.client.Stats().Running > 0 {
		if err := sleep(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	fmt.Fprintln(v.out, "GET /authors, and the user leaves: no operation runs")
	return v.proxy.Script("aggregate") // the request may have ended before its command was sent
}

// wait sends a request that takes longer than the limit of the server.
func (v *visitor) wait(ctx context.Context) error {
	if err := v.proxy.Script("find", faultproxy.Fault{Stall: true}); err != nil {
		return err
	}
	status, body, err := v.send(ctx, "GET", "/books/book-007", "")
	fmt.Fprintf(v.out, "GET /books/book-007 from a silent database: %d %s", status, body)
	return err
}

// crowd sends more requests than the executor takes, while all its workers wait for the database.
func (v *visitor) crowd(ctx context.Context) error {
	var faults []faultproxy.Fault
	for range workers {
		faults = append(faults, faultproxy.Fault{Delay: limit / 3})
	}
	if err := v.proxy.Script("find", faults...); err != nil {
		return err
	}
	const n = workers + queue + 50
	statuses := v.together(ctx, n, func(ctx context.Context, _ int) (int, string, error) {
		return v.send(ctx, "GET", "/books/book-007", "")
	})
	fmt.Fprintf(v.out, "%d x GET /books/book-007, all at once: %s\n", n, statuses)
	return v.proxy.Script("find")
}

// outage stops the database, and starts it again.
func (v *visitor) outage(ctx context.Context) error {
	if err := v.proxy.Stop(); err != nil {
		return err
	}
	status, body, err := v.send(ctx, "GET", "/books/book-007", "")
	if err != nil {
		return err
	}
	fmt.Fprintf(v.out, "GET /books/book-007 without a database: %d %s", status, body)
	if err := v.proxy.Resume(); err != nil {
		return err
	}
	for { // until the client has found the server again
		status, body, err = v.send(ctx, "GET", "/books/book-007", "")
		if err != nil {
			return err
		}
		if status == http.StatusOK {
			fmt.Fprintf(v.out, "GET /books/book-007 when it is back: %d %s", status, body)
			return nil
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// together sends n requests at once. It returns the statuses and their numbers.
func (v *visitor) together(ctx context.Context, n int, send func(context.Context, int) (int, string, error)) string {
	var (
		all sync.WaitGroup
		mu  sync.Mutex
	)
	counts := map[string]int{}
	for i := range n {
		all.Go(func() {
			status, _, err := send(ctx, i)
			text := fmt.Sprint(status)
			if err != nil {
				text = err.Error()
			}
			mu.Lock()
			defer mu.Unlock()
			counts[text]++
		})
	}
	all.Wait()
	var texts []string
	for text, n := range counts {
		texts = append(texts, fmt.Sprintf("%d x %s", n, text))
	}
	slices.SortFunc(texts, func(a, b string) int { return cmp.Compare(a[strings.Index(a, " x "):], b[strings.Index(b, " x "):]) })
	return strings.Join(texts, ", ")
}

// send sends a request. It returns the status and the body of the answer.
func (v *visitor) send(ctx context.Context, method, path, body string) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, method, v.site+path, bytes.NewBufferString(body))
	if err != nil {
		return 0, "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// sleep waits, or fails when ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
