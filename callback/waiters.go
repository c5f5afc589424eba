package callback

import (
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
)

// waiters is the queue of those who wait for a lock, an event, or a queue: first come, first served.
//
// A waiter whose future is settled, be it served, timed out or cancelled, leaves the queue at that moment. Serving
// it therefore happens without mu: take it off the queue, let go of mu, settle its future; if that was settled
// already the next one is taken. Settling under mu would run the wakers of strangers under it.
//
// R is what a waiter waits for, B what it brings along: the item of a Put.
type waiters[R, B any] struct {
	loop        *Loop
	mu          *sync.Mutex // the owner's, guards everything here
	first, last *waiter[R, B]
}

// waiter is one of them. It is the waker of its own future.
type waiter[R, B any] struct {
	in         *waiters[R, B]
	promise    *future.Promise[R]
	brought    B
	timeout    *Timeout
	next, prev *waiter[R, B]
	queued     bool
}

type none = struct{}

// add queues a waiter. mu is held; without it, the caller then calls wait.
func (ws *waiters[R, B]) add(brought B) *waiter[R, B] {
	w := &waiter[R, B]{in: ws, promise: future.NewHandover[R](ws.loop), brought: brought, queued: true, prev: ws.last}
	if ws.last == nil {
		ws.first = w
	} else {
		ws.last.next = w
	}
	ws.last = w
	return w
}

// wait sets the timeout, if one is given, and returns the waiter's future.
func (w *waiter[R, B]) wait(
	timeout []time.Duration, expired func(w *waiter[R, B], after time.Duration),
) *future.Future[R] {
	f := w.promise.Future()
	if after, limited := optional(timeout); limited {
		t := &Timeout{quiet: true, fn: func() { expired(w, after) }}
		w.in.mu.Lock()
		w.timeout = t
		w.in.mu.Unlock()
		w.in.loop.arm(t, w.in.loop.after(after))
	}
	f.Notify(w)
	return f
}

// timedOut is what expired does for most.
func timedOut[R, B any](w *waiter[R, B], after time.Duration) { w.promise.Reject(&timeoutError{after}) }

// Wake is called when the waiter's future is settled, by whomever.
func (w *waiter[R, B]) Wake() {
	w.in.mu.Lock()
	w.in.remove(w)
	timeout := w.timeout
	w.in.mu.Unlock()
	w.in.loop.RemoveTimeout(timeout)
}

// remove takes w off the queue, if it is on it. mu is held.
func (ws *waiters[R, B]) remove(w *waiter[R, B]) {
	if !w.queued {
		return
	}
	w.queued = false
	if w.prev == nil {
		ws.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		ws.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.next, w.prev = nil, nil
}

// take takes the first off the queue, or returns nil. mu is held.
func (ws *waiters[R, B]) take() *waiter[R, B] {
	w := ws.first
	if w != nil {
		ws.remove(w)
	}
	return w
}

// takeAll takes them all off the queue, in order. mu is held.
func (ws *waiters[R, B]) takeAll() (all []*waiter[R, B]) {
	for w := ws.take(); w != nil; w = ws.take() {
		all = append(all, w)
	}
	return all
}
