package motor

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gomotor/gomotor/future"
)

// turns makes operations that share something which only one of them may use at a time, such as the driver's
// cursor, take turns in the order of their calls. One that waits for its turn holds no slot of the executor.
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
	t := &turn{over: future.NewPromise[struct{}]()}
	ts.mu.Lock()
	t.before, ts.last = ts.last, t.over.Future()
	ts.mu.Unlock()
	return t
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
	t := &turn{over: future.NewPromise[struct{}]()}
	ts.last = t.over.Future()
	return t
}

// soon calls fn when its turn comes: at once, if the turn is nobody's. fn must neither block nor run anybody else's
// code.
func (ts *turns) soon(fn func()) {
	t := ts.take()
	if t.before == nil {
		fn()
		t.Wake()
		return
	}
	t.before.Notify(briefTurn{t, fn})
}

// briefTurn is a turn for a function that does not block.
type briefTurn struct {
	turn *turn
	fn   func()
}

// Wake implements future.Waker: the turn has come.
func (b briefTurn) Wake() {
	b.fn()
	b.turn.Wake()
}

// begin waits for the turn, in the operation. It fails, with the turn passed on, if the operation is not to run.
func (t *turn) begin(ctx context.Context) error {
	if !t.begun.CompareAndSwap(false, true) {
		return future.ErrCancelled
	}
	if t.before != nil {
		// ctx is the operation's own, so that waiting with it lends the slot: see future.Suspender.
		if _, err := t.before.Await(ctx); err != nil {
			t.pass()
			return err
		}
	}
	return nil
}

// pass gives the turn on, once it has come.
func (t *turn) pass() {
	if t.before == nil {
		t.Wake()
		return
	}
	t.before.Notify(t)
}

// Wake implements future.Waker: the turns before this one are over, and this one is not needed any more.
func (t *turn) Wake() { t.over.Resolve(struct{}{}) }

// drop gives a turn on when the operation that took it was settled without having been run: cancelled, or refused by
// the executor. It reports false if the operation has begun.
func (t *turn) drop() bool {
	if !t.begun.CompareAndSwap(false, true) {
		return false
	}
	t.pass()
	return true
}

// unbegun drops a turn.
type unbegun struct{ *turn }

func (t unbegun) Wake() { t.drop() }

// inTurn is runIn for an operation that waits for its turn before it runs.
func inTurn[T any](
	ctx context.Context, c *Client, in lane, ts *turns, op func(context.Context, *connection) (T, error),
) *future.Future[T] {
	t := ts.take()
	f := runIn(ctx, c, in, func(ctx context.Context, conn *connection) (v T, err error) {
		if err := t.begin(ctx); err != nil {
			return v, err
		}
		defer t.pass()
		return op(ctx, conn)
	})
	f.Notify(unbegun{t})
	return f
}
