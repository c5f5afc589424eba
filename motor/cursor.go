package motor

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// The directions for Sort.
//
// Motor: pymongo.ASCENDING, pymongo.DESCENDING.
const (
	Ascending  = 1
	Descending = -1
)

// Cursor reads the documents that a query matches, batch by batch, as values of type D: see [Collection]. It is lazy:
// making and chaining it does no I/O. The first read sends the query. There are five ways of reading, which may be mixed:
//
//	docs, err := cursor.ToList(ctx, 100).Await(ctx)      // a list
//	for doc, err := range cursor.All(ctx) { ... }        // a loop (Python: async for)
//	doc, err := cursor.Next(ctx).Await(ctx)              // one by one
//	for more, _ := cursor.FetchNext(ctx).Await(ctx); more; more, _ = cursor.FetchNext(ctx).Await(ctx) {
//		doc := cursor.NextObject()                   // one by one, as until Motor 2
//	}
//	cursor.Each(ctx, func(doc bson.M, err error) bool {...})  // a callback
//
// The deferred Close has no Await, because Await would run at the defer statement and close the cursor there:
//
//	defer cursor.Close(ctx)
//
// It is safe for concurrent use. Its reads run in the order of their calls, and each document is read once.
//
// A read whose context ends, or that is cancelled, puts back the documents that it has taken. If the context ends while
// the next batch is fetched, the batch is lost: the documents that arrived before stay readable, and further reads fail
// with [InvalidOperation] until [Cursor.Rewind]. Reads of tailable cursors that await data, and of change streams, go on.
//
// Motor: MotorCursor.
type Cursor[D any] struct{ cursor }

// cursor is the part of a [Cursor] that does not depend on the type of its documents. As with collection, unexported
// code is better a function that takes a *cursor.
type cursor struct {
	cursorReader
	handle *Collection[bson.M] // of coll, whatever the type of the documents
	query  bson.Raw
	opts   []options.Lister[options.FindOptions]
	chain  chain // guarded by cursorReader.mu
}

// chain holds the options that the chained methods have set.
type chain struct {
	find      []func(*options.FindOptions) error // the driver's options
	where     bson.RawValue
	maxTimeMS *int64
	maxScan   *int64
	flags     int // the query flags without an option of the driver
	nothing   bool
}

func newCursor[D any](coll *Collection[D], filter any, opts []options.Lister[options.FindOptions]) *Cursor[D] {
	c := new(Cursor[D])
	c.init((*Collection[bson.M])(coll), (*docs[D])(nil), filter, opts)
	return c
}

// init makes c a cursor over a query.
func (c *cursor) init(coll *Collection[bson.M], none docList, filter any, opts []options.Lister[options.FindOptions]) {
	query, err := coll.codec.encode("filter", filter)
	opts, bad := encodeOptions(&coll.codec, opts)
	if err = firstError(err, bad); coll.err != nil {
		err = coll.err
	}
	c.initEncoded(coll, none, query, opts, err)
}

// initEncoded makes c a cursor over an encoded query. If err is not nil, every read fails with it.
func (c *cursor) initEncoded(
	coll *Collection[bson.M], none docList, query bson.Raw, opts []options.Lister[options.FindOptions], err error,
) {
	c.handle, c.coll, c.none = coll, &coll.collection, none
	c.query, c.opts, c.err, c.open = query, opts, err, c.find
	c.setKind()
}

// settings returns the driver's options of the cursor. The caller holds mu.
func (c *cursor) settings() (options.FindOptions, error) {
	var all options.FindOptions
	var err error
	if len(c.opts) > 0 {
		all, err = mergeOptions(c.opts)
	}
	for _, set := range c.chain.find {
		if err == nil {
			err = set(&all)
		}
	}
	return all, err
}

// awaitAlone is the type of a cursor that awaits data and is not tailable. Servers reject it.
const awaitAlone options.CursorType = -1

// tailFlags returns the query flags of a cursor type.
func tailFlags(kind *options.CursorType) int {
	if kind != nil {
		switch *kind {
		case options.Tailable:
			return QueryFlagTailable
		case options.TailableAwait:
			return QueryFlagTailable | QueryFlagAwaitData
		case awaitAlone:
			return QueryFlagAwaitData
		}
	}
	return 0
}

