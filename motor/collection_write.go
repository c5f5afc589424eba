package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/command"
)

// writeFunc sends a write.
type writeFunc[T any] func(context.Context, *mongo.Collection) (T, error)

// writeOp returns the operation that sends a write with the settings now. If err is not nil, the operation fails with
// it and sends nothing.
func writeOp[T any](ctx context.Context, c *collection, now settings, err error, write writeFunc[T]) op[T] {
	if err == nil {
		err = now.refuseSession(ctx)
	}
	return op[T]{on: c, err: firstError(err, c.err), within: write, target: target{c, now, true}}
}

// InsertOne inserts a document. A document without an _id gets a bson.ObjectID. The result has the _id.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]. Nothing is sent after these: [TypeError] for nil and
// for a value that is not a document, [InvalidDocument] for a document that cannot be encoded, [DocumentTooLarge].
//
// Motor: MotorCollection.insert_one.
func (c *collection) InsertOne(ctx context.Context, document any, opts ...options.Lister[options.InsertOneOptions]) *future.Future[*InsertOneResult] {
	e, now := c.arguments(), c.snapshot()
	raw := e.Document("document", document)
	if c.batching != nil && e.err() == nil && len(opts) == 0 && now.batchable(ctx) {
		return insertBatched(ctx, c, now, raw)
	}
	op, err := c.insertOne(ctx, now, e, raw, opts)
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
}

func (c *collection) insertOne(
	ctx context.Context, now settings, e *arguments, raw bson.Raw, opts []options.Lister[options.InsertOneOptions],
) (writeFunc[*InsertOneResult], error) {
	if opts = encoded(e, opts); e.err() != nil {
		return nil, e.err()
	}
	if now.byCommand(ctx) {
		return insertOneByCommand(c, now, raw, opts)
	}
	id, err := idOf(c, raw)
	return func(ctx context.Context, coll *mongo.Collection) (*InsertOneResult, error) {
		r, err := coll.InsertOne(ctx, raw, opts...)
		if r == nil {
			return nil, err
		}
		if id == nil {
			id = r.InsertedID
		}
		return &InsertOneResult{InsertedID: id, Acknowledged: r.Acknowledged}, err
	}, err
}

// idOf returns the _id of a document. The result is nil if it has none, or if the driver tells it in its result (see
// [drivercompat.WholeRegistry]).
func idOf(c *collection, doc bson.Raw) (any, error) {
	if wholeRegistry(c) == nil {
		return nil, nil
	}
	id, _, err := bsoncodec.ID(doc)
	return id, codecError(err)
}

// UpdateOne changes the first document that matches filter. update has operators, as in bson.M{"$set": ...}, or is a
// pipeline.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for a nil filter or update, [ValueError]
// for an update without operators, [InvalidDocument] for a value that cannot be encoded, [DocumentTooLarge].
//
// Motor: MotorCollection.update_one.
func (c *collection) UpdateOne(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateOneOptions]) *future.Future[*UpdateResult] {
	e, now := c.arguments(), c.snapshot()
	return startUpdate(ctx, c, now, e, filter, updateOne(e.Update(update), encoded(e, opts)))
}

func updateOne(change any, opts []options.Lister[options.UpdateOneOptions]) updateArgs {
	return updateArgs{change, false, updateOneKind(opts)}
}

// UpdateMany changes all documents that match filter. Otherwise it is like UpdateOne.
//
// Motor: MotorCollection.update_many.
func (c *collection) UpdateMany(ctx context.Context, filter, update any, opts ...options.Lister[options.UpdateManyOptions]) *future.Future[*UpdateResult] {
	e, now := c.arguments(), c.snapshot()
	return startUpdate(ctx, c, now, e, filter, updateMany(e.Update(update), encoded(e, opts)))
}

func updateMany(change any, opts []options.Lister[options.UpdateManyOptions]) updateArgs {
	return updateArgs{change, true, updateManyKind(opts)}
}

