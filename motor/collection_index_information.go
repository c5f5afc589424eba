package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// ListIndexes returns a cursor over descriptions of the collection's indexes: their names and options, and their keys,
// in their order, as a bson.D under "key". It does no I/O: the command is sent when the cursor is first read. A
// collection that does not exist has no indexes.
//
// Errors of reading: [OperationFailure].
//
// Motor: MotorCollection.list_indexes.
func (c *collection) ListIndexes(opts ...options.Lister[options.ListIndexesOptions]) *CommandCursor[bson.M] {
	_, err := mergeOptions(opts)
	send := func(ctx context.Context, client *mongo.Client, size *int32) (*mongo.Cursor, error) {
		all := opts
		if size != nil {
			all = append(all[:len(all):len(all)], options.ListIndexes().SetBatchSize(*size))
		}
		return c.in(client).Indexes().List(ctx, all...)
	}
	described := withDocuments[bson.M](c)
	described.codec.Hook = decodeIndexKeys(c.codec.Codec)
	return newCommandCursor(described, err, send)
}

// IndexInformation returns descriptions of the collection's indexes by their names: their options, and their keys, in
// their order, as a bson.D under "key". A collection that does not exist has no indexes.
//
// Errors: [OperationFailure].
//
// Motor: MotorCollection.index_information.
func (c *collection) IndexInformation(ctx context.Context) *future.Future[map[string]bson.M] {
	return submit(ctx, c.db.client, collectionOp(c, c.now(), nil, func(ctx context.Context, coll *mongo.Collection) (map[string]bson.M, error) {
		cursor, err := coll.Indexes().List(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = cursor.Close(ctx) }()
		described := c.codec
		described.Hook = decodeIndexKeys(c.codec.Codec)
		information := make(map[string]bson.M)
		for cursor.Next(ctx) {
			index, err := decode[bson.M](&described, cursor.Current)
			if err != nil {
				return nil, err
			}
			name, _ := index["name"].(string)
			delete(index, "name")
			delete(index, "ns") // servers before MongoDB 4.4 repeat the collection's name
			information[name] = index
		}
		return information, cursor.Err()
	}))
}
