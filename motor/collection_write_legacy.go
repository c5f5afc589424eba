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

// Insert inserts a document, or each document of a slice. The result is the document's _id, or, for a slice, a []any of
// their _ids. A document without an _id gets a bson.ObjectID. With w: 0 the result is the same, although it is unknown
// whether the documents were inserted.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]. If several documents fail, the error is that of the
// last one; errors.As then finds the [Error] whose PartialResult has the _ids of the inserted documents. Nothing is
// sent after these: [TypeError] for nil and for a value that is not a document, [InvalidOperation] for an empty slice,
// [InvalidDocument] for a document that cannot be encoded and for keys that begin with '$' or contain a '.',
// [DocumentTooLarge], [ConfigurationError] for an invalid write concern.
//
// Legacy: use InsertOne or InsertMany. Motor: MotorCollection.insert.
func (c *collection) Insert(ctx context.Context, documents any, opts ...InsertOptions) *future.Future[any] {
	o, err := atMostOne("Insert", opts)
	if err != nil {
		return failed[any](c.db.client, err)
	}
	now, err := settingsWith(c, o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	if !e.Check(err) || documents == nil || !bsoncodec.IsList(documents) {
		op, err := insertOld(ctx, c, now, e, e.Document("document", documents), o)
		return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
	}
	var raws []bson.Raw
	if reflect.ValueOf(documents).Len() == 0 {
		e.Check(newError(InvalidOperation, "cannot do an empty bulk insert"))
	} else {
		raws = e.Documents(documents)
	}
	for _, raw := range raws {
		e.keysOf("a document", raw, o.CheckKeys)
	}
	ordered := options.InsertMany().SetOrdered(!o.ContinueOnError)
	op, err := c.insertMany(ctx, now, e, raws, []options.Lister[options.InsertManyOptions]{ordered}, nil)
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, func(ctx context.Context, coll *mongo.Collection) (any, error) {
		r, err := op(ctx, coll)
		if err != nil {
			return nil, lastOf(err, r)
		}
		return idsOf(r.InsertedIDs, raws, o.Manipulate), nil
	}))
}

