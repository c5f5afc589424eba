package motor

import (
	"context"
	"errors"
	"iter"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// ChangeStream reads the changes of a collection, of a database, or of a whole deployment as they happen, as documents
// of type D. It needs a replica set or a sharded cluster. It is lazy: making a stream does no I/O. The first read, or
// [ChangeStream.Open], opens it, and it reads the changes from then on.
//
//	stream := users.Watch(mongo.Pipeline{{{Key: "$match", Value: bson.M{"operationType": "insert"}}}})
//	defer stream.Close(ctx)
//	for change, err := range stream.All(ctx) { ... }
//
// The deferred Close has no Await, because Await would run at the defer statement and close the stream there.
//
// When the connection is lost, or the server steps down, a read resumes the stream once: no change is lost, and none
// comes twice. If resuming fails, the read fails, and the next read tries again. Any other error ends the stream. To
// continue after a restart, a program saves [ChangeStream.ResumeToken] and passes it to the next stream:
//
//	stream := users.Watch(nil, options.ChangeStream().SetResumeAfter(token))
//
// A read that waits takes no slot of the client's executor, and no connection from the pool of the other operations. In
// a session it keeps its turn while it waits, so that the session's other operations wait too: give such a stream its
// own session. A read whose context ends, or that is cancelled, consumes nothing; the next read has the change. A
// stream is safe for concurrent use. Its reads run in the order of their calls, and each change is read once.
//
// Motor: MotorChangeStream.
type ChangeStream[D any] struct{ changeStream }

// changeStream is the part of a [ChangeStream] that does not depend on the type of its documents.
type changeStream struct {
	reader cursorReader // of documents of type change
}

// change is a change as the server sent it.
type change struct {
	raw    bson.Raw
	before bson.Raw // the resume token before this change
}

// IOLoop returns the executor on which the stream's callbacks run: that of its client.
//
// Motor: MotorChangeStream.get_io_loop.
func (s *changeStream) IOLoop() future.Executor { return s.reader.IOLoop() }

// Err returns the error that every read of the stream fails with because an argument or an option is invalid, or nil.
func (s *changeStream) Err() error { return s.reader.Err() }

// Open opens the stream if it is not open. The result is the stream itself. Calling Open is optional, since the first
// read opens the stream. Call it to be sure that the stream has every change from now on.
//
// Errors: [OperationFailure], also from a server without change streams; [InvalidOperation] once the stream has been
// closed; the error of [ChangeStream.Err].
//
// Motor: async with.
func (s *ChangeStream[D]) Open(ctx context.Context) *future.Future[*ChangeStream[D]] {
	return openStream(ctx, &s.changeStream, s)
}

// openStream opens a stream. Its result is v.
func openStream[T any](ctx context.Context, s *changeStream, v T) *future.Future[T] {
	c := &s.reader
	client := c.coll.db.client
	if err := c.Err(); err != nil {
		return failed[T](client, err)
	}
	result, err := c.begin(ctx, nil)
	if err != nil {
		return failed[T](client, err)
	}
	reserved, err := c.reserve(result)
	return submit(ctx, client, op[T]{
		err: err, lane: longLane, turns: reserved, conn: result.conn,
		run: func(ctx context.Context, conn *connection) (none T, err error) {
			if err := c.openNow(ctx, conn, result); err != nil {
				return none, err
			}
			return v, nil
		},
	})
}

// openNow opens the stream if it is not open. The caller has the stream's turn.
func (c *cursorReader) openNow(ctx context.Context, conn *connection, s *resultSet) (err error) {
	closed := c.ended(s)
	if s.batches == nil && !closed {
		err = c.start(ctx, conn, s)
		closed = err != nil && c.ended(s)
	}
	if closed {
		return newError(InvalidOperation, "the change stream has been closed")
	}
	return err
}

// Next waits for the next change. It fails with [StopAsyncIteration] once the stream has been closed or the server has
// ended it. The server ends a stream when the collection or database is dropped or renamed.
//
// Errors: [OperationFailure], also from a server without change streams; [InvalidOperation] for a change without an
// _id, which the pipeline must keep; [InvalidBSON] for a change that cannot be decoded. The next read returns the
// change after it.
//
// Motor: MotorChangeStream.next.
func (s *ChangeStream[D]) Next(ctx context.Context) *future.Future[D] {
	c := &s.reader
	if c.sequence.Idle() && !c.Closed() {
		if ch, ok := pop[change](c); ok {
			doc, err := decodeChange[D](c, ch)
			if err != nil {
				return failed[D](c.coll.db.client, err)
			}
			return resolved(c.coll.db.client, doc)
		}
	}
	return readChange[D](ctx, c, readSpec{wait: true, atEnd: "the change stream has ended"})
}

// TryNext reads the next change. If none has come, it asks the server once more. The result is the zero D (a nil map, a
// nil pointer) if there is still no change. That is not an error: if the stream is alive, there is no change yet. The
// server delays its reply for as long as the option MaxAwaitTime says, or for a second.
//
// Errors: as in [ChangeStream.Next], except [StopAsyncIteration].
//
// Motor: MotorChangeStream.try_next.
func (s *ChangeStream[D]) TryNext(ctx context.Context) *future.Future[D] {
	return readChange[D](ctx, &s.reader, readSpec{})
}

// readChange starts a read of one change, as spec says, and decodes it.
func readChange[D any](ctx context.Context, c *cursorReader, spec readSpec) *future.Future[D] {
	r := newChangeRead(c, spec)
	return startRead(ctx, &r.op, func(ctx context.Context, conn *connection) (doc D, err error) {
		if err = r.op.run(ctx, conn); err == nil && len(r.docs) > 0 {
			return decodeChange[D](c, r.docs[0])
		}
		return doc, err
	})
}

func newChangeRead(c *cursorReader, spec readSpec) *reading[change] {
	r := new(reading[change])
	spec.unlessClosed = true
	r.op.init(c, one, &r.docs, spec)
	return r
}

// decodeChange decodes a change.
func decodeChange[D any](c *cursorReader, ch change) (D, error) {
	return decode[D](&c.coll.codec, ch.raw)
}

// Each calls fn with every change as it happens, one after the other. When the server has ended the stream, it calls fn
// once with the zero D (a nil map, a nil pointer) and no error. An error ends the calls too: fn(zero, err). If fn
// returns false it is not called again; a later Each continues with the next change. After Close there is no last call.
//
// fn runs where callbacks run, never on the caller's stack: on the loop of the client or the handle, or, without a
// loop, on another goroutine. A nil fn panics.
func (s *ChangeStream[D]) Each(ctx context.Context, fn func(change D, err error) bool) {
	eachChange(ctx, &s.reader, nil, fn)
}

// EachVia is Each with fn called on via instead of the client's loop.
func (s *ChangeStream[D]) EachVia(ctx context.Context, via future.Executor, fn func(change D, err error) bool) {
	eachChange(ctx, &s.reader, via, fn)
}

// eachChange implements Each, and EachVia if via is not nil.
func eachChange[D any](ctx context.Context, c *cursorReader, via future.Executor, fn func(change D, err error) bool) {
	mustHave(fn != nil, "Each", "fn")
	c.each(ctx, via, nil, func(c *cursorReader, end bool, err error) (called, more bool) {
		var doc D
		if !end {
			ch, ok := pop[change](c)
			if !ok {
				return false, true
			}
			doc, err = decodeChange[D](c, ch)
		}
		return true, fn(doc, err) && err == nil
	})
}

// All returns the changes for a range loop, which waits for each of them. On an event loop, use it in a coroutine, with
// its Co as ctx. The loop ends when the stream has been closed or the server has ended it. An error ends it too, as the
// last value. After a break the stream stays open: a later read continues with the next change.
//
// Motor: async for.
func (s *ChangeStream[D]) All(ctx context.Context) iter.Seq2[D, error] {
	return func(yield func(D, error) bool) {
		for {
			doc, err := s.Next(ctx).Await(ctx)
			if errors.Is(err, StopAsyncIteration) || !yield(doc, err) || err != nil {
				return
			}
		}
	}
}

// ResumeToken returns the token at which this stream has been read to. A new stream with this token as the option
// ResumeAfter continues there. The token also moves on with each round trip that brings no change. It is nil before the
// stream has been opened, and as long as the server has sent no token.
//
// Motor: MotorChangeStream.resume_token.
func (s *changeStream) ResumeToken() bson.Raw {
	c := &s.reader
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.result == nil:
		return nil
	case c.result.batch.size() > 0:
		first := c.result.batch.at(0).(*change)
		return slices.Clone(first.before)
	}
	return slices.Clone(c.result.token)
}

