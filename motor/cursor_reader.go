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

// cursorReader reads the documents of a result, whatever command it comes from and whatever type the documents have.
// [Cursor], [CommandCursor] and [ChangeStream] embed it and add what depends on the type, and how they are made.
type cursorReader struct {
	coll  *Collection[bson.M]                                       // of any type: what a cursor needs of it does not depend on the type
	none  docList                                                   // an empty list of the type of the cursor's documents, to make others like it
	open  func(context.Context, *mongo.Client) (batchSource, error) // sends the command
	scan  *scan                                                     // instead of open: several cursors share one
	turns turns

	mu       sync.Mutex
	err      error      // every read fails with it: an argument or an option is wrong
	late     error      // err, if it only says that options were set after the first read
	source   *resultSet // nil: not started
	anywhere bool       // a secondary may be read, whatever the read preference
	nothing  bool       // there is nothing to read, so nothing is sent
	closed   bool
	size     *int32             // the number of documents of the batches to come, if BatchSize has set it
	wait     time.Duration      // how long the server may wait for one of them, if MaxAwaitTimeMS has set it
	comment  bson.RawValue      // the comment that they are fetched with, if Comment has set it
	kind     options.CursorType // of the result that will be opened
}

// resultSet is a result that is being read. Rewind replaces it by a new one. It must not refer to the cursor, which the
// garbage collector is to free once the program has forgotten it: see abandoned.
type resultSet struct {
	kind options.CursorType
	conn *connection // what is done with the result is done on this connection, or not at all

	session *Session // of the context of the first read, even if that did not get as far as sending the command

	// The operation that has the turn owns these. feed is nil until the command has been sent; client sent it.
	feed   batchSource
	client *mongo.Client
	next   docList                  // the batch that is being decoded
	poll   *future.Future[docBatch] // a long poll under way: see longPolls

	// cursorReader.mu guards the rest.
	address    Address
	batch      docList         // fetched, not read yet
	decodeErr  error           // the document that follows batch could not be decoded,
	undecoded  []bson.Raw      // and these come after it
	id         int64           // the server's number for the cursor
	closed     bool            // no more is fetched: the server has no more, or Close, Rewind or an error ended it
	lostErr    error           // reads fail with it once batch is empty, since the server had more
	token      bson.Raw        // of a change stream: where it resumes after batch
	cancelPoll func()          // ends poll, or the command while it is under way
	cleanup    runtime.Cleanup // ends the server's cursor when the program has forgotten this one
}

// newResultSet returns a result that has not been opened. none is a list of the type of its documents.
func newResultSet(kind options.CursorType, conn *connection, none docList) *resultSet {
	s := &resultSet{kind: kind, conn: conn}
	s.batch, s.next = none.pair()
	return s
}

// IOLoop returns the executor on which the callbacks of the cursor's futures run: that of its client.
//
// Motor: MotorCursor.get_io_loop, MotorCommandCursor.get_io_loop.
func (c *cursorReader) IOLoop() future.Executor { return c.coll.db.client.loop }

// Err returns the error that every read of the cursor fails with, because an argument or an option is wrong, or nil.
func (c *cursorReader) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Alive reports whether there may be more documents: before the first read, while the server has more, and while
// documents that have come are unread. It does no I/O, so a cursor that is alive may yet have no more.
//
// Motor: MotorCursor.alive, MotorCommandCursor.alive.
func (c *cursorReader) Alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.source
	if s == nil {
		return !c.closed
	}
	return !s.closed || s.buffered()
}

// Started reports whether the cursor has been read, successfully or not.
//
// Motor: MotorCursor.started, MotorCommandCursor.started.
func (c *cursorReader) Started() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.source != nil
}

// Closed reports whether Close has been called. A cursor that has come to its end by itself is not closed, but not
// alive either.
//
// Motor: MotorCursor.closed, MotorCommandCursor.closed.
func (c *cursorReader) Closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// CursorID returns the server's number for the cursor: 0 before the command has been sent, and when the server has
// no more.
//
// Motor: MotorCursor.cursor_id, MotorCommandCursor.cursor_id.
func (c *cursorReader) CursorID() int64 {
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
func (c *cursorReader) Address() (address Address, ok bool) {
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
func (c *cursorReader) Session() *Session {
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
func (c *cursorReader) Close(ctx context.Context) *future.Future[struct{}] {
	if ctx == nil {
		return failed[struct{}](c.coll.db.client, newError(TypeError, "the context is nil"))
	}
	c.mu.Lock()
	c.closed = true
	s := c.source
	c.mu.Unlock()
	return c.shut(ctx, s)
}

// rewind makes the cursor one that has not been read.
func (c *cursorReader) rewind() {
	c.mu.Lock()
	s := c.source
	c.source, c.closed = nil, false
	if c.late != nil { // it is not late any more
		c.late, c.err = nil, nil
	}
	if s != nil {
		s.forget()
	}
	c.mu.Unlock()
	c.shut(context.Background(), s)
}

// killCursor ends a cursor that the driver cannot end: the session in which the driver would do so has ended, or the
// driver has given the cursor up. If the server that is told is not the one that has the cursor, that one ends it by
// itself, after a while.
func killCursor(
	ctx context.Context, coll *Collection[bson.M], client *mongo.Client, id int64, opts ...options.Lister[options.RunCmdOptions],
) error {
	command := bson.D{{Key: "killCursors", Value: coll.name}, {Key: "cursors", Value: bson.A{id}}}
	var none *Session
	return client.Database(coll.db.name).RunCommand(none.in(ctx), command, opts...).Err()
}

// shut ends what is left of a result on the server, after the reads that were called before.
func (c *cursorReader) shut(ctx context.Context, s *resultSet) *future.Future[struct{}] {
	client := c.coll.db.client
	c.mu.Lock()
	if s != nil {
		s.closed, s.lostErr = true, nil
		if s.cancelPoll != nil {
			s.cancelPoll()
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
	return submit(ctx, client, op[struct{}]{
		lane: laneOf(s.kind), placed: true, places: places{own, session}, conn: s.conn, ends: true,
		run: func(ctx context.Context, _ *connection) (none struct{}, err error) {
			return none, c.endResult(ctx, s, s.session == nil || session != nil)
		},
	})
}

// endResult ends what is left of a result on the server. The caller has the turn. inSession is whether its session, if
// it has one, has not ended.
func (c *cursorReader) endResult(ctx context.Context, s *resultSet, inSession bool) error {
	if s.poll != nil { // however it ends
		if _, err := s.poll.Await(ctx); err != nil && ctx.Err() != nil {
			return err
		}
		s.poll = nil
	}
	c.mu.Lock()
	gone := s.id == 0
	s.setID(c, 0)
	c.mu.Unlock()
	switch {
	case gone:
		return nil
	case !inSession:
		return killCursor(ctx, c.coll, s.client, s.feed.ID())
	}
	return s.feed.Close(ctx)
}
