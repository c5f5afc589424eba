package motor

import (
	"context"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
	"weak"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/ahead"
	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/usercode"
)

// batchSource fetches the batches of a result.
type batchSource interface {
	// more decodes the fetched documents into a list, or, if there are none, those of one round trip.
	more(ctx context.Context, c *codec, list docList) (docBatch, error)
	// over reports whether the result has ended, after more has returned err.
	over(err error) bool
	// resume returns the token at which a change stream resumes after the last batch.
	resume() bson.Raw
	// ID returns the server's cursor id, or 0.
	ID() int64
	// Close closes the cursor on the server.
	Close(ctx context.Context) error
}

// driverCursor is a cursor of the driver.
type driverCursor struct{ drivercompat.CursorReader }

// newDriverCursor returns a cursor that client, of the driver, has opened.
func (c *Client) newDriverCursor(cursor *mongo.Cursor, client *mongo.Client) driverCursor {
	return driverCursor{c.cursorReader(cursor, client)}
}

func (d driverCursor) more(ctx context.Context, c *codec, list docList) (docBatch, error) {
	if d.TryNext(ctx) {
		return decodeBatch(c, d.Cursor, list), nil
	}
	if drivercompat.BatchIsCorrupt(d.Cursor) {
		return docBatch{lostErr: corruptBatch(d.Err())}, nil
	}
	err := d.Err()
	d.Revive() // the next read sends a getMore that was not sent
	return docBatch{}, err
}

// corruptBatch returns the error for a batch in which no more documents can be found.
func corruptBatch(cause error) error {
	return &Error{class: InvalidBSON, text: "the server's reply contains a list of documents that cannot be read further", cause: cause}
}

func (d driverCursor) over(err error) bool {
	return err != nil && !drivercompat.NotSent(err) || d.Err() != nil || d.ID() == 0
}

func (d driverCursor) resume() bson.Raw { return nil }

// aheadSource fetches the batches of another source before they are read. Its fields belong to the operation that has
// its turn. While reader runs, the other source belongs to it.
type aheadSource struct {
	batchSource
	most   int             // batches that may wait
	ends   context.Context // ends with the connection
	via    future.Executor
	reader *ahead.Reader[aheadBatch]
	last   aheadBatch // the last one that was read

	asked atomic.Pointer[aheadRead] // the last read
}

// aheadRead is what a read says about the batches after it.
type aheadRead struct {
	options batchOptions
	caller  weak.Pointer[context.Context] // the cursor keeps it: its values may refer to the cursor
}

// Value returns a value of the context of the last read, if the program still has the cursor.
func (a *aheadSource) Value(key any) any {
	if ctx := a.asked.Load().caller.Value(); ctx != nil {
		return (*ctx).Value(key)
	}
	return nil
}

// aheadBatch is a batch, and the state of the source after it.
type aheadBatch struct {
	docBatch
	err  error
	over bool
	id   int64
}

func (a *aheadSource) more(ctx context.Context, c *codec, list docList) (docBatch, error) {
	if a.reader == nil {
		from := a.batchSource
		a.last.id = from.ID()
		reader := ahead.New(newPollContext(a.ends, a), a.most, func(ctx context.Context) (b aheadBatch, more bool) {
			a.asked.Load().options.set(from)
			own, _ := list.pair()
			if p := usercode.Try(func() { b.docBatch, b.err = from.more(ctx, c, own) }); p != nil {
				b.err = p
			}
			b.over, b.id = from.over(b.err), from.ID()
			return b, b.err == nil && b.lostErr == nil && !b.over
		})
		if a.via.Execute(reader.Run) != nil {
			return docBatch{}, errClientClosed
		}
		a.reader = reader
	}
	b, err := a.reader.Next(ctx)
	switch {
	case err == ahead.ErrEnded:
		return docBatch{}, errClientClosed
	case err != nil: // the batch is left for the next read
		return docBatch{}, err
	}
	a.last = b
	if b.err != nil && !b.over { // the next read fetches again
		a.reader = nil
	}
	return b.docBatch, b.err
}

func (a *aheadSource) over(error) bool { return a.last.over }

func (a *aheadSource) ID() int64 {
	if a.reader == nil {
		return a.batchSource.ID()
	}
	return a.last.id
}

func (a *aheadSource) Close(ctx context.Context) error {
	if a.reader != nil {
		a.reader.Stop()
	}
	return a.batchSource.Close(ctx)
}

