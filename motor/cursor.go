package motor

import (
	"context"
	"iter"
	"runtime"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// The directions of Sort.
//
// Motor: pymongo.ASCENDING, pymongo.DESCENDING.
const (
	Ascending  = 1
	Descending = -1
)

// Cursor reads the documents that a query matches, batch by batch. It is lazy: making and chaining it does no I/O,
// the query is sent when the cursor is first read. There are five ways of reading, which may be mixed:
//
//	docs, err := cursor.ToList(ctx, 100).Await(ctx)      // a list
//	for doc, err := range cursor.All(ctx) { ... }        // a loop (Python: async for)
//	doc, err := cursor.Next(ctx).Await(ctx)              // one by one
//	for more, _ := cursor.FetchNext(ctx).Await(ctx); more; more, _ = cursor.FetchNext(ctx).Await(ctx) {
//		doc := cursor.NextObject()                   // one by one, as until Motor 2
//	}
//	cursor.Each(ctx, func(doc bson.M, err error) bool {...})  // a callback
//
// A deferred Close goes without an Await, which would close the cursor at the defer statement:
//
//	defer cursor.Close(ctx)
//
// It is safe for several goroutines, whose reads take turns in the order of their calls; each document is read once.
//
// Motor: MotorCursor.
type Cursor[D any] struct{ cursor }

// cursor is the part of a [Cursor] that does not depend on the type of its documents. As with collection, unexported
// code is better a function that takes a *cursor.
type cursor struct {
	cursorReader
	handle *Collection[bson.M] // of coll; for documents of any type
	query  bson.Raw
	opts   []options.Lister[options.FindOptions]
	chain  chain // guarded by cursorReader.mu
}

// chain is what the chained methods have set.
type chain struct {
	find      []func(*options.FindOptions) error // what the driver has options for
	where     bson.RawValue
	maxTimeMS *int64
	maxScan   *int64
	flags     int // those of queryFlags that are no option of the driver's
	nothing   bool
}

func newCursor[D any](coll *Collection[D], filter any, opts []options.Lister[options.FindOptions]) *Cursor[D] {
	c := new(Cursor[D])
	c.init((*Collection[bson.M])(coll), (*docs[D])(nil), filter, opts)
	return c
}

// init makes the cursor that of a query.
func (c *cursor) init(coll *Collection[bson.M], none docList, filter any, opts []options.Lister[options.FindOptions]) {
	query, err := coll.codec.encode("filter", filter)
	if _, e := mergeOptions(opts); err == nil {
		err = e
	}
	if coll.err != nil {
		err = coll.err
	}
	c.initEncoded(coll, none, query, opts, err)
}

// initEncoded makes the cursor that of a query that has been encoded. Every read of it fails with err, if that is an
// error.
func (c *cursor) initEncoded(
	coll *Collection[bson.M], none docList, query bson.Raw, opts []options.Lister[options.FindOptions], err error,
) {
	c.handle, c.coll, c.none = coll, &coll.collection, none
	c.query, c.opts, c.err, c.open = query, opts, err, c.find
	c.follow()
}

// settings returns the options of the driver's that the cursor has. mu is held.
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

// awaitAlone is the type of a cursor that awaits data and is not tailable. Servers refuse it.
const awaitAlone options.CursorType = -1

// tailFlags returns the flags of a type of cursors.
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

// follow notes what kind of a cursor it is. mu is held, or no one else has the cursor yet.
func (c *cursor) follow() {
	all, err := c.settings()
	c.nothing, c.anywhere = c.chain.nothing, c.chain.flags&QueryFlagSecondaryOkay != 0
	if c.kind = options.NonTailable; err == nil && tailFlags(all.CursorType)&QueryFlagTailable != 0 {
		c.kind = *all.CursorType
	}
}

// set adds to the options, if the cursor has not started.
//
// The setters that call it are not inlined: a program would compile them, and their closures, for each type of documents.
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
	c.follow()
}

