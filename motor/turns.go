package motor

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gomotor/gomotor/future"
)

// turns is a sequence with a lock that guards what belongs to the order of its calls.
type turns struct {
	mu       sync.Mutex
	sequence future.Sequence
}

// turn is one operation's place in the order.
type turn struct {
	ticket *future.Ticket
	begun  atomic.Bool // the turn has come, or was dropped
}

func (ts *turns) take() *turn {
	t := new(turn)
	ts.mu.Lock()
	ts.enter(t)
	ts.mu.Unlock()
	return t
}

// enter gives t the last place. mu is held.
func (ts *turns) enter(t *turn) { t.ticket = ts.sequence.Reserve() }

// idle reports whether no turn is being taken or waited for.
func (ts *turns) idle() bool { return ts.sequence.Idle() }

// takeIdle is take if no operation has the turn or waits for it. Otherwise it returns nil.
func (ts *turns) takeIdle() *turn {
	ticket := ts.sequence.TryReserve()
	if ticket == nil {
		return nil
	}
	return &turn{ticket: ticket}
}

// soon calls fn in a turn of its own. fn must neither block nor run user code.
func (ts *turns) soon(fn func()) { ts.take().soon(fn) }

// soon calls fn when the turn comes, passes the turn on, and reports whether that was at once. fn must neither block nor
// run user code.
func (t *turn) soon(fn func()) bool { return t.ticket.Do(fn) }

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

// wait is begin, except that the turn is still to be dropped if it fails. ctx is the operation's own.
func (t *turn) wait(ctx context.Context) error {
	if err := t.ticket.Wait(ctx); err != nil {
		return queueError{err}
	}
	if !t.begun.CompareAndSwap(false, true) {
		return future.ErrCancelled
	}
	return nil
}

// pass gives the turn on, once it has come.
func (t *turn) pass() {
	if t != nil {
		t.ticket.Release()
	}
}

// Wake implements future.Waker.
func (t *turn) Wake() { t.pass() }

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
	own, session, err = ts.takeBoth(func() (*sessionTurn, error) { return c.enterWith(ctx, operateOn(ts)) })
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

// waker is a function as a future.Waker.
type waker func()

// Wake implements future.Waker.
func (fn waker) Wake() { fn() }