// setKind sets kind from the options. The caller holds mu, or no other goroutine has the cursor yet.
func (c *cursor) setKind() {
	all, err := c.settings()
	c.nothing, c.anywhere = c.chain.nothing, c.chain.flags&QueryFlagSecondaryOkay != 0
	if c.kind = options.NonTailable; err == nil && tailFlags(all.CursorType)&QueryFlagTailable != 0 {
		c.kind = *all.CursorType
	}
}

// set adds to the options if the cursor has not been read.
//
// The setters that call it are not inlined. Otherwise a program would compile them, and their closures, for each type
// of documents.
func (c *cursor) set(method string, add func(*chain) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.result != nil {
		c.late = newError(InvalidOperation, "%s: cannot set options after executing query", method)
		c.err = c.late
		return
	}
	c.err = add(&c.chain)
	c.setKind()
}

// option adds an option of the driver.
func (ch *chain) option(set func(*options.FindOptions)) {
	ch.find = append(ch.find[:len(ch.find):len(ch.find)], func(o *options.FindOptions) error {
		set(o)
		return nil
	})
}

// Sort sets the order of the documents, by one key, Sort("age", motor.Descending), or by several, Sort(bson.D{{"age",
// -1}, {"name", 1}}). Without a direction a key is ascending.
//
// Sort and the other methods that set options return the cursor itself, so that calls can be chained. Calling one of
// them after the first read makes the cursor fail with [InvalidOperation], until [Cursor.Rewind].
//
// Motor: MotorCursor.sort.
func (c *Cursor[D]) Sort(keys any, direction ...any) *Cursor[D] {
	setSort(&c.cursor, keys, direction)
	return c
}

//go:noinline
func setSort(c *cursor, keys any, direction []any) {
	c.set("Sort", func(ch *chain) error {
		if key, ok := keys.(string); ok {
			order := bson.E{Key: key, Value: Ascending}
			if len(direction) > 0 {
				order.Value = direction[0]
			}
			keys = bson.D{order}
		} else if len(direction) > 0 {
			return newError(TypeError, "Sort: a direction requires a single key, as a string")
		}
		sort, err := c.coll.codec.encodeCommand("the sort order", keys)
		ch.option(func(o *options.FindOptions) { o.Sort = sort })
		return err
	})
}

// Projection selects the fields of the documents: a document, or a list of the names of the fields.
//
// Motor: the parameter projection of find.
func (c *Cursor[D]) Projection(fields any) *Cursor[D] { setProjection(&c.cursor, fields); return c }

//go:noinline
func setProjection(c *cursor, fields any) {
	c.set("Projection", func(ch *chain) error {
		e := c.coll.arguments()
		encoded := e.Projection(fields)
		ch.option(func(o *options.FindOptions) { o.Projection = encoded })
		return e.err()
	})
}

// Skip skips the first n documents. A negative n is a [ValueError].
//
// Motor: MotorCursor.skip.
func (c *Cursor[D]) Skip(n int64) *Cursor[D] { setSkip(&c.cursor, n); return c }

//go:noinline
func setSkip(c *cursor, n int64) {
	c.set("Skip", func(ch *chain) error {
		if n < 0 {
			return newError(ValueError, "invalid skip %d: must be at least 0", n)
		}
		ch.option(func(o *options.FindOptions) { o.Skip = &n })
		return nil
	})
}

// Limit ends the cursor after n documents. 0 means no limit. A negative n returns at most -n documents in a single
// batch.
//
// Motor: MotorCursor.limit.
func (c *Cursor[D]) Limit(n int64) *Cursor[D] { setLimit(&c.cursor, n); return c }

//go:noinline
func setLimit(c *cursor, n int64) {
	c.set("Limit", func(ch *chain) error {
		return ch.limit(n)
	})
}

// BatchSize sets the number of documents in a batch. 0 means the server's default. A negative n is a [ValueError].
//
// Motor: MotorCursor.batch_size.
func (c *Cursor[D]) BatchSize(n int32) *Cursor[D] { c.setBatchSize(n); return c }