// option adds an option of the driver's.
func (ch *chain) option(set func(*options.FindOptions)) {
	ch.find = append(ch.find[:len(ch.find):len(ch.find)], func(o *options.FindOptions) error {
		set(o)
		return nil
	})
}

// Sort sets the order of the documents, by one key, Sort("age", motor.Descending), or by several,
// Sort(bson.D{{"age", -1}, {"name", 1}}). Without a direction a key is ascending.
//
// Sort and the other methods that set options return the cursor itself, so that they can be chained. Once the
// cursor has been read, they make it fail with [InvalidOperation], until [Cursor.Rewind].
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
			return newError(TypeError, "Sort: a direction goes with a single key, given as a string")
		}
		sort, err := c.coll.codec.encodeCommand("the sort order", keys)
		ch.option(func(o *options.FindOptions) { o.Sort = sort })
		return err
	})
}

// Skip leaves out the first n documents. A negative n is a [ValueError].
//
// Motor: MotorCursor.skip.
func (c *Cursor[D]) Skip(n int64) *Cursor[D] { setSkip(&c.cursor, n); return c }

//go:noinline
func setSkip(c *cursor, n int64) {
	c.set("Skip", func(ch *chain) error {
		if n < 0 {
			return newError(ValueError, "Skip(%d): skip must be at least 0", n)
		}
		ch.option(func(o *options.FindOptions) { o.Skip = &n })
		return nil
	})
}

// Limit ends the cursor after n documents. 0 means no limit; a negative n, that many in a single batch.
//
// Motor: MotorCursor.limit.
func (c *Cursor[D]) Limit(n int64) *Cursor[D] { setLimit(&c.cursor, n); return c }

//go:noinline
func setLimit(c *cursor, n int64) {
	c.set("Limit", func(ch *chain) error {
		return ch.limit(n)
	})
}

// BatchSize sets how many documents the server sends at once. 0 leaves it to the server; a negative n is a
// [ValueError].
//
// Motor: MotorCursor.batch_size.
func (c *Cursor[D]) BatchSize(n int32) *Cursor[D] { c.setBatchSize(n); return c }

//go:noinline
func (c *cursor) setBatchSize(n int32) {
	c.set("BatchSize", func(ch *chain) error {
		if n < 0 {
			return newError(ValueError, "BatchSize(%d): batch size must be at least 0", n)
		}
		ch.option(func(o *options.FindOptions) { o.BatchSize = &n })
		return nil
	})
}

// limit sets the limit, and so ends what Slice has said of it.
func (ch *chain) limit(n int64) error {
	if n != 0 && ch.flags&QueryFlagExhaust != 0 {
		return newError(InvalidOperation, "a limit and QueryFlagExhaust exclude each other")
	}
	ch.nothing = false
	ch.option(func(o *options.FindOptions) { o.Limit = &n })
	return nil
}

// Clone returns a cursor with the same query and options that has not been read.
//
// Motor: MotorCursor.clone.
func (c *Cursor[D]) Clone() *Cursor[D] {
	clone := new(Cursor[D])
	clone.initClone(&c.cursor)
	return clone
}

// initClone makes the cursor a clone of another one.
func (c *cursor) initClone(of *cursor) {
	of.mu.Lock()
	defer of.mu.Unlock()
	err := of.err
	if of.late != nil { // it is not late for the clone
		err = nil
	}
	c.chain = of.chain
	c.initEncoded(of.handle, of.none, of.query, of.opts, err)
}

// Rewind makes the cursor one that has not been read, and returns it. The query is sent anew at the next read.
//
// Motor: MotorCursor.rewind.
func (c *Cursor[D]) Rewind() *Cursor[D] { c.rewind(); return c }

