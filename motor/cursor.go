package motor

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
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
// It is safe for several goroutines, whose reads take turns in the order of their calls; each document is read once.
//
// Motor: MotorCursor.
type Cursor[D any] struct {
	cursorReader[D]
	query bson.Raw
	opts  []options.Lister[options.FindOptions]
	chain *options.FindOptionsBuilder // guarded by cursorReader.mu
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
	return c
}

// find sends the query.
func (c *Cursor[D]) find(ctx context.Context, d *mongo.Client) (*mongo.Cursor, error) {
	c.mu.Lock()
	opts := c.opts
	if c.chain != nil {
		opts = append(opts[:len(opts):len(opts)], &options.FindOptionsBuilder{Opts: slices.Clone(c.chain.Opts)})
	}
	c.mu.Unlock()
	return c.coll.in(d).Find(ctx, c.query, opts...)
}

// set adds to the options, if the cursor has not started.
func (c *Cursor[D]) set(method string, add func(*options.FindOptionsBuilder) error) *Cursor[D] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c
	}
	if c.source != nil {
		c.err = newError(InvalidOperation, "%s: cannot set options after executing query", method)
		return c
	}
	if c.chain == nil {
		c.chain = options.Find()
	}
	c.err = add(c.chain)
	return c
}

// Sort sets the order of the documents, by one key, Sort("age", motor.Descending), or by several,
// Sort(bson.D{{"age", -1}, {"name", 1}}). Without a direction a key is ascending.
//
// Sort and the other methods that set options return the cursor itself, so that they can be chained. Once the
// cursor has been read, they make it fail with [InvalidOperation], until [Cursor.Rewind].
//
// Motor: MotorCursor.sort.
func (c *Cursor[D]) Sort(keys any, direction ...any) *Cursor[D] {
	return c.set("Sort", func(o *options.FindOptionsBuilder) error {
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
		o.SetSort(sort)
		return err
	})
}

// Skip leaves out the first n documents. A negative n is a [ValueError].
//
// Motor: MotorCursor.skip.
func (c *Cursor[D]) Skip(n int64) *Cursor[D] {
	return c.set("Skip", func(o *options.FindOptionsBuilder) error {
		if n < 0 {
			return newError(ValueError, "Skip(%d): skip must be at least 0", n)
		}
		o.SetSkip(n)
		return nil
	})
}

// Limit ends the cursor after n documents. 0 means no limit; a negative n, that many in a single batch.
//
// Motor: MotorCursor.limit.
func (c *Cursor[D]) Limit(n int64) *Cursor[D] {
	return c.set("Limit", func(o *options.FindOptionsBuilder) error {
		o.SetLimit(n)
		return nil
	})
}

// BatchSize sets how many documents the server sends at once. 0 leaves it to the server; a negative n is a
// [ValueError].
//
// Motor: MotorCursor.batch_size.
func (c *Cursor[D]) BatchSize(n int32) *Cursor[D] {
	return c.set("BatchSize", func(o *options.FindOptionsBuilder) error {
		if n < 0 {
			return newError(ValueError, "BatchSize(%d): batch size must be at least 0", n)
		}
		o.SetBatchSize(n)
		return nil
	})
}

// Clone returns a cursor with the same query and options that has not been read.
//
// Motor: MotorCursor.clone.
func (c *Cursor[D]) Clone() *Cursor[D] {
	c.mu.Lock()
	defer c.mu.Unlock()
	clone := unread(c.coll, c.query, c.opts, c.err)
	if c.chain != nil {
		clone.chain = &options.FindOptionsBuilder{Opts: slices.Clone(c.chain.Opts)}
	}
	return clone
}

// Rewind makes the cursor one that has not been read, and returns it. The query is sent anew at the next read.
//
// Motor: MotorCursor.rewind.
func (c *Cursor[D]) Rewind() *Cursor[D] {
	c.mu.Lock()
	s := c.source
	c.source, c.closed = nil, false
	if s != nil {
		// A chaining that came too late is not too late any more.
		if errors.Is(c.err, InvalidOperation) {
			c.err = nil
		}
		s.batch, s.bad, s.after = nil, nil, nil
	}
	c.mu.Unlock()
	c.shut(context.Background(), s)
	return c
}
