package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

// FindOne finds the first document that matches filter. If none matches, the result is the zero D: a nil map, a nil
// pointer. That is not an error. The option [MaxTime] limits the time on the server.
//
// Errors: [TypeError] for a nil filter (use bson.D{} for all documents), [InvalidDocument] for one that cannot be
// encoded, [InvalidBSON] for a document that cannot be decoded into D, [OperationFailure].
//
// Motor: MotorCollection.find_one.
func (c *Collection[D]) FindOne(ctx context.Context, filter any, opts ...options.Lister[options.FindOneOptions]) *future.Future[D] {
	now := c.snapshot()
	find, g, err := c.findOne(ctx, now, filter, opts)
	o := documentOp[D](&c.collection, now, err, find)
	if g == nil {
		return submit(ctx, c.db.client, o)
	}
	if !g.first {
		o.batched, o.conn, o.offline = g, g.batch.conn, true
	}
	f := submit(ctx, c.db.client, o)
	f.NotifyWith(&g.registration, g)
	g.push()
	return f
}

// findOne returns the function that finds a document. If the operation is the first of a batch, or is collected for the
// next one, gathered is not nil.
func (c *collection) findOne(
	ctx context.Context, now settings, filter any, opts []options.Lister[options.FindOneOptions],
) (find fetchFunc, gathered *gatheredFind, err error) {
	query, err := c.codec.encode("filter", filter)
	limit, late := timeLimitOf("MaxTime", opts)
	opts, bad := encodeOptions(&c.codec, opts)
	if err := firstError(err, bad, late, c.err); err != nil {
		return nil, nil, err
	}
	if limit > 0 {
		find, err = c.findOneWithin(query, limit, opts)
		return find, nil, err
	}
	if c.batching != nil {
		if gathered, err = c.batching.find(ctx, now, query, opts); err != nil {
			return nil, nil, err
		}
		if gathered != nil && !gathered.first {
			return gathered.document, gathered, nil
		}
	}
	return func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		return coll.FindOne(ctx, query, opts...).Raw()
	}, gathered, nil
}

// MaxTime is an option of [Collection.FindOne]. It limits the time that the server spends on the operation (maxTimeMS).
// After that the operation fails with [ExecutionTimeout]. 0 is no limit. A cursor has [Cursor.MaxTimeMS].
//
//	users.FindOne(ctx, filter, motor.MaxTime(time.Second))
//
// Motor: the parameter max_time_ms of find_one.
func MaxTime(limit time.Duration) options.Lister[options.FindOneOptions] {
	return timeLimit[options.FindOneOptions](limit)
}

// findOneWithin finds a document with the command that a cursor with a limit of -1 sends.
func (c *collection) findOneWithin(filter bson.Raw, limit time.Duration, opts []options.Lister[options.FindOneOptions]) (fetchFunc, error) {
	o, err := mergeOptions(opts)
	ms, now := max(limit.Milliseconds(), 1), c.snapshot()
	q := command.Query{Filter: filter, MaxTimeMS: &ms, Options: options.FindOptions{
		AllowPartialResults: o.AllowPartialResults, Collation: o.Collation, Comment: o.Comment, Hint: o.Hint, Max: o.Max,
		Min: o.Min, OplogReplay: o.OplogReplay, Projection: o.Projection, ReturnKey: o.ReturnKey, ShowRecordID: o.ShowRecordID,
		Skip: o.Skip, Sort: o.Sort, Limit: new(int64(-1)),
	}}
	f := &arguments{q.Find(c.codec.Codec, c.name)}
	f.Check(err)
	return func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		cursor, err := readCursor(ctx, c, coll.Database().Client(), now, f)
		if err != nil {
			return nil, err
		}
		defer cursor.Close(context.WithoutCancel(ctx))
		if !cursor.Next(ctx) {
			return nil, cursor.Err()
		}
		return cursor.Current, nil
	}, f.err()
}

// Find returns a cursor over the documents that match filter. It does no I/O: the first read sends the query. Until
// then, methods such as Sort and Limit change the query.
//
// Errors of reading: [TypeError] for a nil filter (use bson.D{} for all documents), [InvalidDocument] for one that
// cannot be encoded, [OperationFailure].
//
// Motor: MotorCollection.find.
func (c *Collection[D]) Find(filter any, opts ...options.Lister[options.FindOptions]) *Cursor[D] {
	return newCursor(c, filter, opts)
}

// CountDocuments counts the documents that match filter.
//
// Errors: [TypeError] for a nil filter (use bson.D{} for all documents), [InvalidDocument] for one that cannot be encoded,
// [OperationFailure].
//
// Motor: MotorCollection.count_documents.
func (c *collection) CountDocuments(ctx context.Context, filter any, opts ...options.Lister[options.CountOptions]) *future.Future[int64] {
	query, err := c.codec.encode("filter", filter)
	opts, bad := encodeOptions(&c.codec, opts)
	set, late := mergeOptions(opts)
	count := command.NewCounting(set)
	err = firstError(err, bad, late)
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), err, func(ctx context.Context, coll *mongo.Collection) (int64, error) {
		ctx, cancel := c.db.client.limited(ctx, time.Now())
		defer cancel()
		set := count.AggregateOptions
		if limit := maxTimeMS(ctx); limit > 0 {
			drivercompat.SetMaxTimeMS(&set, limit)
		}
		// The driver's CountDocuments returns 0 for a result that it cannot read.
		driver, err := coll.Aggregate(ctx, count.Pipeline(query), &command.Literal[options.AggregateOptions]{Options: set})
		if err != nil {
			return 0, err
		}
		defer driver.Close(context.WithoutCancel(ctx))
		if cursor := c.db.client.cursorReader(driver, coll.Database().Client()); !cursor.Next(ctx) {
			return 0, driver.Err()
		}
		return countOf(driver.Current)
	}))
}

// EstimatedDocumentCount returns the number of documents from the collection's metadata. It is fast for any number of
// documents. The number may be inexact after a crash, or on a sharded cluster.
//
// Errors: [OperationFailure].
//
// Motor: MotorCollection.estimated_document_count.
func (c *collection) EstimatedDocumentCount(ctx context.Context, opts ...options.Lister[options.EstimatedDocumentCountOptions]) *future.Future[int64] {
	opts, err := encodeOptions(&c.codec, opts)
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), err, func(ctx context.Context, coll *mongo.Collection) (int64, error) {
		return coll.EstimatedDocumentCount(ctx, opts...)
	}))
}

// Distinct returns the distinct values of key in the documents that match filter. bson.D{} matches all documents. A
// value that is a document is a bson.M. The elements of a list count as single values.
//
// Errors: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded, [OperationFailure].
//
// Motor: MotorCollection.distinct.
func (c *collection) Distinct(ctx context.Context, key string, filter any, opts ...options.Lister[options.DistinctOptions]) *future.Future[[]any] {
	query, err := c.codec.encode("filter", filter)
	opts, bad := encodeOptions(&c.codec, opts)
	err = firstError(checkText("key", key), err, bad)
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), err, func(ctx context.Context, coll *mongo.Collection) ([]any, error) {
		list, err := coll.Distinct(ctx, key, query, opts...).Raw()
		if err != nil {
			return nil, err
		}
		return c.codec.decodeValues(list)
	}))
}