//go:noinline
func (c *cursor) setBatchSize(n int32) {
	c.set("BatchSize", func(ch *chain) error {
		if n < 0 {
			return newError(ValueError, "invalid batch size %d: must be at least 0", n)
		}
		ch.option(func(o *options.FindOptions) { o.BatchSize = &n })
		return nil
	})
}

// ReadAhead makes the cursor fetch batches before they are read: while the program works on the documents of a batch,
// the next ones are on their way. At most batches of them wait, decoded, so the memory that they need is bounded: with
// BatchSize too, by batches times its number of documents. 0, the default, fetches a batch when it is needed.
//
//	for user, err := range users.Find(bson.M{}).BatchSize(500).ReadAhead(2).All(ctx) {
//
// It pays if the work on a batch takes about as long as a round trip. A read whose context ends loses nothing: the batch
// that it has waited for is left for the next read. Close and Rewind drop the batches that wait. A batch that is fetched
// ahead holds a connection, but no slot of the executor. A cursor in a session, whose operations run one after the other,
// and a tailable cursor do not read ahead. A negative number is a [ValueError].
func (c *Cursor[D]) ReadAhead(batches int) *Cursor[D] { c.setReadAhead(batches); return c }

//go:noinline
func (c *cursor) setReadAhead(batches int) {
	c.set("ReadAhead", func(*chain) (err error) {
		c.ahead, err = aheadOf(batches)
		return err
	})
}

// limit sets the limit and drops the limit of Slice.
func (ch *chain) limit(n int64) error {
	if n != 0 && ch.flags&QueryFlagExhaust != 0 {
		return newError(InvalidOperation, "cannot use limit and exhaust together")
	}
	ch.nothing = false
	ch.option(func(o *options.FindOptions) { o.Limit = &n })
	return nil
}

// Clone returns an unread cursor with the same query and options.
//
// Motor: MotorCursor.clone.
func (c *Cursor[D]) Clone() *Cursor[D] {
	clone := new(Cursor[D])
	clone.initClone(&c.cursor)
	return clone
}

// initClone makes c a clone of another cursor.
func (c *cursor) initClone(of *cursor) {
	of.mu.Lock()
	defer of.mu.Unlock()
	err := of.err
	if of.late != nil { // the clone has not been read
		err = nil
	}
	c.chain, c.ahead = of.chain, of.ahead
	c.initEncoded(of.handle, of.none, of.query, of.opts, err)
}

// Rewind makes the cursor unread again and returns it. The next read sends the query again.
//
// Motor: MotorCursor.rewind.
func (c *Cursor[D]) Rewind() *Cursor[D] { c.rewind(); return c }

// Next reads the next document. At the end it fails with [StopAsyncIteration]. A tailable cursor without new documents
// also fails with it, but is still alive.
//
// Motor: MotorCursor.next.
func (c *Cursor[D]) Next(ctx context.Context) *future.Future[D] { return next[D](ctx, &c.cursorReader) }

// NextObject returns the next fetched document, or, if there is none, the zero D: a nil map, a nil pointer. It does no
// I/O; FetchNext does.
//
// Motor: MotorCursor.next_object.
func (c *Cursor[D]) NextObject() D {
	doc, _ := pop[D](&c.cursorReader)
	return doc
}

// TryNext reads the next document. If none has been fetched, it asks the server once. The result is the zero D (a nil
// map, a nil pointer) if there is still none. That is not an error: if the cursor is alive, there is no document yet.
//
// Motor: MotorCommandCursor.try_next.
func (c *Cursor[D]) TryNext(ctx context.Context) *future.Future[D] {
	return readOne[D](ctx, &c.cursorReader, readSpec{once: true})
}

