package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// FindAndModifyOptions say what [Collection.FindAndModify] does to a document: exactly one of Update and Remove.
type FindAndModifyOptions struct {
	Update any  // operators, as in bson.M{"$set": ...}, a pipeline of these, or the document that replaces it
	Remove bool // delete it
	Upsert bool // insert it if there is none
	Sort   any  // a bson.D: the first document in this order is the one
	Fields any  // which fields are resolved to: a projection, or a []string of names; nil: all
	New    bool // resolve to the document as it is afterwards, instead of as it was
}

// FindAndModify changes, replaces or deletes the first document that matches query, as the options say. The result is
// the document, or, if none matches, the zero D: a nil map, a nil pointer. That is not an error. The driver does not
// retry it.
//
// Errors: [ValueError] unless there is either an update or Remove, and for an update that is empty; [TypeError] for a
// nil query; [InvalidDocument] for what cannot be encoded; [DuplicateKeyError], [OperationFailure], [WriteConcernError].
//
// Legacy: use FindOneAndUpdate, FindOneAndReplace or FindOneAndDelete. Motor: MotorCollection.find_and_modify.
func (c *Collection[D]) FindAndModify(ctx context.Context, query any, opts ...FindAndModifyOptions) *future.Future[D] {
	now := c.now()
	fetch, err := c.findAndModify(ctx, now, query, opts)
	return submit(ctx, c.db.client, documentOp[D](&c.collection, now, err, fetch))
}

// FindAndModifyFullResponse is FindAndModify with the server's whole reply as the result: the document is its "value",
// and "lastErrorObject" tells what was done.
//
// Legacy: use FindOneAndUpdate, FindOneAndReplace or FindOneAndDelete.
// Motor: MotorCollection.find_and_modify(full_response=True).
func (c *collection) FindAndModifyFullResponse(ctx context.Context, query any, opts ...FindAndModifyOptions) *future.Future[bson.M] {
	f := findAndModify(ctx, c, query, opts)
	return legacyCommand(ctx, c, f, toPrimary, c.codec.reply)
}

func (c *collection) findAndModify(ctx context.Context, now moment, query any, opts []FindAndModifyOptions) (fetchFunc, error) {
	f := findAndModify(ctx, c, query, opts)
	command := f.Raw()
	return func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		reply, err := coll.Database().RunCommand(ctx, command).Raw()
		return valueOf(reply), err
	}, f.err()
}

// findAndModify returns the command.
func findAndModify(ctx context.Context, c *collection, query any, opts []FindAndModifyOptions) *arguments {
	set, err := atMostOne("FindAndModify", opts)
	f := c.codec.command()
	f.Check(err)
	f.Add("findAndModify", c.name)
	raw, err := c.codec.encode("query", query)
	f.Check(err)
	f.Add("query", raw)
	switch {
	case set.Update == nil && !set.Remove:
		f.Check(newError(ValueError, "FindAndModify must either update or remove"))
	case set.Update != nil && set.Remove:
		f.Check(newError(ValueError, "FindAndModify cannot both update and remove"))
	case set.Remove:
		f.Add("remove", true)
	case bsoncodec.IsList(set.Update):
		stages, err := c.codec.encodeUpdate(set.Update)
		f.Check(err)
		f.Add("update", stages)
	default:
		change, err := c.codec.encode("update", set.Update)
		f.Check(err)
		if _, none := change.IndexErr(0); none != nil {
			f.Check(newError(ValueError, "update is empty"))
		}
		f.Add("update", change)
	}
	if set.Upsert {
		f.Add("upsert", true)
	}
	f.AddKeys("sort", set.Sort)
	f.AddFieldNames("fields", set.Fields)
	if set.New {
		f.Add("new", true)
	}
	f.addConcern(ctx, c.now())
	return f
}
