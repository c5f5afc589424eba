package motor

import (
	"context"
	"sync"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/mongo"

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

// begin waits for the turn, in the operation, and returns what ends it.
func (t *turn) begin(ctx context.Context) (end func(), err error) {
	if !t.begun.CompareAndSwap(false, true) {
		return nil, future.ErrCancelled
	}
	if t.before != nil {
		// ctx is the operation's own, so that waiting with it lends the slot: see future.Suspender.
		if _, err := t.before.Await(ctx); err != nil {
			t.pass()
			return nil, err
		}
	}
	return t.pass, nil
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

// unbegun gives a turn on when the operation that took it was settled without having been run: cancelled, or
// refused by the executor.
type unbegun struct{ *turn }

func (t unbegun) Wake() {
	if t.begun.CompareAndSwap(false, true) {
		t.pass()
	}
}

// inTurn is run for an operation that waits for its turn before it runs.
func inTurn[T any](ctx context.Context, c *Client, ts *turns, op func(context.Context, *mongo.Client) (T, error)) *future.Future[T] {
	t := ts.take()
	f := run(ctx, c, func(ctx context.Context, d *mongo.Client) (v T, err error) {
		end, err := t.begin(ctx)
		if err != nil {
			return v, err
		}
		defer end()
		return op(ctx, d)
	})
	f.Notify(unbegun{t})
	return f
}
