package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// InsertOne inserts a document. One without an _id is given a bson.ObjectID, which the result tells.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for nil and for what is no document,
// [InvalidDocument] for what cannot be encoded: nothing is sent then.
//
// Motor: MotorCollection.insert_one.
func (c *Collection[D]) InsertOne(ctx context.Context, document any, opts ...options.Lister[options.InsertOneOptions]) *future.Future[*InsertOneResult] {
	e := c.encoding()
	raw := e.document("document", document)
	if e.err != nil {
		return failed[*InsertOneResult](c.db.client, e.err)
	}
	return insertOne(ctx, c, c.now(), raw, opts)
}

// insertOne starts an insert of an encoded document with the concerns of a moment.
func insertOne[D any](
	ctx context.Context, c *Collection[D], now moment, raw bson.Raw, opts []options.Lister[options.InsertOneOptions],
) *future.Future[*InsertOneResult] {
	if now.byCommand(ctx) {
		return insertOneByCommand(ctx, c, now, raw, opts)
	}
	return inCollectionAt(ctx, c, now, func(ctx context.Context, coll *mongo.Collection) (*InsertOneResult, error) {
		r, err := coll.InsertOne(ctx, raw, opts...)
		if r == nil {
			return nil, err
		}
		return &InsertOneResult{InsertedID: r.InsertedID, Acknowledged: r.Acknowledged}, err
	})
}

// InsertMany inserts documents: a slice of anything that InsertOne takes. It stops at the first that fails, unless
// options.InsertMany().SetOrdered(false) says otherwise.
//
// Errors: [BulkWriteError], with the result beside it: both of the future's values are to be read. [TypeError] for
// what is no slice, for an empty one, and for elements that are no documents; [InvalidDocument] for what cannot be
// encoded: nothing is sent then.
//
// Motor: MotorCollection.insert_many.
func (c *Collection[D]) InsertMany(ctx context.Context, documents any, opts ...options.Lister[options.InsertManyOptions]) *future.Future[*InsertManyResult] {
	e := c.encoding()
	raws := e.documents(documents)
	if e.err != nil {
		return failed[*InsertManyResult](c.db.client, e.err)
	}
	return insertMany(ctx, c, c.now(), raws, opts)
}

// insertMany starts an insert of encoded documents with the concerns of a moment.
func insertMany[D any](
	ctx context.Context, c *Collection[D], now moment, raws []bson.Raw, opts []options.Lister[options.InsertManyOptions],
) *future.Future[*InsertManyResult] {
	if now.byCommand(ctx) {
		return insertManyByCommand(ctx, c, now, raws, opts)
	}
	return inCollectionAt(ctx, c, now, func(ctx context.Context, coll *mongo.Collection) (*InsertManyResult, error) {
		r, err := coll.InsertMany(ctx, raws, opts...)
		if r == nil {
			return nil, err
		}
		result := &InsertManyResult{InsertedIDs: r.InsertedIDs, Acknowledged: r.Acknowledged}
		if err == nil {
			return result, nil
		}
		done := newInsertOutcome(raws)
		done.result.inserted = int64(len(result.InsertedIDs))
		done.take(err)
		return result, done.failed(err, result)
	})
}

