package motor_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// legacyWrite is a callback-era write with its commands and its result.
type legacyWrite struct {
	name   string
	call   func(context.Context, collection) pending
	sent   exchange
	result any
}

func TestLegacyWrites(t *testing.T) {
	set := bson.M{"$set": bson.M{"a": 1}}
	id := bson.NewObjectID()
	uuid := bson.Binary{Subtype: 4, Data: []byte("0123456789abcdef")}
	insert := func(doc any, opts ...motor.InsertOptions) func(context.Context, collection) pending {
		return func(ctx context.Context, c collection) pending { return resultOf(c.Insert(ctx, doc, opts...)) }
	}
	save := func(doc any, opts ...motor.SaveOptions) func(context.Context, collection) pending {
		return func(ctx context.Context, c collection) pending { return resultOf(c.Save(ctx, doc, opts...)) }
	}
	update := func(spec, doc any, opts ...motor.UpdateOptions) func(context.Context, collection) pending {
		return func(ctx context.Context, c collection) pending { return resultOf(c.Update(ctx, spec, doc, opts...)) }
	}
	remove := func(specOrID any, opts ...motor.RemoveOptions) func(context.Context, collection) pending {
		return func(ctx context.Context, c collection) pending { return resultOf(c.Remove(ctx, specOrID, opts...)) }
	}
	updated := func(n, modified int, existing bool, more ...any) bson.M {
		reply := bson.M{"ok": 1.0, "n": int32(n), "nModified": int32(modified), "updatedExisting": existing}
		if len(more) > 0 {
			reply["upserted"] = more[0]
		}
		return reply
	}
	removed := func(n int) bson.M { return bson.M{"ok": 1.0, "n": int32(n)} }
	two := ok(bson.M{"n": 2})
	for _, test := range []legacyWrite{
		{"Insert of a document", insert(bson.M{"_id": "x", "a": 1}),
			exchange{"insert", bson.M{"documents": []bson.M{{"_id": "x", "a": 1}}, "ordered": true, "writeConcern": bson.M{"w": 1}}, ok()}, "x"},
		{"Insert of several", insert([]bson.M{{"_id": 1}, {"_id": 2}}),
			exchange{"insert", bson.M{"documents": []bson.M{{"_id": 1}, {"_id": 2}}, "ordered": true}, two}, []any{int32(1), int32(2)}},
		{"Insert with ContinueOnError", insert([]bson.M{{"_id": 1}, {"_id": 2}}, motor.InsertOptions{ContinueOnError: true}),
			exchange{"insert", bson.M{"ordered": false}, two}, []any{int32(1), int32(2)}},
		{"Insert with a write concern", insert(bson.M{"_id": 1}, motor.InsertOptions{W: 2, J: true}),
			exchange{"insert", bson.M{"writeConcern": bson.M{"w": 2, "j": true}}, ok()}, int32(1)},
		{"Insert with wtimeout", insert(bson.M{"_id": 1}, motor.InsertOptions{W: "majority", WTimeout: 100}),
			exchange{"insert", bson.M{"writeConcern": bson.M{"w": "majority", "wtimeout": 100}}, ok()}, int32(1)},
		{"Insert of several with fsync", insert([]bson.M{{"_id": 1}, {"_id": 2}}, motor.InsertOptions{FSync: true, ContinueOnError: true}),
			exchange{"insert", bson.M{"writeConcern": bson.M{"fsync": true}, "ordered": false}, two}, []any{int32(1), int32(2)}},
		{"Insert with Manipulate off", insert([]bson.M{{"_id": 1}, {}}, motor.InsertOptions{Manipulate: new(false)}),
			exchange{"insert", bson.M{}, two}, []any{int32(1), nil}},
		{"Insert of unchecked keys", insert(bson.D{{Key: "_id", Value: 1}, {Key: "a.b", Value: 1}}, motor.InsertOptions{CheckKeys: new(false)}),
			exchange{"insert", bson.M{"documents": bson.A{bson.D{{Key: "_id", Value: 1}, {Key: "a.b", Value: 1}}}}, ok()}, int32(1)},
		{"Insert of a reference", insert(bson.M{"_id": 1, "r": motor.DBRef{Collection: "c", ID: 2}}),
			exchange{"insert", bson.M{"documents.0.r": bson.M{"$ref": "c", "$id": 2}}, ok()}, int32(1)},

		{"Save of a document without an _id", save(bson.M{"a": 1}, motor.SaveOptions{Manipulate: new(false)}),
			exchange{"insert", bson.M{"documents.0._id": wiretest.Present, "documents.0.a": 1}, ok()}, nil},
		{"Save of a document with an _id", save(bson.M{"_id": id, "a": 1}, motor.SaveOptions{W: 2}),
			exchange{"update", bson.M{"updates": []bson.M{{"q": bson.M{"_id": id}, "u": bson.M{"_id": id, "a": 1}, "upsert": true}},
				"writeConcern": bson.M{"w": 2}}, ok(bson.M{"n": 1})}, id},

		{"Update by operators", update(bson.M{"b": 1}, set),
			exchange{"update", bson.M{"updates": []bson.M{{"q": bson.M{"b": 1}, "u": set, "upsert": false}}},
				ok(bson.M{"n": 1, "nModified": 0})}, updated(1, 0, true)},
		{"Update of several", update(bson.M{}, set, motor.UpdateOptions{Multi: true, W: 1, WTimeout: 7}),
			exchange{"update", bson.M{"updates": []bson.M{{"q": bson.M{}, "u": set, "multi": true, "upsert": false}},
				"writeConcern": bson.M{"w": 1, "wtimeout": 7}}, ok(bson.M{"n": 3, "nModified": 2})}, updated(3, 2, true)},
		{"Update that inserts", update(bson.M{"_id": 7}, set, motor.UpdateOptions{Upsert: true}),
			exchange{"update", bson.M{"updates.0.upsert": true},
				ok(bson.M{"n": 1, "nModified": 0, "upserted": bson.A{bson.M{"index": 0, "_id": 7}}})}, updated(1, 0, false, int32(7))},
		{"Update by a replacement", update(bson.M{"b": 1}, bson.M{"a": 1}),
			exchange{"update", bson.M{"updates": []bson.M{{"q": bson.M{"b": 1}, "u": bson.M{"a": 1}, "upsert": false}}},
				ok(bson.M{"n": 0, "nModified": 0})}, updated(0, 0, false)},
		{"Update by an empty document", update(bson.M{"b": 1}, bson.M{}),
			exchange{"update", bson.M{"updates.0.u": bson.M{}}, ok(bson.M{"n": 1, "nModified": 1})}, updated(1, 1, true)},

		{"Remove of all", remove(nil),
			exchange{"delete", bson.M{"deletes": []bson.M{{"q": bson.M{}, "limit": 0}}}, two}, removed(2)},
		{"Remove by a document", remove(bson.M{"a": 1}),
			exchange{"delete", bson.M{"deletes": []bson.M{{"q": bson.M{"a": 1}, "limit": 0}}}, two}, removed(2)},
		{"Remove of one", remove(bson.D{{Key: "a", Value: 1}}, motor.RemoveOptions{Multi: new(false), J: true}),
			exchange{"delete", bson.M{"deletes": []bson.M{{"q": bson.M{"a": 1}, "limit": 1}}, "writeConcern": bson.M{"j": true}},
				ok(bson.M{"n": 1})}, removed(1)},
		{"Remove by _id", remove(id, motor.RemoveOptions{WTimeout: 5}),
			exchange{"delete", bson.M{"deletes": []bson.M{{"q": bson.M{"_id": id}, "limit": 0}}, "writeConcern": bson.M{"wtimeout": 5}},
				ok(bson.M{"n": 0})}, removed(0)},
		{"Remove by an _id in a struct", remove(uuid),
			exchange{"delete", bson.M{"deletes.0.q": bson.M{"_id": uuid}}, ok(bson.M{"n": 1})}, removed(1)},
		{"Remove by a struct", remove(struct{ A int }{1}),
			exchange{"delete", bson.M{"deletes.0.q": bson.M{"a": 1}}, ok(bson.M{"n": 1})}, removed(1)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			wait := test.call(t.Context(), newClient(t, peer.URI("w=1")).Database("d").Collection("c"))
			test.sent.answer(peer.Receive(test.sent.name).Want(test.sent.want))
			got, err := wait(t.Context())
			if err != nil || !reflect.DeepEqual(got, test.result) {
				t.Errorf("got %#v, %v; want %#v", got, err, test.result)
			}
		})
	}
}