// Next reads the next document. At the end it fails with [StopAsyncIteration]; so it does if a tailable cursor has no
// news yet, which is then still alive.
//
// Motor: MotorCursor.next.
func (c *Cursor[D]) Next(ctx context.Context) *future.Future[D] { return next[D](ctx, &c.cursorReader) }

// NextObject returns the next of the documents that have come, or, if there is none, the zero D: a nil map, a nil
// pointer. It never does I/O; FetchNext does.
//
// Motor: MotorCursor.next_object.
func (c *Cursor[D]) NextObject() D {
	doc, _ := pop[D](&c.cursorReader)
	return doc
}

// TryNext reads the next document. The result is the zero D (a nil map, a nil pointer) if none has come and none comes
// with one more round trip. That is not an error: of an alive cursor it says only that there is no document yet.
//
// Motor: MotorCommandCursor.try_next.
func (c *Cursor[D]) TryNext(ctx context.Context) *future.Future[D] {
	return readOne[D](ctx, &c.cursorReader, readSpec{once: true})
}

// ToList reads the next documents, at most length of them; without a length, all. At the end the result is an empty
// list. ToList may be called again for what comes next. If the cursor fails half way, a future holds the documents
// that had been read beside the error; a callback is given the error alone.
//
// Errors: [ValueError] for a negative length, [TypeError] for more than one length, [InvalidOperation] for a tailable
// cursor.
//
// Motor: MotorCursor.to_list.
func (c *Cursor[D]) ToList(ctx context.Context, length ...int) *future.Future[[]D] {
	return toList[D](ctx, &c.cursorReader, length)
}

// Each calls fn with every document, one after the other, and then once with the zero D (a nil map, a nil pointer)
// and no error, which marks the end. An error ends it too: fn(zero, err). If fn returns false it is not called
// again; calling Each later goes on with the next document. If fn closes the cursor, no end mark comes. A tailable
// cursor is asked for news again and again, as long as it is alive; one without QueryFlagAwaitData, ten times a second.
//
// fn is called where callbacks run, never on this stack: on the loop of the client or the handle, or, without one, on
// another goroutine. A nil fn panics.
//
// Motor: MotorCursor.each.
func (c *Cursor[D]) Each(ctx context.Context, fn func(doc D, err error) bool) {
	each(ctx, &c.cursorReader, nil, fn)
}

// EachVia is Each with fn called on via, whatever the loop of the client.
func (c *Cursor[D]) EachVia(ctx context.Context, via future.Executor, fn func(doc D, err error) bool) {
	each(ctx, &c.cursorReader, via, fn)
}

// All returns the documents for a range loop, which waits for each of them: on an event loop, use it in a coroutine,
// with its Co as ctx. An error is the last that it yields. Leaving the loop leaves the cursor as it is: a later read
// goes on with the next document.
//
// Motor: async for.
func (c *Cursor[D]) All(ctx context.Context) iter.Seq2[D, error] {
	return iterate[D](ctx, &c.cursorReader)
}

// Collection returns the collection that is read.
//
// Motor: MotorCursor.collection.
func (c *Cursor[D]) Collection() *Collection[D] { return (*Collection[D])(c.handle) }

// cursorReader reads the documents of a result, whatever command it comes from and whatever type the documents have.
// [Cursor], [CommandCursor] and [ChangeStream] embed it and add what depends on the type, and how they are made.
type cursorReader struct {
	_ [0]func(*instances) // see instances

	coll     *collection
	none     docList                                                   // an empty list of the type of the cursor's documents, to make others like it
	open     func(context.Context, *mongo.Client) (batchSource, error) // sends the command
	scan     *scan                                                     // instead of open: several cursors share one
	sequence future.Sequence                                           // the order of the reads

	mu       sync.Mutex
	err      error      // every read fails with it: an argument or an option is wrong
	late     error      // err, if it only says that options were set after the first read
	result   *resultSet // nil: not started
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

	// The operation that has the turn owns these. batches is nil until the command has been sent; client sent it.
	batches batchSource
	client  *mongo.Client
	next    docList                  // the batch that is being decoded
	poll    *future.Future[struct{}] // a long poll under way: see longPolls
	news    pollResult               // of poll, once that is settled

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
	s := c.result
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
	return c.result != nil
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
	if c.result == nil {
		return 0
	}
	return c.result.id
}

