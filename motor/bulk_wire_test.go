package motor_test

import (
	"bytes"
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

// everyModel returns one write of each kind, with all its options.
func everyModel() []mongo.WriteModel {
	collation := &options.Collation{Locale: "fr", Strength: 2}
	query, set := bson.M{"a": 1}, bson.M{"$set": bson.M{"b.$[x]": 2}}
	return []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}),
		mongo.NewUpdateOneModel().SetFilter(query).SetUpdate(set).SetArrayFilters([]any{bson.M{"x": 3}}).
			SetCollation(collation).SetHint("a_1").SetSort(bson.M{"a": 1}).SetUpsert(true),
		mongo.NewReplaceOneModel().SetFilter(query).SetReplacement(bson.M{"b": 1}).SetCollation(collation).
			SetHint(bson.M{"a": 1}).SetSort(bson.D{{Key: "a", Value: 1}, {Key: "b", Value: -1}}).SetUpsert(false),
		mongo.NewDeleteOneModel().SetFilter(query).SetCollation(collation).SetHint("a_1"),
		mongo.NewUpdateManyModel().SetFilter(query).SetUpdate([]bson.M{{"$set": bson.M{"a": "$b"}}}).
			SetCollation(collation).SetHint("a_1").SetUpsert(true),
		mongo.NewDeleteManyModel().SetFilter(query).SetCollation(collation).SetHint(bson.D{{Key: "a", Value: 1}}),
	}
}

// The statements of everyModel.
var (
	fr        = bson.M{"locale": "fr", "strength": 2}
	inserted1 = bson.D{{Key: "_id", Value: 1}}
	updated1  = bson.M{
		"q": bson.M{"a": 1}, "u": bson.M{"$set": bson.M{"b.$[x]": 2}}, "arrayFilters": []bson.M{{"x": 3}},
		"collation": fr, "hint": "a_1", "sort": bson.M{"a": 1}, "upsert": true,
	}
	replaced = bson.M{
		"q": bson.M{"a": 1}, "u": bson.M{"b": 1}, "collation": fr, "hint": bson.M{"a": 1},
		"sort": bson.D{{Key: "a", Value: 1}, {Key: "b", Value: -1}}, "upsert": false,
	}
	deleted1 = bson.M{"q": bson.M{"a": 1}, "limit": 1, "collation": fr, "hint": "a_1"}
	updatedN = bson.M{
		"q": bson.M{"a": 1}, "u": []bson.M{{"$set": bson.M{"a": "$b"}}}, "multi": true,
		"collation": fr, "hint": "a_1", "upsert": true,
	}
	deletedN = bson.M{"q": bson.M{"a": 1}, "limit": 0, "collation": fr, "hint": bson.M{"a": 1}}
)

func TestBulkWriteCommands(t *testing.T) {
	type sent struct {
		command string
		list    bson.A
	}
	inOrder := []sent{
		{"insert", bson.A{inserted1}}, {"update", bson.A{updated1, replaced}}, {"delete", bson.A{deleted1}},
		{"update", bson.A{updatedN}}, {"delete", bson.A{deletedN}},
	}
	for _, test := range []struct {
		name    string
		concern bson.M
		ordered bool
		want    []sent
	}{
		{"in order", bson.M{"w": 2}, true, inOrder},
		{"ordered, with wtimeout", bson.M{"w": 2, "wtimeout": 5}, true, inOrder},
		{"in any order", bson.M{"w": 2}, false, []sent{
			{"insert", bson.A{inserted1}}, {"update", bson.A{updated1, replaced}}, {"update", bson.A{updatedN}},
			{"delete", bson.A{deleted1}}, {"delete", bson.A{deletedN}},
		}},
		{"unordered, with wtimeout", bson.M{"w": 2, "wtimeout": 5}, false, []sent{
			{"insert", bson.A{inserted1}}, {"update", bson.A{updated1, replaced, updatedN}}, {"delete", bson.A{deleted1, deletedN}},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			coll := newClient(t, peer.URI()).Database("d").Collection("c")
			noError(t, coll.SetWriteConcern(test.concern))
			writing := coll.BulkWrite(t.Context(), everyModel(), options.BulkWrite().SetOrdered(test.ordered).
				SetBypassDocumentValidation(true).SetComment("why").SetLet(bson.M{"l": 1}))
			lists := map[string]string{"insert": "documents", "update": "updates", "delete": "deletes"}
			for _, s := range test.want {
				want := bson.M{
					s.command: "c", lists[s.command]: s.list, "ordered": test.ordered, "comment": "why",
					"let": bson.M{"l": 1}, "bypassDocumentValidation": true, "writeConcern": test.concern, "$db": "d",
				}
				switch s.command {
				case "insert":
					want["let"] = wiretest.Absent
				case "delete":
					want["bypassDocumentValidation"] = wiretest.Absent
				}
				peer.Receive(s.command).Want(want).OK(bson.M{"n": len(s.list)})
			}
			if _, err := writing.Await(t.Context()); err != nil {
				t.Errorf("BulkWrite() = %v, want nil", err)
			}
		})
	}
}