// ToList reads the next documents, at most length of them, or all without a length. At the end the result is an empty
// list. ToList may be called again for the documents after these. If the cursor fails after some documents, a future
// has these documents beside the error; a callback gets only the error.
//
// Errors: [ValueError] for a negative length, [TypeError] for more than one length, [InvalidOperation] for a tailable
// cursor.
//
// Motor: MotorCursor.to_list.
func (c *Cursor[D]) ToList(ctx context.Context, length ...int) *future.Future[[]D] {
	return toList[D](ctx, &c.cursorReader, length)
}

// Each calls fn with every document, one after the other. At the end it calls fn once with the zero D (a nil map, a
// nil pointer) and no error. An error ends the calls too: fn(zero, err). If fn returns false it is not called again; a
// later Each continues with the next document. If fn closes the cursor, there is no last call. For a tailable cursor,
// Each asks the server for new documents as long as the cursor is alive. Without [QueryFlagAwaitData] it asks ten
// times a second.
//
// fn runs where callbacks run, never on the caller's stack: on the loop of the client or the handle, or, without a
// loop, on another goroutine. A nil fn panics.
//
// Motor: MotorCursor.each.
func (c *Cursor[D]) Each(ctx context.Context, fn func(doc D, err error) bool) {
	each(ctx, &c.cursorReader, nil, fn)
}

// EachVia is Each with fn called on via instead of the client's loop.
func (c *Cursor[D]) EachVia(ctx context.Context, via future.Executor, fn func(doc D, err error) bool) {
	each(ctx, &c.cursorReader, via, fn)
}

// All returns the documents for a range loop, which waits for each of them. On an event loop, use it in a coroutine,
// with its Co as ctx. An error ends the loop, as its last value. After a break the cursor stays open: a later read
// continues with the next document.
//
// On a tailable cursor, the loop also ends when there are no new documents. With [QueryFlagAwaitData], or with
// options.TailableAwait, the server waits for them first: see MaxAwaitTimeMS. While the cursor is alive, another loop
// continues:
//
//	for cursor.Alive() {
//		for doc, err := range cursor.All(ctx) { ... }
//	}
//
// Motor: async for.
func (c *Cursor[D]) All(ctx context.Context) iter.Seq2[D, error] {
	return iterate[D](ctx, &c.cursorReader)
}

// Collection returns the collection of the query.
//
// Motor: MotorCursor.collection.
func (c *Cursor[D]) Collection() *Collection[D] { return (*Collection[D])(c.handle) }

// cursorReader reads the documents of a result, for any command and any type of documents. [Cursor], [CommandCursor]
// and [ChangeStream] embed it. They add methods that depend on the type, and ways to make one.
type cursorReader struct {
	_ [0]func(*instances) // see instances

	coll     *collection
	none     docList                                                   // an empty list of the cursor's type of documents, to make others
	open     func(context.Context, *mongo.Client) (batchSource, error) // sends the command
	scan     *scan                                                     // a shared cursor to read from, instead of open
	sequence future.Sequence                                           // the order of the reads

	mu       sync.Mutex
	err      error      // every read fails with it: an argument or an option is invalid
	late     error      // equals err if options were set after the first read
	result   *resultSet // nil before the first read
	anywhere bool       // secondaries may be read, with any read preference
	nothing  bool       // the result is empty; nothing is sent
	closed   bool
	ahead    int                // the number of batches that ReadAhead has set
	fetching batchOptions       // of later batches
	caller   *context.Context   // the context of the last read, if batches are fetched ahead
	kind     options.CursorType // of the next result
}

// resultSet is a result that is being read. Rewind replaces it. It must not refer to the cursor: the garbage collector
// must be able to free the cursor once the program has dropped it. See abandoned.
type resultSet struct {
	kind options.CursorType
	conn *connection // the only connection that the result uses

	session *Session // of the context of the first read, even if that read failed before it sent the command

	// The operation that has its turn owns these fields. batches is nil until client has sent the command.
	batches batchSource
	client  *mongo.Client
	next    docList                  // the batch that is being decoded
	poll    *future.Future[struct{}] // a long poll in progress: see longPolls
	reader  *lentContext             // the context of the read that waits for poll
	news    pollResult               // the result of poll, once it is settled

	// cursorReader.mu guards the rest.
	address    Address
	batch      docList         // fetched but not read
	decodeErr  error           // the document after batch could not be decoded
	undecoded  []bson.Raw      // the documents after that one
	id         int64           // the server's cursor id
	closed     bool            // no more is fetched: the server has no more, or Close, Rewind or an error has ended the result
	lostErr    error           // reads fail with it once batch is empty; the server had more documents
	token      bson.Raw        // for a change stream: the resume token after batch
	cancelPoll func()          // cancels poll, or the command in progress
	cleanup    runtime.Cleanup // closes the server's cursor once the program has dropped this one
}

