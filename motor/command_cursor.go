package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// CommandCursor reads the documents of a command's reply, batch by batch, in all the ways of a [Cursor]. There are
// two kinds: one whose command has been sent, as [Database.ListCollections] resolves to it, has the first documents
// already; one that is lazy, as [Database.Aggregate] returns it, sends its command when it is first read.
//
// It is safe for several goroutines, whose reads take turns in the order of their calls; each document is read once.
//
// Motor: MotorCommandCursor, MotorLatentCommandCursor.
type CommandCursor[D any] struct {
	cursorReader[D]
}

// newCommandCursor returns a cursor that sends its command, by send, when it is first read. size is what BatchSize
// has set, or nil. err is what every read fails with.
func newCommandCursor[D any](
	coll *Collection[D], err error, send func(ctx context.Context, d *mongo.Client, size *int32) (*mongo.Cursor, error),
) *CommandCursor[D] {
	c := new(CommandCursor[D])
	c.coll, c.err = coll, err
	if coll.err != nil {
		c.err = coll.err
	}
	c.open = func(ctx context.Context, d *mongo.Client) (*mongo.Cursor, error) {
		return send(ctx, d, c.batchSize())
	}
	return c
}

// openedCommandCursor returns a cursor whose command has been sent, with client and with ctx, which [locate] has made.
// It does no I/O.
func openedCommandCursor[D any](ctx context.Context, coll *Collection[D], client *mongo.Client, driver *mongo.Cursor) *CommandCursor[D] {
	c := new(CommandCursor[D])
	s := &source[D]{driver: driver, client: client, session: mongo.SessionFromContext(ctx), address: whereTo(ctx)}
	c.coll, c.source = coll, s
	if driver.TryNext(context.Background()) {
		s.take(decodeBatch(coll, driver))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s.know(&c.cursorReader, driver.ID())
	s.closed = s.id == 0
	return c
}

// listedCommandCursor returns a cursor over the documents of a reply that has them all at once.
func listedCommandCursor[D any](coll *Collection[D], docs []bson.Raw) *CommandCursor[D] {
	c := new(CommandCursor[D])
	c.coll, c.source = coll, &source[D]{closed: true}
	c.source.take(decodeList(coll, docs))
	return c
}

// TryNext resolves to the next document, or, if none has come and none comes with one more round trip, to the zero D:
// a nil map, a nil pointer. That is no error, and says of an alive cursor only that there is none yet.
//
// Motor: MotorCommandCursor.try_next.
func (c *CommandCursor[D]) TryNext(ctx context.Context) *future.Future[D] {
	return read(ctx, &c.cursorReader, request{once: true, want: func(_, ready int, more bool) (int, bool, error) {
		return min(ready, 1), ready > 0 || !more, nil
	}}, first)
}

// BatchSize sets how many documents the server sends at once in the batches to come, and returns the cursor. 0 leaves
// it to the server. A negative n is a [ValueError] of every read.
//
// Motor: MotorCommandCursor.batch_size.
func (c *CommandCursor[D]) BatchSize(n int32) *CommandCursor[D] {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
	case n < 0:
		c.err = newError(ValueError, "BatchSize(%d): batch size must be at least 0", n)
	default:
		c.size = &n
	}
	return c
}