// countsOf returns the counts of a result under PyMongo's names.
func countsOf(t *testing.T, r *motor.BulkWriteResult) bson.M {
	t.Helper()
	counts := make(bson.M)
	for _, test := range []struct {
		name  string
		count func() (int64, error)
	}{
		{"nInserted", r.InsertedCount}, {"nMatched", r.MatchedCount}, {"nModified", r.ModifiedCount},
		{"nRemoved", r.DeletedCount}, {"nUpserted", r.UpsertedCount},
	} {
		n, err := test.count()
		noError(t, err)
		counts[test.name] = int32(n)
	}
	ids, err := r.UpsertedIDs()
	noError(t, err)
	upserted := bson.A{}
	for i := range int64(100) {
		if id, ok := ids[i]; ok {
			upserted = append(upserted, bson.M{"index": int32(i), "_id": id})
		}
	}
	counts["upserted"] = upserted
	return counts
}

// decoded returns the error details as maps.
func decoded(t *testing.T, raw bson.Raw) bson.M {
	t.Helper()
	var doc bson.M
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(raw)))
	d.DefaultDocumentM()
	noError(t, d.Decode(&doc))
	return doc
}

// The server carries out only a part of the bulk.
func TestBulkWriteResult(t *testing.T) {
	models := func() []mongo.WriteModel {
		set := bson.M{"$set": bson.M{"a": 1}}
		return []mongo.WriteModel{
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 0}),
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 2}).SetUpdate(set).SetUpsert(true),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 3}).SetUpdate(set),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 4}).SetUpdate(set).SetUpsert(true),
			mongo.NewDeleteManyModel().SetFilter(bson.M{}),
		}
	}
	// The first update upserts, the second modifies and the third fails.
	update := ok(bson.M{"n": 2, "nModified": 1, "upserted": bson.A{bson.M{"index": 0, "_id": 2}},
		"writeErrors": bson.A{bson.M{"index": 2, "code": 11000, "errmsg": "E11000", "keyPattern": bson.M{"a": 1}}}})
	fine := ok(bson.M{"n": 2, "nModified": 1, "upserted": bson.A{bson.M{"index": 0, "_id": 2}}})
	slow := func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") }
	badUpdate := bson.M{"index": int32(4), "code": int32(11000), "errmsg": "E11000", "keyPattern": bson.M{"a": int32(1)},
		"op": bson.M{"q": bson.M{"_id": int32(4)}, "u": bson.M{"$set": bson.M{"a": int32(1)}}, "upsert": true, "multi": false}}
	timeout := bson.M{"code": int32(64), "codeName": "WriteConcernTimeout", "errmsg": "slow"}

	whole := func(inserted, matched, modified, removed int32, upserted ...any) bson.M {
		return bson.M{"nInserted": inserted, "nMatched": matched, "nModified": modified, "nRemoved": removed,
			"nUpserted": int32(len(upserted)), "upserted": append(bson.A{}, upserted...)}
	}
	second := bson.M{"index": int32(2), "_id": int32(2)}
	for _, test := range []struct {
		name     string
		ordered  bool
		answers  []func(request) // to insert, update, delete
		want     bson.M          // of the result
		errors   bson.A          // expected writeErrors, or nil
		concerns bson.A
		class    *motor.ErrorClass // when the error is not a BulkWriteError
	}{
		{name: "all succeed", ordered: true, answers: []func(request){ok(bson.M{"n": 2}), fine, ok(bson.M{"n": 7})},
			want: whole(2, 1, 1, 7, second)},
		{name: "ordered, up to a failure", ordered: true, answers: []func(request){ok(bson.M{"n": 2}), update},
			want: whole(2, 1, 1, 0, second), errors: bson.A{badUpdate}},
		{name: "unordered, past failures", answers: []func(request){
			func(r request) { r.WriteError(1, 11000, "E11000", "Label") }, update, slow},
			want: whole(1, 1, 1, 1, second), errors: bson.A{
				bson.M{"index": int32(1), "code": int32(11000), "errmsg": "E11000", "op": bson.M{"_id": int32(1)}}, badUpdate,
			}, concerns: bson.A{timeout}},
		{name: "up to a server error", ordered: true, answers: []func(request){ok(bson.M{"n": 2}), fine, refuse(13, "Unauthorized")},
			want: whole(2, 1, 1, 0, second), class: motor.OperationFailure},
		{name: "up to a lost connection", ordered: true, answers: []func(request){ok(bson.M{"n": 2}), fine, request.HangUp},
			want: whole(2, 1, 1, 0, second), class: motor.AutoReconnect},
	} {
		for _, uri := range []string{"", "wTimeoutMS=5"} {
			t.Run(test.name+" "+uri, func(t *testing.T) {
				t.Parallel()
				peer := wiretest.Start(t, wiretest.Standalone)
				coll := newClient(t, peer.URI("retryWrites=false", uri)).Database("d").Collection("c")
				given := models()
				writing := coll.BulkWrite(t.Context(), given, options.BulkWrite().SetOrdered(test.ordered))
				for i, command := range []string{"insert", "update", "delete"}[:len(test.answers)] {
					test.answers[i](peer.Receive(command))
				}
				result, err := writing.Await(t.Context())
				if result == nil || !result.Acknowledged {
					t.Fatalf("BulkWrite() = %+v, %v, want a result or an error", result, err)
				}
				if got := countsOf(t, result); !reflect.DeepEqual(got, test.want) {
					t.Errorf("got counts\n%v\nwant\n%v", got, test.want)
				}
				var own *motor.Error
				if !errors.As(err, &own) {
					if err != nil || test.errors != nil {
						t.Errorf("got error %v, want nil", err)
					}
					return
				}
				if own.PartialResult() != any(result) {
					t.Errorf("got partial result %v, want %v", own.PartialResult(), result)
				}
				if test.class != nil {
					if own.Class() != test.class {
						t.Errorf("got %v, want a %s", err, test.class.Name())
					}
					return
				}
				want := bson.M{"writeErrors": append(bson.A{}, test.errors...), "writeConcernErrors": append(bson.A{}, test.concerns...)}
				for key, value := range test.want {
					want[key] = value
				}
				if got := decoded(t, own.Details()); own.Class() != motor.BulkWriteError || own.Code() != 65 || !reflect.DeepEqual(got, want) {
					t.Errorf("got %s %d with details\n%v\nwant\n%v", own.Class().Name(), own.Code(), got, want)
				}
				var driver mongo.BulkWriteException
				if !errors.As(err, &driver) || len(driver.WriteErrors) != len(test.errors) {
					t.Fatalf("got driver error %+v, want a BulkWriteException", driver)
				}
				for _, e := range driver.WriteErrors {
					if e.Request != given[e.Index] {
						t.Errorf("request at index %d: got %v, want %v", e.Index, e.Request, given[e.Index])
					}
				}
			})
		}
	}
}

