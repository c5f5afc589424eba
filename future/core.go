package future

import (
	"sync"
	"sync/atomic"
)

// The bits of cell.state. Once set they stay set, except draining.
const (
	settled   uint32 = 1 << iota // the outcome is published
	cancelled                    // settled by Cancel
	observed                     // the outcome has been read, or a reader is registered
	draining                     // a runner is running the callbacks, or is about to
	inPlace                      // an Await may run the task itself: see cell.runInPlace
	closing                      // the outcome is decided, and Cancel comes too late
	handover                     // an Await that gives up cancels the future: see NewHandover
)

// core has the methods of a [Future] that do not depend on the type of its value. They are promoted, and compiled
// once.
//
// A generic type should declare as few methods as possible and embed nothing that has unexported methods: a program
// compiles, for every type that it can reach, all the methods of that type.
type core struct {
	_    [0]func() // makes futures incomparable, so that no comparison is compiled for each of them
	cell cell
}

// cell is the state of a future, except its value.
type cell struct {
	state atomic.Uint32
	mu    sync.Mutex
	done  chan struct{} // made at the first call of Done
	links *link         // the first of a ring: what waits for the outcome, in the order of registration
	ex    Executor      // where callbacks run; nil: on a goroutine each

	// aux is the owner, which Cancel has to stop, while the future is pending. Then it is the error, or the
	// *unobservedError around an error that nothing had asked for when the future settled.
	aux any
}

// owner is told when its pending future is cancelled.
type owner interface {
	// abandon is called once, with no lock held, after the future was settled by Cancel.
	abandon()
}

// closed is the Done channel of futures that were settled before the first call of Done.
var closed = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

func (c *cell) isSettled() bool { return c.state.Load()&settled != 0 }

// failure returns the error of a settled future.
func (c *cell) failure() error {
	if c.aux == nil { // the usual case, small enough to be inlined
		return nil
	}
	return c.failureFound()
}

func (c *cell) failureFound() error {
	if u, ok := c.aux.(*unobservedError); ok {
		return u.err
	}
	return c.aux.(error)
}

// doneChan returns the channel that is closed at settlement.
func (c *cell) doneChan() <-chan struct{} {
	if c.isSettled() {
		return closed
	}
	// Made before the lock is taken, so that a settlement need not wait for the allocation.
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

// settle publishes err as the outcome, if there is none yet, and returns what waited for it. The value stays as it is:
// zero, or what the future's owner has stored.
func (c *cell) settle(err error) (b batch, ok bool) {
	c.mu.Lock()
	if c.isSettled() {
		c.mu.Unlock()
		return batch{}, false
	}
	b, _ = c.publish(err, 0)
	return b, true
}

// publish ends the pending state. The value has been stored; mu is held and is released here. It returns what waited for
// the outcome, which the caller must spread, and the owner.
func (c *cell) publish(err error, how uint32) (batch, owner) {
	// A nil pointer is not overwritten: writes of pointers are slow while the garbage collector is marking.
	var o owner
	if c.aux != nil {
		o, _ = c.aux.(owner)
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
	return batch{c, links}, o
}

// close makes Cancel come too late and reports whether the future is pending. The caller must settle it soon: until
// then, what cannot cancel it waits for the outcome.
func (c *cell) close() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isSettled() {
		return false
	}
	c.state.Or(closing)
	return true
}

// cancel settles the future as cancelled and reports whether it was pending.
func (c *cell) cancel(err error) bool {
	c.mu.Lock()
	if c.state.Load()&(settled|closing) != 0 {
		c.mu.Unlock()
		return false
	}
	b, o := c.publish(err, cancelled)
	if o != nil {
		o.abandon()
	}
	b.spread(false)
	return true
}

// register adds l to the list, or, if the outcome is known, fires it: user code in a runner, in the order of
// registration; other links before register returns.
func (c *cell) register(l *link) {
	c.mu.Lock()
	c.observeLocked()
	c.registerLocked(l)
}

// registerUnseen is register for links that read the outcome, if at all, when they are fired.
func (c *cell) registerUnseen(l *link) {
	c.mu.Lock()
	c.registerLocked(l)
}

// registerLocked releases mu, which is held.
func (c *cell) registerLocked(l *link) {
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
		// The runner reads the list under mu before it ends (see cell.more), so it finds this link.
		c.links = c.links.append(l)
		c.mu.Unlock()
	default:
		c.state.Store(state | draining)
		c.mu.Unlock()
		batch{c, l}.spread(false)
	}
}

// more returns the links that were registered while the runner was at work. nil tells the runner to end.
func (c *cell) more() *link {
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
func (c *cell) remove(l *link) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.isSettled() || l.on.Load() != c {
		return false
	}
	c.links = c.links.remove(l)
	l.on.Store(nil)
	return true
}
