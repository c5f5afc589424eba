package future

import (
	"context"
	"sync"
)

// contextWatch tells tasks that have to wait for their turn when the context that they were submitted with ends.
// Tasks that come to a pool one after the other with the same context share one, so that a thousand operations of
// one request register with its context once.
type contextWatch struct {
	done <-chan struct{} // of the context

	mu    sync.Mutex
	first *job        // a list of the tasks
	over  bool        // the context has ended, or no task was left: takes no more
	stop  func() bool // of context.AfterFunc; nil until that has returned
}

// watch makes sure that a queued task is refused when its context ends. Only jobs that have to wait for their turn
// pay for this.
func (c *job) watch() {
	done := c.parent.Done()
	if done == nil || c.state.Load() != jobQueued {
		return
	}
	var latest *contextWatch
	if c.pool != nil {
		latest = c.pool.watch.Load()
	}
	if latest == nil || latest.done != done || !latest.join(c) {
		w := &contextWatch{done: done}
		w.join(c)
		if c.pool != nil {
			c.pool.watch.Store(w)
		}
		w.begin(c)
	}
	// The job may have got its slot, or been cancelled, in the meantime; begin or end have then been here before.
	if c.state.Load() != jobQueued {
		c.unwatch()
	}
}

// unwatch ends what watch began, and reports whether the task is over already.
func (c *job) unwatch() (over bool) {
	c.mu.Lock()
	w, over := c.watched, c.over
	c.watched = nil
	c.mu.Unlock()
	if w != nil {
		w.leave(c)
	}
	return over
}

// join puts c on the list, and reports false if it is too late for that.
func (w *contextWatch) join(c *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false
	}
	if w.first != nil {
		w.first.before = c
	}
	c.after, w.first, c.watched = w.first, c, w
	return true
}

// begin registers with the context of c. The list may be empty again already.
func (w *contextWatch) begin(c *job) {
	stop := context.AfterFunc(c.parent, w.end)
	w.mu.Lock()
	w.stop = stop
	over := w.over
	w.mu.Unlock()
	if over {
		w.forget(c.pool)
		stop()
	}
}

// forget makes room for another watch.
func (w *contextWatch) forget(p *Pool) {
	if p != nil {
		p.watch.CompareAndSwap(w, nil)
	}
}

// leave takes c off the list, if it is still there. The last ends the watch: a context that outlives its tasks must
// not keep anything of them.
func (w *contextWatch) leave(c *job) {
	w.mu.Lock()
	w.removeLocked(c)
	last := w.first == nil && !w.over
	stop := w.stop
	w.over = w.over || last
	w.mu.Unlock()
	if !last {
		return
	}
	w.forget(c.pool)
	if stop != nil {
		stop()
	}
}

func (w *contextWatch) removeLocked(c *job) {
	if c.before == nil && w.first != c {
		return // removed before
	}
	if c.before == nil {
		w.first = c.after
	} else {
		c.before.after = c.after
	}
	if c.after != nil {
		c.after.before = c.before
	}
	c.before, c.after = nil, nil
}

// end is called when the context has ended: the tasks of the list will not start.
func (w *contextWatch) end() {
	w.mu.Lock()
	w.over = true
	for w.first != nil {
		c := w.first
		w.removeLocked(c)
		w.mu.Unlock()
		w.forget(c.pool)
		c.expire()
		w.mu.Lock()
	}
	w.mu.Unlock()
}

// expire refuses the task, if it has not started.
func (c *job) expire() {
	if c.drop() {
		c.reject(c.parent.Err()).propagate(false)
	}
}
