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

// ChangeStream reads the changes of a collection, of a database, or of a whole deployment, as they happen: documents
// that are of type D. It takes a replica set or a sharded cluster. It is lazy: making one does no I/O, it is opened by
// the first read or by [ChangeStream.Open], and sees what happens from then on.
//
//	stream := users.Watch(mongo.Pipeline{{{Key: "$match", Value: bson.M{"operationType": "insert"}}}})
//	defer stream.Close(ctx)
//	for change, err := range stream.All(ctx) { ... }
//
// The deferred Close goes without an Await, which would close the stream at the defer statement.
//
// When the connection is lost, or the server steps down, a read resumes the stream by itself, once: no change is lost,
// and none comes twice. If that fails the read fails, and the next one tries again. An error of any other kind ends
// the stream. A program that is to go on after it has itself been restarted keeps [ChangeStream.ResumeToken], and gives
// it to the next stream:
//
//	stream := users.Watch(nil, options.ChangeStream().SetResumeAfter(token))
//
// A stream that waits takes no slot of the client's executor, and no connection out of the pool that other operations
// have. One in a session has its turn meanwhile, and the session's other operations wait: it should have one of its own.
// A read whose context ends, or that is cancelled, takes nothing: the change is the next read's. A stream is safe
// for several goroutines, whose reads take turns in the order of their calls; each change is read once.
//
// Motor: MotorChangeStream.
type ChangeStream[D any] struct{ changeStream }

// changeStream is the part of a [ChangeStream] that does not depend on the type of its documents.
type changeStream struct {
	reader cursorReader // of documents of type change
}

// change is a change as it came.
type change struct {
	raw    bson.Raw
	before bson.Raw // the resume token of a stream that has been read up to here
}

// IOLoop returns the executor on which the callbacks of the stream's futures run: that of its client.
//
// Motor: MotorChangeStream.get_io_loop.
func (s *changeStream) IOLoop() future.Executor { return s.reader.IOLoop() }

// Err returns what every read of the stream fails with, because an argument or an option is wrong, or nil.
func (s *changeStream) Err() error { return s.reader.Err() }

// Open opens the stream, if that has not been done. The result is the stream itself. Open need not be called: the
// first read opens the stream. Call it to be sure that changes from now on will be seen.
//
// Errors: [OperationFailure], of a server that has no change streams, too; [InvalidOperation] once the stream has been
// closed; and what [ChangeStream.Err] gives.
//
// Motor: async with.
func (s *ChangeStream[D]) Open(ctx context.Context) *future.Future[*ChangeStream[D]] {
	return openStream(ctx, &s.changeStream, s)
}

// openStream opens a stream and resolves to v.
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

// openNow opens the stream, if that has not been done. The caller has the turn.
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

// Next waits for the next change. Once the stream has been closed, or the server has ended it, as it does when what is
// watched is dropped or renamed, it fails with [StopAsyncIteration].
//
// Errors: [OperationFailure], of a server that has no change streams, too; [InvalidOperation] for a change without an
// _id, which the pipeline must leave in; [InvalidBSON] for one that cannot be decoded: the next read has the one after
// it.
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

// TryNext reads the next change. The result is the zero D (a nil map, a nil pointer) if none has come and none comes
// with one more round trip. That is not an error: of an alive stream it says only that there is no change yet. The
// server holds the round trip back for as long as the option MaxAwaitTime says, or for a second.
//
// Errors: as in [ChangeStream.Next], except StopAsyncIteration.
//
// Motor: MotorChangeStream.try_next.
func (s *ChangeStream[D]) TryNext(ctx context.Context) *future.Future[D] {
	return readChange[D](ctx, &s.reader, readSpec{})
}

// readChange starts a read of one change, as spec says, and resolves to it as a document.
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

// decodeChange returns a change as a document.
func decodeChange[D any](c *cursorReader, ch change) (D, error) {
	return decode[D](&c.coll.codec, ch.raw)
}

// Each calls fn with every change, one after the other, as they happen, and once with the zero D (a nil map, a nil
// pointer) and no error when the server has ended the stream. An error ends it too: fn(zero, err). If fn returns false
// it is not called again; calling Each later goes on with the next change. If the stream is closed, no end mark comes.
//
// fn is called where callbacks run, never on this stack: on the loop of the client or the handle, or, without one, on
// another goroutine. A nil fn panics.
func (s *ChangeStream[D]) Each(ctx context.Context, fn func(change D, err error) bool) {
	eachChange(ctx, &s.reader, nil, fn)
}

// EachVia is Each with fn called on via, whatever the loop of the client.
func (s *ChangeStream[D]) EachVia(ctx context.Context, via future.Executor, fn func(change D, err error) bool) {
	eachChange(ctx, &s.reader, via, fn)
}

// eachChange is the Each, or with via the EachVia, of a stream.
func eachChange[D any](ctx context.Context, c *cursorReader, via future.Executor, fn func(change D, err error) bool) {
	if fn == nil {
		panic(newError(TypeError, "Each: fn is nil"))
	}
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

// All returns the changes for a range loop, which waits for each of them: on an event loop, use it in a coroutine,
// with its Co as ctx. It ends when the stream has been closed or the server has ended it. An error is the last that it
// yields. Leaving the loop leaves the stream as it is: a later read goes on with the next change.
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

// ResumeToken returns where a stream begins, with the option ResumeAfter, that is to go on where this one has been read
// to. It moves on while there are no changes, too, with each round trip. It is nil before the stream has been opened,
// and as long as there is no token.
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

// Alive reports whether there may be more changes: before the stream has been opened, and until it is closed, an error
// or the server has ended it, and what had come has been read. It does no I/O.
//
// Motor: MotorChangeStream.alive.
func (s *changeStream) Alive() bool { return !s.reader.Closed() && s.reader.Alive() }

// Session returns the session of the context that the stream was opened with, or nil if it had none.
func (s *changeStream) Session() *Session { return s.reader.Session() }

// Close ends the stream, on the server too. Changes that have come and were not read are not read any more:
// [ChangeStream.ResumeToken] is where they begin. Closing twice is not an error, and for a stream that has not been
// opened nothing is sent. A read that waits for a change ends. A deferred Close need not wait for its outcome.
//
// Motor: MotorChangeStream.close.
func (s *changeStream) Close(ctx context.Context) *future.Future[struct{}] {
	return s.reader.Close(ctx)
}

// watch makes the stream one of the changes of target.
func (s *changeStream) watch(target watchTarget, pipeline any, opts []options.Lister[options.ChangeStreamOptions]) {
	spec, err := target.spec(pipeline, opts)
	s.reader.coll, s.reader.err, s.reader.open = target.coll, err, spec.open
	s.reader.none, s.reader.kind = (*docs[change])(nil), options.TailableAwait
}