func TestLegacyInsertLastError(t *testing.T) {
	for _, test := range []struct {
		name   string
		opts   motor.InsertOptions
		answer func(request)
		want   wantError
		ids    []any
	}{
		{"a duplicate key", motor.InsertOptions{}, func(r request) { r.WriteError(1, 11000, "E11000", "Label") },
			wantError{class: motor.DuplicateKeyError, driver: asA[mongo.WriteException], code: 11000, labels: []string{"Label"}}, []any{int32(1)}},
		{"the last of several", motor.InsertOptions{ContinueOnError: true}, ok(bson.M{"n": 1, "writeErrors": bson.A{
			bson.M{"index": 0, "code": 11000, "errmsg": "E11000"}, bson.M{"index": 1, "code": 121, "errmsg": "not valid"},
		}}), wantError{class: motor.WriteError, code: 121, details: details{"errmsg": "not valid"}}, []any{int32(3)}},
		{"wtimeout", motor.InsertOptions{W: 2, WTimeout: 5}, func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") },
			wantError{class: motor.WTimeoutError, code: 64, timeout: true}, []any{int32(1), int32(2), int32(3)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			coll := newClient(t, peer.URI()).Database("d").Collection("c")
			wait := resultOf(coll.Insert(t.Context(), []bson.M{{"_id": 1}, {"_id": 2}, {"_id": 3}}, test.opts))
			test.answer(peer.Receive("insert"))
			got, err := wait(t.Context())
			test.want.check(t, err)
			var own *motor.Error
			if errors.As(err, &own) && !reflect.DeepEqual(own.PartialResult(), any(test.ids)) || got != nil {
				t.Errorf("got result %v, partial result %v, want %v", got, own.PartialResult(), test.ids)
			}
		})
	}
}