// insertOld inserts one document for Insert and Save.
func insertOld(ctx context.Context, c *collection, now settings, e *arguments, raw bson.Raw, o InsertOptions) (writeFunc[any], error) {
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

// keysOf calls bsoncodec.CheckKeys, unless on is false.
func (e *arguments) keysOf(argument string, raw bson.Raw, on *bool) {
	if e.err() == nil && valueOr(on, true) {
		e.Check(codecError(bsoncodec.CheckKeys(argument, raw)))
	}
}

// idsOf returns the _ids that are the result of Insert.
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

// lastOf returns the error of an insert of several documents as that of the last one that failed. Before bulk writes,
// no other error was known.
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

// Save inserts a document that has no _id. A document with an _id replaces the stored document with that _id; if there
// is none, it is inserted. The result is the _id.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]. Nothing is sent after these: [TypeError] for nil and
// for a value that is not a document, [InvalidDocument] for a document that cannot be encoded and for keys that begin
// with '$' or contain a '.', [DocumentTooLarge], [ConfigurationError] for an invalid write concern.
//
// Legacy: use InsertOne, or ReplaceOne with upsert. Motor: MotorCollection.save.
func (c *collection) Save(ctx context.Context, document any, opts ...SaveOptions) *future.Future[any] {
	o, err := atMostOne("Save", opts)
	if err != nil {
		return failed[any](c.db.client, err)
	}
	now, err := settingsWith(c, o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	e.Check(err)
	raw := e.Document("document", document)
	value := e.id(raw)
	if value.IsZero() {
		op, err := insertOld(ctx, c, now, e, raw, InsertOptions{Manipulate: o.Manipulate, CheckKeys: o.CheckKeys})
		return submit(ctx, c.db.client, writeOp(ctx, c, now, err, op))
	}
	e.keysOf("document", raw, o.CheckKeys)
	e.Check(codecError(bsoncodec.CheckReplacement(raw)))
	var id any
	if err := value.Unmarshal(&id); err != nil {
		e.Check(&Error{class: InvalidDocument, text: "_id", cause: err})
	}
	upsert := []options.Lister[options.ReplaceOptions]{options.Replace().SetUpsert(true)}
	query := e.Document("filter", bson.D{{Key: "_id", Value: value}})
	op, err := prepareUpdate(ctx, c, now, e, query, replaceOne(raw, upsert))
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

// Update changes the first document that matches spec. If document has operators, they are applied; otherwise document
// replaces the first match. The result is the reply that servers used to send: n, the number of documents that matched
// or were inserted; nModified; updatedExisting, whether a document matched; upserted, the _id of an inserted document;
// ok. With w: 0 the result is nil.
//
// Errors: [DuplicateKeyError], [WriteError], [WriteConcernError]. Nothing is sent after these: [TypeError] for a nil
// spec or document, [ValueError] for a replacement with Multi, [InvalidDocument] for a document that cannot be encoded,
// and for keys of a replacement that begin with '$' or contain a '.', [DocumentTooLarge], [ConfigurationError] for an
// invalid write concern.
//
// Legacy: use UpdateOne, UpdateMany or ReplaceOne. Motor: MotorCollection.update.
func (c *collection) Update(ctx context.Context, spec, document any, opts ...UpdateOptions) *future.Future[bson.M] {
	o, err := atMostOne("Update", opts)
	if err != nil {
		return failed[bson.M](c.db.client, err)
	}
	now, err := settingsWith(c, o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	e.Check(err)
	args := e.updateArgs(document, o)
	op, err := prepareUpdate(ctx, c, now, e, e.Document("filter", spec), args)
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

// updateArgs returns the update or the replacement for Update.
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
		e.Check(newError(ValueError, "multi update only works with $ operators"))
	}
	e.keysOf("document", raw, o.CheckKeys)
	return replaceOne(raw, []options.Lister[options.ReplaceOptions]{options.Replace().SetUpsert(o.Upsert)})
}

// Remove deletes the documents that match specOrID. A value that is not a document selects the document with that _id.
// Nil deletes all documents. The result is the reply that servers used to send: n, the number of deleted documents; ok.
// With w: 0 the result is nil.
//
// Errors: [WriteError], [WriteConcernError]. Nothing is sent after these: [TypeError] for a nil pointer, map or slice,
// [InvalidDocument] for a value that cannot be encoded, [ConfigurationError] for an invalid write concern.
//
// Legacy: use DeleteOne or DeleteMany. Motor: MotorCollection.remove.
func (c *collection) Remove(ctx context.Context, specOrID any, opts ...RemoveOptions) *future.Future[bson.M] {
	o, err := atMostOne("Remove", opts)
	if err != nil {
		return failed[bson.M](c.db.client, err)
	}
	now, err := settingsWith(c, o.W, o.WTimeout, o.J, o.FSync)
	e := c.arguments()
	e.Check(err)
	args := deleteMany(nil)
	if !valueOr(o.Multi, true) {
		args = deleteOne(nil)
	}
	op, err := prepareDelete(ctx, c, now, e, e.specOrID(specOrID), args)
	return submit(ctx, c.db.client, writeOp(ctx, c, now, err, func(ctx context.Context, coll *mongo.Collection) (bson.M, error) {
		r, err := op(ctx, coll)
		if err != nil || !r.Acknowledged {
			return nil, err
		}
		return bson.M{"ok": 1.0, "n": number(r.deleted)}, nil
	}))
}

// specOrID returns v as a filter if it is a document, and otherwise a filter for the _id v.
func (e *arguments) specOrID(v any) bson.Raw {
	empty, _ := bson.Marshal(bson.D{})
	if v == nil {
		return empty
	}
	switch value := reflect.ValueOf(v); value.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if value.IsNil() {
			e.Check(newError(TypeError, "Remove: the argument is a nil %T; pass nil to remove all documents", v))
			return empty
		}
	}
	// Only the encoding shows whether v is a document, or another value that Go keeps in a struct, such as a
	// bson.Binary.
	raw := e.Document("_id", bson.D{{Key: "_id", Value: v}})
	if spec, ok := raw.Lookup("_id").DocumentOK(); ok {
		return spec
	}
	return raw
}

// number returns n as the decoder would.
func number(n int64) any {
	if math.MinInt32 <= n && n <= math.MaxInt32 {
		return int32(n)
	}
	return n
}

// InsertOptions are the options of [Collection.Insert]. If one of W, WTimeout, J and FSync is set, these four are the
// write concern of this call, instead of the collection's. See [WriteConcern].
type InsertOptions struct {
	ContinueOnError bool  // true: try all documents, even if some fail
	Manipulate      *bool // false: the result has nil for a document without an _id, instead of its new _id
	CheckKeys       *bool // false: keys may begin with '$' and contain a '.'

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// SaveOptions are the options of [Collection.Save]. See [InsertOptions].
type SaveOptions struct {
	Manipulate *bool
	CheckKeys  *bool

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// UpdateOptions are the options of [Collection.Update]. See [InsertOptions] for the others. PyMongo's manipulate, for
// SON manipulators, has no counterpart.
type UpdateOptions struct {
	Upsert    bool  // true: insert a document if none matches
	Multi     bool  // true: change all documents that match, not only the first
	CheckKeys *bool // applies to replacements, not to operators

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// RemoveOptions are the options of [Collection.Remove]. See [InsertOptions] for the others.
type RemoveOptions struct {
	Multi *bool // false: remove only the first document that matches

	W        any
	WTimeout int // milliseconds
	J, FSync bool
}

// settingsWith returns the collection's settings with the write concern of one call, if it has one.
func settingsWith(c *collection, w any, wtimeout int, j, fsync bool) (settings, error) {
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
	return settingsOf(c, items)
}

// settingsOf returns the collection's settings with another write concern.
func settingsOf(c *collection, dictionary any) (now settings, err error) {
	now = c.snapshot()
	now.write, err = writeItemsOf(dictionary)
	return now, err
}
