package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// The writes of a collection by commands of our own (see writeCommand), option for option as the driver sends them.

func (c *collection) newWriteCommand(kind *command.Kind, now moment, b *command.Builder, err error) *writeCommand {
	b.Check(err)
	return &writeCommand{arguments: &arguments{b}, kind: kind, wire: now.write.wire}
}

func (c *collection) insertOneByCommand(
	now moment, doc bson.Raw, opts []options.Lister[options.InsertOneOptions],
) (writeFunc[*InsertOneResult], error) {
	o, err := mergeOptions(opts)
	w := c.newWriteCommand(command.InsertKind, now, command.InsertOne(c.codec.Codec, c.name, o), err)
	doc, id, err := withID(doc)
	w.Check(err)
	return sent(w, doc, false, func(writeAnswer) *InsertOneResult {
		return &InsertOneResult{InsertedID: id, Acknowledged: true}
	}), w.err()
}

func (c *collection) insertManyByCommand(
	now moment, docs []bson.Raw, opts []options.Lister[options.InsertManyOptions],
) (writeFunc[*InsertManyResult], error) {
	o, err := mergeOptions(opts)
	w := c.newWriteCommand(command.InsertKind, now, command.InsertMany(c.codec.Codec, c.name, o), err)
	ids := make([]any, len(docs))
	run := &bulkRun{kind: command.InsertKind}
	for i, doc := range docs {
		doc, ids[i], err = withID(doc)
		w.Check(err)
		run.add(doc, i)
	}
	ordered := valueOr(o.Ordered, true)
	return func(ctx context.Context, coll *mongo.Collection) (*InsertManyResult, error) {
		done := newInsertOutcome(run.statements)
		if err := w.sendAll(ctx, c.db.client, coll.Database(), run, ordered, done); err != nil {
			return nil, err
		}
		result := &InsertManyResult{InsertedIDs: withoutFailed(ids, done.bad.WriteErrors, ordered), Acknowledged: true}
		return result, done.failed(done.err(), result)
	}, w.err()
}

// updateByCommand takes the options of all updates and replacements as those of UpdateOne.
func (c *collection) updateByCommand(now moment, query bson.Raw, m modification) (writeFunc[*UpdateResult], error) {
	o, err := m.options()
	w := c.newWriteCommand(command.UpdateKind, now, command.Update(c.codec.Codec, c.name, o), err)
	s, err := command.UpdateStatement(c.codec.Codec, query, m.change, m.many, o)
	w.Check(err)
	return sent(w, s, m.many, writeAnswer.updateResult), w.err()
}

// deleteByCommand takes the options of DeleteMany as those of DeleteOne.
func (c *collection) deleteByCommand(now moment, query bson.Raw, r removal) (writeFunc[*DeleteResult], error) {
	o, err := r.options()
	w := c.newWriteCommand(command.DeleteKind, now, command.Delete(c.codec.Codec, c.name, o), err)
	s, err := command.DeleteStatement(c.codec.Codec, query, r.many, o)
	w.Check(err)
	return sent(w, s, r.many, func(reply writeAnswer) *DeleteResult {
		return &DeleteResult{Acknowledged: true, deleted: reply.N}
	}), w.err()
}

// dropByCommand refuses the options that the driver makes several commands of.
func dropByCommand(
	ctx context.Context, c *collection, wire bson.Raw, opts []options.Lister[options.DropCollectionOptions],
) *future.Future[struct{}] {
	o, err := mergeOptions(opts)
	if err == nil && o.EncryptedFields != nil {
		err = c.now().write.refuse("Drop with EncryptedFields")
	}
	if err != nil {
		return failed[struct{}](c.db.client, err)
	}
	drop := bson.D{{Key: "drop", Value: c.name}, {Key: "writeConcern", Value: wire}}
	return submit(ctx, c.db.client, collectionOp(c, c.now(), nil, invalidating(c, "", func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, unlessMissing(coll.Database().RunCommand(ctx, drop).Err())
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