// ReplaceOne replaces the first document that matches filter, except its _id.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for a nil filter or replacement,
// [ValueError] for a replacement with operators, [InvalidDocument] for a value that cannot be encoded,
// [DocumentTooLarge].
//
// Motor: MotorCollection.replace_one.
func (c *collection) ReplaceOne(ctx context.Context, filter, replacement any, opts ...options.Lister[options.ReplaceOptions]) *future.Future[*UpdateResult] {
	e, now := c.arguments(), c.snapshot()
	return startUpdate(ctx, c, now, e, filter, replaceOne(e.Replacement(replacement), encoded(e, opts)))
}

func replaceOne(replacement bson.Raw, opts []options.Lister[options.ReplaceOptions]) updateArgs {
	return updateArgs{replacement, false, replaceKind(opts)}
}

// updateArgs describes an update or a replacement.
type updateArgs struct {
	change any // encoded
	many   bool
	kind   updateKind
}

// updateKind is a method of the driver, with its options. It is a type for each method and no closure, which would be
// allocated for every update.
type updateKind interface {
	// options returns the options for updateByCommand.
	options() (options.UpdateOneOptions, error)

	send(ctx context.Context, coll *mongo.Collection, query bson.Raw, change any) (*mongo.UpdateResult, error)
}

type (
	updateOneKind  []options.Lister[options.UpdateOneOptions]
	updateManyKind []options.Lister[options.UpdateManyOptions]
	replaceKind    []options.Lister[options.ReplaceOptions]
)

func (k updateOneKind) options() (options.UpdateOneOptions, error) { return mergeOptions(k) }

func (k updateManyKind) options() (options.UpdateOneOptions, error) {
	return convertOptions(k, command.UpdateMany)
}

func (k replaceKind) options() (options.UpdateOneOptions, error) {
	return convertOptions(k, command.Replace)
}

func (k updateOneKind) send(ctx context.Context, coll *mongo.Collection, query bson.Raw, change any) (*mongo.UpdateResult, error) {
	return coll.UpdateOne(ctx, query, change, k...)
}

func (k updateManyKind) send(ctx context.Context, coll *mongo.Collection, query bson.Raw, change any) (*mongo.UpdateResult, error) {
	return coll.UpdateMany(ctx, query, change, k...)
}

func (k replaceKind) send(ctx context.Context, coll *mongo.Collection, query bson.Raw, change any) (*mongo.UpdateResult, error) {
	return coll.ReplaceOne(ctx, query, change, k...)
}

// startUpdate starts an update or a replacement.
func startUpdate(ctx context.Context, c *collection, now settings, e *arguments, filter any, a updateArgs) *future.Future[*UpdateResult] {
	query := e.Document("filter", filter)
	write, err := prepareUpdate(ctx, c, now, e, query, a)
	o := writeOp(ctx, c, now, err, write)
	if o.err == nil && c.batching.writes(ctx, now) {
		if g := c.gatheredUpdate(now, query, a, write); g != nil {
			return startWrite(ctx, c, o, g, func(g *gatheredWrite) *UpdateResult { return g.updated })
		}
	}
	return submit(ctx, c.db.client, o)
}

