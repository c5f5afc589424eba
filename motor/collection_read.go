package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// FindOne resolves to the first document that matches filter, or, if there is none, to the zero D: a nil map, a
// nil pointer. That is no error.
//
// Errors: [TypeError] for a nil filter (all documents match bson.D{}), [InvalidDocument] for one that cannot be
// encoded, [InvalidBSON] for a document that cannot be decoded into D, [OperationFailure].
//
// Motor: MotorCollection.find_one.
func (c *Collection[D]) FindOne(ctx context.Context, filter any, opts ...options.Lister[options.FindOneOptions]) *future.Future[D] {
	query, err := c.codec.encode("filter", filter)
	if err != nil {
		return failed[D](c.db.client, err)
	}
	return inCollection(ctx, c, func(ctx context.Context, coll *mongo.Collection) (D, error) {
		raw, err := coll.FindOne(ctx, query, opts...).Raw()
		if err != nil {
			var none D
			if errors.Is(err, mongo.ErrNoDocuments) {
				err = nil
			}
			return none, err
		}
		return c.document(raw)
	})
}

// Find returns a cursor over the documents that match filter. It does no I/O: the query is sent when the cursor is
// first read, and until then the cursor can be given an order, a limit, and so on. A filter that is wrong shows
// then.
//
// Errors of reading: [TypeError] for a nil filter (all documents match bson.D{}), [InvalidDocument] for one that
// cannot be encoded, [OperationFailure].
//
// Motor: MotorCollection.find.
func (c *Collection[D]) Find(filter any, opts ...options.Lister[options.FindOptions]) *Cursor[D] {
	return newCursor(c, filter, opts)
}

// CountDocuments resolves to the number of documents that match filter.
//
// Motor: MotorCollection.count_documents.
func (c *Collection[D]) CountDocuments(ctx context.Context, filter any, opts ...options.Lister[options.CountOptions]) *future.Future[int64] {
	query, err := c.codec.encode("filter", filter)
	if err != nil {
		return failed[int64](c.db.client, err)
	}
	return inCollection(ctx, c, func(ctx context.Context, coll *mongo.Collection) (int64, error) {
		return coll.CountDocuments(ctx, query, opts...)
	})
}
