package future

import (
	"sync"
	"sync/atomic"
)

// The bits of core.state. They only ever get set, but for draining.
const (
	settled   uint32 = 1 << iota // the outcome is published
	cancelled                    // by Cancel
	observed                     // somebody looks, or will look, at the outcome
	draining                     // a runner is at, or on its way to, the callbacks
	inPlace                      // an Await may run the task itself: see core.runInPlace
	handover                     // an Await that gives up cancels it: see NewHandover
)

// core is what a Future is apart from the type of its value. Everything that need not know T is here, so that it
// is compiled once.
type core struct {
	state atomic.Uint32
	mu    sync.Mutex
	done  chan struct{} // made when somebody first asks for it
	links *link         // first of a ring, in order of registration: what waits for the outcome
	ex    Executor      // where callbacks run; nil: on a goroutine of their own

	// aux is the owner, what Cancel has to stop, while the future is pending; afterwards its error, or the
	// *unobservedError around one that nobody had seen when it came.
	aux any
}

// owner is what stands behind a pending future and has to know when it is cancelled.
type owner interface {
	// abandon is called once, with no lock held, after the future was settled by Cancel.
	abandon()
}

// closed is the Done channel of the futures that were settled before anybody asked for one.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (c *core) isSettled() bool { return c.state.Load()&settled != 0 }

// failure returns the error of a future that is settled.
func (c *core) failure() error {
	if c.aux == nil { // most often: small enough to be inlined
		return nil
	}
	return c.failureFound()
}

func (c *core) failureFound() error {
	if u, ok := c.aux.(*unobservedError); ok {
		return u.err
	}
	return c.aux.(error)
}

// doneChan returns the channel that is closed at settlement.
func (c *core) doneChan() <-chan struct{} {
	if c.isSettled() {
		return closed
	}
	// Made before the lock is taken: whoever settles the future at this moment does not have to wait for that.
	made := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isSettled() {
		return closed
	}
	if c.done == nil {
		c.done = made
	}
	return c.done
}

// publish ends the pending state: the value has been stored, mu is held, and is released here. It returns what
// waited for the outcome, for the caller to spread, and the owner.
func (c *core) publish(err error, how uint32) (batch, owner) {
	// What is nil already is not written: a write of a pointer is dear while the collector is at work.
	var who owner
	if c.aux != nil {
		who, _ = c.aux.(owner)
		c.aux = nil
	}
	state := c.state.Load() | settled | how
	links := c.links
	if links != nil {
		links.unring()
		c.links = nil
		if links.anyUserCode() {
			state |= draining
		}
	}
	switch {
	case err == nil:
	case state&(observed|cancelled) == 0 && !isCancel(err):
		c.aux = c.watch(err)
	default:
		c.aux = err
	}
	done := c.done
	c.state.Store(state)
	c.mu.Unlock()
	if done != nil {
		close(done)
	}
	return batch{c, links}, who
}

// register puts l on the list, or, if the outcome is known, on its way to be fired: user code by a runner, in the
// order of registration even now; anything else before register returns.
func (c *core) register(l *link) {
	c.mu.Lock()
	c.observeLocked()
	c.registerLocked(l)
}

// registerUnseen is register for links that look at the outcome, if they ever do, when they are fired.
func (c *core) registerUnseen(l *link) {
	c.mu.Lock()
	c.registerLocked(l)
}

// registerLocked releases mu, which is held.
func (c *core) registerLocked(l *link) {
	state := c.state.Load()
	switch {
	case state&settled == 0:
		l.on.Store(c)
		c.links = c.links.append(l)
		c.mu.Unlock()
	case !l.c.userCode():
		c.mu.Unlock()
		l.c.fire().spread(false)
	case state&draining != 0:
		// The runner looks at the list under mu before it leaves (see core.more), so it cannot miss this one.
		c.links = c.links.append(l)
		c.mu.Unlock()
	default:
		c.state.Store(state | draining)
		c.mu.Unlock()
		batch{c, l}.spread(false)
	}
}

// more returns the links that were registered while the runner was at work, or nil when it may leave.
func (c *core) more() *link {
	c.mu.Lock()
	defer c.mu.Unlock()
	links := c.links.unring()
	c.links = nil
	if links == nil {
		c.state.Store(c.state.Load() &^ draining)
	}
	return links
}

// remove takes l off the list and reports whether it did: false if the list has been handed to a runner.
func (c *core) remove(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isSettled() || l.on.Load() != c {
		return false
	}
	c.links = c.links.remove(l)
	l.on.Store(nil)
	return true
}
