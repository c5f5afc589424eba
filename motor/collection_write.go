package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// writeFunc is a write that is ready to be sent.
type writeFunc[T any] func(context.Context, *mongo.Collection) (T, error)

// writeOp returns the operation that does a write with the settings now. err is the reason why it cannot be sent.
func writeOp[T any](ctx context.Context, c *collection, now moment, err error, write writeFunc[T]) op[T] {
	if err == nil {
		err = now.refuseSession(ctx)
	}
	return collectionOp(c, now, err, write)
}

// InsertOne inserts a document. One without an _id is given a bson.ObjectID, which the result tells.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for nil and for what is no document,
// [InvalidDocument] for what cannot be encoded, [DocumentTooLarge]: nothing is sent then.
//
// Motor: MotorCollection.insert_one.
func (c *collection) InsertOne(ctx context.Context, document any, opts ...options.Lister[options.InsertOneOptions]) *future.Future[*InsertOneResult] {
	e, now := c.arguments(), c.now()
	raw := e.Document("document", document)
	if c.batching != nil && e.err() == nil && len(opts) == 0 && now.batchable(ctx) {
		return c.insertBatched(ctx, now, raw)
	}
	op, err := c.insertOne(ctx, now, e, raw, opts)
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
}

func (c *collection) insertOne(
	ctx context.Context, now moment, e *arguments, raw bson.Raw, opts []options.Lister[options.InsertOneOptions],
) (writeFunc[*InsertOneResult], error) {
	if e.err() != nil {
		return nil, e.err()
	}
	if now.byCommand(ctx) {
		return c.insertOneByCommand(now, raw, opts)
	}
	return func(ctx context.Context, coll *mongo.Collection) (*InsertOneResult, error) {
		r, err := coll.InsertOne(ctx, raw, opts...)
		if r == nil {
			return nil, err
		}
		return &InsertOneResult{InsertedID: r.InsertedID, Acknowledged: r.Acknowledged}, err
	}, nil
}

// InsertMany inserts documents: a slice of anything that InsertOne takes. It stops at the first that fails, unless
// options.InsertMany().SetOrdered(false) says otherwise.
//
// Errors: [BulkWriteError]: errors.As finds its [Error], whose Details tell which writes failed and whose
// PartialResult has the result of the others. A future also holds it beside the error. [TypeError] for what is no
// slice, for an empty one, and for elements that are no documents; [InvalidDocument] for what cannot be encoded, and
// [DocumentTooLarge]: nothing is sent then, of none of the documents.
//
// Motor: MotorCollection.insert_many.
func (c *collection) InsertMany(ctx context.Context, documents any, opts ...options.Lister[options.InsertManyOptions]) *future.Future[*InsertManyResult] {
	e, now := c.arguments(), c.now()
	op, err := c.insertMany(ctx, now, e, e.Documents(documents), opts)
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
}

func (c *collection) insertMany(
	ctx context.Context, now moment, e *arguments, raws []bson.Raw, opts []options.Lister[options.InsertManyOptions],
) (writeFunc[*InsertManyResult], error) {
	if e.err() != nil {
		return nil, e.err()
	}
	if now.byCommand(ctx) {
		return c.insertManyByCommand(now, raws, opts)
	}
	return func(ctx context.Context, coll *mongo.Collection) (*InsertManyResult, error) {
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
	}, nil
}

// UpdateOne changes the first document that matches filter, as update says: bson.M{"$set": ...}, or a pipeline.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for a nil filter or update,
// [ValueError] for an update without operators, [InvalidDocument] for what cannot be encoded, [DocumentTooLarge].
//
// Motor: MotorCollection.update_one.
func (c *collection) UpdateOne(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateOneOptions]) *future.Future[*UpdateResult] {
	e, now := c.arguments(), c.now()
	op, err := c.modify(ctx, now, e, filter, updateOne(e.Update(update), opts))
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
}

func updateOne(change any, opts []options.Lister[options.UpdateOneOptions]) modification {
	return modification{
		change:  change,
		options: func() (options.UpdateOneOptions, error) { return mergeOptions(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.UpdateResult, error) {
			return coll.UpdateOne(ctx, query, change, opts...)
		},
	}
}

// UpdateMany changes all documents that match filter; otherwise it is as UpdateOne.
//
// Motor: MotorCollection.update_many.
func (c *collection) UpdateMany(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateManyOptions]) *future.Future[*UpdateResult] {
	e, now := c.arguments(), c.now()
	op, err := c.modify(ctx, now, e, filter, updateMany(e.Update(update), opts))
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
}

