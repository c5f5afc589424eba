package motor

import (
	"encoding/binary"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// RawBatch is the documents of one batch of a cursor as they came from the server: BSON, one after the other.
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

// cutDocument cuts b after its first document.
func cutDocument(b []byte) (doc bson.Raw, rest []byte, err error) {
	n := 0
	if len(b) >= 4 {
		n = int(binary.LittleEndian.Uint32(b))
	}
	if n < 5 || n > len(b) {
		return nil, nil, newError(InvalidBSON, "a document of %d bytes, where there are %d", n, len(b))
	}
	doc = bson.Raw(b[:n:n])
	if err := doc.Validate(); err != nil {
		return nil, nil, &Error{class: InvalidBSON, cause: err}
	}
	return doc, b[n:], nil
}

// RawBatchCursor is a [Cursor] whose elements are not documents but whole batches, which are not decoded. It is read
// and chained in all the ways of a Cursor; ToList(ctx, n) is at most n batches.
//
// Motor: MotorRawBatchCursor.
type RawBatchCursor = Cursor[RawBatch]

// RawBatchCommandCursor is a [CommandCursor] whose elements are not documents but whole batches: see [RawBatchCursor].
//
// Motor: MotorRawBatchCommandCursor.
type RawBatchCommandCursor = CommandCursor[RawBatch]

// FindRawBatches is [Collection.Find] with a cursor over the batches as they come from the server, for who decodes
// them elsewhere, or not at all. The documents of an encrypted collection cannot be read so.
//
// Motor: MotorCollection.find_raw_batches.
func (c *collection) FindRawBatches(filter any, opts ...options.Lister[options.FindOptions]) *RawBatchCursor {
	return newCursor(withDocuments[RawBatch](c), filter, opts)
}

// AggregateRawBatches returns a cursor over the batches that a pipeline makes of the collection. It does no I/O: the
// pipeline is sent when the cursor is first read, and a pipeline that is wrong shows then.
//
// Errors of reading: [TypeError] for what is no slice of documents, [InvalidDocument] for a stage that cannot be
// encoded, [ConfigurationError] for $out and $merge if the write concern has wtimeout or fsync, [OperationFailure].
//
// Motor: MotorCollection.aggregate_raw_batches.
func (c *collection) AggregateRawBatches(
	pipeline any, opts ...options.Lister[options.AggregateOptions],
) *RawBatchCommandCursor {
	return withDocuments[RawBatch](c).Aggregate(pipeline, opts...)
}
