package callback

import (
	"fmt"
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
)

// A wait for one of the types of this file ends when it is served, when its future is cancelled, and after its timeout,
// which the loop measures. When the loop is closed, pending waits fail with [ErrLoopClosed], and so do later ones that
// would have to wait.

// Event lets coroutines and callbacks wait until something has happened. tornado.locks.Event. Safe from any
// goroutine.
type Event struct {
	mu      sync.Mutex
	waiters waitList
	set     bool
}

// NewEvent returns an event that is not set. Callbacks on its futures run on loop.
func NewEvent(loop *Loop) *Event {
	mustHave(loop != nil, "NewEvent", "loop")
	e := new(Event)
	e.waiters = waitList{loop: loop, mu: &e.mu}
	return e
}

// IsSet reports whether the event is set.
func (e *Event) IsSet() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.set
}

// Set sets the event. All waits end, and until Clear a new wait ends at once.
func (e *Event) Set() {
	e.mu.Lock()
	e.set = true
	all := e.waiters.shiftAll()
	e.mu.Unlock()
	for _, w := range all {
		w.(*wait[none]).promise.Resolve(none{})
	}
}

// Clear makes the event not set.
func (e *Event) Clear() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.set = false
}

// Wait returns a future that resolves once the event is set. It fails with [future.ErrTimeout] after the timeout, if one is
// given, and with [ErrLoopClosed] when the loop is closed.
func (e *Event) Wait(timeout ...time.Duration) *future.Future[struct{}] {
	limit := limitOf(timeout)
	e.mu.Lock()
	if e.set {
		e.mu.Unlock()
		return future.ResolvedOn(e.waiters.loop, none{})
	}
	w := newWait[none](&e.waiters)
	e.mu.Unlock()
	f := w.promise.Future()
	w.waiter.start(f, limit, nil)
	return f
}

// Condition lets coroutines and callbacks wait until they are notified. tornado.locks.Condition: unlike
// [sync.Cond], it has no lock, since on a loop nothing changes between two awaits. Safe from any goroutine.
type Condition struct {
	mu      sync.Mutex
	waiters waitList
}

// NewCondition returns a condition without waits. Callbacks on its futures run on loop.
func NewCondition(loop *Loop) *Condition {
	mustHave(loop != nil, "NewCondition", "loop")
	c := new(Condition)
	c.waiters = waitList{loop: loop, mu: &c.mu}
	return c
}

// Wait returns a future that resolves to true once this wait is notified, and to false after the timeout, if one
// is given. Waits are notified in the order in which they began. When the loop is closed, the future fails with
// [ErrLoopClosed].
func (c *Condition) Wait(timeout ...time.Duration) *future.Future[bool] {
	limit := limitOf(timeout)
	c.mu.Lock()
	w := newWait[bool](&c.waiters)
	c.mu.Unlock()
	f := w.promise.Future()
	w.waiter.start(f, limit, func() { w.promise.Resolve(false) })
	return f
}

// Notify ends n waits, or as many as there are.
func (c *Condition) Notify(n int) {
	for n > 0 {
		c.mu.Lock()
		w, _ := c.waiters.shift().(*wait[bool])
		c.mu.Unlock()
		if w == nil {
			return
		}
		// A wait that has just been cancelled or timed out does not count.
		if w.promise.Resolve(true) {
			n--
		}
	}
}

// NotifyAll ends all waits.
func (c *Condition) NotifyAll() {
	c.mu.Lock()
	all := c.waiters.shiftAll()
	c.mu.Unlock()
	for _, w := range all {
		w.(*wait[bool]).promise.Resolve(true)
	}
}

// Semaphore grants a number of permits to coroutines and callbacks, in the order of their calls.
// tornado.locks.Semaphore. Safe from any goroutine.
type Semaphore struct {
	mu      sync.Mutex
	waiters waitList
	value   int
	limit   int    // of a BoundedSemaphore; otherwise 0
	release func() // Release, made once
}

// NewSemaphore returns a semaphore with n permits. It panics if n is negative. Callbacks on its futures run on loop.
func NewSemaphore(loop *Loop, n int) *Semaphore {
	s := new(Semaphore)
	s.init(loop, n)
	return s
}

