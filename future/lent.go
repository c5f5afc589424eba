package future

import (
	"context"
	"sync"
	"time"
)

// lentContext is the job of an operation and the context that the operation's function is given: the one that it
// was submitted with, which here ends with Future.Cancel too. On a pool, waiting with it lends the slot to other
// tasks.
//
// The context proper is made when somebody asks for what only that can tell. A function that never does saves the
// two allocations.
type lentContext struct {
	job
	parent context.Context

	mu      sync.Mutex
	inner   context.Context
	stop    func()        // ends inner
	over    bool          // the function has returned, or is not to run: inner, if it is made, has ended
	watched *contextWatch // over the parent, while the job is queued

	before, after *lentContext // on the list of that watch, and guarded by its lock
}

// Deadline implements [context.Context].
func (c *lentContext) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Done implements [context.Context].
func (c *lentContext) Done() <-chan struct{} { return c.made().Done() }

// Err implements [context.Context].
func (c *lentContext) Err() error {
	c.mu.Lock()
	inner, over := c.inner, c.over
	c.mu.Unlock()
	switch {
	case inner != nil:
		return inner.Err()
	case over:
		return c.made().Err()
	}
	return c.parent.Err()
}

// Value implements [context.Context]. Through it the context package finds the context proper, so that contexts
// derived from this one need no goroutine.
func (c *lentContext) Value(key any) any {
	c.mu.Lock()
	inner, over := c.inner, c.over
	c.mu.Unlock()
	switch {
	case inner != nil:
		return inner.Value(key)
	case over:
		return c.made().Value(key)
	}
	return c.parent.Value(key)
}

// made returns the context proper.
func (c *lentContext) made() context.Context {
	c.mu.Lock()
	inner := c.inner
	c.mu.Unlock()
	if inner != nil {
		return inner
	}
	// The parent may be anybody's code and is not called under the lock, so two goroutines may get here.
	return c.adopt(context.WithCancel(c.parent))
}

// adopt makes inner of ctx, or ends ctx if another goroutine was faster, and returns inner.
func (c *lentContext) adopt(ctx context.Context, cancel context.CancelFunc) context.Context {
	c.mu.Lock()
	if c.inner == nil {
		c.inner = ctx
		if !c.over {
			c.stop, cancel = cancel, nil
		}
	}
	ctx = c.inner
	c.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	return ctx
}

// begin is called by whoever runs the operation, and reports false if it is not to run any more.
func (c *lentContext) begin() bool {
	return !c.unwatch() && c.parent.Err() == nil
}

// end ends the context.
func (c *lentContext) end() {
	c.mu.Lock()
	stop, w := c.stop, c.watched
	c.stop, c.over, c.watched = nil, true, nil
	c.mu.Unlock()
	if w != nil {
		w.leave(c)
	}
	if stop != nil {
		stop()
	}
}

// Suspend implements [Suspender]. A task that goes on comes before all that have not begun.
func (c *lentContext) Suspend(on Awaitable) error {
	// A goroutine that the task has started may come here too. It finds the slot lent or released, and just waits.
	if c.pool != nil && c.pool.lend(&c.job) {
		defer c.pool.takeBack(&c.job)
	}
	select {
	case <-on.Done():
		return nil
	case <-c.Done():
		return c.Err()
	}
}
