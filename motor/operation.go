package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// op describes one operation on the server. All fields except run may be left out.
type op[T any] struct {
	err  error // the operation cannot be run, and fails with this
	lane lane

	// What the operation waits for before it runs. Usually that is the session of its context alone, and submit finds that.
	// With order, submit takes a place there and one in the session in one step. An operation that has taken its places
	// before, or that needs none, says placed.
	order  *turns
	placed bool
	places places

	conn    *connection // run on this connection or not at all; nil: on the open one, and open the client if there is none
	ends    bool        // ends something on the server: if conn is closed, or none is open, there is nothing to do
	offline bool        // if conn is closed, run is called with a nil connection, for what it can do without

	run  func(context.Context, *connection) (T, error)
	undo func(T) // takes back what an operation that was cancelled has read; it neither blocks nor runs user code
}

// places are an operation's places in the order of what it shares with others (a cursor, a file), and in that of its
// session. Either may be nil.
type places struct {
	own     *turn
	session *sessionTurn
	later   bool // the operation itself waits for session, if it needs it at all, and gives it on
}

// submit starts an operation. It is the only way to start one: the operation runs on an executor of the connection, in
// its turn, and its error gets its class there. If the operation is not accepted (its arguments are invalid, the queue is
// full), that is the future's error.
func submit[T any](ctx context.Context, c *Client, o op[T]) *future.Future[T] {
	run := o.run
	s, err := c.admit(ctx, o.err, o.order, o.placed, o.places)
	for err == nil {
		s.conn, err = c.connectionOf(o.conn, o.ends)
		if s.conn == nil && !(o.offline && err == errClientClosed) {
			break
		}
		f, refused := future.Start(ctx, s.executor(o.lane), future.Op[T]{
			Run: func(ctx context.Context) (v T, err error) {
				if err = s.begin(ctx); err == nil {
					v, err = run(ctx, s.conn)
				}
				return v, s.classify(err)
			},
			Undo:  o.undo,
			Ended: s.ended(),
			Via:   c.loop,
		})
		if refused == nil {
			if s.places != (places{}) {
				f.Notify(s)
			}
			return f
		}
		err = again(refused)
	}
	s.drop()
	if err == nil { // what it ends has ended with its connection
		var none T
		return resolved(c, none)
	}
	return failed[T](c, err)
}

// again returns nil if an operation is to be submitted once more, since the connection was closed after connectionOf had
// found it open.
func again(refused error) error {
	if errors.Is(refused, future.ErrPoolClosed) {
		return nil
	}
	return refused
}

// submission is the part of an operation in progress that does not depend on the type of its result.
type submission struct {
	places
	conn  *connection // runs the operation
	began bool        // the operation has had its turns
}

// admit returns the submission of an operation, with its places taken, or the reason why it cannot be started.
func (c *Client) admit(ctx context.Context, err error, order *turns, placed bool, p places) (*submission, error) {
	s := &submission{places: p}
	switch {
	case err != nil:
	case ctx == nil:
		err = newError(TypeError, "the context is nil")
	case placed:
	case order != nil:
		s.own, s.session, err = c.takeTurns(ctx, order)
	default:
		s.session, err = c.enter(ctx)
	}
	return s, err
}

// begin waits for the turns, in the operation.
func (s *submission) begin(ctx context.Context) error {
	err := s.places.begin(ctx)
	s.began = err == nil
	return err
}

// ended returns the function that gives the turns on when the operation is over, or nil if it has none.
func (s *submission) ended() func() {
	if s.places == (places{}) {
		return nil
	}
	return s.end
}

// Wake implements future.Waker: the future is settled. Cancel settles it while the operation waits for its turns; then
// they are given on at once, and what it would have changed in its session is not changed.
func (s *submission) Wake() { s.drop() }

func (s *submission) end() {
	if !s.began {
		s.drop()
		return
	}
	if !s.later {
		s.session.pass()
	}
	s.own.pass()
}

// executor returns where the operation runs.
func (s *submission) executor(in lane) future.Executor {
	if s.conn == nil {
		return background
	}
	return s.conn.executor(in)
}

// classify gives the operation's error its class.
func (s *submission) classify(err error) error {
	err = wrapError(err)
	if s.conn == nil {
		return err
	}
	return s.conn.topology.incompatible(err)
}

// connectionOf returns the connection that an operation is to run on. It is nil if the operation ends something that has
// ended with its connection.
func (c *Client) connectionOf(conn *connection, ends bool) (*connection, error) {
	switch {
	case conn == nil && !ends:
		return c.connect()
	case conn == nil:
		return c.opened(), nil
	case c.opened() == conn:
		return conn, nil
	case ends:
		return nil, nil
	}
	return nil, errClientClosed
}

// begin waits for the turns, in the operation. If it fails, they have been given on.
func (p places) begin(ctx context.Context) error {
	if err := p.own.begin(ctx); err != nil {
		p.session.drop()
		return err
	}
	if p.later {
		return nil
	}
	if err := p.session.begin(ctx); err != nil {
		p.own.pass()
		return err
	}
	return nil
}

// drop gives on the turns of an operation that did not come to have them.
func (p places) drop() {
	if p.own != nil {
		p.own.drop()
	}
	p.session.drop()
}

// executor returns where the operations of a lane run.
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

// resolved returns the future of an operation that has nothing to do.
func resolved[T any](c *Client, v T) *future.Future[T] { return future.ResolvedOn(c.loop, v) }

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

// callUser calls a user's function in an operation that holds a slot of the executor. ctx is the operation's context. fn
// runs on its own goroutine, and the slot is lent meanwhile. If ctx ends first, callUser returns ctx's error; fn then
// goes on alone, and may still use its arguments. The operation fails with fn's error, or its panic, as they are.
func callUser[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	f := future.Go(ctx, background, func(context.Context) (T, error) { return fn() })
	v, err := f.Await(ctx)
	switch {
	case err == nil:
		return v, nil
	case f.Cancel(), f.Cancelled(), ctx.Err() != nil: // fn's result is not reported
		return v, ctx.Err()
	}
	return v, &userError{err}
}
