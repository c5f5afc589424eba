package motor

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// cursorReader is what all cursors are once they are read, whatever command they come of. [Cursor] and
// [CommandCursor] embed it and add how they are made.
type cursorReader[D any] struct {
	coll  *Collection[D]
	open  func(context.Context, *mongo.Client) (*mongo.Cursor, error) // sends the command
	turns turns

	mu     sync.Mutex
	err    error      // of the arguments or of the chaining: what every read fails with
	source *source[D] // nil: not started
	closed bool
	size   *int32 // how many documents the batches to come are to have, if BatchSize has said so
}

// source is a result that is being read. Rewind makes the cursor forget it.
type source[D any] struct {
	// driver belongs to whoever has the turn; nil until the command has been sent. client is what it was sent with.
	driver *mongo.Cursor
	client *mongo.Client

	// The rest is guarded by cursorReader.mu.
	batch  []D        // fetched, not read yet
	bad    error      // what follows batch is a document that could not be decoded,
	after  []bson.Raw // and then come these
	id     int64      // the server's number for the cursor
	closed bool       // no more will be fetched: the server has no more, or Close, Rewind or an error said so
}

// Collection returns the collection that is read. For a command that is no collection's it is the one that MongoDB
// calls "$cmd", or "$cmd." and the name of the command.
//
// Motor: MotorCursor.collection, MotorCommandCursor.collection.
func (c *cursorReader[D]) Collection() *Collection[D] { return c.coll }

// Err returns what every read of the cursor fails with, because an argument or an option is wrong, or nil.
func (c *cursorReader[D]) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Alive reports whether there may be more documents: before the first read, while the server has more, and while
// documents that have come are unread. It does no I/O, so a cursor that is alive may yet have no more.
//
// Motor: MotorCursor.alive, MotorCommandCursor.alive.
func (c *cursorReader[D]) Alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.source
	if s == nil {
		return !c.closed
	}
	return !s.closed || s.buffered()
}

// CursorID returns the server's number for the cursor: 0 before the command has been sent, and when the server has
// no more.
//
// Motor: MotorCursor.cursor_id, MotorCommandCursor.cursor_id.
func (c *cursorReader[D]) CursorID() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil {
		return 0
	}
	return c.source.id
}

// Close ends the cursor, on the server too. Documents that have come stay readable. Closing twice, or a cursor that
// has not been read, is no error. In a defer it goes without an Await, which would call Close at once:
//
//	defer cursor.Close(ctx)
//
// Motor: MotorCursor.close, MotorCommandCursor.close.
func (c *cursorReader[D]) Close(ctx context.Context) *future.Future[struct{}] {
	c.mu.Lock()
	c.closed = true
	s := c.source
	c.mu.Unlock()
	return c.shut(ctx, s)
}

// shut ends what is left of a result on the server, after the reads that were called before.
func (c *cursorReader[D]) shut(ctx context.Context, s *source[D]) *future.Future[struct{}] {
	client := c.coll.db.client
	c.mu.Lock()
	if s != nil {
		s.closed = true
	}
	open := s != nil && s.id != 0
	c.mu.Unlock()
	if !open {
		return resolved(client, struct{}{})
	}
	return inTurn(ctx, client, &c.turns, func(ctx context.Context, d *mongo.Client) (struct{}, error) {
		c.mu.Lock()
		s.know(c, 0)
		c.mu.Unlock()
		if s.client != d {
			return struct{}{}, nil // gone with its connection
		}
		return struct{}{}, s.driver.Close(ctx)
	})
}