// Alive reports whether there may be more changes. It is true before the stream has been opened. It is false once the
// stream has been closed, or once an error or the server has ended it and all fetched changes have been read. It does
// no I/O.
//
// Motor: MotorChangeStream.alive.
func (s *changeStream) Alive() bool { return !s.reader.Closed() && s.reader.Alive() }

// Session returns the session of the context that the stream was opened with, or nil if it had none.
func (s *changeStream) Session() *Session { return s.reader.Session() }

// Close ends the stream, on the server too. Changes that were fetched but not read are dropped:
// [ChangeStream.ResumeToken] is the token before them. A read that waits for a change ends. Closing twice is not an
// error, and neither is a lost connection. Nothing is sent for a stream that has not been opened. A deferred Close need
// not wait for its result.
//
// Motor: MotorChangeStream.close.
func (s *changeStream) Close(ctx context.Context) *future.Future[struct{}] {
	return s.reader.Close(ctx)
}

// watch sets what the stream watches.
func (s *changeStream) watch(target watchTarget, pipeline any, opts []options.Lister[options.ChangeStreamOptions]) {
	spec, err := target.spec(pipeline, opts)
	s.reader.coll, s.reader.err, s.reader.open = target.coll, err, spec.open
	s.reader.none, s.reader.kind = (*docs[change])(nil), options.TailableAwait
}
