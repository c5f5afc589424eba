package motor

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gomotor/gomotor/future"
)

// turns makes operations that share something which only one of them may use at a time, such as the driver's cursor or
// its session, take turns in the order of their calls. One that waits for its turn holds no slot of the executor.
type turns struct {
	mu   sync.Mutex
	last *future.Future[struct{}] // done when the latest turn is over
}

// turn is one operation's place in the order.
type turn struct {
	before *future.Future[struct{}]
	over   *future.Promise[struct{}]
	begun  atomic.Bool
}

func (ts *turns) take() *turn {
	t := new(turn)
	ts.mu.Lock()
	ts.enter(t)
	ts.mu.Unlock()
	return t
}

// enter gives t the last place. mu is held.
func (ts *turns) enter(t *turn) {
	t.over = future.NewPromise[struct{}]()
	t.before, ts.last = ts.last, t.over.Future()
}

// idle reports whether no turn is being taken or waited for.
func (ts *turns) idle() bool {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	return ts.last == nil || ts.last.IsDone()
}

// takeIdle is take if the turn is nobody's. If it is somebody's, it returns nil.
func (ts *turns) takeIdle() *turn {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if ts.last != nil && !ts.last.IsDone() {
		return nil
	}
	t := new(turn)
	ts.enter(t)
	return t
}

// soon calls fn in a turn of its own. fn must neither block nor run anybody else's code.
func (ts *turns) soon(fn func()) {
	t := ts.take()
	t.soon(func() {
		fn()
		t.Wake()
	})
}

// soon calls fn when the turn comes, and reports whether that was at once. fn must neither block nor run anybody else's
// code.
func (t *turn) soon(fn func()) bool {
	if t.before == nil || t.before.IsDone() {
		fn()
		return true
	}
	t.before.Notify(waker(fn))
	return false
}

// waker is a function as a future.Waker.
type waker func()

// Wake implements future.Waker.
func (fn waker) Wake() { fn() }

// begin waits for the turn, in the operation. It fails, with the turn passed on, if the operation is not to run. The
// nil turn has come.
func (t *turn) begin(ctx context.Context) error {
	if t == nil {
		return nil
	}
	err := t.wait(ctx)
	if err != nil {
		t.drop()
	}
	return err
}

// wait is begin, but for that the turn is still to be dropped if it fails.
func (t *turn) wait(ctx context.Context) error {
	if t.before != nil {
		// ctx is the operation's own, so that waiting with it lends the slot: see future.Suspender.
		if _, err := t.before.Await(ctx); err != nil {
			return waitError{err}
		}
	}
	if !t.begun.CompareAndSwap(false, true) {
		return future.ErrCancelled
	}
	return nil
}

// waitError is the end of a context, or a Cancel, that came while the operation waited for its turn: for the caller
// nothing else than while it waited for its slot. See wrapError.
type waitError struct{ error }

// pass gives the turn on, once it has come.
func (t *turn) pass() {
	if t == nil {
		return
	}
	if t.before == nil {
		t.Wake()
		return
	}
	t.before.Notify(t)
}

// Wake implements future.Waker: the turns before this one are over, and this one is not needed any more.
func (t *turn) Wake() { t.over.Resolve(struct{}{}) }

// drop gives a turn on when the operation that took it is settled without having had it: cancelled, or refused by the
// executor. It reports false if the turn has come, or was dropped before.
func (t *turn) drop() bool {
	if !t.begun.CompareAndSwap(false, true) {
		return false
	}
	t.pass()
	return true
}

// takeTurns takes a place in the order of ts, and the same in that of the session of ctx.
func (c *Client) takeTurns(ctx context.Context, ts *turns) (own *turn, session *sessionTurn, err error) {
	own, session, err = ts.takeBoth(func() (*sessionTurn, error) { return c.enter(ctx) })
	if err != nil {
		own.drop()
	}
	return own, session, err
}

// takeBoth takes a place in the order, and the same in that of a session: neither is free for others between the two. So
// of operations that share both none waits for one that waits for it.
func (ts *turns) takeBoth(enter func() (*sessionTurn, error)) (own *turn, session *sessionTurn, err error) {
	own = new(turn)
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.enter(own)
	session, err = enter()
	return own, session, err
}
