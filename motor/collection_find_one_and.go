package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// FindOneAndDelete deletes the first document that matches filter. The result is that document, or, if none matches,
// the zero D: a nil map, a nil pointer. That is not an error.
//
// Errors: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded, [InvalidBSON] for a document
// that cannot be decoded into D, which is deleted all the same; [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.find_one_and_delete.
func (c *Collection[D]) FindOneAndDelete(ctx context.Context, filter any, opts ...options.Lister[options.FindOneAndDeleteOptions]) *future.Future[D] {
	return findOneAnd[D](ctx, &c.collection, filter, findAndModifyArgs{
		options: func() (options.FindOneAndUpdateOptions, error) { return convertOptions(opts, command.FindOneAndDelete) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) *mongo.SingleResult {
			return coll.FindOneAndDelete(ctx, query, opts...)
		},
	})
}

// FindOneAndReplace replaces the first document that matches filter, except its _id. The result is the document before
// the change, or, with options.FindOneAndReplace().SetReturnDocument(options.After), the one after it. If none
// matches, it is the zero D: a nil map, a nil pointer. That is not an error.
//
// Errors: [TypeError] for a nil filter or replacement, [ValueError] for a replacement with operators,
// [InvalidDocument] for what cannot be encoded, [InvalidBSON] for a document that cannot be decoded into D, which is
// replaced all the same; [DuplicateKeyError], [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.find_one_and_replace.
func (c *Collection[D]) FindOneAndReplace(ctx context.Context, filter, replacement any, opts ...options.Lister[options.FindOneAndReplaceOptions]) *future.Future[D] {
	change, err := c.codec.encodeReplacement(replacement)
	return findOneAnd[D](ctx, &c.collection, filter, findAndModifyArgs{
		change: change, err: err,
		options: func() (options.FindOneAndUpdateOptions, error) {
			return convertOptions(opts, command.FindOneAndReplace)
		},
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) *mongo.SingleResult {
			return coll.FindOneAndReplace(ctx, query, change, opts...)
		},
	})
}

// FindOneAndUpdate changes the first document that matches filter, as update says: bson.M{"$set": ...}, or a pipeline.
// The result is the document before the change, or, with options.FindOneAndUpdate().SetReturnDocument(options.After),
// the one after it. If none matches, it is the zero D: a nil map, a nil pointer. That is not an error.
//
// Errors: [TypeError] for a nil filter or update, [ValueError] for an update without operators, [InvalidDocument] for
// what cannot be encoded, [InvalidBSON] for a document that cannot be decoded into D, which is changed all the same;
// [DuplicateKeyError], [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.find_one_and_update.
func (c *Collection[D]) FindOneAndUpdate(ctx context.Context, filter, update any, opts ...options.Lister[options.FindOneAndUpdateOptions]) *future.Future[D] {
	change, err := c.codec.encodeUpdate(update)
	return findOneAnd[D](ctx, &c.collection, filter, findAndModifyArgs{
		change: change, err: err,
		options: func() (options.FindOneAndUpdateOptions, error) { return mergeOptions(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) *mongo.SingleResult {
			return coll.FindOneAndUpdate(ctx, query, change, opts...)
		},
	})
}

// findAndModifyArgs is a write of one document that the server returns.
type findAndModifyArgs struct {
	change  any                                             // nil: delete the document
	err     error                                           // change is invalid
	options func() (options.FindOneAndUpdateOptions, error) // for findOneAndByCommand
	driver  func(context.Context, *mongo.Collection, bson.Raw) *mongo.SingleResult
}

// findOneAnd starts such a write.
func findOneAnd[D any](ctx context.Context, c *collection, filter any, a findAndModifyArgs) *future.Future[D] {
	now := c.now()
	fetch, err := c.findOneAnd(ctx, now, filter, a)
	return submit(ctx, c.db.client, documentOp[D](c, now, err, fetch))
}

func (c *collection) findOneAnd(ctx context.Context, now moment, filter any, a findAndModifyArgs) (fetchFunc, error) {
	query, err := c.codec.encode("filter", filter)
	if err := firstError(err, a.err, now.refuseSession(ctx)); err != nil {
		return nil, err
	}
	if now.byCommand(ctx) {
		return c.findOneAndByCommand(now, query, a)
	}
	return func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		return a.driver(ctx, coll, query).Raw()
	}, nil
}

// findOneAndByCommand takes the options of all three methods as those of FindOneAndUpdate, which has all of them.
func (c *collection) findOneAndByCommand(now moment, query bson.Raw, a findAndModifyArgs) (fetchFunc, error) {
	o, err := a.options()
	f := arguments{command.FindAndModify(c.codec.Codec, c.name, query, a.change, o)}
	f.Check(err)
	f.Add("writeConcern", now.write.wire)
	cmd := f.Raw()
	return func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		reply, err := coll.Database().RunCommand(ctx, cmd).Raw()
		return valueOf(reply), err
	}, f.err()
}

// valueOf returns the document in the reply to findAndModify, or nil.
func valueOf(reply bson.Raw) bson.Raw {
	doc, _ := reply.Lookup("value").DocumentOK()
	return doc
}
