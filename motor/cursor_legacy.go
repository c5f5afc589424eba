package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// Slice sets Skip and Limit so that the cursor has the documents from number from up to, but not including, number
// to; without to, all from number from on. If there are none between, nothing is ever sent. What Skip and Limit have
// said before is forgotten.
//
// Errors of reading: [ValueError] for a negative number, and for a to below from; [TypeError] for more than one to
// (steps); [InvalidOperation] once the cursor has been read.
//
// Legacy: use Skip and Limit. Motor: cursor[from:to].
func (c *Cursor[D]) Slice(from int64, to ...int64) *Cursor[D] { c.setSlice(from, to); return c }

//go:noinline
func (c *cursor) setSlice(from int64, to []int64) {
	c.set("Slice", func(ch *chain) error {
		limit := int64(0)
		switch {
		case len(to) > 1:
			return newError(TypeError, "Slice takes one end, not %d: there are no steps", len(to))
		case from < 0 || len(to) == 1 && to[0] < 0:
			return newError(ValueError, "Slice: a cursor cannot be counted from its end")
		case len(to) == 1 && to[0] < from:
			return newError(ValueError, "Slice(%d, %d): the end is before the beginning", from, to[0])
		case len(to) == 1:
			limit = to[0] - from
		}
		if err := ch.limit(limit); err != nil {
			return err
		}
		ch.nothing = len(to) == 1 && limit == 0
		ch.option(func(o *options.FindOptions) { o.Skip = &from })
		return nil
	})
}

// Index sets Skip and Limit so that the cursor has one document: number i of those that it would have had. If there is
// no such document, the cursor is empty.
//
// Errors of reading: [ValueError] for a negative i; [InvalidOperation] once the cursor has been read.
//
// Legacy: use Skip and Limit. Motor: cursor[i].
func (c *Cursor[D]) Index(i int64) *Cursor[D] { c.setIndex(i); return c }

//go:noinline
func (c *cursor) setIndex(i int64) {
	c.set("Index", func(ch *chain) error {
		if i < 0 {
			return newError(ValueError, "Index(%d): a cursor cannot be counted from its end", i)
		}
		if err := ch.limit(-1); err != nil {
			return err
		}
		ch.option(func(o *options.FindOptions) {
			skip := i
			if o.Skip != nil {
				skip += *o.Skip
			}
			o.Skip = &skip
		})
		return nil
	})
}

// Count counts the documents that the query matches: all of them, or, if withLimitAndSkip is true, those that Limit
// and Skip leave. It leaves the cursor as it is.
//
// Errors: [OperationFailure], and those of reading the cursor.
//
// Legacy: use Collection.CountDocuments. Motor: MotorCursor.count.
func (c *cursor) Count(ctx context.Context, withLimitAndSkip bool) *future.Future[int64] {
	return queryCommand(ctx, c, func(q *command.Query) *command.Builder {
		return q.Count(c.coll.codec.Codec, c.coll.name, withLimitAndSkip)
	}, func(reply bson.Raw) (int64, error) {
		n, ok := reply.Lookup("n").AsInt64OK()
		if !ok {
			return 0, newError(InvalidBSON, "the server's answer to count has no number")
		}
		return n, nil
	})
}

// Tail calls fn with every document of a capped collection that the query matches, and then with every one that is
// inserted later, as [Cursor.Each] would on a clone of the cursor with QueryFlagTailable and QueryFlagAwaitData. If
// that dies, as it does at once on an empty collection, and when the collection is dropped, the query is sent anew half
// a second later, and what it matches comes from the beginning.
//
// It ends when fn returns false, or after fn(zero, err) with an error; the end of ctx is one. It closes the cursor
// that it read. A nil fn panics. A cursor that has been read fails with [InvalidOperation].
//
// Legacy: use Find with a tailable cursor and Each. Motor: MotorCursor.tail.
func (c *Cursor[D]) Tail(ctx context.Context, fn func(doc D, err error) bool) {
	tail(ctx, &c.cursor, nil, fn)
}

// TailVia is Tail with fn called on via, whatever the loop of the client.
func (c *Cursor[D]) TailVia(ctx context.Context, via future.Executor, fn func(doc D, err error) bool) {
	tail(ctx, &c.cursor, via, fn)
}

// tail is the Tail, or with via the TailVia, of a cursor whose documents are of type D.
func tail[D any](ctx context.Context, c *cursor, via future.Executor, fn func(doc D, err error) bool) {
	if fn == nil {
		panic(newError(TypeError, "Tail: fn is nil"))
	}
	c.tail(ctx, via, handOver(fn))
}

// tailRetryInterval is how long Tail waits before it sends its query anew.
const tailRetryInterval = 500 * time.Millisecond

func (c *cursor) tail(ctx context.Context, via future.Executor, deliver delivery) {
	query := new(cursor)
	query.initClone(c)
	query.addOption(QueryFlagTailable | QueryFlagAwaitData)
	if c.Started() {
		query.err = newError(InvalidOperation, "Tail: the cursor has been read")
	}
	// All cursors are read on the connection of the first.
	var conn *connection
	var live func()
	live = func() {
		current := new(cursor)
		current.initClone(query)
		current.each(ctx, via, conn, func(r *cursorReader, end bool, err error) (called, more bool) {
			if end && err == nil { // the cursor has died
				conn = current.current().conn
				time.AfterFunc(tailRetryInterval, live)
				return true, false
			}
			if end {
				current.Close(context.WithoutCancel(ctx))
			}
			called, more = deliver(r, end, err)
			if called && !more && !end {
				current.Close(context.WithoutCancel(ctx))
			}
			return called, more
		})
	}
	live()
}

// ConnID is Address by its first name.
//
// Legacy: use Address. Motor: MotorCursor.conn_id.
func (c *cursor) ConnID() (address Address, ok bool) { return c.Address() }

// CloseCursor ends the cursor of this client that has the server's number id (see [Cursor.CursorID]).
//
// Errors: [CursorNotFound] if the client has no open cursor of this number.
//
// Legacy: use Cursor.Close. Motor: MotorClient.close_cursor.
func (c *Client) CloseCursor(ctx context.Context, id int64) *future.Future[struct{}] {
	end, err := c.opened().closer(id)
	if err != nil {
		return failed[struct{}](c, err)
	}
	return end(ctx)
}

// KillCursors ends the cursors of this client that have the server's numbers ids. It ends all that it finds.
//
// Errors: [CursorNotFound] for the first of which the client has no open cursor.
//
// Legacy: use Cursor.Close. Motor: MotorClient.kill_cursors.
func (c *Client) KillCursors(ctx context.Context, ids []int64) *future.Future[struct{}] {
	conn := c.opened()
	var ends []*future.Future[struct{}]
	var missing error
	for _, id := range ids {
		end, err := conn.closer(id)
		switch {
		case err == nil:
			ends = append(ends, end(ctx))
		case missing == nil:
			missing = err
		}
	}
	if len(ends) == 0 && missing != nil { // a client that is not open stays so
		if ctx != nil && ctx.Err() != nil {
			missing = ctx.Err()
		}
		return failed[struct{}](c, missing)
	}
	return submit(ctx, c, op[struct{}]{conn: conn, ends: true, run: func(ctx context.Context, _ *connection) (none struct{}, err error) {
		err = missing
		for _, end := range ends {
			if _, e := end.Await(ctx); err == nil { // ctx is the operation's own: waiting with it lends the slot
				err = e
			}
		}
		return none, err
	}})
}
