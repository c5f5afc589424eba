package callback

import (
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
)

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
