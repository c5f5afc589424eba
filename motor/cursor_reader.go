package motor

import (
	"context"
	"runtime"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// cursorReader is what all cursors are once they are read, whatever command they come of. [Cursor] and
// [CommandCursor] embed it and add how they are made; a [ChangeStream] has one.
type cursorReader[D any] struct {
	coll  *Collection[D]
	open  func(context.Context, *mongo.Client) (feed[D], error) // sends the command
	scan  *scan[D]                                              // in place of open: a cursor that several share
	turns turns

	mu       sync.Mutex
	err      error      // of the arguments or of the chaining: what every read fails with
	late     error      // err, if that is only that options were set after the first read
	source   *source[D] // nil: not started
	anywhere bool       // a secondary may be read, whatever the read preference
	nothing  bool       // there is nothing to be read, and nothing to be asked
	closed   bool
	size     *int32             // how many documents the batches to come are to have, if BatchSize has said so
	wait     time.Duration      // how long the server may wait for one of them, if MaxAwaitTimeMS has said so
	comment  bson.RawValue      // what they are fetched with, if Comment has said so
	kind     options.CursorType // of the source that is to be opened
}

// source is a result that is being read. Rewind makes the cursor forget it. It must not refer to the cursor, which
// is to be collected when the program has forgotten it: see abandon.
type source[D any] struct {
	kind options.CursorType

	session *Session // of the context of the first read, even if that did not get so far

	// These belong to whoever has the turn. feed is nil until the command has been sent; client is what it was sent
	// with.
	feed   feed[D]
	client *mongo.Client
	poll   *future.Future[decoded[D]] // under way: see longPolls

	// The rest is guarded by cursorReader.mu.
	address Address
	batch   []D        // fetched, not read yet
	bad     error      // what follows batch is a document that could not be decoded,
	after   []bson.Raw // and then come these
	id      int64      // the server's number for the cursor
	closed  bool       // no more will be fetched: the server has no more, or Close, Rewind or an error said so
	cut     error      // what reads fail with once batch is empty, since more would have come
	token   bson.Raw   // of a change stream: where it resumes after batch
	hangUp  func()     // ends poll, or the command while it is under way
	watch   runtime.Cleanup
}

// Collection returns the collection that is read. For a command that is no collection's it is the one that MongoDB
// calls "$cmd", or "$cmd." and the name of the command.
//
// Motor: MotorCursor.collection, MotorCommandCursor.collection.
func (c *cursorReader[D]) Collection() *Collection[D] { return c.coll }

// IOLoop returns the executor on which the callbacks of the cursor's futures run: that of its client.
//
// Motor: MotorCursor.get_io_loop, MotorCommandCursor.get_io_loop.
func (c *cursorReader[D]) IOLoop() future.Executor { return c.coll.db.client.loop }

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

// Started reports whether the cursor has been read, whatever came of it.
//
// Motor: MotorCursor.started, MotorCommandCursor.started.
func (c *cursorReader[D]) Started() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source != nil
}

// Closed reports whether Close has been called. A cursor that has come to its end by itself is not closed, but not
// alive either.
//
// Motor: MotorCursor.closed, MotorCommandCursor.closed.
func (c *cursorReader[D]) Closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// CursorID returns the server's number for the cursor: 0 before the command has been sent, and when the server has
// no more.
//
// Motor: MotorCursor.cursor_id, MotorCommandCursor.cursor_id.
func (c *cursorReader[D]) CursorID() int64 {
	if c.scan != nil {
		return c.scan.shared.CursorID()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil {
		return 0
	}
	return c.source.id
}

// Address returns the host and the port of the server to which the command was sent. ok is false before that; and for
// what may have gone to a secondary, if the client was made with one member of a replica set and without its name
// (replicaSet=...).
//
// Motor: MotorCursor.address, MotorCommandCursor.address.
func (c *cursorReader[D]) Address() (address Address, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil || c.source.address == (Address{}) {
		return Address{}, false
	}
	return c.source.address, true
}

// Session returns the session of the context that the cursor was first read with, or nil if it had none. The cursor
// stays in it, whatever context it is read with later on, and ends with it.
//
// Motor: MotorCursor.session, MotorCommandCursor.session.
func (c *cursorReader[D]) Session() *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil {
		return nil
	}
	return c.source.session
}

// Close ends the cursor, on the server too. Documents that have come stay readable. Closing twice, or a cursor that
// has not been read, is not an error. A read that waits for news ends as if there were none. A deferred Close need not
// wait for its outcome.
//
// Motor: MotorCursor.close, MotorCommandCursor.close.
func (c *cursorReader[D]) Close(ctx context.Context) *future.Future[struct{}] {
	if ctx == nil {
		return failed[struct{}](c.coll.db.client, newError(TypeError, "the context is nil"))
	}
	c.mu.Lock()
	c.closed = true
	s := c.source
	c.mu.Unlock()
	return c.shut(ctx, s)
}

// kill ends a cursor that the driver cannot end: its session, in which it would, has ended, or it has given the cursor up.
// Perhaps the server that has it is not the one that is told: then it ends the cursor by itself, after a while.
func (c *Collection[D]) kill(
	ctx context.Context, client *mongo.Client, id int64, opts ...options.Lister[options.RunCmdOptions],
) error {
	command := bson.D{{Key: "killCursors", Value: c.name}, {Key: "cursors", Value: bson.A{id}}}
	var none *Session
	return client.Database(c.db.name).RunCommand(none.in(ctx), command, opts...).Err()
}

// shut ends what is left of a result on the server, after the reads that were called before.
func (c *cursorReader[D]) shut(ctx context.Context, s *source[D]) *future.Future[struct{}] {
	client := c.coll.db.client
	c.mu.Lock()
	if s != nil {
		s.closed, s.cut = true, nil
		if s.hangUp != nil {
			s.hangUp()
		}
	}
	// The command may be on its way.
	open := s != nil && (s.id != 0 || !c.turns.idle())
	c.mu.Unlock()
	if c.scan != nil {
		return c.scan.leave(ctx, c, s)
	}
	if !open {
		return resolved(client, struct{}{})
	}
	own, session, err := c.takeTurns(s)
	if err != nil { // the session has ended
		session = nil
	}
	return endInTurn(ctx, client, laneOf(s.kind), own, session, func(ctx context.Context, conn *connection) error {
		if s.poll != nil { // whatever comes of it
			if _, err := s.poll.Await(ctx); err != nil && ctx.Err() != nil {
				return err
			}
			s.poll = nil
		}
		c.mu.Lock()
		gone := s.id == 0
		s.know(c, 0)
		c.mu.Unlock()
		if gone || !conn.has(s.client) {
			return nil // at its end, or gone with its connection
		}
		if s.session != nil && session == nil {
			return c.coll.kill(ctx, s.client, s.feed.ID())
		}
		return s.feed.Close(ctx)
	})
}
