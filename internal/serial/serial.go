// Package serial processes queued items on one goroutine at a time.
package serial

import "sync"

// Queue holds items until the worker, the one goroutine that processes them, takes them. The worker exists only while
// there are items. A caller that gets true from Push or Enter becomes the worker or starts it. The worker ends when
// Next returns nil.
//
// No item is left behind, because the items and the worker flag change under one mutex. Push adds its item in the
// critical section that checks for a worker. Next ends the worker in the critical section that finds no items. If Push
// comes first, Next returns the item. If Next comes first, Push finds no worker, and its caller starts one.
//
// The zero Queue is empty and ready to use.
type Queue[T any] struct {
	mu     sync.Mutex
	items  []T
	worker bool
}

// Push adds an item. It reports whether the caller must start a worker.
func (q *Queue[T]) Push(item T) (start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.items = append(q.items, item)
	start = !q.worker
	q.worker = true
	return start
}

// Enter makes the caller the worker. It reports false if there is a worker already. The caller may do other work
// before it calls Next.
func (q *Queue[T]) Enter() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.worker {
		return false
	}
	q.worker = true
	return true
}

// Next removes all queued items and returns them in the order of Push. If there are none, the caller is no longer the
// worker. Only the worker may call Next.
func (q *Queue[T]) Next() []T {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items = nil
	q.worker = len(items) > 0
	return items
}
