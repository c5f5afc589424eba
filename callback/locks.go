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

// Condition lets coroutines and callbacks wait until they are notified. tornado.locks.Condition: unlike
// [sync.Cond], it has no lock, since on a loop nothing changes between two awaits. Safe from any goroutine.
type Condition struct {
	mu      sync.Mutex
	waiters waiters[bool, none]
}

// NewCondition returns a condition that nobody waits for. Callbacks on its futures run on loop.
func NewCondition(loop *Loop) *Condition {
	mustHave(loop != nil, "NewCondition", "loop")
	c := new(Condition)
	c.waiters = waiters[bool, none]{loop: loop, mu: &c.mu}
	return c
}

// Wait returns a future that resolves to true once this waiter is notified, and to false after the timeout, if one
// is given. Waiters are notified in the order in which they came.
func (c *Condition) Wait(timeout ...time.Duration) *future.Future[bool] {
	c.mu.Lock()
	w := c.waiters.add(none{})
	c.mu.Unlock()
	return w.wait(timeout, func(w *waiter[bool, none], _ time.Duration) { w.promise.Resolve(false) })
}

// Notify wakes n waiters, or as many as there are.
func (c *Condition) Notify(n int) {
	for n > 0 {
		c.mu.Lock()
		w := c.waiters.take()
		c.mu.Unlock()
		if w == nil {
			return
		}
		// One that has just been cancelled or timed out does not count.
		if w.promise.Resolve(true) {
			n--
		}
	}
}

// NotifyAll wakes all who wait.
func (c *Condition) NotifyAll() {
	c.mu.Lock()
	all := c.waiters.takeAll()
	c.mu.Unlock()
	for _, w := range all {
		w.promise.Resolve(true)
	}
}

// Semaphore lets a number of coroutines or callbacks in at a time, in the order in which they came.
// tornado.locks.Semaphore. Safe from any goroutine.
type Semaphore struct {
	mu      sync.Mutex
	waiters waiters[func(), none]
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
		panic("callback: NewSemaphore: a negative number of permits")
	}
	s.value = n
	s.waiters = waiters[func(), none]{loop: loop, mu: &s.mu}
	s.release = s.Release
}

// Acquire returns a future that resolves, once there is a permit, to the function that gives it back, which is
// Release:
//
//	release, err := sem.Acquire().Await(co)
//	if err != nil {
//		return err
//	}
//	defer release()
//
// With a timeout, the future fails after it with [future.ErrTimeout]. Who no longer wants the permit has to cancel
// the future, or, if Cancel returns false, to give the permit back.
func (s *Semaphore) Acquire(timeout ...time.Duration) *future.Future[func()] {
	s.mu.Lock()
	if s.value > 0 {
		s.value--
		s.mu.Unlock()
		return resolvedOn(s.waiters.loop, s.release)
	}
	w := s.waiters.add(none{})
	s.mu.Unlock()
	return w.wait(timeout, timedOut[func(), none])
}

// Release gives a permit back: to the one who has waited longest, if anybody waits.
func (s *Semaphore) Release() {
	for {
		s.mu.Lock()
		w := s.waiters.take()
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

// BoundedSemaphore is a [Semaphore] whose Release panics with [ErrReleased] if there would be more permits than at
// the beginning. tornado.locks.BoundedSemaphore.
type BoundedSemaphore struct{ Semaphore }

// NewBoundedSemaphore returns a semaphore with n permits, never more. It panics unless n is positive.
func NewBoundedSemaphore(loop *Loop, n int) *BoundedSemaphore {
	if n <= 0 {
		panic("callback: NewBoundedSemaphore: the number of permits is not positive")
	}
	s := new(BoundedSemaphore)
	s.init(loop, n)
	s.limit = n
	return s
}

// resolvedOn returns a settled future whose callbacks run on loop.
func resolvedOn[T any](loop *Loop, v T) *future.Future[T] {
	p := future.NewPromiseOn[T](loop)
	p.Resolve(v)
	return p.Future()
}

// Lock lets one coroutine or callback in at a time, in the order in which they came. tornado.locks.Lock. It is for
// what lasts over an await; what does not needs no lock on a loop. It is not reentrant. Safe from any goroutine.
type Lock struct{ permit BoundedSemaphore }

// NewLock returns a lock that is not locked. Callbacks on its futures run on loop.
func NewLock(loop *Loop) *Lock {
	l := new(Lock)
	l.permit.init(loop, 1)
	l.permit.limit = 1
	return l
}

// Acquire returns a future that resolves, once the lock is this caller's, to the function that releases it, which
// is Release. Everything that [Semaphore.Acquire] says holds.
func (l *Lock) Acquire(timeout ...time.Duration) *future.Future[func()] {
	return l.permit.Acquire(timeout...)
}

// Release passes the lock to the one who has waited longest, or unlocks it. It panics with [ErrReleased] if the
// lock is not locked.
func (l *Lock) Release() { l.permit.Release() }

// Locked reports whether somebody has the lock.
func (l *Lock) Locked() bool {
	l.permit.mu.Lock()
	defer l.permit.mu.Unlock()
	return l.permit.value == 0
}
