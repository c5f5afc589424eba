package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
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
type Cursor[D any] struct {
	cursorReader[D]
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
	query, err := coll.codec.encode("filter", filter)
	if _, e := applied(opts); err == nil {
		err = e
	}
	if coll.err != nil {
		err = coll.err
	}
	return unread(coll, query, opts, err)
}

// unread returns a cursor that has not been read. err is what every read of it fails with.
func unread[D any](coll *Collection[D], query bson.Raw, opts []options.Lister[options.FindOptions], err error) *Cursor[D] {
	c := &Cursor[D]{query: query, opts: opts}
	c.coll, c.err, c.open = coll, err, c.find
	c.follow()
	return c
}

// settings returns the options of the driver's that the cursor has. mu is held.
func (c *Cursor[D]) settings() (options.FindOptions, error) {
	all, err := applied(c.opts)
	for _, set := range c.chain.find {
		if err == nil {
			err = set(&all)
		}
	}
	return all, err
}

// follow notes what kind of a cursor it is. mu is held, or nobody else has the cursor yet.
func (c *Cursor[D]) follow() {
	all, err := c.settings()
	c.nothing, c.anywhere = c.chain.nothing, c.chain.flags&QueryFlagSecondaryOkay != 0
	if c.kind = options.NonTailable; err == nil && tailFlags(all.CursorType)&QueryFlagTailable != 0 {
		c.kind = *all.CursorType
	}
}

// set adds to the options, if the cursor has not started.
func (c *Cursor[D]) set(method string, add func(*chain) error) *Cursor[D] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c
	}
	if c.source != nil {
		c.late = newError(InvalidOperation, "%s: cannot set options after executing query", method)
		c.err = c.late
		return c
	}
	c.err = add(&c.chain)
	c.follow()
	return c
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
	return c.set("Sort", func(ch *chain) error {
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
func (c *Cursor[D]) Skip(n int64) *Cursor[D] {
	return c.set("Skip", func(ch *chain) error {
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
func (c *Cursor[D]) Limit(n int64) *Cursor[D] {
	return c.set("Limit", func(ch *chain) error {
		return ch.limit(n)
	})
}

// BatchSize sets how many documents the server sends at once. 0 leaves it to the server; a negative n is a
// [ValueError].
//
// Motor: MotorCursor.batch_size.
func (c *Cursor[D]) BatchSize(n int32) *Cursor[D] {
	return c.set("BatchSize", func(ch *chain) error {
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
	c.mu.Lock()
	defer c.mu.Unlock()
	clone := unread(c.coll, c.query, c.opts, c.err)
	clone.chain = c.chain
	if c.late != nil { // it is not late for the clone
		clone.err = nil
	}
	clone.follow()
	return clone
}

// Rewind makes the cursor one that has not been read, and returns it. The query is sent anew at the next read.
//
// Motor: MotorCursor.rewind.
func (c *Cursor[D]) Rewind() *Cursor[D] {
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
	return c
}
