package motor

import (
	"context"
	"errors"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// Insert inserts a document, or each one of a slice. The result is the document's _id, or, for a slice, a []any of
// theirs. A document without an _id gets a bson.ObjectID. With w: 0 the result is the same, though it is unknown
// whether they were inserted.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]: of several documents that failed, the last one's;
// errors.As then finds the [Error] whose PartialResult has the _ids of those that were inserted. [TypeError] for nil and
// for what is no document, [InvalidOperation] for an empty slice, [InvalidDocument] for what cannot be encoded and for
// keys that begin with '$' or have a '.', [DocumentTooLarge], [ConfigurationError] for a write concern that is none:
// nothing is sent then.
//
// Legacy: use InsertOne or InsertMany. Motor: MotorCollection.insert.
func (c *collection) Insert(ctx context.Context, documents any, opts ...InsertOptions) *future.Future[any] {
	o, err := atMostOne("Insert", opts)
	if err != nil {
		return failed[any](c.db.client, err)
	}
	now, err := c.nowWith(o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	if !e.Check(err) || documents == nil || !bsoncodec.IsList(documents) {
		op, err := c.insertOld(ctx, now, e, e.Document("document", documents), o)
		return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
	}
	var raws []bson.Raw
	if reflect.ValueOf(documents).Len() == 0 {
		e.Check(newError(InvalidOperation, "Insert of no documents"))
	} else {
		raws = e.Documents(documents)
	}
	for _, raw := range raws {
		e.keysOf("a document", raw, o.CheckKeys)
	}
	ordered := options.InsertMany().SetOrdered(!o.ContinueOnError)
	op, err := c.insertMany(ctx, now, e, raws, []options.Lister[options.InsertManyOptions]{ordered})
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, func(ctx context.Context, coll *mongo.Collection) (any, error) {
		r, err := op(ctx, coll)
		if err != nil {
			return nil, lastOf(err, r)
		}
		return idsOf(r.InsertedIDs, raws, o.Manipulate), nil
	}))
}

// insertOld inserts one document as Insert and Save do.
func (c *collection) insertOld(ctx context.Context, now moment, e *arguments, raw bson.Raw, o InsertOptions) (writeFunc[any], error) {
	e.keysOf("document", raw, o.CheckKeys)
	op, err := c.insertOne(ctx, now, e, raw, nil)
	return func(ctx context.Context, coll *mongo.Collection) (any, error) {
		r, err := op(ctx, coll)
		if err != nil {
			return nil, err
		}
		return idsOf([]any{r.InsertedID}, []bson.Raw{raw}, o.Manipulate)[0], nil
	}, err
}

// keysOf is bsoncodec.CheckKeys, unless it is turned off.
func (e *arguments) keysOf(argument string, raw bson.Raw, on *bool) {
	if e.err() == nil && valueOr(on, true) {
		e.Check(codecError(bsoncodec.CheckKeys(argument, raw)))
	}
}

// idsOf returns the ids of documents as Insert tells them.
func idsOf(ids []any, raws []bson.Raw, manipulate *bool) []any {
	if valueOr(manipulate, true) {
		return ids
	}
	told := make([]any, len(ids))
	for i, raw := range raws {
		if _, err := raw.LookupErr("_id"); err == nil {
			told[i] = ids[i]
		}
	}
	return told
}

// lastOf returns the error of an insert of several documents as that of the last one that failed, which is all that
// was known of it before there were bulk writes.
func lastOf(err error, r *InsertManyResult) error {
	var bulk mongo.BulkWriteException
	if !errors.As(err, &bulk) {
		return err
	}
	last := mongo.WriteException{WriteConcernError: bulk.WriteConcernError, Labels: bulk.Labels}
	if n := len(bulk.WriteErrors); n > 0 {
		last.WriteErrors = mongo.WriteErrors{bulk.WriteErrors[n-1].WriteError}
	}
	return &Error{class: classifyWrite(last), cause: last, partial: r.InsertedIDs}
}

// Save inserts a document that has no _id. One that has an _id replaces the document with that _id, or is inserted if
// there is none. The result is the _id.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for nil and for what is no document,
// [InvalidDocument] for what cannot be encoded and for keys that begin with '$' or have a '.', [DocumentTooLarge],
// [ConfigurationError] for a write concern that is none: nothing is sent then.
//
// Legacy: use InsertOne, or ReplaceOne with upsert. Motor: MotorCollection.save.
func (c *collection) Save(ctx context.Context, document any, opts ...SaveOptions) *future.Future[any] {
	o, err := atMostOne("Save", opts)
	if err != nil {
		return failed[any](c.db.client, err)
	}
	now, err := c.nowWith(o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	e.Check(err)
	raw := e.Document("document", document)
	value := e.id(raw)
	if value.IsZero() {
		op, err := c.insertOld(ctx, now, e, raw, InsertOptions{Manipulate: o.Manipulate, CheckKeys: o.CheckKeys})
		return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
	}
	e.keysOf("document", raw, o.CheckKeys)
	e.Check(codecError(bsoncodec.CheckReplacement(raw)))
	var id any
	if err := value.Unmarshal(&id); err != nil {
		e.Check(&Error{class: InvalidDocument, text: "_id", cause: err})
	}
	upsert := []options.Lister[options.ReplaceOptions]{options.Replace().SetUpsert(true)}
	op, err := c.modify(ctx, now, e, bson.D{{Key: "_id", Value: value}}, replaceOne(raw, upsert))
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, func(ctx context.Context, coll *mongo.Collection) (any, error) {
		if _, err := op(ctx, coll); err != nil {
			return nil, err
		}
		return id, nil
	}))
}

// id returns the _id of an encoded document, or the zero value.
func (e *arguments) id(raw bson.Raw) bson.RawValue {
	if e.err() != nil {
		return bson.RawValue{}
	}
	return raw.Lookup("_id")
}