// newResultSet returns an unopened result. none is a list of the type of its documents.
func newResultSet(kind options.CursorType, conn *connection, none docList) *resultSet {
	s := &resultSet{kind: kind, conn: conn}
	s.batch, s.next = none.pair()
	return s
}

// IOLoop returns the executor on which the cursor's callbacks run: that of its client.
//
// Motor: MotorCursor.get_io_loop, MotorCommandCursor.get_io_loop.
func (c *cursorReader) IOLoop() future.Executor { return c.coll.db.client.loop }

// Err returns the error that every read of the cursor fails with because an argument or an option is invalid, or nil.
func (c *cursorReader) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Alive reports whether there may be more documents: before the first read, while the server has more, and while
// fetched documents are unread. It does no I/O, so an alive cursor may still have no more documents.
//
// Motor: MotorCursor.alive, MotorCommandCursor.alive.
func (c *cursorReader) Alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.result
	if s == nil {
		return !c.closed
	}
	return !s.closed || s.buffered()
}

// Started reports whether the cursor has been read, even if the read failed.
//
// Motor: MotorCursor.started, MotorCommandCursor.started.
func (c *cursorReader) Started() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.result != nil
}

// Closed reports whether Close has been called. A cursor at its end is neither closed nor alive.
//
// Motor: MotorCursor.closed, MotorCommandCursor.closed.
func (c *cursorReader) Closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// CursorID returns the server's cursor id. It is 0 before the command has been sent, and when the server has no more
// documents.
//
// Motor: MotorCursor.cursor_id, MotorCommandCursor.cursor_id.
func (c *cursorReader) CursorID() int64 {
	if c.scan != nil {
		return c.scan.shared.CursorID()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == nil {
		return 0
	}
	return c.result.id
}

// Address returns the address of the server to which the command was sent. ok is false before that. It is also false
// for a read that may have gone to a secondary, if the client was made with one member of a replica set and without the
// set's name (replicaSet=...).
//
// Motor: MotorCursor.address, MotorCommandCursor.address.
func (c *cursorReader) Address() (address Address, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == nil || c.result.address == (Address{}) {
		return Address{}, false
	}
	return c.result.address, true
}

// Session returns the session of the context of the first read, or nil if it had none. Later reads stay in this
// session, with any context, and the cursor ends with it.
//
// Motor: MotorCursor.session, MotorCommandCursor.session.
func (c *cursorReader) Session() *Session {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == nil {
		return nil
	}
	return c.result.session
}

// Close closes the cursor, on the server too. Fetched documents can still be read. Closing twice, or closing an unread
// cursor, is not an error. Neither is a lost connection: the server closes cursors that are not read by its own timeout.
// A read that waits for new documents ends as if there were none. A deferred Close need not wait for its result.
//
// Motor: MotorCursor.close, MotorCommandCursor.close.
func (c *cursorReader) Close(ctx context.Context) *future.Future[struct{}] {
	if ctx == nil {
		return failed[struct{}](c.coll.db.client, errNilContext)
	}
	c.mu.Lock()
	c.closed = true
	s := c.result
	c.mu.Unlock()
	return c.closeResult(ctx, s)
}

// rewind makes the cursor unread again.
func (c *cursorReader) rewind() {
	c.mu.Lock()
	s := c.result
	c.result, c.closed = nil, false
	if c.late != nil { // options may be set again
		c.late, c.err = nil, nil
	}
	if s != nil {
		s.forget()
	}
	c.mu.Unlock()
	unheard(c.closeResult(context.Background(), s))
}

// killCursor closes a cursor that the driver cannot close, because its session has ended or the driver has given the
// cursor up. The command may go to a server that does not have the cursor. Then the right server closes it later, by
// its own timeout.
func killCursor(
	ctx context.Context, coll *collection, client *mongo.Client, id int64, opts ...options.Lister[options.RunCmdOptions],
) error {
	command := bson.D{{Key: "killCursors", Value: coll.name}, {Key: "cursors", Value: bson.A{id}}}
	var none *Session
	return client.Database(coll.db.name).RunCommand(none.in(ctx), command, opts...).Err()
}

// closeResult closes what a result has open on the server, after the reads that were called before.
func (c *cursorReader) closeResult(ctx context.Context, s *resultSet) *future.Future[struct{}] {
	client := c.coll.db.client
	c.mu.Lock()
	if s != nil {
		s.closed, s.lostErr = true, nil
		if s.cancelPoll != nil {
			s.cancelPoll()
		}
	}
	// The command may be in progress.
	open := s != nil && (s.id != 0 || !c.sequence.Idle())
	c.mu.Unlock()
	if c.scan != nil {
		return c.scan.leave(ctx, c, s)
	}
	if !open {
		return resolved(client, struct{}{})
	}
	reserved, err := c.reserve(s)
	inSession := err == nil // an error: the session has ended
	return submit(ctx, client, op[struct{}]{
		lane: laneOf(s.kind), turns: reserved, conn: s.conn, ends: true,
		run: func(ctx context.Context, _ *connection) (none struct{}, err error) {
			err = c.endResult(ctx, s, inSession)
			if ctx.Err() == nil && errors.Is(wrapError(err), ConnectionFailure) {
				err = nil // the server closes the cursor by its own timeout
			}
			return none, err
		},
	})
}

// endResult closes what a result has open on the server. The caller has the cursor's turn. inSession is false if the
// result has a session that has ended.
func (c *cursorReader) endResult(ctx context.Context, s *resultSet, inSession bool) error {
	if s.poll != nil { // its outcome does not matter
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
		client := c.coll.db.client
		defer client.abandon(s.end(client)) // gives back the connection that it keeps behind a load balancer
		if id := s.batches.ID(); id != 0 {
			return killCursor(ctx, c.coll, s.client, id)
		}
		return nil
	}
	return s.batches.Close(ctx)
}

// currentQuery returns a snapshot of the cursor's query.
func (c *cursor) currentQuery() (query, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set, err := c.settings()
	q := query{filter: c.query, set: set, chain: c.chain}
	if err == nil && !q.where.IsZero() {
		q.filter, err = withField(c.query, "$where", q.where)
	}
	if tailFlags(set.CursorType) != QueryFlagTailable|QueryFlagAwaitData {
		q.set.MaxAwaitTime = nil // servers reject it, and Motor omits it
	}
	return q, err
}

// find sends the query.
func (c *cursor) find(ctx context.Context, client *mongo.Client) (batchSource, error) {
	driver, err := c.send(ctx, client)
	if err != nil {
		return nil, err
	}
	return c.coll.db.client.newDriverCursor(driver, client), nil
}

func (c *cursor) send(ctx context.Context, client *mongo.Client) (*mongo.Cursor, error) {
	q, err := c.currentQuery()
	if err != nil {
		return nil, err
	}
	now := c.coll.snapshot()
	if q.flags&QueryFlagSecondaryOkay != 0 {
		now = now.secondaryOkay()
	}
	if !q.byCommand() {
		return c.coll.at(client, now).Find(ctx, q.filter, &q)
	}
	f := &arguments{q.spec().Find(c.coll.codec.Codec, c.coll.name)}
	driver, err := readCursor(ctx, c.coll, client, now, f)
	if err != nil {
		return nil, err
	}
	if q.set.BatchSize != nil {
		driver.SetBatchSize(*q.set.BatchSize)
	}
	if q.set.Comment != nil {
		driver.SetComment(q.set.Comment)
	}
	if q.set.MaxAwaitTime != nil {
		driver.SetMaxAwaitTime(*q.set.MaxAwaitTime)
	}
	return driver, nil
}
