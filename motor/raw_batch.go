package motor

import (
	"context"
	"encoding/binary"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// RawBatch holds the documents of one batch of a cursor as the server sent them: BSON, one after the other.
//
// Motor: what MotorRawBatchCursor gives.
type RawBatch []byte

// Documents returns the documents of the batch. They share its memory.
//
// Errors: [InvalidBSON].
func (b RawBatch) Documents() ([]bson.Raw, error) {
	var docs []bson.Raw
	for rest := []byte(b); len(rest) > 0; {
		doc, tail, err := cutDocument(rest)
		if err != nil {
			return docs, err
		}
		docs, rest = append(docs, doc), tail
	}
	return docs, nil
}

// cutDocument splits b after its first document.
func cutDocument(b []byte) (doc bson.Raw, rest []byte, err error) {
	n := 0
	if len(b) >= 4 {
		n = int(binary.LittleEndian.Uint32(b))
	}
	if n < 5 || n > len(b) {
		return nil, nil, newError(InvalidBSON, "invalid document length %d: the batch has %d bytes left", n, len(b))
	}
	doc = bson.Raw(b[:n:n])
	if err := doc.Validate(); err != nil {
		return nil, nil, &Error{class: InvalidBSON, cause: err}
	}
	return doc, b[n:], nil
}

// FindRawBatches is [Collection.Find] with a cursor over whole batches as the server sends them, for decoding
// elsewhere. It cannot read the documents of an encrypted collection.
//
// Motor: MotorCollection.find_raw_batches.
func (c *collection) FindRawBatches(filter any, opts ...options.Lister[options.FindOptions]) *RawBatchCursor {
	r := new(RawBatchCursor)
	r.init(withDocuments[bson.M](c), (*docs[RawBatch])(nil), filter, opts)
	return r
}

// AggregateRawBatches returns a cursor over the batches that a pipeline over the collection returns. It does no I/O:
// the first read sends the pipeline, and an invalid pipeline fails then.
//
// Errors of reading: [TypeError] for a pipeline that is not a slice of documents, [InvalidDocument] for a stage that
// cannot be encoded, [ConfigurationError] for $out and $merge if the write concern has wtimeout or fsync,
// [OperationFailure].
//
// Motor: MotorCollection.aggregate_raw_batches.
func (c *collection) AggregateRawBatches(
	pipeline any, opts ...options.Lister[options.AggregateOptions],
) *RawBatchCommandCursor {
	r, coll := new(RawBatchCommandCursor), withDocuments[bson.M](c)
	r.aggregate(coll, (*docs[RawBatch])(nil), &coll.concerns, &coll.codec, aggregatorOf(&coll.collection), pipeline, opts)
	return r
}

// RawBatchCursor is a [Cursor] whose elements are whole batches, not decoded documents. It is read like any other
// cursor. It is not an instance of Cursor, because every program would have to compile that.
//
// Motor: MotorRawBatchCursor.
type RawBatchCursor struct{ cursor }

// Next is [Cursor.Next].
//
// Motor: MotorRawBatchCursor.next.
func (c *RawBatchCursor) Next(ctx context.Context) *future.Future[RawBatch] {
	return next[RawBatch](ctx, &c.cursorReader)
}

// NextObject is [Cursor.NextObject].
//
// Motor: MotorRawBatchCursor.next_object.
func (c *RawBatchCursor) NextObject() RawBatch {
	batch, _ := pop[RawBatch](&c.cursorReader)
	return batch
}

// TryNext is [Cursor.TryNext].
func (c *RawBatchCursor) TryNext(ctx context.Context) *future.Future[RawBatch] {
	return readOne[RawBatch](ctx, &c.cursorReader, readSpec{once: true})
}

// ToList is [Cursor.ToList].
//
// Motor: MotorRawBatchCursor.to_list.
func (c *RawBatchCursor) ToList(ctx context.Context, length ...int) *future.Future[[]RawBatch] {
	return toList[RawBatch](ctx, &c.cursorReader, length)
}

// Each is [Cursor.Each].
//
// Motor: MotorRawBatchCursor.each.
func (c *RawBatchCursor) Each(ctx context.Context, fn func(batch RawBatch, err error) bool) {
	each(ctx, &c.cursorReader, nil, fn)
}

// EachVia is [Cursor.EachVia].
func (c *RawBatchCursor) EachVia(ctx context.Context, via future.Executor, fn func(batch RawBatch, err error) bool) {
	each(ctx, &c.cursorReader, via, fn)
}

// Tail is [Cursor.Tail].
func (c *RawBatchCursor) Tail(ctx context.Context, fn func(batch RawBatch, err error) bool) {
	tail(ctx, &c.cursor, nil, fn)
}

// TailVia is [Cursor.TailVia].
func (c *RawBatchCursor) TailVia(ctx context.Context, via future.Executor, fn func(batch RawBatch, err error) bool) {
	tail(ctx, &c.cursor, via, fn)
}

// All is [Cursor.All].
//
// Motor: async for.
func (c *RawBatchCursor) All(ctx context.Context) iter.Seq2[RawBatch, error] {
	return iterate[RawBatch](ctx, &c.cursorReader)
}

// Collection returns the collection that the cursor was made from.
//
// Motor: MotorRawBatchCursor.collection.
func (c *RawBatchCursor) Collection() *Collection[bson.M] { return c.handle }

// Clone is [Cursor.Clone].
//
// Motor: MotorRawBatchCursor.clone.
func (c *RawBatchCursor) Clone() *RawBatchCursor {
	clone := new(RawBatchCursor)
	clone.initClone(&c.cursor)
	return clone
}

// Rewind is [Cursor.Rewind].
//
// Motor: MotorRawBatchCursor.rewind.
func (c *RawBatchCursor) Rewind() *RawBatchCursor {
	c.rewind()
	return c
}

// Projection is [Cursor.Projection].
//
// Motor: the parameter projection of find_raw_batches.
func (c *RawBatchCursor) Projection(fields any) *RawBatchCursor {
	setProjection(&c.cursor, fields)
	return c
}

// Sort is [Cursor.Sort].
//
// Motor: MotorRawBatchCursor.sort.
func (c *RawBatchCursor) Sort(keys any, direction ...any) *RawBatchCursor {
	setSort(&c.cursor, keys, direction)
	return c
}

// Skip is [Cursor.Skip].
//
// Motor: MotorRawBatchCursor.skip.
func (c *RawBatchCursor) Skip(n int64) *RawBatchCursor {
	setSkip(&c.cursor, n)
	return c
}

// Limit is [Cursor.Limit].
//
// Motor: MotorRawBatchCursor.limit.
func (c *RawBatchCursor) Limit(n int64) *RawBatchCursor {
	setLimit(&c.cursor, n)
	return c
}

// ReadAhead is [Cursor.ReadAhead].
func (c *RawBatchCursor) ReadAhead(batches int) *RawBatchCursor {
	c.setReadAhead(batches)
	return c
}

// BatchSize is [Cursor.BatchSize].
//
// Motor: MotorRawBatchCursor.batch_size.
func (c *RawBatchCursor) BatchSize(n int32) *RawBatchCursor {
	c.setBatchSize(n)
	return c
}

// Hint is [Cursor.Hint].
//
// Motor: MotorRawBatchCursor.hint.
func (c *RawBatchCursor) Hint(index any) *RawBatchCursor {
	setHint(&c.cursor, index)
	return c
}

// Where is [Cursor.Where].
//
// Motor: MotorRawBatchCursor.where.
func (c *RawBatchCursor) Where(code any) *RawBatchCursor {
	setWhere(&c.cursor, code)
	return c
}

// Min is [Cursor.Min].
//
// Motor: MotorRawBatchCursor.min.
func (c *RawBatchCursor) Min(keys any) *RawBatchCursor {
	setMin(&c.cursor, keys)
	return c
}

// Max is [Cursor.Max].
//
// Motor: MotorRawBatchCursor.max.
func (c *RawBatchCursor) Max(keys any) *RawBatchCursor {
	setMax(&c.cursor, keys)
	return c
}

// Comment is [Cursor.Comment].
//
// Motor: MotorRawBatchCursor.comment.
func (c *RawBatchCursor) Comment(comment any) *RawBatchCursor {
	c.setComment(comment)
	return c
}

// Collation is [Cursor.Collation].
//
// Motor: MotorRawBatchCursor.collation.
func (c *RawBatchCursor) Collation(collation *options.Collation) *RawBatchCursor {
	setCollation(&c.cursor, collation)
	return c
}

// AllowDiskUse is [Cursor.AllowDiskUse].
//
// Motor: MotorRawBatchCursor.allow_disk_use.
func (c *RawBatchCursor) AllowDiskUse(allow bool) *RawBatchCursor {
	setAllowDiskUse(&c.cursor, allow)
	return c
}

// MaxTimeMS is [Cursor.MaxTimeMS].
//
// Motor: MotorRawBatchCursor.max_time_ms.
func (c *RawBatchCursor) MaxTimeMS(ms int64) *RawBatchCursor {
	setMaxTimeMS(&c.cursor, ms)
	return c
}

// MaxAwaitTimeMS is [Cursor.MaxAwaitTimeMS].
//
// Motor: MotorRawBatchCursor.max_await_time_ms.
func (c *RawBatchCursor) MaxAwaitTimeMS(ms int64) *RawBatchCursor {
	c.setMaxAwaitTimeMS(ms)
	return c
}

// MaxScan is [Cursor.MaxScan].
//
// Motor: MotorRawBatchCursor.max_scan.
func (c *RawBatchCursor) MaxScan(n int64) *RawBatchCursor {
	setMaxScan(&c.cursor, n)
	return c
}

// AddOption is [Cursor.AddOption].
//
// Motor: MotorRawBatchCursor.add_option.
func (c *RawBatchCursor) AddOption(mask int) *RawBatchCursor {
	addOption(&c.cursor, mask)
	return c
}

// RemoveOption is [Cursor.RemoveOption].
//
// Motor: MotorRawBatchCursor.remove_option.
func (c *RawBatchCursor) RemoveOption(mask int) *RawBatchCursor {
	removeOption(&c.cursor, mask)
	return c
}

// Slice is [Cursor.Slice].
func (c *RawBatchCursor) Slice(from int64, to ...int64) *RawBatchCursor {
	setSlice(&c.cursor, from, to)
	return c
}

// Index is [Cursor.Index].
func (c *RawBatchCursor) Index(i int64) *RawBatchCursor {
	setIndex(&c.cursor, i)
	return c
}

// RawBatchCommandCursor is a [CommandCursor] whose elements are whole batches, not documents. See [RawBatchCursor].
//
// Motor: MotorRawBatchCommandCursor.
type RawBatchCommandCursor struct{ commandCursor }

// Next is [CommandCursor.Next].
//
// Motor: MotorRawBatchCommandCursor.next.
func (c *RawBatchCommandCursor) Next(ctx context.Context) *future.Future[RawBatch] {
	return next[RawBatch](ctx, &c.cursorReader)
}

// NextObject is [CommandCursor.NextObject].
//
// Motor: MotorRawBatchCommandCursor.next_object.
func (c *RawBatchCommandCursor) NextObject() RawBatch {
	batch, _ := pop[RawBatch](&c.cursorReader)
	return batch
}

// TryNext is [CommandCursor.TryNext].
//
// Motor: MotorRawBatchCommandCursor.try_next.
func (c *RawBatchCommandCursor) TryNext(ctx context.Context) *future.Future[RawBatch] {
	return readOne[RawBatch](ctx, &c.cursorReader, readSpec{once: true})
}

// ToList is [CommandCursor.ToList].
//
// Motor: MotorRawBatchCommandCursor.to_list.
func (c *RawBatchCommandCursor) ToList(ctx context.Context, length ...int) *future.Future[[]RawBatch] {
	return toList[RawBatch](ctx, &c.cursorReader, length)
}

// Each is [CommandCursor.Each].
//
// Motor: MotorRawBatchCommandCursor.each.
func (c *RawBatchCommandCursor) Each(ctx context.Context, fn func(batch RawBatch, err error) bool) {
	each(ctx, &c.cursorReader, nil, fn)
}

// EachVia is [CommandCursor.EachVia].
func (c *RawBatchCommandCursor) EachVia(ctx context.Context, via future.Executor, fn func(batch RawBatch, err error) bool) {
	each(ctx, &c.cursorReader, via, fn)
}

// All is [CommandCursor.All].
//
// Motor: async for.
func (c *RawBatchCommandCursor) All(ctx context.Context) iter.Seq2[RawBatch, error] {
	return iterate[RawBatch](ctx, &c.cursorReader)
}

// Collection returns the collection that the cursor was made from.
//
// Motor: MotorRawBatchCommandCursor.collection.
func (c *RawBatchCommandCursor) Collection() *Collection[bson.M] { return c.handle }

// ReadAhead is [CommandCursor.ReadAhead].
func (c *RawBatchCommandCursor) ReadAhead(batches int) *RawBatchCommandCursor {
	c.setReadAhead(batches)
	return c
}

// BatchSize is [CommandCursor.BatchSize].
//
// Motor: MotorRawBatchCommandCursor.batch_size.
func (c *RawBatchCommandCursor) BatchSize(n int32) *RawBatchCommandCursor {
	c.setBatchSize(n)
	return c
}

// MaxAwaitTimeMS is [CommandCursor.MaxAwaitTimeMS].
func (c *RawBatchCommandCursor) MaxAwaitTimeMS(ms int64) *RawBatchCommandCursor {
	c.setMaxAwaitTimeMS(ms)
	return c
}

// Comment is [CommandCursor.Comment].
func (c *RawBatchCommandCursor) Comment(comment any) *RawBatchCommandCursor {
	c.setComment(comment)
	return c
}
