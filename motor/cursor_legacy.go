package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// Slice sets Skip and Limit so that the cursor has the documents from index from up to, but not including, index to.
// Without to, it has all documents from index from on. If from equals to, the cursor is empty and nothing is sent.
// Earlier values of Skip and Limit are dropped.
//
// Errors of reading: [ValueError] for a negative number, and for a to below from; [TypeError] for more than one to (a
// step); [InvalidOperation] once the cursor has been read.
//
// Legacy: use Skip and Limit. Motor: cursor[from:to].
func (c *Cursor[D]) Slice(from int64, to ...int64) *Cursor[D] {
	setSlice(&c.cursor, from, to)
	return c
}

//go:noinline
func setSlice(c *cursor, from int64, to []int64) {
	c.set("Slice", func(ch *chain) error {
		limit := int64(0)
		switch {
		case len(to) > 1:
			return newError(TypeError, "Slice takes at most one end, not %d: Cursor instances do not support slice steps", len(to))
		case from < 0 || len(to) == 1 && to[0] < 0:
			return newError(ValueError, "Slice: Cursor instances do not support negative indices")
		case len(to) == 1 && to[0] < from:
			return newError(ValueError, "Slice(%d, %d): stop index must not be less than start index", from, to[0])
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

// Index sets Skip and Limit so that the cursor has only the document with index i of its documents. If there is no such
// document, the cursor is empty.
//
// Errors of reading: [ValueError] for a negative i; [InvalidOperation] once the cursor has been read.
//
// Legacy: use Skip and Limit. Motor: cursor[i].
func (c *Cursor[D]) Index(i int64) *Cursor[D] { setIndex(&c.cursor, i); return c }

//go:noinline
func setIndex(c *cursor, i int64) {
	c.set("Index", func(ch *chain) error {
		if i < 0 {
			return newError(ValueError, "Index(%d): Cursor instances do not support negative indices", i)
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

// Count counts the documents that the query matches. If withLimitAndSkip is true, it applies Limit and Skip. It does
// not change the cursor.
//
// Errors: [OperationFailure], and those of reading the cursor.
//
// Legacy: use Collection.CountDocuments. Motor: MotorCursor.count.
func (c *cursor) Count(ctx context.Context, withLimitAndSkip bool) *future.Future[int64] {
	return queryCommand(ctx, c, func(q *command.Query) *command.Builder {
		return q.Count(c.coll.codec.Codec, c.coll.name, withLimitAndSkip)
	}, countOf)
}

// Tail calls fn with every document of a capped collection that the query matches, and then with every one that is
// inserted later. It reads as [Cursor.Each] would on a clone of the cursor with [QueryFlagTailable] and
// [QueryFlagAwaitData]. The server closes that cursor at once on an empty collection, and when the collection is
// dropped. Then Tail sends the query again after half a second, and starts from the beginning.
//
// It ends when fn returns false, or after fn(zero, err) with an error, such as the end of ctx. It closes the cursor
// that it read. A nil fn panics. If the cursor has been read before, fn gets an [InvalidOperation].
//
// Legacy: use Find with a tailable cursor and Each. Motor: MotorCursor.tail.
func (c *Cursor[D]) Tail(ctx context.Context, fn func(doc D, err error) bool) {
	tail(ctx, &c.cursor, nil, fn)
}

// TailVia is Tail with fn called on via instead of the client's loop.
func (c *Cursor[D]) TailVia(ctx context.Context, via future.Executor, fn func(doc D, err error) bool) {
	tail(ctx, &c.cursor, via, fn)
}

// tail implements Tail, and TailVia if via is not nil, for documents of type D.
func tail[D any](ctx context.Context, c *cursor, via future.Executor, fn func(doc D, err error) bool) {
	mustHave(fn != nil, "Tail", "fn")
	c.tail(ctx, via, deliveryOf(fn))
}

// tailRetryInterval is how long Tail waits before it sends its query again.
const tailRetryInterval = 500 * time.Millisecond

func (c *cursor) tail(ctx context.Context, via future.Executor, deliver delivery) {
	query := new(cursor)
	query.initClone(c)
	addOption(query, QueryFlagTailable|QueryFlagAwaitData)
	if c.Started() {
		query.err = newError(InvalidOperation, "Tail: the cursor has been read")
	}
	if ctx == nil {
		ctx, query.err = context.Background(), errNilContext
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
				unheard(current.Close(context.WithoutCancel(ctx)))
			}
			called, more = deliver(r, end, err)
			if called && !more && !end {
				unheard(current.Close(context.WithoutCancel(ctx)))
			}
			return called, more
		})
	}
	live()
}

// ConnID is the old name of Address.
//
// Legacy: use Address. Motor: MotorCursor.conn_id.
func (c *cursor) ConnID() (address Address, ok bool) { return c.Address() }

// CloseCursor closes the cursor of this client with this cursor id. See [Cursor.CursorID].
//
// Errors: [CursorNotFound] if the client has no open cursor with this id.
//
// Legacy: use Cursor.Close. Motor: MotorClient.close_cursor.
func (c *Client) CloseCursor(ctx context.Context, id int64) *future.Future[struct{}] {
	end, err := c.opened().closer(id)
	if err != nil {
		return failed[struct{}](c, err)
	}
	return end(ctx)
}

// KillCursors closes the cursors of this client with these cursor ids. It closes all that it finds.
//
// Errors: [CursorNotFound] for the first id that is not an open cursor of the client.
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
			if _, e := end.Await(ctx); err == nil { // with the operation's context, so that the wait lends the slot
				err = e
			}
		}
		return none, err
	}})
}