// batchOptions are the options of a cursor for fetching batches.
type batchOptions struct {
	size    *int32        // if BatchSize has set it
	wait    time.Duration // how long the server may wait for a batch, if MaxAwaitTimeMS has set it
	comment bson.RawValue // if Comment has set it
}

// set sets the driver's options for the next batch.
func (o batchOptions) set(from batchSource) {
	driver, ok := from.(driverCursor)
	if !ok {
		return
	}
	if o.size != nil {
		driver.SetBatchSize(*o.size)
	}
	if o.wait > 0 {
		driver.SetMaxAwaitTime(o.wait)
	}
	if !o.comment.IsZero() {
		driver.SetComment(o.comment)
	}
}

// prepare sets the options for the next batch. ctx is the context of the read.
func (c *cursorReader) prepare(ctx context.Context, from batchSource) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := from.(*aheadSource); ok { // its reader sets them
		c.caller = &ctx
		a.asked.Store(&aheadRead{c.fetching, weak.Make(c.caller)})
		return
	}
	c.fetching.set(from)
}

// begin returns the result to read. A new result belongs to the session of ctx, and to the connection conn. If conn is
// nil, it uses the open connection, or opens one. After that the cursor never opens the client again.
func (c *cursorReader) begin(ctx context.Context, conn *connection) (*resultSet, error) {
	if s := c.current(); s != nil {
		return s, nil
	}
	if ctx == nil {
		return nil, errNilContext
	}
	client := c.coll.db.client
	if conn == nil {
		var err error
		if conn, err = client.connect(ctx); err != nil {
			return nil, err
		}
	}
	session := client.session(mongo.SessionFromContext(ctx))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == nil {
		c.result = newResultSet(c.kind, conn, c.none)
		c.result.session, c.result.closed = session, c.closed || c.nothing
	}
	return c.result, nil
}

// current returns the current result, or nil.
func (c *cursorReader) current() *resultSet {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.result
}

// fetch fetches the first or the next batch. The caller has the cursor's turn. ctx is the operation's context, outer
// the context of the call. Cancelling the operation alone must not cancel a getMore, because the server would not send
// that batch again.
func (r *readOp) fetch(ctx, outer context.Context, conn *connection, s *resultSet) error {
	c := r.cursor
	if c.scan != nil {
		return c.scan.fetch(ctx, outer, c, s)
	}
	if conn != s.conn { // the client was closed, or the cursor was rewound and read on another connection
		if conn == nil {
			c.mu.Lock()
			s.closed = true
			c.mu.Unlock()
		}
		return errClientClosed
	}
	if err := r.enter(ctx, s); err != nil {
		return err
	}
	if s.batches == nil {
		if err := c.start(ctx, conn, s); err != nil {
			if c.ended(s) && outer.Err() == nil {
				err = nil // Close or Rewind cancelled the command
			}
			return err
		}
	}
	var come docBatch
	var err error
	c.prepare(outer, s.batches)
	if laneOf(s.kind) == longLane {
		come, err = c.polled(ctx, conn, s)
		if s.poll != nil {
			return err // only this wait has ended; the poll goes on
		}
	} else {
		come, err = s.batches.more(outer, &c.coll.codec, s.next)
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	if id := s.batches.ID(); id != 0 || !pinned(err) {
		s.setID(c, id)
	}
	if s.closed && err != nil && outer.Err() == nil {
		err = nil // Close or Rewind has ended the wait
	}
	over := err == errClientClosed || s.batches.over(err)
	if over {
		s.closed, r.lost = true, err
	}
	if over && err != nil && (outer.Err() != nil || outOfTime(err)) {
		s.lostErr = newError(InvalidOperation, "the cursor is lost: an earlier read ran out of time, or its context ended, during getMore")
		c.abandon(s)
	}
	if s != c.result {
		return nil // rewound meanwhile
	}
	if s.take(come); come.lostErr != nil {
		c.abandon(s)
	}
	s.token = s.batches.resume()
	return err
}

// start sends the command. The caller has the cursor's turn. If the command fails, it may be sent again, since nothing
// of its result has been read.
func (c *cursorReader) start(ctx context.Context, conn *connection, s *resultSet) error {
	if laneOf(s.kind) == longLane {
		opening, cancel := context.WithCancel(ctx)
		ctx = opening
		c.registerCancel(s, cancel)
		defer func() {
			cancel()
			c.mu.Lock()
			s.cancelPoll = nil // it refers to the read and so to the cursor
			c.mu.Unlock()
		}()
	}
	ctx = recordAddress(s.session.in(ctx))
	client, err := conn.clientFor(ctx, laneOf(s.kind))
	if err != nil {
		return err
	}
	batches, err := c.open(ctx, client)
	if err != nil {
		return err
	}
	c.mu.Lock()
	if c.ahead > 0 && s.kind == options.NonTailable && s.session == nil {
		batches = &aheadSource{batchSource: batches, most: c.ahead, ends: conn.polls.ctx, via: conn.polls}
	}
	s.batches, s.client = batches, client
	primary := !c.anywhere && c.coll.snapshot().read.pref.Mode() == readpref.PrimaryMode
	s.address = conn.topology.lastAddress(ctx, primary)
	s.setID(c, batches.ID())
	s.token = batches.resume()
	c.mu.Unlock()
	return nil
}

// registerCancel makes the end of the result call cancel. It reports whether the result has ended already.
func (c *cursorReader) registerCancel(s *resultSet, cancel func()) (closed bool) {
	c.mu.Lock()
	s.cancelPoll = cancel
	closed = s.closed
	c.mu.Unlock()
	if closed {
		cancel()
	}
	return closed
}

// ended reports whether no more of a result is fetched.
func (c *cursorReader) ended(s *resultSet) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return s.closed
}

