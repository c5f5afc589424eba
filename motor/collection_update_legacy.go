package motor

import (
	"context"
	"math"
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// Update changes the first document that matches spec: as the operators of document say, or, if it has none, by
// replacing the first with it. The result is what the server used to reply: n, how many documents matched or were
// inserted; nModified; updatedExisting, whether there were any; upserted, the _id of one that was inserted; ok. With
// w: 0 the result is nil.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]; [TypeError] for a nil spec or document, [ValueError]
// for a whole document with Multi, [InvalidDocument] for what cannot be encoded, and, of a whole document, for keys that
// begin with '$' or have a '.'; [DocumentTooLarge], [ConfigurationError] for a write concern that is none: nothing is
// sent then.
//
// Legacy: use UpdateOne, UpdateMany or ReplaceOne. Motor: MotorCollection.update.
func (c *collection) Update(ctx context.Context, spec, document any, opts ...UpdateOptions) *future.Future[bson.M] {
	o, err := atMostOne("Update", opts)
	if err != nil {
		return failed[bson.M](c.db.client, err)
	}
	now, err := c.nowWith(o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	e.Check(err)
	op, err := c.modify(ctx, now, e, spec, e.modification(document, o))
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, func(ctx context.Context, coll *mongo.Collection) (bson.M, error) {
		r, err := op(ctx, coll)
		if err != nil || !r.Acknowledged {
			return nil, err
		}
		reply := bson.M{
			"ok": 1.0, "n": number(r.matched + r.upserted), "nModified": number(r.modified), "updatedExisting": r.matched > 0,
		}
		if r.upserted > 0 {
			reply["upserted"] = r.upsertedID
		}
		return reply, nil
	}))
}

// modification returns what Update is to do.
func (e *arguments) modification(document any, o UpdateOptions) modification {
	raw := e.Document("document", document)
	if e.err() != nil {
		return modification{}
	}
	if first, err := raw.IndexErr(0); err == nil && strings.HasPrefix(first.Key(), "$") {
		if o.Multi {
			return updateMany(raw, []options.Lister[options.UpdateManyOptions]{options.UpdateMany().SetUpsert(o.Upsert)})
		}
		return updateOne(raw, []options.Lister[options.UpdateOneOptions]{options.UpdateOne().SetUpsert(o.Upsert)})
	}
	if o.Multi {
		e.Check(newError(ValueError, "Update of several documents needs operators"))
	}
	e.keysOf("document", raw, o.CheckKeys)
	return replaceOne(raw, []options.Lister[options.ReplaceOptions]{options.Replace().SetUpsert(o.Upsert)})
}

// Remove deletes the documents that match a document, or the one whose _id is specOrID if that is no document. Nil
// deletes all documents there are. The result is what the server used to reply: n, how many documents were deleted;
// ok. With w: 0 the result is nil.
//
// Errors: [WriteError], [WriteConcernError]; [TypeError] for a nil pointer, map or slice, [InvalidDocument] for what
// cannot be encoded, [ConfigurationError] for a write concern that is none: nothing is sent then.
//
// Legacy: use DeleteOne or DeleteMany. Motor: MotorCollection.remove.
func (c *collection) Remove(ctx context.Context, specOrID any, opts ...RemoveOptions) *future.Future[bson.M] {
	o, err := atMostOne("Remove", opts)
	if err != nil {
		return failed[bson.M](c.db.client, err)
	}
	now, err := c.nowWith(o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	e.Check(err)
	removal := deleteMany(nil)
	if !valueOr(o.Multi, true) {
		removal = deleteOne(nil)
	}
	op, err := c.remove(ctx, now, e, e.specOrID(specOrID), removal)
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, func(ctx context.Context, coll *mongo.Collection) (bson.M, error) {
		r, err := op(ctx, coll)
		if err != nil || !r.Acknowledged {
			return nil, err
		}
		return bson.M{"ok": 1.0, "n": number(r.deleted)}, nil
	}))
}

// specOrID returns the filter that a document is, or that for an _id.
func (e *arguments) specOrID(v any) bson.Raw {
	empty, _ := bson.Marshal(bson.D{})
	if v == nil {
		return empty
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if value.IsNil() {
			e.Check(newError(TypeError, "the argument is a nil %T: should all documents be removed, it must be nil", v))
			return empty
		}
	}
	// What is a document, and what a value that is kept in a struct, such as a bson.Binary, its encoding tells.
	raw := e.Document("_id", bson.D{{Key: "_id", Value: v}})
	if spec, ok := raw.Lookup("_id").DocumentOK(); ok {
		return spec
	}
	return raw
}

// number returns n as it would be decoded.
func number(n int64) any {
	if math.MinInt32 <= n && n <= math.MaxInt32 {
		return int32(n)
	}
	return n
}