func TestBulkBuilder(t *testing.T) {
	set := bson.M{"$set": bson.M{"a": 1}}
	french := &options.Collation{Locale: "fr"}
	build := func(b *motor.BulkOperationBuilder) {
		b.Insert(bson.M{"_id": 1})
		b.Find(bson.M{"a": 1}).Update(set)
		b.Find(bson.M{"a": 2}, french).UpdateOne(set)
		b.Find(bson.M{"a": 3}).ReplaceOne(bson.M{"b": 1})
		b.Find(bson.M{"a": 4}).Upsert().Update(set)
		b.Find(bson.M{"a": 5}).Upsert().UpdateOne(set)
		b.Find(bson.M{"a": 6}, french).Upsert().ReplaceOne(bson.M{"b": 1})
		b.Find(bson.M{"a": 7}).Remove()
		b.Find(bson.M{"a": 8}, french).RemoveOne()
	}
	fr := bson.M{"locale": "fr"}
	inserts := bson.A{bson.M{"_id": 1}}
	updates := bson.A{
		bson.M{"q": bson.M{"a": 1}, "u": set, "multi": true},
		bson.M{"q": bson.M{"a": 2}, "u": set, "collation": fr},
		bson.M{"q": bson.M{"a": 3}, "u": bson.M{"b": 1}},
		bson.M{"q": bson.M{"a": 4}, "u": set, "multi": true, "upsert": true},
		bson.M{"q": bson.M{"a": 5}, "u": set, "upsert": true},
		bson.M{"q": bson.M{"a": 6}, "u": bson.M{"b": 1}, "upsert": true, "collation": fr},
	}
	deletes := bson.A{
		bson.M{"q": bson.M{"a": 7}, "limit": 0},
		bson.M{"q": bson.M{"a": 8}, "limit": 1, "collation": fr},
	}
	for _, ordered := range []bool{true, false} {
		t.Run(fmt.Sprint("ordered ", ordered), func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			coll := newClient(t, peer.URI()).Database("d").Collection("c")
			initialize := coll.InitializeUnorderedBulkOp
			if ordered {
				initialize = coll.InitializeOrderedBulkOp
			}
			b := initialize(motor.BulkOptions{BypassDocumentValidation: true})
			build(b)
			// With wtimeout each run of equal writes is one command.
			concern := bson.M{"w": 2, "wtimeout": 100}
			executing := b.Execute(t.Context(), concern)
			common := bson.M{"ordered": ordered, "writeConcern": concern}
			peer.Receive("insert").Want(common).Want(bson.M{"documents": inserts, "bypassDocumentValidation": true}).OK(bson.M{"n": 1})
			peer.Receive("update").Want(common).Want(bson.M{"updates": updates, "bypassDocumentValidation": true}).
				OK(bson.M{"n": 5, "nModified": 3, "upserted": bson.A{bson.M{"index": 4, "_id": "u"}}})
			bad := bson.A{bson.M{"index": 1, "code": 28, "errmsg": "no"}}
			peer.Receive("delete").Want(common).Want(bson.M{"deletes": deletes}).OK(bson.M{"n": 9, "writeErrors": bad})
			got, err := executing.Await(t.Context())
			var own *motor.Error
			if !errors.As(err, &own) || own.Class() != motor.BulkWriteError {
				t.Fatalf("got %v, want a BulkWriteError", err)
			}
			want := bson.M{
				"nInserted": int32(1), "nMatched": int32(4), "nModified": int32(3), "nRemoved": int32(9), "nUpserted": int32(1),
				"upserted": bson.A{bson.M{"index": int32(5), "_id": "u"}}, "writeConcernErrors": bson.A{},
				"writeErrors": bson.A{bson.M{"index": int32(8), "code": int32(28), "errmsg": "no", "op": bson.M{
					"q": bson.M{"a": int32(8)}, "limit": int32(1), "collation": bson.M{"locale": "fr"},
				}}},
			}
			if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(decoded(t, own.Details()), want) {
				t.Errorf("got\n%v\nwith details\n%s\nwant\n%v", got, own.Details(), want)
			}
			if _, err := b.Execute(t.Context()).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
				t.Errorf("second Execute() = %v, want an InvalidOperation", err)
			}
		})
	}
}

func TestBulkBuilderWithoutWTimeout(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	b := newClient(t, peer.URI("w=1")).Database("d").Collection("c").InitializeOrderedBulkOp()
	b.Insert(bson.M{"_id": 1})
	executing := b.Execute(t.Context())
	peer.Receive("insert").Want(bson.M{"ordered": true, "writeConcern": bson.M{"w": 1}, "bypassDocumentValidation": wiretest.Absent}).OK(bson.M{"n": 1})
	got, err := executing.Await(t.Context())
	if err != nil || got["nInserted"] != int32(1) || len(got) != 8 {
		t.Errorf("got %v, %v, want nInserted = 1 and 8 fields, nil", got, err)
	}
}
