package callback

import (
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
)

// Event lets coroutines and callbacks wait until something has happened. tornado.locks.Event. Safe from any
// goroutine.
type Event struct {
	mu      sync.Mutex
	waiters waiters[none, none]
	set     bool
}

// NewEvent returns an event that is not set. Callbacks on its futures run on loop.
func NewEvent(loop *Loop) *Event {
	mustHave(loop != nil, "NewEvent", "loop")
	e := new(Event)
	e.waiters = waiters[none, none]{loop: loop, mu: &e.mu}
	return e
}

// IsSet reports whether the event is set.
func (e *Event) IsSet() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set
}

// Set sets the event: all who wait go on, and until Clear nobody has to wait.
func (e *Event) Set() {
	e.mu.Lock()
	e.set = true
	all := e.waiters.takeAll()
	e.mu.Unlock()
	for _, w := range all {
		w.promise.Resolve(none{})
	}
}

// Clear makes the event not set.
func (e *Event) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = false
}

// Wait returns a future that resolves once the event is set, or fails after the timeout, if one is given, with
// [future.ErrTimeout].
func (e *Event) Wait(timeout ...time.Duration) *future.Future[struct{}] {
	e.mu.Lock()
	if e.set {
		e.mu.Unlock()
		return resolvedOn(e.waiters.loop, none{})
	}
	w := e.waiters.add(none{})
	e.mu.Unlock()
	return w.wait(timeout, timedOut[none, none])
}
