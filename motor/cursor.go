package motor

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
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
// It is safe for several goroutines, whose reads take turns in the order of their calls; each document is read once.
//
// Motor: MotorCursor.
type Cursor[D any] struct {
	coll  *Collection[D]
	query bson.Raw
	opts  []options.Lister[options.FindOptions]
	turns turns

	mu     sync.Mutex
	err    error // of the filter or of the chaining: what every read fails with
	chain  *options.FindOptionsBuilder
	source *source[D] // nil: not started
	closed bool
}

// source is a query that is being read. Rewind makes the cursor forget it.
type source[D any] struct {
	// driver belongs to whoever has the turn; nil until the query has been sent. client is what it was sent with.
	driver *mongo.Cursor
	client *mongo.Client

	// The rest is guarded by Cursor.mu.
	batch  []D        // fetched, not read yet
	bad    error      // what follows batch is a document that could not be decoded,
	after  []bson.Raw // and then come these
	id     int64      // the server's number for the cursor
	closed bool       // no more will be fetched: the server has no more, or Close, Rewind or an error said so
}

func newCursor[D any](coll *Collection[D], filter any, opts []options.Lister[options.FindOptions]) *Cursor[D] {
	c := &Cursor[D]{coll: coll, opts: opts, err: coll.err}
	query, err := coll.codec.encode("filter", filter)
	c.query = query
	if c.err == nil {
		c.err = err
	}
	if _, err := applied(opts); c.err == nil && err != nil {
		c.err = err
	}
	return c
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

// Collection returns the collection that is read.
//
// Motor: MotorCursor.collection.
func (c *Cursor[D]) Collection() *Collection[D] { return c.coll }

// Err returns what every read of the cursor fails with, because its filter or an option is wrong, or nil.
func (c *Cursor[D]) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Alive reports whether there may be more documents: before the first read, while the server has more, and while
// documents that have come are unread. It does no I/O, so a cursor that is alive may yet have no more.
//
// Motor: MotorCursor.alive.
func (c *Cursor[D]) Alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.source
	if s == nil {
		return !c.closed
	}
	return !s.closed || s.buffered()
}

// CursorID returns the server's number for the cursor: 0 before the first read, and when the server has no more.
//
// Motor: MotorCursor.cursor_id.
func (c *Cursor[D]) CursorID() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.source == nil {
		return 0
	}
	return c.source.id
}

// Clone returns a cursor with the same query and options that has not been read.
//
// Motor: MotorCursor.clone.
func (c *Cursor[D]) Clone() *Cursor[D] {
	c.mu.Lock()
	defer c.mu.Unlock()
	clone := &Cursor[D]{coll: c.coll, query: c.query, opts: c.opts, err: c.err}
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

// Close ends the cursor, on the server too. Documents that have come stay readable. Closing twice, or a cursor that
// has not been read, is no error. In a defer it goes without an Await, which would call Close at once:
//
//	defer cursor.Close(ctx)
//
// Motor: MotorCursor.close.
func (c *Cursor[D]) Close(ctx context.Context) *future.Future[struct{}] {
	c.mu.Lock()
	c.closed = true
	s := c.source
	c.mu.Unlock()
	return c.shut(ctx, s)
}
