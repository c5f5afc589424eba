package motor

import (
	"context"
	"runtime"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/future"
)

// request says how a read goes on.
type request struct {
	// want is told how many documents the read has taken, how many there are now, and whether more can come. It returns
	// how many of them to take now, and whether the read is then done; as long as it is not, another batch is fetched.
	want func(have, ready int, more bool) (n int, done bool, err error)
	once bool // fetch no more than one batch
}

// read starts an operation that reads the cursor and resolves to what result makes of the documents taken.
func read[D, T any](ctx context.Context, c *cursorReader[D], q request, result func(docs []D) T) *future.Future[T] {
	client := c.coll.db.client
	if ctx == nil {
		return failed[T](client, newError(TypeError, "the context is nil"))
	}
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return failed[T](client, err)
	}
	r := &reading[D]{cursor: c, outer: ctx, request: q}
	f := start(ctx, client, laneOf(r.take(ctx).kind), func(ctx context.Context, conn *connection) (none T, err error) {
		docs, err := r.run(ctx, conn)
		if docs == nil && err != nil {
			return none, err
		}
		return result(docs), err
	})
	f.Notify(settledRead[D, T]{r, f})
	return f
}

// begin returns the source that is to be read: a new one is of the session of ctx.
func (c *cursorReader[D]) begin(ctx context.Context) *source[D] {
	session := c.coll.db.client.session(mongo.SessionFromContext(ctx))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil {
		c.source = &source[D]{kind: c.kind, session: session, closed: c.closed || c.nothing}
	}
	return c.source
}

// fetch gets the first batch, or the next. The caller has the turn. ctx is the operation's, outer the one that the
// read was called with: what ends the operation alone must not cut off a getMore, for the server would not send that
// batch again.
func (r *reading[D]) fetch(ctx, outer context.Context, conn *connection, s *source[D], once bool) error {
	c := r.cursor
	if c.scan != nil {
		return c.scan.fetch(ctx, outer, c, s)
	}
	if err := r.enter(ctx, s); err != nil {
		return err
	}
	fresh := s.driver == nil
	if fresh {
		// A command that fails may be sent again: nothing has been read of it.
		ctx := locate(s.session.in(ctx))
		client, err := conn.clientFor(ctx, s.kind)
		if err != nil {
			return err
		}
		driver, err := c.open(ctx, client)
		if err != nil {
			return err
		}
		s.driver, s.client = driver, client
		c.mu.Lock()
		primary := !c.anywhere && c.coll.now().read.pref.Mode() == readpref.PrimaryMode
		s.address = conn.topology.whereTo(ctx, primary)
		c.mu.Unlock()
	}
	var come decoded[D]
	var err error
	switch {
	case !conn.has(s.client):
		err = errClientClosed
	default:
		c.prepare(s.driver)
		if !fresh && laneOf(s.kind) == longLane {
			var news []bson.Raw
			news, err = c.polled(ctx, conn, s)
			if s.poll != nil {
				return err // it is this wait that has ended
			}
			come = decodeAll[D](&c.coll.codec, news)
			break
		}
		next := s.driver.Next
		if once {
			next = s.driver.TryNext
		}
		if next(outer) {
			come = decodeBatch[D](&c.coll.codec, s.driver)
		} else {
			err = s.driver.Err()
		}
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if s.closed && err != nil && outer.Err() == nil {
		err = nil // Close, or Rewind, has ended the wait
	}
	s.know(c, s.driver.ID())
	if s.id == 0 || err != nil {
		s.closed = true
	}
	if err != nil && outer.Err() != nil {
		s.cut = newError(InvalidOperation, "an earlier read was cut off by the end of its context: the cursor is lost")
		c.abandon(s)
	}
	if s != c.source {
		return nil // rewound meanwhile
	}
	s.take(come)
	return err
}

// prepare tells the driver how the next batch is to be fetched.
func (c *cursorReader[D]) prepare(driver *mongo.Cursor) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.size != nil {
		driver.SetBatchSize(*c.size)
	}
	if c.wait > 0 {
		driver.SetMaxAwaitTime(c.wait)
	}
	if !c.comment.IsZero() {
		driver.SetComment(c.comment)
	}
}

// batchSize returns what BatchSize has set for the batches to come, or nil.
func (c *cursorReader[D]) batchSize() *int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// take adds what has come to the batch. mu is held.
func (s *source[D]) take(come decoded[D]) {
	if len(s.batch) == 0 {
		s.batch = come.docs
	} else {
		s.batch = append(s.batch, come.docs...)
	}
	s.bad, s.after = come.bad, come.after
}

// know notes the server's number for the cursor. mu is held.
func (s *source[D]) know(c *cursorReader[D], id int64) {
	moved(&c.coll.db.client.cursors, c, s.id, id)
	switch {
	case s.id == 0 && id != 0:
		s.watch = runtime.AddCleanup(c, abandoned[D], leftOver[D]{c.coll.db.client, s})
	case s.id != 0 && id == 0:
		s.watch.Stop()
	}
	s.id = id
}

// buffered reports whether something can be read without I/O.
func (s *source[D]) buffered() bool { return len(s.batch) > 0 || s.bad != nil }

// forget drops what has been fetched. mu is held.
func (s *source[D]) forget() { s.batch, s.bad, s.after, s.cut = nil, nil, nil, nil }

// pop takes the next document from the batch.
func (s *source[D]) pop() D {
	var none D
	doc := s.batch[0]
	s.batch[0] = none
	s.batch = s.batch[1:]
	return doc
}

// laneOf returns the lane in which cursors of a kind are read.
func laneOf(kind options.CursorType) lane {
	if kind == options.TailableAwait {
		return longLane
	}
	return shortLane
}