func TestInsertManyPartialResult(t *testing.T) {
	for _, uri := range []string{"", "wTimeoutMS=5"} {
		peer := wiretest.Start(t, wiretest.Standalone)
		wait := insertMany(t.Context(), newClient(t, peer.URI(uri)).Database("d").Collection("c"))
		peer.Receive("insert").WriteError(1, 11000, "E11000")
		err := wait(t.Context())
		var own *motor.Error
		if !errors.As(err, &own) {
			t.Fatalf("got %v, want a *motor.Error", err)
		}
		if r, ok := own.PartialResult().(*motor.InsertManyResult); !ok || fmt.Sprint(r.InsertedIDs) != "[1]" {
			t.Errorf("got partial result %v, want [1]", own.PartialResult())
		}
		details := decoded(t, own.Details())
		bad := bson.A{bson.M{"index": int32(1), "code": int32(11000), "errmsg": "E11000", "op": bson.M{"_id": int32(2)}}}
		if details["nInserted"] != int32(1) || !reflect.DeepEqual(details["writeErrors"], bad) {
			t.Errorf("got details %v, want nInserted = 1 and the write error %v", details, bad)
		}
	}
}

func TestBulkWriteCopiesModels(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(1))
	coll := client.Database("d").Collection("c")
	first := insertOne(t.Context(), coll) // occupies the only worker
	doc, upsert := bson.M{"_id": 1}, true
	models := []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(doc),
		&mongo.ReplaceOneModel{Filter: doc, Replacement: doc, Upsert: &upsert},
	}
	let := bson.M{"l": 1}
	second := coll.BulkWrite(t.Context(), models, options.BulkWrite().SetLet(let))
	doc["_id"], let["l"], upsert, models[1] = 2, 2, false, nil
	peer.Receive("insert").OK(bson.M{"n": 1})
	noError(t, first(t.Context()))
	peer.Receive("insert").Want(bson.M{"documents.0._id": 1}).OK(bson.M{"n": 1})
	peer.Receive("update").Want(bson.M{"updates.0.u._id": 1, "updates.0.upsert": true, "let": bson.M{"l": 1}}).OK(bson.M{"n": 1})
	_, err := second.Await(t.Context())
	noError(t, err)
}
