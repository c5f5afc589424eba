package motor

import (
	"context"
	"iter"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// CommandCursor reads the documents of a command's reply, batch by batch, as values of type D, in the same ways as a
// [Cursor]. There are two kinds. The result of [Database.ListCollections] is a cursor whose command has been sent, and has the first documents.
// [Database.Aggregate] returns a lazy cursor, whose first read sends the command.
//
// It is safe for concurrent use. Its reads run in the order of their calls, and each document is read once.
//
// Motor: MotorCommandCursor, MotorLatentCommandCursor.
type CommandCursor[D any] struct{ commandCursor }

// commandCursor is the part of a [CommandCursor] that does not depend on the type of its documents.
type commandCursor struct {
	cursorReader
	handle *Collection[bson.M] // of coll, whatever the type of the documents
}

// over makes c a cursor over coll. none is a list of the type of its documents.
func (c *commandCursor) over(coll *Collection[bson.M], none docList) {
	c.handle, c.coll, c.none = coll, &coll.collection, none
}

// newCommandCursor returns a cursor whose first read calls send. The argument size is the number that BatchSize has
// set, or nil. If err is not nil, every read fails with it.
func newCommandCursor[D any](coll *Collection[D], err error, send sendCommand) *CommandCursor[D] {
	c := new(CommandCursor[D])
	c.init((*Collection[bson.M])(coll), (*docs[D])(nil), err, send)
	return c
}

// sendCommand sends the command of a cursor. size is the number of documents of a batch, or nil.
type sendCommand func(ctx context.Context, d *mongo.Client, size *int32) (*mongo.Cursor, error)

//go:noinline
func (c *commandCursor) init(coll *Collection[bson.M], none docList, err error, send sendCommand) {
	c.over(coll, none)
	if c.err = err; coll.err != nil {
		c.err = coll.err
	}
	c.open = func(ctx context.Context, d *mongo.Client) (batchSource, error) {
		driver, err := send(ctx, d, c.batchSize())
		if err != nil {
			return nil, err
		}
		return coll.db.client.newDriverCursor(driver, d), nil
	}
}

// openedCommandCursor returns a cursor whose command has been sent, with client and with ctx, a context from
// recordAddress. It does no I/O.
func openedCommandCursor(
	ctx context.Context, coll *Collection[bson.M], client *mongo.Client, driver *mongo.Cursor,
) *CommandCursor[bson.M] {
	c := new(CommandCursor[bson.M])
	c.over(coll, (*docs[bson.M])(nil))
	s := newResultSet(c.kind, coll.db.client.connectionWith(client), c.none)
	s.batches, s.client = coll.db.client.newDriverCursor(driver, client), client
	s.session = coll.db.client.session(mongo.SessionFromContext(ctx))
	s.address = coll.db.client.topology().lastAddress(ctx, false)
	c.result = s
	come, _ := s.batches.more(context.Background(), &coll.codec, s.next) // the first batch is here: no I/O, no error
	c.mu.Lock()
	defer c.mu.Unlock()
	s.setID(&c.cursorReader, driver.ID())
	s.closed = s.id == 0
	if s.take(come); come.lostErr != nil {
		c.abandon(s)
	}
	return c
}

// listedCommandCursor returns a cursor over all, the documents of a complete reply to client.
func listedCommandCursor(coll *Collection[bson.M], client *mongo.Client, all []bson.Raw) *CommandCursor[bson.M] {
	c := new(CommandCursor[bson.M])
	c.over(coll, (*docs[bson.M])(nil))
	c.result = newResultSet(c.kind, coll.db.client.connectionWith(client), c.none)
	c.result.closed = true
	c.result.take(decodeAll(&coll.codec, all, c.result.next))
	return c
}

// BatchSize sets the number of documents in later batches, and returns the cursor. 0 means the server's default. With a
// negative n every read fails with [ValueError]. With ReadAhead it applies to batches that are not on their way when
// the next batch is read.
//
// Motor: MotorCommandCursor.batch_size.
func (c *CommandCursor[D]) BatchSize(n int32) *CommandCursor[D] { c.setBatchSize(n); return c }

//go:noinline
func (c *commandCursor) setBatchSize(n int32) {
	c.set(func() error {
		if n < 0 {
			return newError(ValueError, "invalid batch size %d: must be at least 0", n)
		}
		c.fetching.size = &n
		return nil
	})
}

// ReadAhead makes the cursor fetch batches before they are read, at most this number of them. See [Cursor.ReadAhead].
// It has no effect after the first batch was fetched by a read, nor on the cursors of ParallelScan, which share one
// cursor of the server. With a negative number every read fails with [ValueError].
func (c *CommandCursor[D]) ReadAhead(batches int) *CommandCursor[D] {
	c.setReadAhead(batches)
	return c
}

//go:noinline
func (c *commandCursor) setReadAhead(batches int) {
	c.set(func() (err error) {
		c.ahead, err = aheadOf(batches)
		return err
	})
}

// MaxAwaitTimeMS limits, in milliseconds, how long the server waits for new documents before it replies with an empty
// batch. It applies to later batches of a tailable cursor. 0 means the server's default. With a negative ms every read
// fails with [ValueError].
//
// Motor: the parameter max_await_time_ms of MotorDatabase.cursor_command.
func (c *CommandCursor[D]) MaxAwaitTimeMS(ms int64) *CommandCursor[D] {
	c.setMaxAwaitTimeMS(ms)
	return c
}

//go:noinline
func (c *commandCursor) setMaxAwaitTimeMS(ms int64) {
	c.set(func() error {
		if ms < 0 {
			return newError(ValueError, "MaxAwaitTimeMS: invalid time %d: must be at least 0", ms)
		}
		c.fetching.wait = time.Duration(ms) * time.Millisecond
		return nil
	})
}

// Comment sets a comment, a value of any type, for fetching later batches. It appears in the server's log and profiler.
// With a comment that cannot be encoded every read fails with [InvalidDocument].
//
// Motor: the parameter comment of MotorDatabase.cursor_command.
func (c *CommandCursor[D]) Comment(comment any) *CommandCursor[D] { c.setComment(comment); return c }

//go:noinline
func (c *commandCursor) setComment(comment any) {
	c.set(func() error {
		raw, err := c.coll.codec.encode("comment", bson.D{{Key: "comment", Value: comment}})
		if err == nil {
			c.fetching.comment = raw.Lookup("comment")
		}
		return err
	})
}

// set changes how later batches are fetched. If change fails, every read fails with its error.
func (c *commandCursor) set(change func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = change()
	}
}