func prepareUpdate(ctx context.Context, c *collection, now settings, e *arguments, query bson.Raw, a updateArgs) (writeFunc[*UpdateResult], error) {
	if e.err() != nil {
		return nil, e.err()
	}
	if err := now.refuseHint(ctx, func() any { o, _ := a.kind.options(); return o.Hint }); err != nil {
		return nil, err
	}
	if now.byCommand(ctx) {
		return updateByCommand(c, now, query, a)
	}
	return func(ctx context.Context, coll *mongo.Collection) (*UpdateResult, error) {
		r, err := a.kind.send(ctx, coll, query, a.change)
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
	e, now := c.arguments(), c.snapshot()
	return startDelete(ctx, c, now, e, filter, deleteOne(encoded(e, opts)))
}

func deleteOne(opts []options.Lister[options.DeleteOneOptions]) deleteArgs {
	return deleteArgs{false, deleteOneKind(opts)}
}

// DeleteMany deletes all documents that match filter. Otherwise it is like DeleteOne.
//
// Motor: MotorCollection.delete_many.
func (c *collection) DeleteMany(ctx context.Context, filter any, opts ...options.Lister[options.DeleteManyOptions]) *future.Future[*DeleteResult] {
	e, now := c.arguments(), c.snapshot()
	return startDelete(ctx, c, now, e, filter, deleteMany(encoded(e, opts)))
}

func deleteMany(opts []options.Lister[options.DeleteManyOptions]) deleteArgs {
	return deleteArgs{true, deleteManyKind(opts)}
}

// deleteArgs describes a deletion.
type deleteArgs struct {
	many bool
	kind deleteKind
}

// deleteKind is a method of the driver, with its options. See updateKind.
type deleteKind interface {
	// options returns the options for deleteByCommand.
	options() (options.DeleteOneOptions, error)

	send(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.DeleteResult, error)
}

type (
	deleteOneKind  []options.Lister[options.DeleteOneOptions]
	deleteManyKind []options.Lister[options.DeleteManyOptions]
)

func (k deleteOneKind) options() (options.DeleteOneOptions, error) { return mergeOptions(k) }

func (k deleteManyKind) options() (options.DeleteOneOptions, error) {
	return convertOptions(k, command.DeleteMany)
}

func (k deleteOneKind) send(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.DeleteResult, error) {
	return coll.DeleteOne(ctx, query, k...)
}

func (k deleteManyKind) send(ctx context.Context, coll *mongo.Collection, query bson.Raw) (*mongo.DeleteResult, error) {
	return coll.DeleteMany(ctx, query, k...)
}

// startDelete starts a deletion.
func startDelete(ctx context.Context, c *collection, now settings, e *arguments, filter any, a deleteArgs) *future.Future[*DeleteResult] {
	query := e.Document("filter", filter)
	write, err := prepareDelete(ctx, c, now, e, query, a)
	o := writeOp(ctx, c, now, err, write)
	if o.err == nil && c.batching.writes(ctx, now) {
		if g := c.gatheredDelete(now, query, a, write); g != nil {
			return startWrite(ctx, c, o, g, func(g *gatheredWrite) *DeleteResult { return g.deleted })
		}
	}
	return submit(ctx, c.db.client, o)
}

func prepareDelete(ctx context.Context, c *collection, now settings, e *arguments, query bson.Raw, a deleteArgs) (writeFunc[*DeleteResult], error) {
	if e.err() != nil {
		return nil, e.err()
	}
	if err := now.refuseHint(ctx, func() any { o, _ := a.kind.options(); return o.Hint }); err != nil {
		return nil, err
	}
	if now.byCommand(ctx) {
		return deleteByCommand(c, now, query, a)
	}
	return func(ctx context.Context, coll *mongo.Collection) (*DeleteResult, error) {
		r, err := a.kind.send(ctx, coll, query)
		if r == nil {
			return nil, err
		}
		return &DeleteResult{Acknowledged: r.Acknowledged, deleted: r.DeletedCount}, err
	}, nil
}

// FindOneAndDelete deletes the first document that matches filter. The result is that document, or, if none matches,
// the zero D: a nil map, a nil pointer. That is not an error.
//
// Errors: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded, [InvalidBSON] for a document
// that cannot be decoded into D, which is deleted nevertheless; [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.find_one_and_delete.
func (c *Collection[D]) FindOneAndDelete(ctx context.Context, filter any, opts ...options.Lister[options.FindOneAndDeleteOptions]) *future.Future[D] {
	return findOneAnd[D](ctx, &c.collection, filter, deleteOneArgs(&c.codec, opts))
}

// FindOneAndReplace replaces the first document that matches filter, except its _id. The result is the document before
// the change. With options.FindOneAndReplace().SetReturnDocument(options.After) it is the document after the change. If
// none matches, the result is the zero D: a nil map, a nil pointer. That is not an error.
//
// Errors: [TypeError] for a nil filter or replacement, [ValueError] for a replacement with operators, [InvalidDocument]
// for a value that cannot be encoded, [InvalidBSON] for a document that cannot be decoded into D, which is replaced
// nevertheless; [DuplicateKeyError], [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.find_one_and_replace.
func (c *Collection[D]) FindOneAndReplace(ctx context.Context, filter, replacement any, opts ...options.Lister[options.FindOneAndReplaceOptions]) *future.Future[D] {
	return findOneAnd[D](ctx, &c.collection, filter, replaceOneArgs(&c.codec, replacement, opts))
}

// FindOneAndUpdate changes the first document that matches filter. update has operators, as in bson.M{"$set": ...}, or
// is a pipeline. The result is the document before the change. With
// options.FindOneAndUpdate().SetReturnDocument(options.After) it is the document after the change. If none matches, the
// result is the zero D: a nil map, a nil pointer. That is not an error.
//
// Errors: [TypeError] for a nil filter or update, [ValueError] for an update without operators, [InvalidDocument] for a
// value that cannot be encoded, [InvalidBSON] for a document that cannot be decoded into D, which is changed
// nevertheless; [DuplicateKeyError], [OperationFailure], [WriteConcernError].
//
// Motor: MotorCollection.find_one_and_update.
func (c *Collection[D]) FindOneAndUpdate(ctx context.Context, filter, update any, opts ...options.Lister[options.FindOneAndUpdateOptions]) *future.Future[D] {
	return findOneAnd[D](ctx, &c.collection, filter, updateOneArgs(&c.codec, update, opts))
}

// findAndModifyArgs describes a write of one document that the server returns. The functions that make one are not
// inlined: each user program would compile their closures, and the generic code in these.
type findAndModifyArgs struct {
	change  any                                             // nil: delete the document
	err     error                                           // change or an option is invalid
	options func() (options.FindOneAndUpdateOptions, error) // for findOneAndByCommand
	driver  func(context.Context, *mongo.Collection, bson.Raw) *mongo.SingleResult
}

//go:noinline
func deleteOneArgs(c *codec, opts []options.Lister[options.FindOneAndDeleteOptions]) findAndModifyArgs {
	opts, err := encodeOptions(c, opts)
	return findAndModifyArgs{
		err:     err,
		options: func() (options.FindOneAndUpdateOptions, error) { return convertOptions(opts, command.FindOneAndDelete) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) *mongo.SingleResult {
			return coll.FindOneAndDelete(ctx, query, opts...)
		},
	}
}

//go:noinline
func replaceOneArgs(
	c *codec, replacement any, opts []options.Lister[options.FindOneAndReplaceOptions],
) findAndModifyArgs {
	change, err := c.encodeReplacement(replacement)
	opts, bad := encodeOptions(c, opts)
	return findAndModifyArgs{
		change: change, err: firstError(err, bad),
		options: func() (options.FindOneAndUpdateOptions, error) {
			return convertOptions(opts, command.FindOneAndReplace)
		},
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) *mongo.SingleResult {
			return coll.FindOneAndReplace(ctx, query, change, opts...)
		},
	}
}

