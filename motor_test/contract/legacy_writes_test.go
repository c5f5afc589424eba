package contract_test

import (
	"errors"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// legacyWriters adds the writes of the callback era to operations.
type legacyWriters interface {
	operations
	Insert(documents any, opts ...motor.InsertOptions) (any, error)
	Save(document any, opts ...motor.SaveOptions) (any, error)
	Update(spec, document any, opts ...motor.UpdateOptions) (bson.M, error)
	Remove(specOrID any, opts ...motor.RemoveOptions) (bson.M, error)
	Bulk(ordered bool) bulkBuilder
}

// bulkBuilder is a bulk builder in either style.
type bulkBuilder interface {
	Insert(document any)
	Find(selector any) *motor.BulkWriteOperation
	Execute(writeConcern ...any) (bson.M, error)
}

func (s byFutures) Insert(documents any, opts ...motor.InsertOptions) (any, error) {
	return s.coll.Insert(s.ctx, documents, opts...).Await(s.ctx)
}

func (s byFutures) Save(document any, opts ...motor.SaveOptions) (any, error) {
	return s.coll.Save(s.ctx, document, opts...).Await(s.ctx)
}

func (s byFutures) Update(spec, document any, opts ...motor.UpdateOptions) (bson.M, error) {
	return s.coll.Update(s.ctx, spec, document, opts...).Await(s.ctx)
}

func (s byFutures) Remove(specOrID any, opts ...motor.RemoveOptions) (bson.M, error) {
	return s.coll.Remove(s.ctx, specOrID, opts...).Await(s.ctx)
}

func (s byFutures) Bulk(ordered bool) bulkBuilder {
	if ordered {
		return futureBulk{s, s.coll.InitializeOrderedBulkOp()}
	}
	return futureBulk{s, s.coll.InitializeUnorderedBulkOp()}
}

type futureBulk struct {
	s byFutures
	b *motor.BulkOperationBuilder
}

func (b futureBulk) Insert(document any)                         { b.b.Insert(document) }
func (b futureBulk) Find(selector any) *motor.BulkWriteOperation { return b.b.Find(selector) }
func (b futureBulk) Execute(writeConcern ...any) (bson.M, error) {
	return b.b.Execute(b.s.ctx, writeConcern...).Await(b.s.ctx)
}

func (s byCallbacks) Insert(documents any, opts ...motor.InsertOptions) (any, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[any]) { s.coll.Insert(s.ctx, documents, done, opts...) })
}

func (s byCallbacks) Save(document any, opts ...motor.SaveOptions) (any, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[any]) { s.coll.Save(s.ctx, document, done, opts...) })
}

func (s byCallbacks) Update(spec, document any, opts ...motor.UpdateOptions) (bson.M, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.Update(s.ctx, spec, document, done, opts...) })
}

func (s byCallbacks) Remove(specOrID any, opts ...motor.RemoveOptions) (bson.M, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.Remove(s.ctx, specOrID, done, opts...) })
}

func (s byCallbacks) Bulk(ordered bool) bulkBuilder {
	if ordered {
		return callbackBulk{s, s.coll.InitializeOrderedBulkOp()}
	}
	return callbackBulk{s, s.coll.InitializeUnorderedBulkOp()}
}

type callbackBulk struct {
	s byCallbacks
	b *callback.BulkOperationBuilder
}

func (b callbackBulk) Insert(document any)                         { b.b.Insert(document) }
func (b callbackBulk) Find(selector any) *motor.BulkWriteOperation { return b.b.Find(selector) }
func (b callbackBulk) Execute(writeConcern ...any) (bson.M, error) {
	return awaitOnLoop(b.s.ctx, b.s.loop, func(done callback.Func[bson.M]) { b.b.Execute(b.s.ctx, done, writeConcern...) })
}

func inBothLegacyStyles(t *testing.T, test func(*testing.T, legacyWriters)) {
	inBothStyles(t, func(t *testing.T, ops operations) { test(t, ops.(legacyWriters)) })
}

// want returns a function that checks an outcome against wanted.
func want[T any](t *testing.T, what string, wanted any) func(T, error) {
	return func(got T, err error) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(any(got), wanted) {
			t.Errorf("%s: got %#v, %v; want %#v", what, got, err, wanted)
		}
	}
}

