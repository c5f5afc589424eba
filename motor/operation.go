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

	conn *connection // run on this connection or not at all; nil: on the open one, and open the client if there is none
	ends bool        // ends something on the server: if conn is closed, or none is open, there is nothing to do

	run  func(context.Context, *connection) (T, error)
	undo func(T) // takes back what an operation that was cancelled has read; it neither blocks nor runs user code
}

// places are an operation's places in the order of what it shares with others (a cursor, a file), and in that of its
// session. Either may be nil.
type places struct {
	own     *turn
	session *sessionTurn
}

// submit starts an operation. It is the only way to start one: the operation runs on an executor of the connection, in
// its turn, and its error gets its class there. What is wrong at the call is the future's error.
func submit[T any](ctx context.Context, c *Client, o op[T]) *future.Future[T] {
	p, err := c.admit(ctx, o.err, o.order, o.placed, o.places)
	if err != nil {
		return failed[T](c, err)
	}
	var kept *keptTurn
	var read T
	over := p.own.pass
	if o.undo != nil {
		kept = &keptTurn{turn: p.own, session: p.session, undo: func() { o.undo(read) }}
		over = kept.end
	}
	for {
		conn, err := c.connectionOf(o.conn, o.ends)
		if err != nil {
			p.drop()
			return failed[T](c, err)
		}
		if conn == nil {
			p.drop()
			var none T
			return resolved(c, none)
		}
		f, ok := startOn(ctx, c, conn, o.lane, func(ctx context.Context, conn *connection) (v T, err error) {
			if err := p.begin(ctx); err != nil {
				return v, err
			}
			defer over()
			defer p.session.pass()
			v, err = o.run(ctx, conn)
			read = v
			return v, err
		})
		if !ok { // the connection was closed after connectionOf
			if o.conn == nil && !o.ends {
				continue
			}
			p.drop()
			if o.ends {
				var none T
				return resolved(c, none)
			}
			return failed[T](c, errClientClosed)
		}
		switch {
		case kept != nil:
			f.Notify(settledTurn[T]{kept, f})
		case p != places{}:
			f.Notify(p)
		}
		return f
	}
}

// startOn starts an operation on a connection. ok is false if that has been closed.
func startOn[T any](
	ctx context.Context, c *Client, conn *connection, in lane, fn func(context.Context, *connection) (T, error),
) (f *future.Future[T], ok bool) {
	f = future.GoVia(ctx, conn.executor(in), c.loop, func(ctx context.Context) (T, error) {
		v, err := fn(ctx, conn)
		return v, conn.topology.incompatible(wrapError(err))
	})
	return f, !f.IsDone() || !errors.Is(f.Err(), future.ErrPoolClosed)
}

// admit returns the places of an operation, or the reason why it cannot be started. With an error, no place is kept.
func (c *Client) admit(ctx context.Context, err error, order *turns, placed bool, p places) (places, error) {
	if err == nil && ctx == nil {
		err = newError(TypeError, "the context is nil")
	}
	if err != nil {
		p.drop()
		return places{}, err
	}
	switch {
	case placed:
	case order != nil:
		p.own, p.session, err = c.takeTurns(ctx, order)
	default:
		p.session, err = c.enter(ctx)
	}
	return p, err
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

// Wake implements future.Waker: the operation is settled.
func (p places) Wake() { p.drop() }

// executor returns where the operations of a lane run.
func (conn *connection) executor(in lane) future.Executor {
	if in == longLane {
		return conn.polls
	}
	return conn.pool
}

// failed returns the future of an operation that cannot be started.
func failed[T any](c *Client, err error) *future.Future[T] {
	p := future.NewPromiseOn[T](c.loop)
	p.Reject(err)
	return p.Future()
}

// resolved returns the future of an operation that has nothing to do.
func resolved[T any](c *Client, v T) *future.Future[T] {
	p := future.NewPromiseOn[T](c.loop)
	p.Resolve(v)
	return p.Future()
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

// run starts an operation on the driver's client. It goes when its callers call submit.
func run[T any](ctx context.Context, c *Client, fn func(context.Context, *mongo.Client) (T, error)) *future.Future[T] {
	return submit(ctx, c, op[T]{run: func(ctx context.Context, conn *connection) (none T, err error) {
		driver, err := conn.client(ctx)
		if err != nil {
			return none, err
		}
		return fn(ctx, driver)
	}})
}

// start starts an operation that takes care of its session itself. It goes when its callers call submit.
func start[T any](ctx context.Context, c *Client, in lane, fn func(context.Context, *connection) (T, error)) *future.Future[T] {
	return submit(ctx, c, op[T]{lane: in, placed: true, run: fn})
}

// inTurn starts an operation that has taken its places. It goes when its callers call submit.
func inTurn[T any](
	ctx context.Context, c *Client, in lane, own *turn, session *sessionTurn, fn func(context.Context, *connection) (T, error),
) *future.Future[T] {
	return submit(ctx, c, op[T]{lane: in, placed: true, places: places{own, session}, run: fn})
}

// endInTurn is inTurn for what ends something on the server. It goes when its callers call submit.
func endInTurn(
	ctx context.Context, c *Client, in lane, own *turn, session *sessionTurn, fn func(context.Context, *connection) error,
) *future.Future[struct{}] {
	return submit(ctx, c, op[struct{}]{
		lane: in, placed: true, places: places{own, session}, ends: true,
		run: func(ctx context.Context, conn *connection) (none struct{}, err error) { return none, fn(ctx, conn) },
	})
}

// inTurnOf starts an operation that takes its turn of ts. It goes when its callers call submit.
func inTurnOf[T any](
	ctx context.Context, c *Client, in lane, ts *turns, fn func(context.Context, *connection) (T, error),
) *future.Future[T] {
	return submit(ctx, c, op[T]{lane: in, order: ts, run: fn})
}

// inKeptTurn is inTurnOf for an operation that leaves no trace if it is cancelled. It goes when its callers call submit.
func inKeptTurn[T any](
	ctx context.Context, c *Client, ts *turns, fn func(context.Context, *connection) (T, error), undo func(),
) *future.Future[T] {
	return submit(ctx, c, op[T]{order: ts, run: fn, undo: func(T) { undo() }})
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

// userError is an error of a user's function. wrapError leaves it as it is.
type userError struct{ error }

// Unwrap returns the error itself.
func (e *userError) Unwrap() error { return e.error }