// UpdateOne changes the first document that matches filter, as update says: bson.M{"$set": ...}, or a pipeline.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for a nil filter or update,
// [ValueError] for an update without operators, [InvalidDocument] for what cannot be encoded.
//
// Motor: MotorCollection.update_one.
func (c *Collection[D]) UpdateOne(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateOneOptions]) *future.Future[*UpdateResult] {
	e := c.encoding()
	change := e.update(update)
	return modify(ctx, c, c.now(), filter, modification{
		change: change, encoding: e,
		options: func() (options.UpdateOneOptions, error) { return applied(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.UpdateResult, error) {
			return coll.UpdateOne(ctx, query, change, opts...)
		},
	})
}

// UpdateMany changes all documents that match filter; otherwise it is as UpdateOne.
//
// Motor: MotorCollection.update_many.
func (c *Collection[D]) UpdateMany(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateManyOptions]) *future.Future[*UpdateResult] {
	e := c.encoding()
	change := e.update(update)
	return modify(ctx, c, c.now(), filter, modification{
		change: change, encoding: e, many: true,
		options: func() (options.UpdateOneOptions, error) { return updateManyOptions(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.UpdateResult, error) {
			return coll.UpdateMany(ctx, query, change, opts...)
		},
	})
}

// ReplaceOne puts replacement in the place of the first document that matches filter, whose _id stays.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for a nil filter or replacement,
// [ValueError] for a replacement with operators, [InvalidDocument] for what cannot be encoded.
//
// Motor: MotorCollection.replace_one.
func (c *Collection[D]) ReplaceOne(ctx context.Context, filter, replacement any, opts ...options.Lister[options.ReplaceOptions]) *future.Future[*UpdateResult] {
	e := c.encoding()
	change := e.replacement(replacement)
	return modify(ctx, c, c.now(), filter, modification{
		change: change, encoding: e,
		options: func() (options.UpdateOneOptions, error) { return replaceOptions(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.UpdateResult, error) {
			return coll.ReplaceOne(ctx, query, change, opts...)
		},
	})
}

// modification is an update or a replacement.
type modification struct {
	change   any
	encoding *encoding // of change
	many     bool
	options  func() (options.UpdateOneOptions, error) // for updateByCommand
	driver   func(context.Context, *mongo.Collection, bson.Raw) (*mongo.UpdateResult, error)
}

// modify starts an update or a replacement with the concerns of a moment.
func modify[D any](ctx context.Context, c *Collection[D], now moment, filter any, m modification) *future.Future[*UpdateResult] {
	query := m.encoding.document("filter", filter)
	if m.encoding.err != nil {
		return failed[*UpdateResult](c.db.client, m.encoding.err)
	}
	if now.byCommand(ctx) {
		o, err := m.options()
		if err != nil {
			return failed[*UpdateResult](c.db.client, err)
		}
		return updateByCommand(ctx, c, now, query, m.change, m.many, o)
	}
	return inCollectionAt(ctx, c, now, func(ctx context.Context, coll *mongo.Collection) (*UpdateResult, error) {
		r, err := m.driver(ctx, coll, query)
		return newUpdateResult(r), err
	})
}

// DeleteOne deletes the first document that matches filter.
//
// Errors: [WriteError], [WriteConcernError]; [TypeError] for a nil filter, [InvalidDocument] for one that cannot be
// encoded.
//
// Motor: MotorCollection.delete_one.
func (c *Collection[D]) DeleteOne(ctx context.Context, filter any, opts ...options.Lister[options.DeleteOneOptions]) *future.Future[*DeleteResult] {
	return remove(ctx, c, c.now(), filter, removal{
		options: func() (options.DeleteOneOptions, error) { return applied(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.DeleteResult, error) {
			return coll.DeleteOne(ctx, query, opts...)
		},
	})
}

// DeleteMany deletes all documents that match filter; otherwise it is as DeleteOne.
//
// Motor: MotorCollection.delete_many.
func (c *Collection[D]) DeleteMany(ctx context.Context, filter any, opts ...options.Lister[options.DeleteManyOptions]) *future.Future[*DeleteResult] {
	return remove(ctx, c, c.now(), filter, removal{
		many:    true,
		options: func() (options.DeleteOneOptions, error) { return deleteManyOptions(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.DeleteResult, error) {
			return coll.DeleteMany(ctx, query, opts...)
		},
	})
}

// removal is a deletion.
type removal struct {
	many    bool
	options func() (options.DeleteOneOptions, error) // for deleteByCommand
	driver  func(context.Context, *mongo.Collection, bson.Raw) (*mongo.DeleteResult, error)
}

// remove starts a deletion with the concerns of a moment.
func remove[D any](ctx context.Context, c *Collection[D], now moment, filter any, r removal) *future.Future[*DeleteResult] {
	e := c.encoding()
	query := e.document("filter", filter)
	if e.err != nil {
		return failed[*DeleteResult](c.db.client, e.err)
	}
	if now.byCommand(ctx) {
		o, err := r.options()
		if err != nil {
			return failed[*DeleteResult](c.db.client, err)
		}
		return deleteByCommand(ctx, c, now, query, r.many, o)
	}
	return inCollectionAt(ctx, c, now, func(ctx context.Context, coll *mongo.Collection) (*DeleteResult, error) {
		r, err := r.driver(ctx, coll, query)
		if r == nil {
			return nil, err
		}
		return &DeleteResult{Acknowledged: r.Acknowledged, deleted: r.DeletedCount}, err
	})
}