func TestLegacyInsertSaveUpdateRemove(t *testing.T) {
	inBothLegacyStyles(t, func(t *testing.T, ops legacyWriters) {
		want[any](t, "Insert", "a")(ops.Insert(bson.M{"_id": "a", "n": 1}))
		want[any](t, "Insert of several", []any{"b", "c"})(ops.Insert([]bson.M{{"_id": "b", "n": 2}, {"_id": "c", "n": 3}}))
		id, err := ops.Insert(bson.M{"n": 4})
		if _, ok := id.(bson.ObjectID); !ok || err != nil {
			t.Errorf("Insert() = %v, %v; want an ObjectID", id, err)
		}
		want[any](t, "Save of what is there", id)(ops.Save(bson.M{"_id": id, "n": 40}))
		want[any](t, "Save of what is not there", "d")(ops.Save(bson.M{"_id": "d", "n": 5}))
		doc, err := ops.FindOne(bson.M{"_id": id})
		if len(doc) != 2 || doc["n"] != int32(40) || err != nil {
			t.Errorf("saved document: %v, %v; want n = 40", doc, err)
		}

		reply := func(n, modified int32, existing bool) bson.M {
			return bson.M{"ok": 1.0, "n": n, "nModified": modified, "updatedExisting": existing}
		}
		set := bson.M{"$set": bson.M{"x": true}}
		want[bson.M](t, "Update", reply(1, 1, true))(ops.Update(bson.M{"_id": "a"}, set))
		want[bson.M](t, "Update of several", reply(5, 4, true))(ops.Update(bson.M{}, set, motor.UpdateOptions{Multi: true}))
		want[bson.M](t, "Update by a document", reply(1, 1, true))(ops.Update(bson.M{"_id": "a"}, bson.M{"n": 10}))
		want[bson.M](t, "Update of nothing", reply(0, 0, false))(ops.Update(bson.M{"_id": "nobody"}, set))
		upserted := reply(1, 0, false)
		upserted["upserted"] = "new"
		want[bson.M](t, "Update that inserts", upserted)(ops.Update(bson.M{"_id": "new"}, set, motor.UpdateOptions{Upsert: true}))

		removed := func(n int32) bson.M { return bson.M{"ok": 1.0, "n": n} }
		want[bson.M](t, "Remove by _id", removed(1))(ops.Remove("new"))
		want[bson.M](t, "Remove of one", removed(1))(ops.Remove(bson.M{"x": true}, motor.RemoveOptions{Multi: new(false)}))
		want[bson.M](t, "Remove", removed(3))(ops.Remove(bson.M{"x": true}))
		want[bson.M](t, "Remove of all", removed(1))(ops.Remove(nil))
	})
}

func TestLegacyInsertError(t *testing.T) {
	inBothLegacyStyles(t, func(t *testing.T, ops legacyWriters) {
		_, err := ops.Insert([]bson.M{{"_id": "a"}, {"_id": "a"}, {"_id": "b"}})
		var own *motor.Error
		if !errors.As(err, &own) || own.Class() != motor.DuplicateKeyError || own.Code() != 11000 {
			t.Fatalf("got %v, want a DuplicateKeyError", err)
		}
		if ids := own.PartialResult(); !reflect.DeepEqual(ids, []any{"a"}) {
			t.Errorf("PartialResult() = %v, want the _id a", ids)
		}
		_, err = ops.Insert([]bson.M{{"_id": "a"}, {"_id": "b"}, {"_id": "c"}}, motor.InsertOptions{ContinueOnError: true})
		if !errors.Is(err, motor.DuplicateKeyError) {
			t.Errorf("got %v, want a DuplicateKeyError", err)
		}
		want[int64](t, "documents", int64(3))(ops.CountDocuments(bson.D{}))
	})
}

func TestLegacyBulkBuilder(t *testing.T) {
	inBothLegacyStyles(t, func(t *testing.T, ops legacyWriters) {
		set := bson.M{"$set": bson.M{"x": true}}
		b := ops.Bulk(true)
		b.Insert(bson.M{"_id": "a", "n": 1})
		b.Insert(bson.M{"_id": "b", "n": 2})
		b.Find(bson.M{"_id": "new"}).Upsert().UpdateOne(set)
		b.Find(bson.D{}).Update(set)
		b.Find(bson.M{"_id": "a"}).ReplaceOne(bson.M{"n": 10})
		b.Find(bson.M{"_id": "b"}).RemoveOne()
		none := bson.A{}
		want[bson.M](t, "Execute", bson.M{
			"nInserted": int32(2), "nMatched": int32(4), "nModified": int32(3), "nRemoved": int32(1), "nUpserted": int32(1),
			"upserted": bson.A{bson.M{"index": int32(2), "_id": "new"}}, "writeErrors": none, "writeConcernErrors": none,
		})(b.Execute())
		if _, err := b.Execute(); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("second Execute: got %v, want an InvalidOperation", err)
		}
		if _, err := ops.Bulk(false).Execute(); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("Execute without writes: got %v, want an InvalidOperation", err)
		}

		b = ops.Bulk(false)
		b.Insert(bson.M{"_id": "a"})
		b.Find(bson.D{}).Remove()
		_, err := b.Execute(bson.M{"w": 1})
		var own *motor.Error
		if !errors.As(err, &own) || own.Class() != motor.BulkWriteError {
			t.Fatalf("got %v, want a BulkWriteError", err)
		}
		result, _ := own.PartialResult().(bson.M)
		if result["nRemoved"] != int32(2) || len(result["writeErrors"].(bson.A)) != 1 {
			t.Errorf("partial result %v, want nRemoved 2 and one write error", result)
		}
	})
}
