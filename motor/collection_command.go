package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// The writes of a collection by commands of our own (see writeCommand), option for option as the driver sends them.

func newWriteCommand[D any](c *Collection[D], kind *writeKind, wire bson.Raw) writeCommand {
	w := writeCommand{kind: kind, wire: wire}
	w.codec = &c.codec
	w.add(kind.name, c.name)
	return w
}

func insertOneByCommand[D any](
	ctx context.Context, c *Collection[D], now moment, doc bson.Raw, opts []options.Lister[options.InsertOneOptions],
) *future.Future[*InsertOneResult] {
	w := newWriteCommand(c, insertKind, now.write.wire)
	o, err := applied(opts)
	w.check(err)
	doc, id, err := withID(doc)
	w.check(err)
	w.all = []bson.Raw{doc}
	w.flag("bypassDocumentValidation", o.BypassDocumentValidation)
	w.value("comment", o.Comment)
	return sent(ctx, c, now, w, false, func(writeAnswer) *InsertOneResult {
		return &InsertOneResult{InsertedID: id, Acknowledged: true}
	})
}

func insertManyByCommand[D any](
	ctx context.Context, c *Collection[D], now moment, docs []bson.Raw, opts []options.Lister[options.InsertManyOptions],
) *future.Future[*InsertManyResult] {
	w := newWriteCommand(c, insertKind, now.write.wire)
	o, err := applied(opts)
	w.check(err)
	ids := make([]any, len(docs))
	run := &bulkRun{kind: insertKind}
	for i, doc := range docs {
		doc, ids[i], err = withID(doc)
		w.check(err)
		run.add(doc, i)
	}
	ordered := o.Ordered == nil || *o.Ordered
	w.add("ordered", ordered)
	w.flag("bypassDocumentValidation", o.BypassDocumentValidation)
	w.value("comment", o.Comment)
	if w.err != nil {
		return failed[*InsertManyResult](c.db.client, w.err)
	}
	return inCollectionAt(ctx, c, now, func(ctx context.Context, coll *mongo.Collection) (*InsertManyResult, error) {
		done := newInsertOutcome(run.statements)
		if err := w.sendAll(ctx, c.db.client, coll.Database(), run, ordered, done); err != nil {
			return nil, err
		}
		result := &InsertManyResult{InsertedIDs: withoutFailed(ids, done.bad.WriteErrors, ordered), Acknowledged: true}
		return result, done.failed(done.err(), result)
	})
}

// updateManyOptions returns options as those of UpdateOne.
func updateManyOptions(opts []options.Lister[options.UpdateManyOptions]) (options.UpdateOneOptions, error) {
	o, err := applied(opts)
	return options.UpdateOneOptions{
		ArrayFilters: o.ArrayFilters, BypassDocumentValidation: o.BypassDocumentValidation, Collation: o.Collation,
		Comment: o.Comment, Hint: o.Hint, Upsert: o.Upsert, Let: o.Let,
	}, err
}

// replaceOptions returns options as those of UpdateOne.
func replaceOptions(opts []options.Lister[options.ReplaceOptions]) (options.UpdateOneOptions, error) {
	o, err := applied(opts)
	return options.UpdateOneOptions{
		BypassDocumentValidation: o.BypassDocumentValidation, Collation: o.Collation, Comment: o.Comment, Hint: o.Hint,
		Upsert: o.Upsert, Let: o.Let, Sort: o.Sort,
	}, err
}

// deleteManyOptions returns options as those of DeleteOne.
func deleteManyOptions(opts []options.Lister[options.DeleteManyOptions]) (options.DeleteOneOptions, error) {
	o, err := applied(opts)
	return options.DeleteOneOptions{Collation: o.Collation, Comment: o.Comment, Hint: o.Hint, Let: o.Let}, err
}

// updateByCommand takes the options of all updates and replacements as those of UpdateOne, which has them all.
func updateByCommand[D any](
	ctx context.Context, c *Collection[D], now moment, query bson.Raw, change any, many bool, o options.UpdateOneOptions,
) *future.Future[*UpdateResult] {
	w := newWriteCommand(c, updateKind, now.write.wire)
	w.flag("bypassDocumentValidation", o.BypassDocumentValidation)
	w.value("comment", o.Comment)
	w.document("let", o.Let)

	s, err := c.codec.updateStatement(query, change, many, o)
	w.check(err)
	w.all = []bson.Raw{s}
	return sent(ctx, c, now, w, many, writeAnswer.updateResult)
}

// dropByCommand refuses the options that the driver makes several commands of.
func dropByCommand[D any](
	ctx context.Context, c *Collection[D], wire bson.Raw, opts []options.Lister[options.DropCollectionOptions],
) *future.Future[struct{}] {
	o, err := applied(opts)
	if err == nil && o.EncryptedFields != nil {
		err = c.now().write.refuse("Drop with EncryptedFields")
	}
	if err != nil {
		return failed[struct{}](c.db.client, err)
	}
	command := bson.D{{Key: "drop", Value: c.name}, {Key: "writeConcern", Value: wire}}
	return inCollection(ctx, c, forgetting(c, "", func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, unlessMissing(coll.Database().RunCommand(ctx, command).Err())
	}))
}

// unlessMissing returns nil for the error that says that there is no such collection.
func unlessMissing(err error) error {
	var server mongo.ServerError
	if errors.As(err, &server) && server.HasErrorCode(codeNamespaceNotFound) {
		return nil
	}
	return err
}

const codeNamespaceNotFound = 26

// deleteByCommand takes the options of DeleteOne, which are those of DeleteMany too.
func deleteByCommand[D any](
	ctx context.Context, c *Collection[D], now moment, query bson.Raw, many bool, o options.DeleteOneOptions,
) *future.Future[*DeleteResult] {
	w := newWriteCommand(c, deleteKind, now.write.wire)
	w.value("comment", o.Comment)
	w.document("let", o.Let)

	s, err := c.codec.deleteStatement(query, many, o)
	w.check(err)
	w.all = []bson.Raw{s}
	return sent(ctx, c, now, w, many, func(reply writeAnswer) *DeleteResult {
		return &DeleteResult{Acknowledged: true, deleted: reply.N}
	})
}
