package future

import (
	"fmt"
	"time"
)

// WithTimeout returns a future with the outcome of f, or with [ErrTimeout] if f is pending for d longer. f goes on:
// it is not cancelled, and may be waited for again. If it fails after the time-out and nobody else looks at it, that
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
	n := &limited[T]{d: d, cancels: cancels, parent: f}
	n.link.c = n
	n.ex = f.ex
	n.aux = owner(n)
	f.registerUnseen(&n.link)
	if n.isSettled() {
		return &n.Future
	}
	if d <= 0 {
		n.expire()
		return &n.Future
	}
	t := time.AfterFunc(d, n.expire)
	// Whoever settles n stops its timer, and finds it under mu. If n has been settled by now, it did not.
	n.mu.Lock()
	late := n.isSettled()
	if !late {
		n.timer = t
	}
	n.mu.Unlock()
	if late {
		t.Stop()
	}
	return &n.Future
}

// limited is a future that follows another for so long.
type limited[T any] struct {
	Future[T]
	link    link
	parent  *Future[T]
	timer   *time.Timer // guarded by mu
	d       time.Duration
	cancels bool
}

func (n *limited[T]) userCode() bool { return false }

func (n *limited[T]) fire() batch {
	parent := n.parent
	b, first := n.settle(parent.value, parent.failure())
	if first {
		parent.observe()
		n.parent = nil
		n.stopTimer()
	}
	return b
}

func (n *limited[T]) fail(error) batch { return batch{} }

// expire runs on a goroutine of the timer's, or on that of the caller who allowed no time. The parent is cancelled
// before n is settled, so that who is told of the time-out finds it so.
func (n *limited[T]) expire() {
	if !n.link.detach() {
		return // fire, or a Cancel, was faster
	}
	parent := n.parent // ours alone, now that the link is off the list
	n.parent = nil
	var zero T
	v, err := zero, fmt.Errorf("%w after %v", ErrTimeout, n.d)
	if n.cancels && !parent.Cancel(ErrTimeout) {
		parent.observe() // its outcome came in the last moment
		v, err = parent.value, parent.failure()
	}
	b, _ := n.settle(v, err)
	b.spread(false)
}

func (n *limited[T]) abandon() {
	n.stopTimer()
	if !n.link.detach() {
		return
	}
	parent := n.parent
	n.parent = nil
	if n.cancels {
		parent.Cancel()
	}
}

func (n *limited[T]) stopTimer() {
	n.mu.Lock()
	t := n.timer
	n.timer = nil
	n.mu.Unlock()
	if t != nil {
		t.Stop()
	}
}