// aheadOf checks the number of batches of ReadAhead.
func aheadOf(batches int) (int, error) {
	if batches < 0 {
		return 0, newError(ValueError, "ReadAhead: invalid number of batches %d: must be at least 0", batches)
	}
	return batches, nil
}

// batchSize returns the size that BatchSize has set for later batches, or nil.
func (c *cursorReader) batchSize() *int32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fetching.size
}

// take adds a fetched batch to the current one. The caller holds mu.
func (s *resultSet) take(come docBatch) {
	if come.docs != nil {
		come.docs.move(come.docs.size(), s.batch, false)
	}
	s.decodeErr, s.undecoded = come.decodeErr, come.undecoded
	if come.lostErr != nil {
		s.closed, s.lostErr = true, come.lostErr
	}
}

// setID records the server's cursor id. The caller holds mu.
func (s *resultSet) setID(c *cursorReader, id int64) {
	if s.id != id {
		s.conn.cursors.track(s.id, id, c.closer())
	}
	switch {
	case s.id == 0 && id != 0:
		s.cleanup = runtime.AddCleanup(c, abandoned, cursorState{c.coll.db.client, s})
	case s.id != 0 && id == 0:
		s.cleanup.Stop()
	}
	s.id = id
}

// closer returns a function that closes the cursor. It does not keep the cursor from being freed by the garbage
// collector.
func (c *cursorReader) closer() closeFunc {
	w, client := weak.Make(c), c.coll.db.client
	return func(ctx context.Context) *future.Future[struct{}] {
		if c := w.Value(); c != nil {
			return c.Close(ctx)
		}
		return resolved(client, struct{}{})
	}
}

// buffered reports whether something can be read without I/O.
func (s *resultSet) buffered() bool { return s.batch.size() > 0 || s.decodeErr != nil }

// forget drops all fetched documents. The caller holds mu.
func (s *resultSet) forget() {
	s.batch.reset(0)
	s.decodeErr, s.undecoded, s.lostErr = nil, nil, nil
}

// laneOf returns the lane in which cursors of a type are read.
func laneOf(kind options.CursorType) lane {
	if kind == options.TailableAwait {
		return longLane
	}
	return shortLane
}

// docList is a list of documents, a pointer to docs[D]. Only the generic methods of a cursor know D. It has few
// methods, since the compiler builds each of them for each D in the user's package.
type docList interface {
	// pair returns two new empty lists of the same type. The receiver may be a nil pointer.
	pair() (docList, docList)
	// size returns the number of documents.
	size() int
	// reset makes the list n zero documents.
	reset(n int)
	// at returns a pointer to document i.
	at(i int) any
	// move moves the first n documents to another list of the same type, to its end or, if before is set, to its start.
	move(n int, to docList, before bool)
}

type docs[D any] []D

func (l *docs[D]) pair() (docList, docList) {
	var both struct{ one, other docs[D] }
	return &both.one, &both.other
}

func (l *docs[D]) size() int { return len(*l) }

func (l *docs[D]) at(i int) any { return &(*l)[i] }

func (l *docs[D]) reset(n int) {
	if *l = nil; n > 0 {
		*l = make(docs[D], n)
	}
}

