package future

import "sync"

// waiter is an Await that nothing but the outcome can end. It needs no channel, so it can be used again and again;
// and unlike a channel, a sync.Cond may be used by one synctest bubble after the other.
type waiter struct {
	link
	woken sync.Cond
}

var waiters = sync.Pool{New: func() any {
	w := new(waiter)
	w.c = w
	return w
}}

// block returns once c is settled.
func (c *core) block() {
	w := waiters.Get().(*waiter)
	c.mu.Lock()
	if c.isSettled() {
		c.mu.Unlock()
		waiters.Put(w)
		return
	}
	// mu is held until Wait has made this goroutine one that Signal finds, so the settlement comes after that. It
	// signals every link of its list once: Wait returns once, and the waiter is free.
	w.on.Store(c)
	w.woken.L = &c.mu
	c.links = c.links.append(&w.link)
	w.woken.Wait()
	c.mu.Unlock()
	w.woken.L = nil
	waiters.Put(w)
}

func (w *waiter) userCode() bool { return false }

// fire holds the lock, which Wait takes again, so that all that was done to the link has been done when the waiter
// is used again.
func (w *waiter) fire() batch {
	mu := w.woken.L
	mu.Lock()
	w.woken.Signal()
	mu.Unlock()
	return batch{}
}

func (w *waiter) fail(error) batch { return batch{} }
