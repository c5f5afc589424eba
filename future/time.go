package future

import (
	"fmt"
	"time"
)

// WithTimeout returns a future with the outcome of f, or with [ErrTimeout] if f is pending for d longer. f goes on:
// it is not cancelled, and may be waited for again. If it fails after the time-out and nothing else looks at it, that
// is reported as [SetUnobservedHandler] says.
//
// Tornado: gen.with_timeout.
func WithTimeout[T any](f *Future[T], d time.Duration) *Future[T] {
	mustHave(f != nil, "WithTimeout", "f")
	return timeLimit(f, d, false)
}

// WaitFor returns a future with the outcome of f, or with [ErrTimeout] if f is pending for d longer; f is then
// cancelled. Cancelling what WaitFor returned cancels f, too. To protect f from both, use [WithTimeout], or pass
// Shield(f).
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
	timer         *time.Timer // guarded by the child's mu
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
	// What settles the child stops its timer, which it finds under mu. If the child is settled by now, it did not.
	c.mu.Lock()
	late := c.isSettled()
	if !late {
		n.timer = t
	}
	c.mu.Unlock()
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

// expire runs on a goroutine of the timer, or on that of a caller who allowed no time. The parent is cancelled before the
// child is settled, so that callbacks of the child find it cancelled.
func (n *timeout) expire() {
	if !n.detach() {
		return // fire, or a Cancel, was faster
	}
	parent := n.parent // not shared any more, now that the link is off the list
	if n.cancels && !cellOf(parent).cancel(&cancelError{ErrTimeout}) {
		cellOf(parent).registerUnseen(&n.link) // its outcome came in the last moment, or is about to
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
	c.mu.Lock()
	t := n.timer
	n.timer = nil
	c.mu.Unlock()
	if t != nil {
		t.Stop()
	}
}

// Sleep returns a future that resolves after d; at once if d is not positive. Cancelling it stops its timer.
//
// Tornado: gen.sleep. asyncio: sleep.
func Sleep(d time.Duration) *Future[struct{}] {
	if d <= 0 {
		return Resolved(struct{}{})
	}
	s := &sleeper{}
	s.future.cell.aux = owner(s)
	s.timer = time.AfterFunc(d, s.wake) // which does not read it: only Cancel does
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
