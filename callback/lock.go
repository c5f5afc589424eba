package callback

import (
	"time"

	"github.com/gomotor/gomotor/future"
)

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
