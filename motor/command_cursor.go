package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// CommandCursor reads the documents of a command's reply, batch by batch, in all the ways of a [Cursor]. There are two
// kinds: one whose command has been sent, the result of [Database.ListCollections], has the first documents already;
// one that is lazy, as [Database.Aggregate] returns it, sends its command when it is first read.
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
	c.open = func(ctx context.Context, d *mongo.Client) (feed[D], error) {
		driver, err := send(ctx, d, c.batchSize())
		if err != nil {
			return nil, err
		}
		return cursorFeed[D]{driver, &coll.codec}, nil
	}
	return c
}

// openedCommandCursor returns a cursor whose command has been sent, with client and with ctx, which locate has made. It
// does no I/O.
func openedCommandCursor[D any](
	ctx context.Context, coll *Collection[D], client *mongo.Client, driver *mongo.Cursor,
) *CommandCursor[D] {
	c := new(CommandCursor[D])
	s := &source[D]{
		feed:    cursorFeed[D]{driver, &coll.codec},
		client:  client,
		session: coll.db.client.session(mongo.SessionFromContext(ctx)),
	}
	s.address = coll.db.client.topology().whereTo(ctx, false)
	c.coll, c.source = coll, s
	if driver.TryNext(context.Background()) {
		s.take(decodeBatch[D](&coll.codec, driver))
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
	c.source.take(decodeAll[D](&coll.codec, docs))
	return c
}

// BatchSize sets how many documents the server sends at once in the batches to come, and returns the cursor. 0 leaves
// it to the server. A negative n is a [ValueError] of every read.
//
// Motor: MotorCommandCursor.batch_size.
func (c *CommandCursor[D]) BatchSize(n int32) *CommandCursor[D] {
	return c.set(func() error {
		if n < 0 {
			return newError(ValueError, "BatchSize(%d): batch size must be at least 0", n)
		}
		c.size = &n
		return nil
	})
}

// MaxAwaitTimeMS bounds, in milliseconds, how long the server waits for news before it answers with an empty batch, in
// the batches to come of a tailable cursor. 0 leaves it to the server. A negative ms is a [ValueError] of every read.
//
// Motor: the parameter max_await_time_ms of MotorDatabase.cursor_command.
func (c *CommandCursor[D]) MaxAwaitTimeMS(ms int64) *CommandCursor[D] {
	return c.set(func() error {
		if ms < 0 {
			return newError(ValueError, "MaxAwaitTimeMS(%d): a time must be at least 0", ms)
		}
		c.wait = time.Duration(ms) * time.Millisecond
		return nil
	})
}

// Comment has the batches to come fetched with a comment, a value of any type, for the server's log and profiler. One
// that cannot be encoded is an [InvalidDocument] of every read.
//
// Motor: the parameter comment of MotorDatabase.cursor_command.
func (c *CommandCursor[D]) Comment(comment any) *CommandCursor[D] {
	return c.set(func() error {
		raw, err := c.coll.codec.encode("comment", bson.D{{Key: "comment", Value: comment}})
		if err == nil {
			c.comment = raw.Lookup("comment")
		}
		return err
	})
}

// set changes how the batches to come are fetched. An error is one of every read.
func (c *CommandCursor[D]) set(change func() error) *CommandCursor[D] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = change()
	}
	return c
}
