package motor

import (
	"context"
	"errors"
	"runtime/debug"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// op describes one operation on the server. All fields except run are optional.
type op[T any] struct {
	on      namespaced      // the handle that it uses, for SlowOperation; nil: none
	err     error           // the operation is not run and fails with this error
	lane    lane            // where it runs
	batched future.Executor // runs it instead of the lane, when a batch of operations has its outcome
	turns   turns           // its reserved places; if there are none, submit reserves one in the session of its context
	conn    *connection     // the connection to run on; nil: the open one, or a new one
	ends    bool            // closes something on the server; if conn is closed, or none is open, the operation succeeds without running
	offline bool            // if conn is closed, run is called with a nil connection

	run    func(context.Context, *connection) (T, error)
	within func(context.Context, *mongo.Collection) (T, error) // if not nil, it is called instead of run, with the driver's handle for target
	target target                                              // of within
	ending func(context.Context, error)                        // called in the operation after run; it may wait for user code: see Client.ending
	ended  func()                                              // called once, when the operation is over or was not started; it does not block and runs no user code
	undo   func(T, error)                                      // puts back what a cancelled operation has read; it does not block and runs no user code
}

// submit starts an operation. It is the only way to start one. The operation waits for its turn, runs on an executor of
// the connection, and its error gets its class. If the operation is not accepted, because its arguments are invalid or
// the queue is full, the result is that error.
func submit[T any](ctx context.Context, c *Client, o op[T]) *future.Future[T] {
	admitted, err := c.admit(ctx, o.err, o.turns)
	if c.measure != nil && o.lane == shortLane {
		admitted.measured = c.measure(o.on)
	}
	for err == nil {
		admitted.conn, err = c.connectionOf(ctx, o.conn, o.ends)
		if admitted.conn == nil && !(o.offline && err == errClientClosed) {
			break
		}
		// The function captures copies. Variables that change would each be allocated.
		s, run, within, target, ending := admitted, o.run, o.within, o.target, o.ending
		f, refused := future.Start(ctx, s.executor(o.lane, o.batched), future.Op[T]{
			Run: func(ctx context.Context) (v T, err error) {
				defer s.recovered(&err)
				if err = s.wait(ctx); err == nil && within == nil {
					v, err = run(ctx, s.conn)
				} else if err == nil {
					var coll *mongo.Collection
					if coll, err = target.on(ctx, s.conn); err == nil {
						v, err = within(ctx, coll)
					}
				}
				err = s.done(err)
				if ending != nil {
					ending(ctx, err)
				}
				return v, err
			},
			Undo:  o.undo,
			Ended: s.ended(o.ended),
			Via:   c.loop,
		})
		if refused == nil {
			if s.shares() {
				f.Notify(s)
			}
			return f
		}
		err = again(refused)
	}
	admitted.release()
	if o.ended != nil {
		o.ended()
	}
	if err == nil { // the connection has closed what the operation would close
		var none T
		return resolved(c, none)
	}
	return failed[T](c, err)
}

// again returns nil if the operation must be submitted again, because the connection was closed after connectionOf
// found it open. Otherwise it returns refused.
func again(refused error) error {
	if errors.Is(refused, future.ErrPoolClosed) {
		return nil
	}
	return refused
}

var errNilContext = newError(TypeError, "the context is nil")

// reserve reserves a place in the sequence of a file, if own is not nil, and one in the session of ctx, in one step. It
// is called in the call of the operation. Even if it fails, the caller must pass its result to submit.
func (c *Client) reserve(ctx context.Context, own *future.Sequence) (turns, error) {
	if ctx == nil {
		return turns{}, errNilContext
	}
	return c.reserveIn(mongo.SessionFromContext(ctx), own, nil)
}

// reserveIn is reserve for a given session, which may be nil, and a change to its state.
func (c *Client) reserveIn(driver *mongo.Session, own *future.Sequence, change stateChange) (reserved turns, err error) {
	switch {
	case driver == nil:
	case !c.has(driver):
		err = errOtherClient
	default:
		reserved, err = stateOf(driver).reserve(driver, own, change)
	}
	if reserved.session == nil && own != nil {
		reserved.own = own.Reserve()
	}
	reserved.reserved = true
	return reserved, err
}

// submission is the part of an operation in progress that does not depend on the type of its result. It does not change
// once the operation has started.
type submission struct {
	turns
	conn     *connection // runs the operation
	measured measured    // nil: it is not
}

// admit returns the submission of an operation, with its places reserved, or an error if the operation cannot start.
func (c *Client) admit(ctx context.Context, err error, reserved turns) (submission, error) {
	s := submission{turns: reserved}
	switch {
	case err != nil:
	case ctx == nil:
		err = errNilContext
	case !reserved.reserved:
		s.turns, err = c.reserve(ctx, nil)
	}
	return s, err
}

// shares reports whether the operation takes turns with others.
func (s submission) shares() bool { return s.own != nil || s.session != nil }

// wait waits for the operation's turns. It runs in the operation.
func (s submission) wait(ctx context.Context) error {
	if s.measured != nil {
		s.measured.Start()
	}
	if !s.shares() {
		return nil
	}
	if err := waitTurn(ctx, s.own); err != nil || s.lazy {
		return err
	}
	return s.session.wait(ctx)
}

// Wake implements [future.Waker]. The future is settled. If it was cancelled while the operation waited for its turns,
// the places are free at once, and the operation changes nothing in its session.
func (s submission) Wake() {
	s.own.Withdraw()
	s.session.withdraw()
}

// ended returns the function to call at the end of the operation, or nil. It releases the places and calls also.
func (s submission) ended(also func()) func() {
	switch {
	case !s.shares():
		return also
	case also == nil:
		return s.release
	}
	return func() {
		s.release()
		also()
	}
}

// release gives up the places.
func (s submission) release() {
	if s.lazy {
		s.session.withdraw() // run was not called
	} else {
		s.session.release()
	}
	s.own.Release()
}

// executor returns the executor of the operation.
func (s submission) executor(in lane, batched future.Executor) future.Executor {
	if batched != nil {
		return batched
	}
	if s.conn == nil {
		return future.Goroutines
	}
	return s.conn.executor(in)
}

// recovered sets err if the operation panics. It must be deferred. User code does not run on this goroutine, or its panics
// are caught where it is called. So it is a panic of the driver, which panics on some malformed replies.
func (s submission) recovered(err *error) {
	if v := recover(); v != nil {
		*err = s.done(&future.PanicError{Value: v, Stack: debug.Stack()})
	}
}

// done gives the operation's error its class, and reports the operation if it was slow.
func (s submission) done(err error) error {
	err = s.classify(err)
	if s.measured != nil {
		s.measured.done(err)
	}
	return err
}

// classify gives the operation's error its class.
func (s submission) classify(err error) error {
	if err == nil {
		return nil
	}
	err = wrapError(err)
	if s.conn == nil {
		return err
	}
	return s.conn.topology.incompatible(err)
}

// connectionOf returns the connection that an operation runs on. It returns nil if ends is set and the connection has
// been closed.
func (c *Client) connectionOf(ctx context.Context, conn *connection, ends bool) (*connection, error) {
	switch {
	case conn == nil && !ends:
		return c.connect(ctx)
	case conn == nil:
		return c.opened(), nil
	case c.opened() == conn:
		return conn, nil
	case ends:
		return nil, nil
	}
	return nil, errClientClosed
}

// executor returns the executor of a lane.
func (conn *connection) executor(in lane) future.Executor {
	if in == longLane {
		return conn.polls
	}
	return conn.pool
}

// failed returns the future of an operation that cannot be started.
func failed[T any](c *Client, err error) *future.Future[T] {
	return future.RejectedOn[T](c.loop, err)
}

// resolved returns the future of an operation that needs no I/O.
func resolved[T any](c *Client, v T) *future.Future[T] { return future.ResolvedOn(c.loop, v) }

// firstError returns the first of the errors that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// driverOp returns the operation that calls fn with the driver's client.
func driverOp[T any](fn func(context.Context, *mongo.Client) (T, error)) op[T] {
	return op[T]{run: func(ctx context.Context, conn *connection) (none T, err error) {
		driver, err := conn.client(ctx)
		if err != nil {
			return none, err
		}
		return fn(ctx, driver)
	}}
}

// callUser calls user code in an operation that holds a slot of the executor. ctx is the operation's context. fn runs
// on its own goroutine, and the slot is lent meanwhile. If ctx ends first, callUser returns ctx's error; fn goes on and
// may still use its arguments. The operation fails with fn's error or panic, unchanged.
func callUser[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	f := future.Go(ctx, future.Goroutines, func(context.Context) (T, error) { return fn() })
	v, err := f.Await(ctx)
	switch {
	case err == nil:
		return v, nil
	case f.Cancel(), f.Cancelled(), ctx.Err() != nil: // fn's result is not reported
		return v, ctx.Err()
	}
	return v, &userError{err}
}

// namespaced is a handle for a database or a collection.
type namespaced interface{ namespace() string }

// measured is an operation that is measured: see WithSlowOperations.
type measured interface {
	Start() // it runs
	done(err error)
}

// unheard marks the error of an operation as observed. It is for operations whose future no caller gets.
func unheard(f *future.Future[struct{}]) { f.OnComplete(func(struct{}, error) {}) }