// Next reads the next document. At the end it fails with [StopAsyncIteration]. A tailable cursor without new documents
// also fails with it, but is still alive.
//
// Motor: MotorCommandCursor.next.
func (c *CommandCursor[D]) Next(ctx context.Context) *future.Future[D] {
	return next[D](ctx, &c.cursorReader)
}

// NextObject returns the next fetched document, or, if there is none, the zero D: a nil map, a nil pointer. It does no
// I/O; FetchNext does.
//
// Motor: MotorCommandCursor.next_object.
func (c *CommandCursor[D]) NextObject() D {
	doc, _ := pop[D](&c.cursorReader)
	return doc
}

// TryNext reads the next document. If none has been fetched, it asks the server once. The result is the zero D (a nil
// map, a nil pointer) if there is still none. That is not an error: if the cursor is alive, there is no document yet.
//
// Motor: MotorCommandCursor.try_next.
func (c *CommandCursor[D]) TryNext(ctx context.Context) *future.Future[D] {
	return readOne[D](ctx, &c.cursorReader, readSpec{once: true})
}

// ToList reads the next documents, at most length of them, or all without a length. At the end the result is an empty
// list. ToList may be called again for the documents after these. If the cursor fails after some documents, a future
// has these documents beside the error; a callback gets only the error.
//
// Errors: [ValueError] for a negative length, [TypeError] for more than one length, [InvalidOperation] for a tailable
// cursor.
//
// Motor: MotorCommandCursor.to_list.
func (c *CommandCursor[D]) ToList(ctx context.Context, length ...int) *future.Future[[]D] {
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
// Motor: MotorCommandCursor.each.
func (c *CommandCursor[D]) Each(ctx context.Context, fn func(doc D, err error) bool) {
	each(ctx, &c.cursorReader, nil, fn)
}

// EachVia is Each with fn called on via instead of the client's loop.
func (c *CommandCursor[D]) EachVia(ctx context.Context, via future.Executor, fn func(doc D, err error) bool) {
	each(ctx, &c.cursorReader, via, fn)
}

// All returns the documents for a range loop, which waits for each of them. On an event loop, use it in a coroutine,
// with its Co as ctx. An error ends the loop, as its last value. After a break the cursor stays open: a later read
// continues with the next document.
//
// Motor: async for.
func (c *CommandCursor[D]) All(ctx context.Context) iter.Seq2[D, error] {
	return iterate[D](ctx, &c.cursorReader)
}

// Collection returns the collection that the command reads. For a command without a collection, it is the one that
// MongoDB calls "$cmd", or "$cmd." and the name of the command.
//
// Motor: MotorCommandCursor.collection.
func (c *CommandCursor[D]) Collection() *Collection[D] { return (*Collection[D])(c.handle) }

// Aggregate returns a cursor over the results of a pipeline over the collection's documents. It does no I/O: the first
// read sends the pipeline. A pipeline that ends with $out or $merge writes nothing before that read, and an invalid
// pipeline fails then.
//
// The results have the type of the collection's documents. For results of another type, use another handle of the
// collection:
//
//	CollectionOf[Total](db, "orders").Aggregate(pipeline)
//
// Errors of reading: [TypeError] for a pipeline that is not a slice of documents, [InvalidDocument] for a stage that
// cannot be encoded, [OperationFailure]. For a pipeline that writes, also [WriteConcernError], and [ConfigurationError]
// if the write concern has wtimeout or fsync.
//
// Motor: MotorCollection.aggregate.
func (c *Collection[D]) Aggregate(pipeline any, opts ...options.Lister[options.AggregateOptions]) *CommandCursor[D] {
	cursor := new(CommandCursor[D])
	cursor.aggregate((*Collection[bson.M])(c), (*docs[D])(nil), &c.concerns, &c.codec, aggregatorOf(&c.collection), pipeline, opts)
	return cursor
}

// Aggregate returns a cursor over the results of a pipeline without a collection, which starts with a stage such as
// $currentOp or $documents. It does no I/O: the first read sends the pipeline, and an invalid pipeline fails then.
//
// Errors of reading: [TypeError] for a pipeline that is not a slice of documents, [InvalidDocument] for a stage that
// cannot be encoded, [OperationFailure].
//
// Motor: MotorDatabase.aggregate.
func (d *Database) Aggregate(pipeline any, opts ...options.Lister[options.AggregateOptions]) *CommandCursor[bson.M] {
	cursor := new(CommandCursor[bson.M])
	cursor.aggregate(d.Collection("$cmd.aggregate"), (*docs[bson.M])(nil), &d.concerns, &d.codec, d.aggregator, pipeline, opts)
	return cursor
}

// aggregator is the driver's database or collection.
type aggregator interface {
	Aggregate(context.Context, any, ...options.Lister[options.AggregateOptions]) (*mongo.Cursor, error)
}

func (d *Database) aggregator(client *mongo.Client, now settings) aggregator {
	return d.at(client, now)
}

//go:noinline
func aggregatorOf(c *collection) func(*mongo.Client, settings) aggregator {
	return func(client *mongo.Client, now settings) aggregator { return c.at(client, now) }
}

// aggregate makes the cursor read coll. It sends its pipeline to the driver's handle that at returns.
func (cursor *commandCursor) aggregate(
	coll *Collection[bson.M], none docList, c *concerns, codec *codec, at func(*mongo.Client, settings) aggregator,
	pipeline any, opts []options.Lister[options.AggregateOptions],
) {
	stages, err := codec.encodePipeline(pipeline)
	opts, bad := encodeOptions(codec, opts)
	err = firstError(err, bad)
	cursor.init(coll, none, err, func(ctx context.Context, client *mongo.Client, size *int32) (*mongo.Cursor, error) {
		now := c.snapshot()
		if writes(stages) {
			if err := now.write.refuse("Aggregate with $out or $merge"); err != nil {
				return nil, err
			}
		}
		return at(client, now).Aggregate(ctx, stages, sized(opts, size)...)
	})
}

// writes reports whether a pipeline ends with $out or $merge.
func writes(stages []bson.Raw) bool {
	if len(stages) == 0 {
		return false
	}
	last, err := stages[len(stages)-1].IndexErr(0)
	return err == nil && (last.Key() == "$out" || last.Key() == "$merge")
}

// sized returns opts with the batch size of a cursor, if it has one.
func sized(opts []options.Lister[options.AggregateOptions], size *int32) []options.Lister[options.AggregateOptions] {
	if size == nil {
		return opts
	}
	return append(opts[:len(opts):len(opts)], options.Aggregate().SetBatchSize(*size))
}

// ParallelScan returns n cursors that together return every document of the collection once. Each can be read on its
// own goroutine.
//
// The cursors share one cursor on the server and read its batches in turn, because servers no longer have the command
// that made several cursors. A batch that one of them has fetched belongs to it alone. Closing one does not affect the
// others; closing the last one closes the cursor on the server. After an error of the shared cursor, each cursor fails
// with it when it needs another batch.
//
// Errors: [ValueError] for an n below 1; [OperationFailure].
//
// Legacy: use Find. Motor: MotorCollection.parallel_scan.
func (c *Collection[D]) ParallelScan(ctx context.Context, n int) *future.Future[[]*CommandCursor[D]] {
	if n < 1 {
		return failed[[]*CommandCursor[D]](c.db.client, newError(ValueError, "ParallelScan: invalid number of cursors %d: must be at least 1", n))
	}
	shared := &c.Find(bson.D{}).cursor
	r := &readOp{cursor: &shared.cursorReader, readSpec: readSpec{amount: peek}}
	return startRead(ctx, r, func(ctx context.Context, conn *connection) ([]*CommandCursor[D], error) {
		if err := r.run(ctx, conn); err != nil {
			return nil, err
		}
		sc, all := newScan(shared, n), make([]*CommandCursor[D], n)
		for i := range all {
			all[i] = new(CommandCursor[D])
			all[i].join(sc)
		}
		return all, nil
	})
}

// scan is a cursor that several cursors share. Each takes the next batch when it needs one, so that together they
// return every document once.
type scan struct {
	shared *cursor

	mu     sync.Mutex
	left   map[*resultSet]bool // results whose cursor has left the scan
	joined int                 // the number of cursors that have not left
	err    error               // the error that ended the shared cursor
}

func newScan(shared *cursor, n int) *scan {
	return &scan{shared: shared, joined: n, left: make(map[*resultSet]bool)}
}

// join makes c, a new cursor, one of the cursors of a scan.
func (c *commandCursor) join(sc *scan) {
	c.over(sc.shared.handle, sc.shared.none)
	c.scan = sc
	c.result = newResultSet(c.kind, sc.shared.current().conn, c.none)
}

// fetch fetches the next batch of the shared cursor for the cursor c.
func (sc *scan) fetch(ctx, outer context.Context, c *cursorReader, s *resultSet) error {
	sc.mu.Lock()
	err := sc.err
	sc.mu.Unlock()
	var come docList
	if err == nil {
		if size := c.batchSize(); size != nil {
			sc.shared.mu.Lock()
			sc.shared.fetching.size = size
			sc.shared.mu.Unlock()
		}
		list, _ := c.none.pair() // a new list: a cancelled read may still put back its documents
		r := &readOp{cursor: &sc.shared.cursorReader, readSpec: readSpec{amount: oneBatch, docs: list}}
		taking := startRead(outer, r, func(ctx context.Context, conn *connection) (docList, error) { return r.docs, r.run(ctx, conn) })
		_, err = taking.Await(ctx)               // with the operation's context, so that the wait lends the slot
		if !taking.IsDone() && taking.Cancel() { // the cancelled read puts back its documents
			return err
		}
		come, err = taking.Result()
	}
	ended := !sc.shared.Alive()
	if err != nil && ended {
		sc.mu.Lock()
		sc.err = err
		sc.mu.Unlock()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if come != nil {
		come.move(come.size(), s.batch, false)
	}
	s.address, s.session = sc.shared.place()
	if ended {
		s.closed = true
	}
	return err
}

// leave removes the result s of the cursor c from the scan. The last one closes the shared cursor.
func (sc *scan) leave(ctx context.Context, c *cursorReader, s *resultSet) *future.Future[struct{}] {
	sc.mu.Lock()
	first := !sc.left[s]
	if first {
		sc.left[s] = true
		sc.joined--
	}
	last := first && sc.joined == 0
	sc.mu.Unlock()
	if !last {
		return resolved(c.coll.db.client, struct{}{})
	}
	return sc.shared.Close(ctx)
}

// place returns the server and the session of the cursor.
func (c *cursorReader) place() (at Address, session *Session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.result == nil {
		return at, nil
	}
	return c.result.address, c.result.session
}