//go:noinline
func updateOneArgs(c *codec, update any, opts []options.Lister[options.FindOneAndUpdateOptions]) findAndModifyArgs {
	change, err := c.encodeUpdate(update)
	opts, bad := encodeOptions(c, opts)
	return findAndModifyArgs{
		change: change, err: firstError(err, bad),
		options: func() (options.FindOneAndUpdateOptions, error) { return mergeOptions(opts) },
		driver: func(ctx context.Context, coll *mongo.Collection, query bson.Raw) *mongo.SingleResult {
			return coll.FindOneAndUpdate(ctx, query, change, opts...)
		},
	}
}

// findOneAnd starts a write of one document that the server returns.
func findOneAnd[D any](ctx context.Context, c *collection, filter any, a findAndModifyArgs) *future.Future[D] {
	now := c.snapshot()
	fetch, err := c.findOneAnd(ctx, now, filter, a)
	return submit(ctx, c.db.client, documentOp[D](c, now, err, fetch))
}

func (c *collection) findOneAnd(ctx context.Context, now settings, filter any, a findAndModifyArgs) (fetchFunc, error) {
	query, err := c.codec.encode("filter", filter)
	if err := firstError(err, a.err, now.refuseSession(ctx)); err != nil {
		return nil, err
	}
	if err := now.refuseHint(ctx, func() any { o, _ := a.options(); return o.Hint }); err != nil {
		return nil, err
	}
	if now.byCommand(ctx) {
		return findOneAndByCommand(c, now, query, a)
	}
	return func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		return a.driver(ctx, coll, query).Raw()
	}, nil
}