func updateMany(change any, opts []options.Lister[options.UpdateManyOptions]) modification {
	return modification{
		change:  change,
		many:    true,
		options: func() (options.UpdateOneOptions, error) { return convertOptions(opts, command.UpdateMany) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.UpdateResult, error) {
			return coll.UpdateMany(ctx, query, change, opts...)
		},
	}
}

// ReplaceOne puts replacement in the place of the first document that matches filter, whose _id stays.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for a nil filter or replacement,
// [ValueError] for a replacement with operators, [InvalidDocument] for what cannot be encoded, [DocumentTooLarge].
//
// Motor: MotorCollection.replace_one.
func (c *collection) ReplaceOne(ctx context.Context, filter, replacement any, opts ...options.Lister[options.ReplaceOptions]) *future.Future[*UpdateResult] {
	e, now := c.arguments(), c.now()
	op, err := c.modify(ctx, now, e, filter, replaceOne(e.Replacement(replacement), opts))
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
}

func replaceOne(replacement bson.Raw, opts []options.Lister[options.ReplaceOptions]) modification {
	return modification{
		change:  replacement,
		options: func() (options.UpdateOneOptions, error) { return convertOptions(opts, command.Replace) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.UpdateResult, error) {
			return coll.ReplaceOne(ctx, query, replacement, opts...)
		},
	}
}

// modification is an update or a replacement.
type modification struct {
	change  any
	many    bool
	options func() (options.UpdateOneOptions, error) // for updateByCommand
	driver  func(context.Context, *mongo.Collection, bson.Raw) (*mongo.UpdateResult, error)
}

func (c *collection) modify(ctx context.Context, now moment, e *arguments, filter any, m modification) (writeFunc[*UpdateResult], error) {
	query := e.Document("filter", filter)
	if e.err() != nil {
		return nil, e.err()
	}
	if now.byCommand(ctx) {
		return c.updateByCommand(now, query, m)
	}
	return func(ctx context.Context, coll *mongo.Collection) (*UpdateResult, error) {
		r, err := m.driver(ctx, coll, query)
		return newUpdateResult(r), err
	}, nil
}

// DeleteOne deletes the first document that matches filter.
//
// Errors: [WriteError], [WriteConcernError]; [TypeError] for a nil filter, [InvalidDocument] for one that cannot be
// encoded, [DocumentTooLarge].
//
// Motor: MotorCollection.delete_one.
func (c *collection) DeleteOne(ctx context.Context, filter any, opts ...options.Lister[options.DeleteOneOptions]) *future.Future[*DeleteResult] {
	now := c.now()
	op, err := c.remove(ctx, now, c.arguments(), filter, deleteOne(opts))
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
}

func deleteOne(opts []options.Lister[options.DeleteOneOptions]) removal {
	return removal{
		options: func() (options.DeleteOneOptions, error) { return mergeOptions(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.DeleteResult, error) {
			return coll.DeleteOne(ctx, query, opts...)
		},
	}
}

// DeleteMany deletes all documents that match filter; otherwise it is as DeleteOne.
//
// Motor: MotorCollection.delete_many.
func (c *collection) DeleteMany(ctx context.Context, filter any, opts ...options.Lister[options.DeleteManyOptions]) *future.Future[*DeleteResult] {
	now := c.now()
	op, err := c.remove(ctx, now, c.arguments(), filter, deleteMany(opts))
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
}

func deleteMany(opts []options.Lister[options.DeleteManyOptions]) removal {
	return removal{
		many:    true,
		options: func() (options.DeleteOneOptions, error) { return convertOptions(opts, command.DeleteMany) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.DeleteResult, error) {
			return coll.DeleteMany(ctx, query, opts...)
		},
	}
}

// removal is a deletion.
type removal struct {
	many    bool
	options func() (options.DeleteOneOptions, error) // for deleteByCommand
	driver  func(context.Context, *mongo.Collection, bson.Raw) (*mongo.DeleteResult, error)
}

func (c *collection) remove(ctx context.Context, now moment, e *arguments, filter any, r removal) (writeFunc[*DeleteResult], error) {
	query := e.Document("filter", filter)
	if e.err() != nil {
		return nil, e.err()
	}
	if now.byCommand(ctx) {
		return c.deleteByCommand(now, query, r)
	}
	return func(ctx context.Context, coll *mongo.Collection) (*DeleteResult, error) {
		r, err := r.driver(ctx, coll, query)
		if r == nil {
			return nil, err
		}
		return &DeleteResult{Acknowledged: r.Acknowledged, deleted: r.DeletedCount}, err
	}, nil
}