func (s *Semaphore) init(loop *Loop, n int) {
	mustHave(loop != nil, "NewSemaphore", "loop")
	if n < 0 {
		panic(fmt.Sprintf("callback: NewSemaphore: %d permits: need at least 0", n))
	}
	s.value = n
	s.waiters = waitList{loop: loop, mu: &s.mu}
	s.release = s.Release
}

// Acquire returns a future that resolves, once there is a permit, to the function that releases it, the method Release:
//
//	release, err := sem.Acquire().Await(co)
//	if err != nil {
//		return err
//	}
//	defer release()
//
// With a timeout, the future fails after it with [future.ErrTimeout]; when the loop is closed, with [ErrLoopClosed]. An
// Await that ends early gives up its place: the permit goes to the next wait. Code that uses the future without Await and
// no longer wants the permit must cancel the future, and call Release if Cancel returns false.
func (s *Semaphore) Acquire(timeout ...time.Duration) *future.Future[func()] {
	limit := limitOf(timeout)
	s.mu.Lock()
	if s.value > 0 {
		s.value--
		s.mu.Unlock()
		return future.ResolvedOn(s.waiters.loop, s.release)
	}
	w := newWait[func()](&s.waiters)
	s.mu.Unlock()
	f := w.promise.Future()
	w.waiter.start(f, limit, nil)
	return f
}

// Release returns a permit. The oldest wait gets it, if there is one.
func (s *Semaphore) Release() {
	for {
		s.mu.Lock()
		w, _ := s.waiters.shift().(*wait[func()])
		if w == nil {
			full := s.limit > 0 && s.value == s.limit
			if !full {
				s.value++
			}
			s.mu.Unlock()
			if full {
				panic(ErrReleased)
			}
			return
		}
		s.mu.Unlock()
		if w.promise.Resolve(s.release) {
			return
		}
	}
}

// BoundedSemaphore is a [Semaphore] whose Release panics with [ErrReleased] if there would be more permits than initially.
// tornado.locks.BoundedSemaphore.
type BoundedSemaphore struct{ Semaphore }

// Acquire is [Semaphore.Acquire].
func (s *BoundedSemaphore) Acquire(timeout ...time.Duration) *future.Future[func()] {
	return s.Semaphore.Acquire(timeout...)
}

// Release is [Semaphore.Release]. It panics with [ErrReleased] if all permits are there.
func (s *BoundedSemaphore) Release() { s.Semaphore.Release() }

// NewBoundedSemaphore returns a semaphore with n permits, never more. It panics unless n is positive.
func NewBoundedSemaphore(loop *Loop, n int) *BoundedSemaphore {
	if n <= 0 {
		panic(fmt.Sprintf("callback: NewBoundedSemaphore: %d permits: need at least 1", n))
	}
	s := new(BoundedSemaphore)
	s.init(loop, n)
	s.limit = n
	return s
}

// Lock is held by one coroutine or callback at a time, in the order of their calls. tornado.locks.Lock. It is for code that
// awaits while it holds the lock; other code on a loop needs no lock. It is not reentrant. Safe from any goroutine.
type Lock struct{ permit BoundedSemaphore }

// NewLock returns a lock that is not locked. Callbacks on its futures run on loop.
func NewLock(loop *Loop) *Lock {
	l := new(Lock)
	l.permit.init(loop, 1)
	l.permit.limit = 1
	return l
}

// Acquire returns a future that resolves, once the caller holds the lock, to the function that releases it, the method
// Release. It behaves as [Semaphore.Acquire].
func (l *Lock) Acquire(timeout ...time.Duration) *future.Future[func()] {
	return l.permit.Acquire(timeout...)
}

// Release passes the lock to the oldest wait, or unlocks it. It panics with [ErrReleased] if the lock is not locked.
func (l *Lock) Release() { l.permit.Release() }

// Locked reports whether the lock is taken.
func (l *Lock) Locked() bool {
	l.permit.mu.Lock()
	defer l.permit.mu.Unlock()
	return l.permit.value == 0
}
