package motor

import (
	"context"
	"errors"
	"math"
	"reflect"
	"strings"

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
	now, err := c.settingsWith(o.W, o.WTimeout, o.J, o.FSync)
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
func (c *collection) insertOld(ctx context.Context, now settings, e *arguments, raw bson.Raw, o InsertOptions) (writeFunc[any], error) {
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
	now, err := c.settingsWith(o.W, o.WTimeout, o.J, o.FSync)
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
	op, err := c.prepareUpdate(ctx, now, e, bson.D{{Key: "_id", Value: value}}, replaceOne(raw, upsert))
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
	now, err := c.settingsWith(o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	e.Check(err)
	op, err := c.prepareUpdate(ctx, now, e, spec, e.updateArgs(document, o))
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

// updateArgs returns the update or the replacement that Update does.
func (e *arguments) updateArgs(document any, o UpdateOptions) updateArgs {
	raw := e.Document("document", document)
	if e.err() != nil {
		return updateArgs{}
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
	now, err := c.settingsWith(o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	e.Check(err)
	args := deleteMany(nil)
	if !valueOr(o.Multi, true) {
		args = deleteOne(nil)
	}
	op, err := c.prepareDelete(ctx, now, e, e.specOrID(specOrID), args)
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

// InsertOptions are the options of [Collection.Insert]. If one of W, WTimeout, J and FSync is given, these four are the
// write concern of this call, in the place of the collection's; they are as of [WriteConcern].
type InsertOptions struct {
	ContinueOnError bool  // true: several documents are all tried, whichever fail
	Manipulate      *bool // false: of a document without an _id, nil is told instead of the _id that it is given
	CheckKeys       *bool // false: keys may begin with '$' and have a '.'

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// SaveOptions are the options of [Collection.Save]: see [InsertOptions].
type SaveOptions struct {
	Manipulate *bool
	CheckKeys  *bool

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// UpdateOptions are the options of [Collection.Update]; for the others see [InsertOptions]. PyMongo's manipulate, which
// is for its SON manipulators, has no counterpart.
type UpdateOptions struct {
	Upsert    bool  // true: where nothing matches, a document is inserted
	Multi     bool  // true: all documents that match are changed, not the first alone
	CheckKeys *bool // of a whole document, not of operators

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// RemoveOptions are the options of [Collection.Remove]; for the others see [InsertOptions].
type RemoveOptions struct {
	Multi *bool // false: only the first document that matches is removed

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// settingsWith returns the collection's concerns with the write concern of one call, if it has one.
func (c *collection) settingsWith(w any, wtimeout int, j, fsync bool) (settings, error) {
	var items bson.D
	for _, item := range []struct {
		key   string
		value any
		given bool
	}{{"w", w, w != nil}, {"wtimeout", wtimeout, wtimeout != 0}, {"j", j, j}, {"fsync", fsync, fsync}} {
		if item.given {
			items = append(items, bson.E{Key: item.key, Value: item.value})
		}
	}
	if items == nil {
		return c.snapshot(), nil
	}
	return c.settingsOf(items)
}

// settingsOf returns the collection's concerns with another write concern.
func (c *collection) settingsOf(dictionary any) (now settings, err error) {
	now = c.snapshot()
	now.write, err = writeItemsOf(dictionary)
	return now, err
}
