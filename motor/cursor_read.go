package motor

import (
	"context"
	"iter"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// FetchNext reports whether there is a document for NextObject. It does I/O only if no fetched document is left.
// Calling it twice skips no document.
//
// Motor: MotorCursor.fetch_next, MotorCommandCursor.fetch_next.
func (c *cursorReader) FetchNext(ctx context.Context) *future.Future[bool] {
	more, _ := c.fetchNext(ctx, nil)
	return more
}

// fetchNext is FetchNext on a connection; nil means the open one. It returns the connection that it reads on.
func (c *cursorReader) fetchNext(ctx context.Context, conn *connection) (*future.Future[bool], *connection) {
	c.mu.Lock()
	if c.buffer() != nil {
		defer c.mu.Unlock()
		return resolved(c.coll.db.client, true), c.result.conn
	}
	c.mu.Unlock()
	r := &readOp{cursor: c, readSpec: readSpec{amount: peek, conn: conn}}
	more := startRead(ctx, r, func(ctx context.Context, conn *connection) (bool, error) {
		err := r.run(ctx, conn)
		return err == nil && r.found, err
	})
	return more, r.conn
}

// buffer returns the documents that can be read without I/O, or nil if there are none. The caller holds mu.
func (c *cursorReader) buffer() docList {
	if c.err != nil || c.result == nil || c.result.batch.size() == 0 {
		return nil
	}
	return c.result.batch
}

// pop removes the first fetched document. ok is false if there is none.
func pop[D any](c *cursorReader) (doc D, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := c.buffer()
	if list == nil {
		return doc, false
	}
	all := list.(*docs[D])
	doc, (*all)[0] = (*all)[0], doc
	*all = (*all)[1:]
	return doc, true
}

// reading is a read and the documents that it has taken.
type reading[D any] struct {
	op   readOp
	docs docs[D]
}

// readOne starts a read of one document, as spec says. Its result is the document.
func readOne[D any](ctx context.Context, c *cursorReader, spec readSpec) *future.Future[D] {
	r := new(reading[D])
	r.op.init(c, one, &r.docs, spec)
	return startRead(ctx, &r.op, func(ctx context.Context, conn *connection) (doc D, err error) {
		err = r.op.run(ctx, conn)
		if len(r.docs) > 0 {
			doc = r.docs[0]
		}
		return doc, err
	})
}

// next implements Next for documents of type D.
func next[D any](ctx context.Context, c *cursorReader) *future.Future[D] {
	if c.sequence.Idle() {
		if doc, ok := pop[D](c); ok {
			return resolved(c.coll.db.client, doc)
		}
	}
	return readOne[D](ctx, c, readSpec{atEnd: "the cursor has no more documents"})
}

// toList implements ToList for documents of type D.
func toList[D any](ctx context.Context, c *cursorReader, length []int) *future.Future[[]D] {
	n, err := c.listLength(length)
	if err != nil {
		return failed[[]D](c.coll.db.client, err)
	}
	r := new(reading[D])
	r.op.init(c, n, &r.docs, readSpec{})
	r.op.follow(ctx)
	return startRead(ctx, &r.op, func(ctx context.Context, conn *connection) ([]D, error) {
		err := r.op.run(ctx, conn)
		if r.docs == nil && err == nil {
			return []D{}, nil
		}
		return r.docs, err
	})
}

// listLength returns how many documents ToList reads.
func (c *cursorReader) listLength(length []int) (amount, error) {
	n := all
	switch {
	case len(length) > 1:
		return n, newError(TypeError, "ToList takes at most one length, not %d", len(length))
	case len(length) == 1 && length[0] < 0:
		return n, newError(ValueError, "ToList: invalid length %d: must be at least 0", length[0])
	case len(length) == 1:
		n = amount(length[0]) // 0 is peek: as in Motor, the query is sent nevertheless
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil && c.kind != options.NonTailable {
		return n, newError(InvalidOperation, "ToList: cannot call to_list on a tailable cursor")
	}
	return n, nil
}

// each implements Each, and EachVia if via is not nil, for documents of type D.
func each[D any](ctx context.Context, c *cursorReader, via future.Executor, fn func(doc D, err error) bool) {
	mustHave(fn != nil, "Each", "fn")
	c.each(ctx, via, nil, deliveryOf(fn))
}

// deliveryOf returns the delivery that calls fn. See cursorReader.each.
func deliveryOf[D any](fn func(doc D, err error) bool) delivery {
	return func(c *cursorReader, end bool, err error) (called, more bool) {
		var doc D
		if !end {
			if doc, called = pop[D](c); !called {
				return false, true
			}
		}
		return true, fn(doc, err)
	}
}

// delivery calls the user's function with the next fetched document, or, at the end, with none and the error. It
// reports whether it has called the function, and whether the function wants more.
type delivery func(c *cursorReader, end bool, err error) (called, more bool)

// each delivers every document, until the user's function returns false, and then the end. The callbacks run on via,
// or, if it is nil, where those of the client's futures run. All reads use one connection, so that a client that was
// closed in between is not opened again: conn, or, if it is nil, the one of the first read.
func (c *cursorReader) each(ctx context.Context, via future.Executor, conn *connection, deliver delivery) {
	fetch, conn := c.fetchNext(ctx, conn)
	if via != nil {
		fetch = fetch.Via(via)
	}
	fetch.OnComplete(func(more bool, err error) {
		if err != nil {
			deliver(c, true, err)
			return
		}
		for {
			called, wanted := deliver(c, false, nil)
			if !called {
				break
			}
			if !wanted || c.Closed() {
				return
			}
		}
		switch tailing, await := c.tailing(); {
		case more || await:
			c.each(ctx, via, conn, deliver)
		case tailing:
			time.AfterFunc(tailPause, func() { c.each(ctx, via, conn, deliver) })
		case !c.Closed():
			deliver(c, true, nil)
		}
	})
}

// tailPause is how long Each waits before it asks a tailable cursor that does not await data again.
const tailPause = 100 * time.Millisecond

// tailing reports whether new documents may come later, and whether the server waits for them.
func (c *cursorReader) tailing() (tailing, await bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.result
	tailing = !c.closed && s != nil && !s.closed && s.kind != options.NonTailable
	return tailing, tailing && s.kind == options.TailableAwait
}

// iterate implements All for documents of type D.
func iterate[D any](ctx context.Context, c *cursorReader) iter.Seq2[D, error] {
	return func(yield func(D, error) bool) {
		for {
			doc, ok := pop[D](c)
			if ok {
				if !yield(doc, nil) {
					return
				}
				continue
			}
			more, err := c.FetchNext(ctx).Await(ctx)
			if err != nil {
				yield(doc, err)
			}
			if err != nil || !more {
				return
			}
		}
	}
}

// amount is the number of documents that a read takes. For a positive number it fetches as many batches as necessary.
type amount int

const (
	peek     amount = 0  // none: check whether there is one
	one      amount = 1  // one document
	oneBatch amount = -1 // all fetched documents, or the next batch
	all      amount = -2 // all documents up to the end
)

// of returns how many documents to take now, and whether the read is then done. have is the number of documents that
// the read has taken, ready the number of fetched documents. more reports whether more may come.
func (a amount) of(have, ready int, more bool) (n int, done bool) {
	switch {
	case a == peek:
		return 0, ready > 0 || !more
	case a == oneBatch:
		return ready, ready > 0 || !more
	case a == all:
		return ready, !more
	}
	n = min(ready, int(a)-have)
	return n, have+n == int(a) || !more
}

// readSpec says what a read takes and when it ends.
type readSpec struct {
	amount       amount
	docs         docList // the documents that it has taken; nil for a read that takes none
	atEnd        string  // if not empty: at the end, the read fails with StopAsyncIteration and this text
	once         bool    // fetch at most one batch
	wait         bool    // fetch as many batches as necessary from a tailable result too
	unlessClosed bool    // take nothing once the cursor has been closed

	progress func(taken int)              // called with the number of documents that it has taken; may be nil
	ending   func(context.Context, error) // see op; may be nil

	conn *connection // the only connection to read on; nil: that of the result, or the open one
}

// runOn is the function of an operation.
type runOn[T any] = func(context.Context, *connection) (T, error)

// readOp is one read of a cursor. If it is cancelled, or its context ends, it puts back the documents that it has
// taken, and the next read takes them. Until that is decided no other read may take any, or the order would be lost.
//
// A read waits for its turn in the cursor's session only if it has to fetch. refused is the error if it cannot.
type readOp struct {
	cursor *cursorReader
	readSpec

	outer   context.Context
	session *sessionTicket
	refused error
	found   bool         // there was a document at the last check
	bad     bool         // its error is that of a document that could not be decoded
	skipped *badDocument // that document, once it has been skipped

	// cursor.mu guards these.
	result *resultSet
	lost   error // the error that has ended the result
}

// init makes r a read of n documents into a list.
func (r *readOp) init(c *cursorReader, n amount, list docList, spec readSpec) {
	r.cursor, r.readSpec = c, spec
	r.amount, r.docs = n, list
}

// follow makes the read report its progress, if ctx has a function for it.
func (r *readOp) follow(ctx context.Context) {
	client, unit := r.cursor.coll.db.client, unitDocuments
	if _, raw := r.docs.(*docs[RawBatch]); raw {
		unit = unitBatches
	}
	report := client.reportOf(ctx, unit)
	if report == nil {
		return
	}
	started := false
	r.progress = func(taken int) {
		if !started {
			started = true
			report.Start(int64(max(r.amount, 0)))
		}
		report.Set(int64(taken))
	}
	r.ending = client.ending(report)
}

// startRead starts a read. run calls r.run and makes the result from the documents that r has taken.
func startRead[T any](ctx context.Context, r *readOp, run runOn[T]) *future.Future[T] {
	o := op[T]{on: r.cursor.coll, offline: true, run: run, ending: r.ending}
	o.lane, o.turns, o.err = r.prepare(ctx)
	o.conn = r.conn
	o.undo = func(T, error) { r.undo() }
	return submit(ctx, r.cursor.coll.db.client, o)
}

// reserve reserves a place in the sequence of the cursor and one in the session of s. If it fails, the session has
// ended, but the place in the sequence of the cursor is reserved nevertheless.
func (c *cursorReader) reserve(s *resultSet) (turns, error) {
	session := s.session
	if c.scan != nil { // the reads of the shared cursor wait for the session
		session = nil
	}
	return c.coll.db.client.reserveIn(session.delegate(), &c.sequence, nil)
}

// prepare reserves the places of the read, in its call, and returns them with the lane that the read runs in.
func (r *readOp) prepare(ctx context.Context) (lane, turns, error) {
	if ctx == nil {
		return 0, noTurns, errNilContext
	}
	if err := r.cursor.Err(); err != nil {
		return 0, noTurns, err
	}
	s, err := r.cursor.begin(ctx, r.conn)
	if err != nil {
		return 0, noTurns, err
	}
	r.conn, r.outer = s.conn, ctx
	reserved, refused := r.cursor.reserve(s)
	r.session, r.refused, reserved.lazy = reserved.session, refused, true
	return laneOf(s.kind), reserved, nil
}

// enter waits for the read's turn in the session of s.
func (r *readOp) enter(ctx context.Context, s *resultSet) error {
	switch {
	case r.refused != nil:
		return r.refused
	case s.session.delegate() != r.session.delegate():
		return newError(InvalidOperation, "the cursor was rewound and read in another session before this read started")
	}
	return r.session.wait(ctx)
}

// leave gives up the place in the session. A poll in progress keeps the turn.
func (r *readOp) leave() {
	r.session.withdraw() // if it has not had its turn
	if r.result != nil && r.result.poll != nil {
		r.result.poll.Notify(r.session)
	} else {
		r.session.release()
	}
}

// run is the part of the read that runs in a slot.
func (r *readOp) run(ctx context.Context, conn *connection) (err error) {
	defer func() {
		r.leave()
		if err != nil && (ctx.Err() != nil || r.outer.Err() != nil) {
			// The context of the read has ended, so its caller gets an error and no documents. The outer context ends
			// first and cancels the round trip. An error of a document is left for the next read, too.
			r.putBack()
		} else if r.bad {
			r.skipBad()
		}
	}()
	if r.result, err = r.cursor.begin(ctx, conn); err != nil {
		return err
	}
	once := r.once || r.result.kind != options.NonTailable && !r.wait
	// A read that was cancelled takes nothing.
	err = ctx.Err()
	for done, last := false, false; err == nil && !done; {
		if done, err = r.step(last); err == nil && !done {
			// A cancelled read must not send a getMore, which would lose the cursor. It comes here if the next read has
			// taken the document that it had fetched.
			if err = firstError(r.outer.Err(), ctx.Err()); err == nil {
				err = r.fetch(ctx, r.outer, conn, r.result)
				last = once
			}
		}
	}
	return err
}

// step takes the available documents. A document that could not be decoded is an error when it is next. last says that
// no more are fetched.
func (r *readOp) step(last bool) (done bool, err error) {
	c, s := r.cursor, r.result
	c.mu.Lock()
	ready, more := s.batch.size(), s.decodeErr != nil || s.lostErr != nil || !s.closed && !last
	if r.unlessClosed && c.closed {
		ready, more = 0, false
	}
	n, done := r.amount.of(r.taken(), ready, more)
	if r.found = ready > 0; !r.found && !more && r.atEnd != "" {
		err = newError(StopAsyncIteration, "%s", r.atEnd)
	}
	if n > 0 {
		s.batch.move(n, r.docs, false)
	}
	taken := r.taken()
	if err == nil && !done {
		if r.bad = s.decodeErr != nil; r.bad {
			err = s.decodeErr
		} else {
			err = s.lostErr
		}
	}
	c.mu.Unlock()
	if r.progress != nil {
		r.progress(taken)
	}
	return done, err
}

// skipBad drops the document that could not be decoded, so that the documents after it can be read.
func (r *readOp) skipBad() {
	c, s := r.cursor, r.result
	c.mu.Lock()
	bad := &badDocument{err: s.decodeErr, after: s.undecoded}
	c.mu.Unlock()
	next := decodeAll(&c.coll.codec, bad.after, s.next)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s == c.result {
		s.take(next)
		bad.next, r.skipped = s.batch.size(), bad
	}
}

// badDocument is a document that could not be decoded.
type badDocument struct {
	err   error
	after []bson.Raw // the documents after it
	next  int        // how many of those have been decoded
}

// undo takes back what a cancelled read has done, since no caller sees its documents, nor its error. The next read fails
// with an error that has ended the result, or that of the bad document that this read has skipped.
func (r *readOp) undo() {
	c := r.cursor
	c.mu.Lock()
	if s := r.result; s != nil && s == c.result {
		if r.skipped != nil && s.batch.size() == r.skipped.next {
			s.batch.reset(0)
			s.decodeErr, s.undecoded = r.skipped.err, r.skipped.after
		}
		if s.lostErr == nil && !c.closed {
			s.lostErr = r.lost
		}
	}
	c.mu.Unlock()
	r.putBack()
}

// taken returns the number of documents that the read has taken.
func (r *readOp) taken() int {
	if r.docs == nil {
		return 0
	}
	return r.docs.size()
}

// putBack puts back the documents that the read has taken.
func (r *readOp) putBack() {
	c := r.cursor
	c.mu.Lock()
	defer c.mu.Unlock()
	n := r.taken()
	if n == 0 {
		return
	}
	if r.result == c.result {
		r.docs.move(n, r.result.batch, true)
	}
	r.docs.reset(0)
}