// findOneAndByCommand builds the command of all three methods. It takes their options as those of FindOneAndUpdate,
// which has all of them.
func findOneAndByCommand(c *collection, now settings, query bson.Raw, a findAndModifyArgs) (fetchFunc, error) {
	o, err := a.options()
	f := arguments{command.FindAndModify(c.codec.Codec, c.name, query, a.change, o)}
	f.Check(err)
	f.Add("writeConcern", now.write.wire)
	cmd := f.Raw()
	return func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		reply, err := coll.Database().RunCommand(ctx, cmd).Raw()
		return valueOf(reply, err)
	}, f.err()
}

// valueOf returns the document in the reply to findAndModify, or nil. err is the error of the command.
func valueOf(reply bson.Raw, err error) (bson.Raw, error) {
	v, missing := reply.LookupErr("value")
	doc, ok := v.DocumentOK()
	if err == nil && missing == nil && !ok && v.Type != bson.TypeNull {
		err = newError(ProtocolError, "invalid value %v in the reply: need a document or null", v)
	}
	return doc, err
}

// The writes of a collection by commands that we build (see writeCommand), with the same options as the driver sends.

func newWriteCommand(kind *command.Kind, now settings, b *command.Builder, err error) *writeCommand {
	b.Check(err)
	return &writeCommand{arguments: &arguments{b}, kind: kind, wire: now.write.wire}
}

func insertOneByCommand(
	c *collection, now settings, doc bson.Raw, opts []options.Lister[options.InsertOneOptions],
) (writeFunc[*InsertOneResult], error) {
	o, err := mergeOptions(opts)
	w := newWriteCommand(command.InsertKind, now, command.InsertOne(c.codec.Codec, c.name, o), err)
	doc, id, err := withID(doc)
	w.Check(err)
	return sendOne(w, doc, false, func(writeAnswer) *InsertOneResult {
		return &InsertOneResult{InsertedID: id, Acknowledged: true}
	}), w.err()
}

// updateByCommand builds the command of all updates and replacements. It takes their options as those of UpdateOne.
func updateByCommand(c *collection, now settings, query bson.Raw, a updateArgs) (writeFunc[*UpdateResult], error) {
	o, err := a.kind.options()
	w := newWriteCommand(command.UpdateKind, now, command.Update(c.codec.Codec, c.name, o), err)
	s, err := command.UpdateStatement(c.codec.Codec, query, a.change, a.many, o)
	w.Check(err)
	return sendOne(w, s, a.many, writeAnswer.updateResult), w.err()
}

// deleteByCommand builds the command of both deletions. It takes the options of DeleteMany as those of DeleteOne.
func deleteByCommand(c *collection, now settings, query bson.Raw, a deleteArgs) (writeFunc[*DeleteResult], error) {
	o, err := a.kind.options()
	w := newWriteCommand(command.DeleteKind, now, command.Delete(c.codec.Codec, c.name, o), err)
	s, err := command.DeleteStatement(c.codec.Codec, query, a.many, o)
	w.Check(err)
	return sendOne(w, s, a.many, func(reply writeAnswer) *DeleteResult {
		return &DeleteResult{Acknowledged: true, deleted: reply.N}
	}), w.err()
}
