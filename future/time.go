package future

import (
	"fmt"
	"time"
)

// WithTimeout returns a future with the outcome of f, or with [ErrTimeout] if f does not settle within d. A timeout does
// not cancel f, which can be awaited again. If f fails after the timeout and its error is not retrieved, the error is
// reported: see [SetUnobservedHandler].
//
// Tornado: gen.with_timeout.
func WithTimeout[T any](f *Future[T], d time.Duration) *Future[T] {
	mustHave(f != nil, "WithTimeout", "f")
	return timeLimit(f, d, false)
}

// WaitFor returns a future with the outcome of f, or with [ErrTimeout] if f does not settle within d. Both the timeout and
// a Cancel of the returned future cancel f. To protect f, use [WithTimeout], or pass Shield(f).
//
// asyncio: wait_for.
func WaitFor[T any](f *Future[T], d time.Duration) *Future[T] {
	mustHave(f != nil, "WaitFor", "f")
	return timeLimit(f, d, true)
}

func timeLimit[T any](f *Future[T], d time.Duration, cancels bool) *Future[T] {
	n := &timedFuture[T]{timeout: timeout{d: d, cancels: cancels}}
	n.timeout.start(f, &n.future)
	return &n.future
}

// timedFuture is a future that follows another for a limited time.
type timedFuture[T any] struct {
	future  Future[T]
	timeout timeout
}

// timeout is the link of a timedFuture in its parent's list.
type timeout struct {
	link
	child, parent stepper
	timer         *time.Timer // guarded by the lock of the child's cell
	d             time.Duration
	cancels       bool
}

func (n *timeout) start(parent, child stepper) {
	n.child, n.parent = child, parent
	from, c := cellOf(parent), cellOf(child)
	n.link.c = n
	c.ex = from.ex
	c.aux = owner(n)
	from.registerUnseen(&n.link)
	if c.isSettled() {
		return
	}
	if n.d <= 0 {
		n.expire()
		return
	}
	t := time.AfterFunc(n.d, n.expire)
	// The goroutine that settles the child stops its timer, if it is set. If the child is settled now, it was not.
	state := c.state.lock()
	late := state&settled != 0
	if !late {
		n.timer = t
	}
	c.state.unlock(state)
	if late {
		t.Stop()
	}
}

func (n *timeout) userCode() bool { return false }

func (n *timeout) fire() batch {
	parent := n.parent
	b := n.child.step(parent, nil)
	n.parent = nil
	n.stopTimer()
	return b
}

func (n *timeout) fail(error) batch { return batch{} }

// expire runs on a goroutine of the timer, or on the caller's if d is not positive. It cancels the parent before it settles
// the child, so that callbacks of the child find the parent cancelled.
func (n *timeout) expire() {
	if !n.detach() {
		return // fire or a Cancel came first
	}
	parent := n.parent // no longer shared, since the link is off the list
	if n.cancels && !cellOf(parent).cancel(&cancelError{ErrTimeout}) {
		cellOf(parent).registerUnseen(&n.link) // it has just settled, or is about to
		return
	}
	n.parent = nil
	cellOf(n.child).reject(fmt.Errorf("%w after %v", ErrTimeout, n.d)).propagate(false)
}

func (n *timeout) abandon() {
	n.stopTimer()
	if !n.detach() {
		return
	}
	parent := n.parent
	n.parent = nil
	if n.cancels {
		cellOf(parent).cancel(ErrCancelled)
	}
}

func (n *timeout) stopTimer() {
	c := cellOf(n.child)
	state := c.state.lock()
	t := n.timer
	n.timer = nil
	c.state.unlock(state)
	if t != nil {
		t.Stop()
	}
}

// Sleep returns a future that resolves after d, or at once if d is not positive. Cancelling it stops its timer.
//
// Sleeps that end at about the same time resolve in no particular order. On an event loop, callback.Co.Sleep and
// callback.Loop.CallLater keep the order of their deadlines.
//
// Tornado: gen.sleep. asyncio: sleep.
func Sleep(d time.Duration) *Future[struct{}] {
	if d <= 0 {
		return Resolved(struct{}{})
	}
	s := &sleeper{}
	s.future.cell.aux = owner(s)
	s.timer = time.AfterFunc(d, s.wake) // no race: wake does not read s.timer, only Cancel does
	return &s.future
}

type sleeper struct {
	future Future[struct{}]
	timer  *time.Timer
}

func (s *sleeper) wake() {
	s.future.cell.reject(nil).propagate(false)
}

func (s *sleeper) abandon() { s.timer.Stop() }
