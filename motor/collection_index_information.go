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
// collection that is not there has no indexes.
//
// Errors of reading: [OperationFailure].
//
// Motor: MotorCollection.list_indexes.
func (c *Collection[D]) ListIndexes(opts ...options.Lister[options.ListIndexesOptions]) *CommandCursor[bson.M] {
	_, err := applied(opts)
	send := func(ctx context.Context, client *mongo.Client, size *int32) (*mongo.Cursor, error) {
		all := opts
		if size != nil {
			all = append(all[:len(all):len(all)], options.ListIndexes().SetBatchSize(*size))
		}
		return c.in(client).Indexes().List(ctx, all...)
	}
	described := asMaps(c)
	described.decode = (*codec).decodeIndex
	return newCommandCursor(described, err, send)
}

// IndexInformation resolves to descriptions of the collection's indexes by their names: their options, and their keys,
// in their order, as a bson.D under "key". A collection that is not there has no indexes.
//
// Errors: [OperationFailure].
//
// Motor: MotorCollection.index_information.
func (c *Collection[D]) IndexInformation(ctx context.Context) *future.Future[map[string]bson.M] {
	return inCollection(ctx, c, func(ctx context.Context, coll *mongo.Collection) (map[string]bson.M, error) {
		cursor, err := coll.Indexes().List(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = cursor.Close(ctx) }()
		information := make(map[string]bson.M)
		for cursor.Next(ctx) {
			index, err := c.codec.decodeIndex(cursor.Current)
			if err != nil {
				return nil, err
			}
			name, _ := index["name"].(string)
			delete(index, "name")
			delete(index, "ns") // servers before MongoDB 4.4 repeat the collection's name
			information[name] = index
		}
		return information, cursor.Err()
	})
}

// decodeIndex returns the description of an index. Its keys have an order, which a bson.M would lose.
func (c *codec) decodeIndex(raw bson.Raw) (bson.M, error) {
	index, err := decode[bson.M](c, raw)
	if keys, ok := raw.Lookup("key").DocumentOK(); ok && err == nil {
		index["key"], err = decode[bson.D](c, keys)
	}
	return index, err
}

// asMaps returns a handle for the same collection with documents as bson.M.
func asMaps[D any](c *Collection[D]) *Collection[bson.M] {
	m := &Collection[bson.M]{db: c.db, name: c.name, opts: c.opts, codec: c.codec, err: c.err}
	_ = m.take(&c.concerns, nil, nil)
	return m
}
