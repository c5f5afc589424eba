package motor

import (
	"context"
	"runtime"

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
	wait bool // of what is tailable, too, fetch more than one batch
}

// read starts an operation that reads the cursor. The result is what result makes of the documents taken.
func read[D, T any](ctx context.Context, c *cursorReader[D], q request, result func(docs []D) (T, error)) *future.Future[T] {
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
		v, e := result(docs)
		if err == nil {
			err = e
		}
		return v, err
	})
	f.Notify(settledTurn[T]{&r.keptTurn, f})
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
func (r *reading[D]) fetch(ctx, outer context.Context, conn *connection, s *source[D]) error {
	c := r.cursor
	if c.scan != nil {
		return c.scan.fetch(ctx, outer, c, s)
	}
	if err := r.enter(ctx, s); err != nil {
		return err
	}
	if s.feed == nil {
		if err := c.start(ctx, conn, s); err != nil {
			if c.ended(s) && outer.Err() == nil {
				err = nil // Close, or Rewind, did not wait for it
			}
			return err
		}
	}
	var come decoded[D]
	var err error
	switch {
	case !conn.has(s.client):
		err = errClientClosed
	case laneOf(s.kind) == longLane:
		c.prepare(s.feed)
		come, err = c.polled(ctx, conn, s)
		if s.poll != nil {
			return err // it is this wait that has ended
		}
	default:
		c.prepare(s.feed)
		come, err = s.feed.more(outer)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if s.closed && err != nil && outer.Err() == nil {
		err = nil // Close, or Rewind, has ended the wait
	}
	s.know(c, s.feed.ID())
	over := err == errClientClosed || s.feed.over(err)
	if over {
		s.closed = true
	}
	if over && err != nil && outer.Err() != nil {
		s.cut = newError(InvalidOperation, "an earlier read was cut off by the end of its context: the cursor is lost")
		c.abandon(s)
	}
	if s != c.source {
		return nil // rewound meanwhile
	}
	s.take(come)
	s.token = s.feed.resume()
	return err
}

// start sends the command. The caller has the turn. A command that fails may be sent again: nothing has been read of
// it.
func (c *cursorReader[D]) start(ctx context.Context, conn *connection, s *source[D]) error {
	if laneOf(s.kind) == longLane {
		opening, hangUp := context.WithCancel(ctx)
		ctx = opening
		c.mayHangUp(s, hangUp)
		defer func() {
			hangUp()
			c.mu.Lock()
			s.hangUp = nil // it knows the read, and with that the cursor
			c.mu.Unlock()
		}()
	}
	ctx = locate(s.session.in(ctx))
	client, err := conn.clientFor(ctx, s.kind)
	if err != nil {
		return err
	}
	feed, err := c.open(ctx, client)
	if err != nil {
		return err
	}
	s.feed, s.client = feed, client
	c.mu.Lock()
	primary := !c.anywhere && c.coll.now().read.pref.Mode() == readpref.PrimaryMode
	s.address = conn.topology.whereTo(ctx, primary)
	s.know(c, feed.ID())
	s.token = feed.resume()
	c.mu.Unlock()
	return nil
}

// mayHangUp has hangUp called when the source is closed, and reports whether it has been already.
func (c *cursorReader[D]) mayHangUp(s *source[D], hangUp func()) (closed bool) {
	c.mu.Lock()
	s.hangUp = hangUp
	closed = s.closed
	c.mu.Unlock()
	if closed {
		hangUp()
	}
	return closed
}

// ended reports whether no more will be fetched of a source.
func (c *cursorReader[D]) ended(s *source[D]) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.closed
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
