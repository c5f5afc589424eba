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
	raw, err := c.codec.encode("document", document)
	if err != nil {
		return failed[*InsertOneResult](c.db.client, err)
	}
	if now := c.now(); now.byCommand(ctx) {
		return insertOneByCommand(ctx, c, now.write.wire, raw, opts)
	}
	return inCollection(ctx, c, func(ctx context.Context, coll *mongo.Collection) (*InsertOneResult, error) {
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
	raws, err := c.codec.encodeAll(documents)
	if err != nil {
		return failed[*InsertManyResult](c.db.client, err)
	}
	if now := c.now(); now.byCommand(ctx) {
		return insertManyByCommand(ctx, c, now.write.wire, raws, opts)
	}
	return inCollection(ctx, c, func(ctx context.Context, coll *mongo.Collection) (*InsertManyResult, error) {
		r, err := coll.InsertMany(ctx, raws, opts...)
		if r == nil {
			return nil, err
		}
		return &InsertManyResult{InsertedIDs: r.InsertedIDs, Acknowledged: r.Acknowledged}, err
	})
}

// UpdateOne changes the first document that matches filter, as update says: bson.M{"$set": ...}, or a pipeline.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for a nil filter or update,
// [ValueError] for an update without operators, [InvalidDocument] for what cannot be encoded.
//
// Motor: MotorCollection.update_one.
func (c *Collection[D]) UpdateOne(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateOneOptions]) *future.Future[*UpdateResult] {
	change, err := c.codec.encodeUpdate(update)
	return modify(ctx, c, filter, modification{
		change: change, err: err,
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
	change, err := c.codec.encodeUpdate(update)
	return modify(ctx, c, filter, modification{
		change: change, err: err, many: true,
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
	change, err := c.codec.encodeReplacement(replacement)
	return modify(ctx, c, filter, modification{
		change: change, err: err,
		options: func() (options.UpdateOneOptions, error) { return replaceOptions(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.UpdateResult, error) {
			return coll.ReplaceOne(ctx, query, change, opts...)
		},
	})
}

// modification is an update or a replacement.
type modification struct {
	change  any
	err     error // what is wrong with change
	many    bool
	options func() (options.UpdateOneOptions, error) // for updateByCommand
	driver  func(context.Context, *mongo.Collection, bson.Raw) (*mongo.UpdateResult, error)
}

// modify starts an update or a replacement.
func modify[D any](ctx context.Context, c *Collection[D], filter any, m modification) *future.Future[*UpdateResult] {
	query, err := c.codec.encode("filter", filter)
	if err == nil {
		err = m.err
	}
	if err != nil {
		return failed[*UpdateResult](c.db.client, err)
	}
	if now := c.now(); now.byCommand(ctx) {
		o, err := m.options()
		if err != nil {
			return failed[*UpdateResult](c.db.client, err)
		}
		return updateByCommand(ctx, c, now.write.wire, query, m.change, m.many, o)
	}
	return inCollection(ctx, c, func(ctx context.Context, coll *mongo.Collection) (*UpdateResult, error) {
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
	return remove(ctx, c, filter, removal{
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
	return remove(ctx, c, filter, removal{
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

// remove starts a deletion.
func remove[D any](ctx context.Context, c *Collection[D], filter any, r removal) *future.Future[*DeleteResult] {
	query, err := c.codec.encode("filter", filter)
	if err != nil {
		return failed[*DeleteResult](c.db.client, err)
	}
	if now := c.now(); now.byCommand(ctx) {
		o, err := r.options()
		if err != nil {
			return failed[*DeleteResult](c.db.client, err)
		}
		return deleteByCommand(ctx, c, now.write.wire, query, r.many, o)
	}
	return inCollection(ctx, c, func(ctx context.Context, coll *mongo.Collection) (*DeleteResult, error) {
		r, err := r.driver(ctx, coll, query)
		if r == nil {
			return nil, err
		}
		return &DeleteResult{Acknowledged: r.Acknowledged, deleted: r.DeletedCount}, err
	})
}