func (l *docs[D]) move(n int, to docList, before bool) {
	from, other := *l, to.(*docs[D])
	switch {
	case len(*other) == 0 && n == len(from): // move the whole slice without copying
		*other, *l = from, nil
		return
	case before:
		*other = append(append(make(docs[D], 0, n+len(*other)), from[:n]...), *other...)
	default:
		*other = append(*other, from[:n]...)
	}
	clear(from[:n])
	if *l = from[n:]; n == len(from) {
		*l = nil
	}
}

// docBatch is a batch of documents, decoded up to the first that cannot be decoded.
type docBatch struct {
	docs      docList
	decodeErr error      // the document after docs cannot be decoded
	undecoded []bson.Raw // the documents after that one
	lostErr   error      // all documents after those cannot be found
}

// decodeBatch decodes the driver's fetched documents into a list. It keeps nothing of their memory, which the driver
// reuses.
func decodeBatch(c *codec, driver *mongo.Cursor, list docList) docBatch {
	switch list.(type) {
	case *docs[bson.Raw], *docs[RawBatch]:
		return decodeClone(c, driver, list)
	}
	n := driver.RemainingBatchLength() + 1
	if n <= 0 { // the driver cannot count the elements of a corrupt batch
		return decodeClone(c, driver, list)
	}
	b := docBatch{docs: list}
	d := c.Decoder()
	defer d.Release()
	list.reset(n)
	for i := range n {
		if i > 0 && !drivercompat.NextInBatch(driver) { // no I/O
			b.keep(i)
			break
		}
		if err := d.Decode(driver.Current, list.at(i)); err != nil {
			b.decodeErr = codecError(err)
			b.keep(i)
			if driver.RemainingBatchLength() > 0 && drivercompat.NextInBatch(driver) {
				b.undecoded, b.lostErr = cloneBatch(driver)
			}
			break
		}
	}
	return b
}

// decodeClone is decodeBatch for documents that are decoded from a copy of the batch.
func decodeClone(c *codec, driver *mongo.Cursor, list docList) docBatch {
	raws, lostErr := cloneBatch(driver)
	b := decodeAll(c, raws, list)
	b.lostErr = lostErr
	return b
}

// decodeAll decodes documents into a list. The result may keep their memory. A [RawBatch] has all of the documents.
func decodeAll(c *codec, raws []bson.Raw, list docList) docBatch {
	b := docBatch{docs: list}
	d := c.Decoder()
	defer d.Release()
	if batches, ok := list.(*docs[RawBatch]); ok && len(raws) > 0 {
		var doc bson.Raw
		for i, raw := range raws {
			if err := d.Decode(raw, &doc); err != nil {
				b.decodeErr, b.undecoded, raws = codecError(err), raws[i+1:], raws[:i]
				break
			}
		}
		if len(raws) > 0 {
			*batches = docs[RawBatch]{RawBatch(slices.Concat(raws...))}
		}
		return b
	}
	list.reset(len(raws))
	for i, raw := range raws {
		if err := d.Decode(raw, list.at(i)); err != nil {
			b.decodeErr = codecError(err)
			b.keep(i)
			b.undecoded = raws[i+1:]
			break
		}
	}
	return b
}

// keep drops all documents except the first n.
func (b *docBatch) keep(n int) {
	kept, _ := b.docs.pair()
	b.docs.move(n, kept, false)
	b.docs.reset(0)
	kept.move(n, b.docs, false)
}

// cloneBatch copies the driver's fetched documents, in blocks. A document that is kept keeps its block in memory, not
// the whole batch. The error says that the batch is corrupt after these documents.
func cloneBatch(driver *mongo.Cursor) ([]bson.Raw, error) {
	left := driver.RemainingBatchLength() // negative if the batch is corrupt; Next then fails before it needs I/O
	docs := make([]bson.Raw, 0, max(left, 0)+1)
	var memory bsoncodec.Arena
	for {
		docs = append(docs, memory.Copy(driver.Current, max(left, 0)))
		if left == 0 {
			return docs, nil
		}
		if !drivercompat.NextInBatch(driver) {
			return docs, corruptBatch(driver.Err())
		}
		left = driver.RemainingBatchLength()
	}
}

