package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
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

// openedCommandCursor returns a cursor whose command has been sent, with client. It does no I/O.
func openedCommandCursor[D any](coll *Collection[D], client *mongo.Client, driver *mongo.Cursor) *CommandCursor[D] {
	c := new(CommandCursor[D])
	c.coll, c.source = coll, &source[D]{driver: driver, client: client}
	c.mu.Lock()
	defer c.mu.Unlock()
	var first []bson.Raw
	if driver.RemainingBatchLength() > 0 && driver.Next(context.Background()) {
		first = batchOf(driver)
	}
	c.source.know(&c.cursorReader, driver.ID())
	c.source.closed = c.source.id == 0
	c.source.fill(&c.cursorReader, first)
	return c
}

// listedCommandCursor returns a cursor over the documents of a reply that has them all at once.
func listedCommandCursor[D any](coll *Collection[D], docs []bson.Raw) *CommandCursor[D] {
	c := new(CommandCursor[D])
	c.coll, c.source = coll, &source[D]{closed: true}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.source.fill(&c.cursorReader, docs)
	return c
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
