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

func (c *collection) newWriteCommand(kind *writeKind, now moment) *writeCommand {
	w := &writeCommand{kind: kind, wire: now.write.wire}
	w.codec = &c.codec
	w.add(kind.name, c.name)
	return w
}

func (c *collection) insertOneByCommand(
	now moment, doc bson.Raw, opts []options.Lister[options.InsertOneOptions],
) (writeFunc[*InsertOneResult], error) {
	w := c.newWriteCommand(insertKind, now)
	o, err := applied(opts)
	w.check(err)
	doc, id, err := withID(doc)
	w.check(err)
	optional(&w.fields, "bypassDocumentValidation", o.BypassDocumentValidation)
	w.value("comment", o.Comment)
	return sent(w, doc, false, func(writeAnswer) *InsertOneResult {
		return &InsertOneResult{InsertedID: id, Acknowledged: true}
	}), w.err
}

func (c *collection) insertManyByCommand(
	now moment, docs []bson.Raw, opts []options.Lister[options.InsertManyOptions],
) (writeFunc[*InsertManyResult], error) {
	w := c.newWriteCommand(insertKind, now)
	o, err := applied(opts)
	w.check(err)
	ids := make([]any, len(docs))
	run := &bulkRun{kind: insertKind}
	for i, doc := range docs {
		doc, ids[i], err = withID(doc)
		w.check(err)
		run.add(doc, i)
	}
	ordered := given(o.Ordered, true)
	w.add("ordered", ordered)
	optional(&w.fields, "bypassDocumentValidation", o.BypassDocumentValidation)
	w.value("comment", o.Comment)
	return func(ctx context.Context, coll *mongo.Collection) (*InsertManyResult, error) {
		done := newInsertOutcome(run.statements)
		if err := w.sendAll(ctx, c.db.client, coll.Database(), run, ordered, done); err != nil {
			return nil, err
		}
		result := &InsertManyResult{InsertedIDs: withoutFailed(ids, done.bad.WriteErrors, ordered), Acknowledged: true}
		return result, done.failed(done.err(), result)
	}, w.err
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
func (c *collection) updateByCommand(now moment, query bson.Raw, m modification) (writeFunc[*UpdateResult], error) {
	w := c.newWriteCommand(updateKind, now)
	o, err := m.options()
	w.check(err)
	optional(&w.fields, "bypassDocumentValidation", o.BypassDocumentValidation)
	w.value("comment", o.Comment)
	w.document("let", o.Let)
	s, err := c.codec.updateStatement(query, m.change, m.many, o)
	w.check(err)
	return sent(w, s, m.many, writeAnswer.updateResult), w.err
}

// deleteByCommand takes the options of DeleteOne, which are those of DeleteMany too.
func (c *collection) deleteByCommand(now moment, query bson.Raw, r removal) (writeFunc[*DeleteResult], error) {
	w := c.newWriteCommand(deleteKind, now)
	o, err := r.options()
	w.check(err)
	w.value("comment", o.Comment)
	w.document("let", o.Let)
	s, err := c.codec.deleteStatement(query, r.many, o)
	w.check(err)
	return sent(w, s, r.many, func(reply writeAnswer) *DeleteResult {
		return &DeleteResult{Acknowledged: true, deleted: reply.N}
	}), w.err
}

// dropByCommand refuses the options that the driver makes several commands of.
func dropByCommand(
	ctx context.Context, c *collection, wire bson.Raw, opts []options.Lister[options.DropCollectionOptions],
) *future.Future[struct{}] {
	o, err := applied(opts)
	if err == nil && o.EncryptedFields != nil {
		err = c.now().write.refuse("Drop with EncryptedFields")
	}
	if err != nil {
		return failed[struct{}](c.db.client, err)
	}
	command := bson.D{{Key: "drop", Value: c.name}, {Key: "writeConcern", Value: wire}}
	return submit(ctx, c.db.client, collectionOp(c, c.now(), nil, invalidating(c, "", func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, unlessMissing(coll.Database().RunCommand(ctx, command).Err())
	})))
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