// Address returns the host and the port of the server to which the command was sent. ok is false before that; and for
// what may have gone to a secondary, if the client was made with one member of a replica set and without its name
// (replicaSet=...).
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

// Session returns the session of the context that the cursor was first read with, or nil if it had none. The cursor
// stays in it, whatever context it is read with later on, and ends with it.
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
	s := c.result
	c.mu.Unlock()
	return c.shut(ctx, s)
}

// rewind makes the cursor one that has not been read.
func (c *cursorReader) rewind() {
	c.mu.Lock()
	s := c.result
	c.result, c.closed = nil, false
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
	ctx context.Context, coll *collection, client *mongo.Client, id int64, opts ...options.Lister[options.RunCmdOptions],
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
	open := s != nil && (s.id != 0 || !c.sequence.Idle())
	c.mu.Unlock()
	if c.scan != nil {
		return c.scan.leave(ctx, c, s)
	}
	if !open {
		return resolved(client, struct{}{})
	}
	reserved, err := c.reserve(s)
	inSession := err == nil // otherwise the session has ended
	return submit(ctx, client, op[struct{}]{
		lane: laneOf(s.kind), turns: reserved, conn: s.conn, ends: true,
		run: func(ctx context.Context, _ *connection) (none struct{}, err error) {
			return none, c.endResult(ctx, s, inSession)
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
		return killCursor(ctx, c.coll, s.client, s.batches.ID())
	}
	return s.batches.Close(ctx)
}

// query is what a cursor asks the server for, at one moment.
type query struct {
	filter bson.Raw
	set    options.FindOptions
	chain
}

// currentQuery returns the query as the cursor has it now.
func (c *cursor) currentQuery() (query, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	set, err := c.settings()
	q := query{filter: c.query, set: set, chain: c.chain}
	if err == nil && !q.where.IsZero() {
		q.filter, err = withField(c.query, "$where", q.where)
	}
	if tailFlags(set.CursorType) != QueryFlagTailable|QueryFlagAwaitData {
		q.set.MaxAwaitTime = nil // servers refuse it then, and Motor leaves it out
	}
	return q, err
}

// List makes the options of the query those of a call of the driver: it implements options.Lister.
func (q *query) List() []func(*options.FindOptions) error {
	return []func(*options.FindOptions) error{func(all *options.FindOptions) error { *all = q.set; return nil }}
}

// byCommand reports whether the driver's Find has no place for what the query has.
func (q *query) byCommand() bool {
	return q.maxTimeMS != nil || q.maxScan != nil || q.set.CursorType != nil && *q.set.CursorType == awaitAlone
}

// find sends the query.
func (c *cursor) find(ctx context.Context, client *mongo.Client) (batchSource, error) {
	driver, err := c.send(ctx, client)
	if err != nil {
		return nil, err
	}
	return driverCursor{driver}, nil
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
	driver, err := readCommand(ctx, c.coll, client, now, f, func(
		ctx context.Context, db *mongo.Database, cmd bson.Raw, opts options.Lister[options.RunCmdOptions],
	) (*mongo.Cursor, error) {
		return db.RunCommandCursor(ctx, cmd, opts)
	})
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

// spec returns the query for a command.
func (q *query) spec() *command.Query {
	flags := tailFlags(q.set.CursorType)
	return &command.Query{
		Filter: q.filter, Options: q.set, MaxTimeMS: q.maxTimeMS, MaxScan: q.maxScan,
		Tailable: flags&QueryFlagTailable != 0, AwaitData: flags&QueryFlagAwaitData != 0,
	}
}
