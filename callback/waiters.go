package callback

import (
	"fmt"
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/ring"
)

// waitList holds the waits for one thing, such as a permit or an item, in the order in which they began.
//
// A wait leaves the list when its future settles, for any reason. To serve a wait, the owner removes it from the list,
// unlocks mu, and settles its future. If that future was settled already, the owner serves the next one. Settling calls
// wakers of other packages, which must not happen under mu.
type waitList struct {
	loop    *Loop
	mu      *sync.Mutex // the owner's; guards waiters
	waiters ring.List
}

// waiter is a wait. Its future always settles: it is served, cancelled, or times out, or its loop is closed.
type waiter struct {
	node    ring.Node // in the list; node.Owner is the *wait or *putWait with this waiter
	list    *waitList
	promise rejecter

	timeout   Timeout
	timed     bool                // timeout is set
	onSettled future.Registration // with the future of the wait
	onGone    future.Registration // with the end of the loop
}

type rejecter interface{ Reject(err error) bool }

type none = struct{}

// add appends w, whose promise ends the wait. The caller holds mu, and later calls start without it.
func (l *waitList) add(w *waiter, promise rejecter, owner any) {
	w.list, w.promise, w.node.Owner = l, promise, owner
	l.waiters.Append(&w.node)
}

// start registers with f, the future of the wait, and with the end of the loop, and sets the timeout. expired is called on
// the loop after the time limit; if it is nil, the future fails.
//
// The wait may end before or during start. So start registers with f last: if f has settled by then, Wake is called at
// once and undoes the other steps.
func (w *waiter) start(f future.Awaitable, limit timeLimit, expired func()) {
	loop := w.list.loop
	if limit.set {
		if expired == nil {
			expired = func() { w.promise.Reject(&timeoutError{limit.after}) }
		}
		w.timeout.fn, w.timeout.quiet, w.timed = expired, true, true
		loop.arm(&w.timeout, loop.after(limit.after)) // fails on a closed loop, which ends the wait anyway
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

// waiterOfGoneLoop is the waker that ends a wait when its loop has ended.
type waiterOfGoneLoop waiter

// Wake implements [future.Waker]: the loop has ended.
func (w *waiterOfGoneLoop) Wake() { w.promise.Reject(ErrLoopClosed) }

// shift removes the first wait from the list and returns its owner, or nil. The caller holds mu.
func (l *waitList) shift() any {
	if n := l.waiters.Shift(); n != nil {
		return n.Owner
	}
	return nil
}

// shiftAll removes all waits from the list and returns their owners in order. The caller holds mu.
func (l *waitList) shiftAll() (all []any) {
	for o := l.shift(); o != nil; o = l.shift() {
		all = append(all, o)
	}
	return all
}

// wait is a wait for an R.
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
		panic(fmt.Sprintf("callback: %d timeouts given, need at most 1", len(timeout)))
	}
}
