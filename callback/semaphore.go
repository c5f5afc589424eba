package callback

import (
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
)

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