// polled waits for new documents. If s.poll is not nil afterwards, the poll goes on and the error is that of ctx. The
// caller has the cursor's turn.
func (c *cursorReader) polled(ctx context.Context, conn *connection, s *resultSet) (come docBatch, err error) {
	if s.poll == nil {
		s.reader = lend(ctx)
		polling, cancel := context.WithCancel(newPollContext(conn.polls.ctx, s.reader))
		if c.registerCancel(s, cancel) {
			return come, nil
		}
		batches, codec, list := s.batches, &c.coll.codec, s.next // the poll must not refer to the cursor, which the program may drop meanwhile
		// The poll ends with polling. Its future needs no context, and so no memory for watching one.
		s.poll = future.Go(context.Background(), conn.polls, func(context.Context) (none struct{}, _ error) {
			defer cancel()
			s.news.batch, s.news.err = batches.more(polling, codec, list)
			return none, nil
		})
	} else {
		s.reader.lend(ctx)
	}
	_, _ = s.poll.Await(ctx)
	s.reader.takeBack()
	if _, err = s.poll.Result(); err == future.ErrNotDone {
		return come, ctx.Err()
	}
	r := s.news
	s.news = pollResult{}
	s.poll = nil
	switch {
	case conn.polls.ctx.Err() != nil:
		err = errClientClosed
	case err == nil:
		err = r.err
	}
	return r.batch, err
}

// pollContext is the context of a long poll. It has the values of the read that waits for the poll, so that monitors know
// the caller of a command. While no read waits it has none, since they may refer to the cursor.
type pollContext struct {
	context.Context
	reader interface{ Value(key any) any }
}

// newPollContext returns a context that ends with ends, with the values of reader. It has no session of the reader: the
// cursor has its own.
func newPollContext(ends context.Context, reader interface{ Value(key any) any }) context.Context {
	return pollContext{mongo.NewSessionContext(ends, nil), reader}
}

func (p pollContext) Value(key any) any {
	if v := p.Context.Value(key); v != nil {
		return v
	}
	return p.reader.Value(key)
}

// pollResult is the result of a long poll. It includes an error of the server, so that the poll's future does not fail.
// The poll outlives the reads that wait for it, and its error is not reported if no read follows.
type pollResult struct {
	batch docBatch
	err   error
}

// cursorState is the part of a cursor that outlives it.
type cursorState struct {
	client *Client
	result *resultSet
}

// abandoned is called when the garbage collector has freed a cursor. Only a poll may still refer to its result.
func abandoned(left cursorState) {
	s := left.result
	s.conn.cursors.drop(s.id)
	if s.cancelPoll != nil {
		s.cancelPoll()
	}
	left.client.abandon(s.end(left.client))
}

// abandon closes a result that the cursor can no longer use. The caller holds mu and has the cursor's turn.
func (c *cursorReader) abandon(s *resultSet) {
	if s.id != 0 {
		s.setID(c, 0)
		c.coll.db.client.abandon(s.end(c.coll.db.client))
	}
}

// end returns the cleanup that closes the result on the server.
func (s *resultSet) end(client *Client) cleanup {
	batches, poll := s.batches, s.poll
	return cleanup{s.client, func(ctx context.Context, conn *connection) {
		if poll != nil {
			select {
			case <-poll.Done():
			case <-ctx.Done():
				return // the poll still uses the cursor
			}
		}
		client.endIn(ctx, s.session, batches)
	}}
}

// endIn closes a cursor that was opened in a session, in its turn in that session. The session may be nil. If the session
// has ended, endIn sends nothing, and the server closes the cursor after ten minutes. The cursor then only gives back the
// connection that it keeps behind a load balancer.
func (c *Client) endIn(ctx context.Context, s *Session, cursor interface{ Close(context.Context) error }) {
	ended := false
	reserved, err := c.reserveIn(s.delegate(), nil, func(st *sessionState) error {
		ended = st.ended
		return nil
	})
	if err != nil {
		return
	}
	defer reserved.session.release()
	if reserved.session.wait(ctx) != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if ended {
		cancel()
	}
	_ = cursor.Close(ctx)
}

// instances lists the instances of generic types that every program uses. For an instance that a program mentions only
// in generic code, the compiler builds wrappers of promoted methods in that program. For an instance that a type which
// is not generic mentions, it uses the wrappers of this package. So cursorReader has a field that mentions this type.
type instances struct {
	_ *Collection[bson.M]
	_ *Cursor[bson.M]
	_ *CommandCursor[bson.M]
	_ *ChangeStream[bson.M]

	_ *future.Future[*ChangeStream[bson.M]]
	_ *future.Future[[]*CommandCursor[bson.M]]
}
