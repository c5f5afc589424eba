// Package serial works off items one goroutine at a time.
package serial

import "sync"

// Queue holds items until the one goroutine that works them off, the worker, takes them. There is no goroutine while
// there is nothing to do: whoever gets true from Push or Enter is the worker, or starts it, and it ends when Next
// returns nothing.
//
// No item is left behind. "Something is queued" and "a worker is there" change under one mutex: Push adds its item in
// the critical section in which it looks for a worker, and Next ends the worker in the one in which it finds nothing.
// If Push comes first, Next returns the item; if Next comes first, Push finds no worker and its caller becomes it.
//
// The zero Queue is empty and ready to use.
type Queue[T any] struct {
	mu     sync.Mutex
	items  []T
	worker bool
}

// Push adds an item, unless limit items are queued already; a negative limit stands for none. start reports that the
// caller must start a worker.
func (q *Queue[T]) Push(item T, limit int) (start, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if limit >= 0 && len(q.items) >= limit {
		return false, false
	}
	q.items = append(q.items, item)
	start = !q.worker
	q.worker = true
	return start, true
}

// Enter makes the caller the worker, and reports false if there is one. It may do other work before it calls Next.
func (q *Queue[T]) Enter() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.worker {
		return false
	}
	q.worker = true
	return true
}

// Next returns the queued items in the order of Push and takes them off the queue. If there are none, the caller is no
// longer the worker. Only the worker may call it.
func (q *Queue[T]) Next() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	q.worker = len(items) > 0
	return items
}
