package callback

import (
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/ring"
)

// waitList holds the waits for one thing, such as a permit or an item, in the order in which they began.
//
// A wait leaves the list when its future settles, whatever settled it. So a wait is served without mu: take it off the
// list, unlock mu, settle its future, and take the next one if that future was settled already. Settling runs the wakers
// of other packages, which must not happen under mu.
type waitList struct {
	loop    *Loop
	mu      *sync.Mutex // the owner's; guards waiters
	waiters ring.List
}

// waiter is a wait. Its future always settles: it is served, cancelled, or times out, or its loop is closed.
type waiter struct {
	node    ring.Node // in the list; its owner is what the list's owner needs to serve the wait
	list    *waitList
	promise rejecter

	timeout   Timeout
	timed     bool                // timeout is set
	onSettled future.Registration // with the future of the wait
	onGone    future.Registration // with the end of the loop
}

type rejecter interface{ Reject(err error) bool }

type none = struct{}

// add appends w, a wait that promise ends. The caller holds mu, and calls start without it.
func (l *waitList) add(w *waiter, promise rejecter, owner any) {
	w.list, w.promise, w.node.Owner = l, promise, owner
	l.waiters.Append(&w.node)
}

// start watches over the wait: f is its future. expired is called on the loop when the time limit is over; nil makes the
// future fail.
//
// Whatever ends the wait may come before start or during it. So f is watched last: if it has settled by then, Wake is
// called at once, and finds everything else in place.
func (w *waiter) start(f future.Awaitable, limit timeLimit, expired func()) {
	loop := w.list.loop
	if limit.set {
		if expired == nil {
			expired = func() { w.promise.Reject(&timeoutError{limit.after}) }
		}
		w.timeout.fn, w.timeout.quiet, w.timed = expired, true, true
		loop.arm(&w.timeout, loop.after(limit.after)) // a loop that is closed takes none, and ends the wait
	}
	loop.gone.Future().NotifyWith(&w.onGone, (*waiterOfGoneLoop)(w))
	f.NotifyWith(&w.onSettled, w)
}

// Wake implements [future.Waker]: the future of the wait is settled.
func (w *waiter) Wake() {
	w.list.mu.Lock()
	w.list.waiters.Remove(&w.node)
	w.list.mu.Unlock()
	w.onGone.Stop()
	if w.timed {
		w.list.loop.RemoveTimeout(&w.timeout)
	}
}

// waiterOfGoneLoop is a waiter that is told of the end of its loop.
type waiterOfGoneLoop waiter

// Wake implements [future.Waker]: the loop has ended.
func (w *waiterOfGoneLoop) Wake() { w.promise.Reject(ErrLoopClosed) }

// shift takes the first wait off the list and returns its owner, or nil. mu is held.
func (l *waitList) shift() any {
	if n := l.waiters.Shift(); n != nil {
		return n.Owner
	}
	return nil
}

// shiftAll takes all waits off the list and returns their owners in order. mu is held.
func (l *waitList) shiftAll() (all []any) {
	for o := l.shift(); o != nil; o = l.shift() {
		all = append(all, o)
	}
	return all
}

// wait is a wait for an R which brings nothing along.
type wait[R any] struct {
	waiter  waiter
	promise *future.Promise[R]
}

// newWait adds a wait to the list. The caller holds mu, and starts it without.
func newWait[R any](l *waitList) *wait[R] {
	w := &wait[R]{promise: future.NewPromiseCancelledOnGiveUp[R](l.loop)}
	l.add(&w.waiter, w.promise, w)
	return w
}

// timeLimit is an optional timeout.
type timeLimit struct {
	after time.Duration
	set   bool
}

// limitOf returns the time limit that a variadic parameter may hold.
func limitOf(timeout []time.Duration) timeLimit {
	switch len(timeout) {
	case 0:
		return timeLimit{}
	case 1:
		return timeLimit{timeout[0], true}
	default:
		panic("callback: more than one timeout given")
	}
}
