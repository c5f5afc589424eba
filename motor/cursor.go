package motor

import (
	"context"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
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

// cursor is the part of a [Cursor] that does not depend on the type of its documents.
type cursor struct {
	cursorReader
	query bson.Raw
	opts  []options.Lister[options.FindOptions]
	chain chain // guarded by cursorReader.mu
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
	if _, e := applied(opts); err == nil {
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
	c.coll, c.none, c.query, c.opts, c.err, c.open = coll, none, query, opts, err, c.find
	c.follow()
}

// settings returns the options of the driver's that the cursor has. mu is held.
func (c *cursor) settings() (options.FindOptions, error) {
	all, err := applied(c.opts)
	for _, set := range c.chain.find {
		if err == nil {
			err = set(&all)
		}
	}
	return all, err
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
func (c *cursor) set(method string, add func(*chain) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.source != nil {
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
func (c *Cursor[D]) Sort(keys any, direction ...any) *Cursor[D] { c.setSort(keys, direction); return c }

func (c *cursor) setSort(keys any, direction []any) {
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
func (c *Cursor[D]) Skip(n int64) *Cursor[D] { c.setSkip(n); return c }

func (c *cursor) setSkip(n int64) {
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
func (c *Cursor[D]) Limit(n int64) *Cursor[D] { c.setLimit(n); return c }

func (c *cursor) setLimit(n int64) {
	c.set("Limit", func(ch *chain) error {
		return ch.limit(n)
	})
}

// BatchSize sets how many documents the server sends at once. 0 leaves it to the server; a negative n is a
// [ValueError].
//
// Motor: MotorCursor.batch_size.
func (c *Cursor[D]) BatchSize(n int32) *Cursor[D] { c.setBatchSize(n); return c }

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
	c.initEncoded(of.coll, of.none, of.query, of.opts, err)
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
func (c *Cursor[D]) Collection() *Collection[D] { return (*Collection[D])(c.coll) }
