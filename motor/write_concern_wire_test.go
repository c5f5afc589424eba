package motor_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// writes are the operations that have a write concern, and the commands that they are.
var writes = []struct {
	command string
	call    operation
}{
	{"insert", insertOne},
	{"insert", insertMany},
	{"update", upsert},
	{"update", func(ctx context.Context, c collection) outcome {
		return started(c.UpdateMany(ctx, bson.M{"a": 1}, bson.M{"$set": bson.M{"a": 2}}))
	}},
	{"update", func(ctx context.Context, c collection) outcome {
		return started(c.ReplaceOne(ctx, bson.M{"_id": 1}, bson.M{"a": 2}))
	}},
	{"delete", func(ctx context.Context, c collection) outcome { return started(c.DeleteOne(ctx, bson.M{})) }},
	{"delete", func(ctx context.Context, c collection) outcome { return started(c.DeleteMany(ctx, bson.M{})) }},
	{"findAndModify", func(ctx context.Context, c collection) outcome { return started(c.FindOneAndDelete(ctx, bson.M{})) }},
	{"findAndModify", func(ctx context.Context, c collection) outcome {
		return started(c.FindOneAndReplace(ctx, bson.M{"_id": 1}, bson.M{"a": 2}))
	}},
	{"findAndModify", func(ctx context.Context, c collection) outcome {
		return started(c.FindOneAndUpdate(ctx, bson.M{"_id": 1}, bson.M{"$set": bson.M{"a": 2}}))
	}},
	{"createIndexes", func(ctx context.Context, c collection) outcome { return started(c.CreateIndex(ctx, "a")) }},
	{"dropIndexes", func(ctx context.Context, c collection) outcome { return started(c.DropIndex(ctx, "a_1")) }},
	{"dropIndexes", func(ctx context.Context, c collection) outcome { return started(c.DropIndexes(ctx)) }},
	{"drop", drop},
	{"create", func(ctx context.Context, c collection) outcome {
		return started(c.Database().CreateCollection(ctx, "c"))
	}},
	{"update", func(ctx context.Context, c collection) outcome {
		return started(c.BulkWrite(ctx, []mongo.WriteModel{
			mongo.NewReplaceOneModel().SetFilter(bson.M{"_id": 1}).SetReplacement(bson.M{"a": 2}),
		}))
	}},
	{"dropDatabase", func(ctx context.Context, c collection) outcome {
		return started(c.Database().Client().DropDatabase(ctx, c.Database()))
	}},
}

func TestWriteConcernOnTheWire(t *testing.T) {
	for _, test := range []struct {
		set  bson.M
		want any
	}{
		{bson.M{}, wiretest.Absent},
		{bson.M{"w": 1}, bson.D{{Key: "w", Value: 1}}},
		{bson.M{"w": "majority", "j": true}, bson.D{{Key: "w", Value: "majority"}, {Key: "j", Value: true}}},
		{bson.M{"w": 2, "wtimeout": 1000}, bson.D{{Key: "w", Value: 2}, {Key: "wtimeout", Value: 1000}}},
		{bson.M{"wtimeout": 5}, bson.D{{Key: "wtimeout", Value: 5}}},
		{bson.M{"fsync": true}, bson.D{{Key: "fsync", Value: true}}},
		{bson.M{"w": 1, "wtimeout": 9, "j": true},
			bson.D{{Key: "w", Value: 1}, {Key: "wtimeout", Value: 9}, {Key: "j", Value: true}}},
		{bson.M{"wtimeout": 0, "fsync": false, "j": false}, bson.D{{Key: "j", Value: false}}},
	} {
		t.Run(fmt.Sprint(test.set), func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			coll := newClient(t, peer.URI()).Database("d").Collection("c")
			if err := coll.Database().SetWriteConcern(test.set); err != nil {
				t.Fatal(err)
			}
			if err := coll.SetWriteConcern(test.set); err != nil {
				t.Fatal(err)
			}
			peer.Handle("listCollections", func(r request) { r.Cursor("d.$cmd.listCollections", 0) })
			for _, w := range writes {
				wait := w.call(t.Context(), coll)
				request := peer.Receive(w.command)
				request.Want(bson.M{"writeConcern": test.want, "$db": "d", "lsid": wiretest.Present})
				request.OK(bson.M{"n": 1})
				if err := wait(t.Context()); err != nil {
					t.Errorf("%s: %v", w.command, err)
				}
			}
		})
	}
}

func TestWriteConcernHoldsFromTheNextOperationOn(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI("w=1"), motor.WithMaxWorkers(1))
	coll := client.Database("d").Collection("c")
	first := insertOne(t.Context(), coll)
	second := insertOne(t.Context(), coll) // queued: it was called before the change
	if err := coll.WriteConcern().Set("w", 2); err != nil {
		t.Fatal(err)
	}
	third := insertOne(t.Context(), coll)
	for _, w := range []int{1, 1, 2} {
		peer.Receive("insert").Want(bson.M{"writeConcern": bson.M{"w": w}}).OK(bson.M{"n": 1})
	}
	for _, wait := range []outcome{first, second, third} {
		if err := wait(t.Context()); err != nil {
			t.Error(err)
		}
	}
	if err := coll.WriteConcern().Set("w", 0); err != nil {
		t.Fatal(err)
	}
	fourth := insertOne(t.Context(), coll)
	unanswered := peer.Receive("insert").Want(bson.M{"writeConcern": bson.M{"w": 0}})
	if !unanswered.MoreToCome {
		t.Error("an answer is waited for")
	}
	unanswered.Nothing()
	if err := fourth(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestCommandsAreTheDriversOwn holds the commands that are made for wtimeout to those that the driver makes.
func TestCommandsAreTheDriversOwn(t *testing.T) {
	collation := &options.Collation{Locale: "fr", Strength: 2, CaseLevel: true}
	query, set := bson.M{"a": 1}, bson.M{"$set": bson.M{"b.$[x]": 2}}
	arrayFilters := []any{bson.M{"x": 3}}
	for name, call := range map[string]operation{
		"InsertOne": func(ctx context.Context, c collection) outcome {
			return started(c.InsertOne(ctx, bson.D{{Key: "a", Value: 1}, {Key: "_id", Value: 2}},
				options.InsertOne().SetComment("why").SetBypassDocumentValidation(true)))
		},
		"InsertMany": func(ctx context.Context, c collection) outcome {
			return started(c.InsertMany(ctx, []bson.M{{"_id": 1}, {"_id": 2}},
				options.InsertMany().SetComment(bson.M{"a": 1}).SetBypassDocumentValidation(true).SetOrdered(false)))
		},
		"UpdateOne": func(ctx context.Context, c collection) outcome {
			return started(c.UpdateOne(ctx, query, set, options.UpdateOne().SetArrayFilters(arrayFilters).
				SetBypassDocumentValidation(true).SetCollation(collation).SetComment(1).SetHint("a_1").
				SetLet(bson.M{"l": 1}).SetSort(bson.M{"a": 1}).SetUpsert(true)))
		},
		"UpdateMany": func(ctx context.Context, c collection) outcome {
			return started(c.UpdateMany(ctx, query, set, options.UpdateMany().SetArrayFilters(arrayFilters).
				SetBypassDocumentValidation(true).SetCollation(collation).SetComment("c").SetHint(bson.D{{Key: "a", Value: 1}}).
				SetLet(bson.M{"l": 1}).SetUpsert(false)))
		},
		"UpdateOne with a pipeline": func(ctx context.Context, c collection) outcome {
			return started(c.UpdateOne(ctx, query, []bson.M{{"$set": bson.M{"a": "$b"}}}))
		},
		"ReplaceOne": func(ctx context.Context, c collection) outcome {
			return started(c.ReplaceOne(ctx, query, bson.M{"b": 1}, options.Replace().SetBypassDocumentValidation(true).
				SetCollation(collation).SetComment("c").SetHint("a_1").SetLet(bson.M{"l": 1}).SetSort(bson.M{"a": 1}).SetUpsert(true)))
		},
		"DeleteOne": func(ctx context.Context, c collection) outcome {
			return started(c.DeleteOne(ctx, query, options.DeleteOne().SetCollation(collation).SetComment("c").
				SetHint("a_1").SetLet(bson.M{"l": 1})))
		},
		"DeleteMany": func(ctx context.Context, c collection) outcome {
			return started(c.DeleteMany(ctx, query, options.DeleteMany().SetCollation(collation).SetComment("c").
				SetHint(bson.M{"a": 1}).SetLet(bson.M{"l": 1})))
		},
		"FindOneAndDelete": func(ctx context.Context, c collection) outcome {
			return started(c.FindOneAndDelete(ctx, query, options.FindOneAndDelete().SetCollation(collation).SetComment("c").
				SetHint("a_1").SetLet(bson.M{"l": 1}).SetProjection(bson.M{"a": 1}).SetSort(bson.M{"a": 1})))
		},
		"FindOneAndReplace": func(ctx context.Context, c collection) outcome {
			return started(c.FindOneAndReplace(ctx, query, bson.M{"b": 1}, options.FindOneAndReplace().SetBypassDocumentValidation(true).
				SetCollation(collation).SetComment(bson.M{"a": 1}).SetHint(bson.D{{Key: "a", Value: 1}}).SetLet(bson.M{"l": 1}).
				SetProjection(bson.M{"a": 1}).SetReturnDocument(options.After).SetSort(bson.M{"a": 1}).SetUpsert(true)))
		},
		"FindOneAndUpdate": func(ctx context.Context, c collection) outcome {
			return started(c.FindOneAndUpdate(ctx, query, set, options.FindOneAndUpdate().SetArrayFilters(arrayFilters).
				SetBypassDocumentValidation(true).SetCollation(collation).SetComment(1).SetHint("a_1").SetLet(bson.M{"l": 1}).
				SetProjection(bson.M{"a": 1}).SetReturnDocument(options.Before).SetSort(bson.M{"a": 1}).SetUpsert(false)))
		},
		"FindOneAndUpdate with a pipeline": func(ctx context.Context, c collection) outcome {
			return started(c.FindOneAndUpdate(ctx, query, []bson.M{{"$set": bson.M{"a": "$b"}}}))
		},
		"Drop": drop,
		"Create": func(ctx context.Context, c collection) outcome {
			return started(c.Database().CreateCollection(ctx, "c"))
		},
		"Create one with options": func(ctx context.Context, c collection) outcome {
			return started(c.Database().CreateCollection(ctx, "c", options.CreateCollection().SetCapped(true).
				SetCollation(collation).SetMaxDocuments(5).SetSizeInBytes(4096).SetValidator(query).SetValidationAction("warn").
				SetValidationLevel("moderate").SetExpireAfterSeconds(60).SetStorageEngine(bson.M{"wiredTiger": bson.M{}}).
				SetDefaultIndexOptions(options.DefaultIndex().SetStorageEngine(bson.M{"wiredTiger": bson.M{}})).
				SetChangeStreamPreAndPostImages(bson.M{"enabled": true}).
				SetClusteredIndex(bson.D{{Key: "key", Value: bson.M{"_id": 1}}, {Key: "unique", Value: true}}).
				SetTimeSeriesOptions(options.TimeSeries().SetTimeField("t").SetMetaField("m").SetGranularity("hours").
					SetBucketMaxSpan(time.Hour).SetBucketRounding(time.Hour))))
		},
		"BulkWrite of updates": func(ctx context.Context, c collection) outcome {
			return started(c.BulkWrite(ctx, everyModel()[1:3], options.BulkWrite().SetOrdered(false).SetComment(1).
				SetBypassDocumentValidation(true).SetLet(bson.M{"l": 1})))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			coll := newClient(t, peer.URI()).Database("d").Collection("c")
			command, _, _ := strings.Cut(strings.ToLower(name), "one")
			command, _, _ = strings.Cut(command, "many")
			command = strings.TrimSpace(command)
			switch command {
			case "replace", "bulkwrite of updates":
				command = "update"
			case "find":
				command = "findAndModify"
			}
			peer.Handle("listCollections", func(r request) { r.Cursor("d.$cmd.listCollections", 0) })
			var sent [2]bson.M
			for i, concern := range []bson.M{{}, {"wtimeout": 5}} {
				noError(t, coll.SetWriteConcern(concern))
				noError(t, coll.Database().SetWriteConcern(concern))
				wait := call(t.Context(), coll)
				request := peer.Receive(command)
				request.OK(bson.M{"n": 1})
				if err := wait(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := bson.Unmarshal(request.Command, &sent[i]); err != nil {
					t.Fatal(err)
				}
				for _, envelope := range []string{"lsid", "writeConcern", "ordered", "$clusterTime"} {
					delete(sent[i], envelope)
				}
			}
			if !reflect.DeepEqual(sent[0], sent[1]) {
				t.Errorf("the driver sends\n%v\nand we\n%v", sent[0], sent[1])
			}
		})
	}
}

func TestResultsOfWritesWithWTimeout(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	ctx, coll := t.Context(), newClient(t, peer.URI("wTimeoutMS=100")).Database("d").Collection("c")

	inserting := coll.InsertOne(ctx, bson.M{"a": 1})
	insert := peer.Receive("insert").Want(bson.M{"documents.0._id": wiretest.Present, "documents.0.a": 1})
	insert.OK(bson.M{"n": 1})
	one, err := inserting.Await(ctx)
	if id := insert.Command.Lookup("documents", "0", "_id").ObjectID(); err != nil || one.InsertedID != id || !one.Acknowledged {
		t.Errorf("%+v, %v, want %v", one, err, id)
	}

	upserting := coll.UpdateOne(ctx, bson.M{"a": 1}, bson.M{"$set": bson.M{"a": 2}}, options.UpdateOne().SetUpsert(true))
	peer.Receive("update").OK(bson.M{"n": 1, "nModified": 0, "upserted": bson.A{bson.M{"index": 0, "_id": "x"}}})
	updated, err := upserting.Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	matched, _ := updated.MatchedCount()
	modified, _ := updated.ModifiedCount()
	upserted, _ := updated.UpsertedCount()
	if id, _ := updated.UpsertedID(); matched != 0 || modified != 0 || upserted != 1 || id != "x" {
		t.Errorf("matched %d, modified %d, upserted %d: %v", matched, modified, upserted, id)
	}

	deleting := coll.DeleteMany(ctx, bson.M{})
	peer.Receive("delete").Want(bson.M{"deletes.0.limit": 0}).OK(bson.M{"n": 7})
	deleted, err := deleting.Await(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := deleted.DeletedCount(); n != 7 {
		t.Errorf("deleted %d, want 7", n)
	}

	dropping := coll.Drop(ctx)
	peer.Receive("drop").Fail(26, "NamespaceNotFound", "ns not found")
	if _, err := dropping.Await(ctx); err != nil {
		t.Errorf("dropping what is not there: %v", err)
	}
}

func TestErrorsOfWritesWithWTimeout(t *testing.T) {
	writeException := asA[mongo.WriteException]
	for _, test := range []struct {
		name   string
		call   operation
		answer func(request)
		want   wantError
	}{
		{"a duplicate key", insertOne, func(r request) { r.WriteError(0, 11000, "E11000", "Label") },
			wantError{class: motor.DuplicateKeyError, driver: writeException, code: 11000, labels: []string{"Label"}}},
		{"wtimeout is over", insertOne, func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") },
			wantError{class: motor.WTimeoutError, driver: writeException, code: 64, timeout: true}},
		{"wtimeout is over on a drop", drop, func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") },
			wantError{class: motor.WTimeoutError, driver: writeException, code: 64, timeout: true}},
		{"a write concern that cannot be met", upsert,
			func(r request) { r.WriteConcernError(100, "UnsatisfiableWriteConcern", "no") },
			wantError{class: motor.WriteConcernError, driver: writeException, code: 100}},
		{"a refusal", insertMany, func(r request) { r.Fail(13, "Unauthorized", "no") },
			wantError{class: motor.OperationFailure, driver: asA[mongo.CommandError], code: 13}},
		{"a lost connection", insertMany, request.HangUp,
			wantError{class: motor.AutoReconnect, driver: asA[mongo.CommandError], labels: []string{"NetworkError"}}},
		{"several documents", insertMany, func(r request) { r.WriteError(1, 11000, "E11000", "Label") },
			wantError{class: motor.BulkWriteError, driver: asA[mongo.BulkWriteException], code: 65, labels: []string{"Label"},
				details: details{"writeErrors.0.index": int32(1), "writeErrors.0.code": int32(11000)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			for _, command := range []string{"insert", "update", "drop"} {
				peer.Handle(command, test.answer)
			}
			wait := test.call(t.Context(), newClient(t, peer.URI("wTimeoutMS=100")).Database("d").Collection("c"))
			test.want.check(t, wait(t.Context()))
		})
	}
}

func TestInsertsWithWTimeoutAreSplit(t *testing.T) {
	documents := make([]bson.D, 10)
	for i := range documents {
		documents[i] = bson.D{{Key: "_id", Value: i}, {Key: "text", Value: strings.Repeat("x", 100)}}
	}
	for _, test := range []struct {
		name    string
		hello   bson.M
		ordered bool
		bad     []int // indexes of documents that the server refuses
		sent    []int // how many documents come in each command
		want    []any // the ids of what is inserted
	}{
		{"by number", bson.M{"maxWriteBatchSize": 4}, true, nil, []int{4, 4, 2}, []any{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"by size", bson.M{"maxBsonObjectSize": 500}, true, nil, []int{3, 3, 3, 1}, []any{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"up to an error", bson.M{"maxWriteBatchSize": 4}, true, []int{5}, []int{4, 4}, []any{0, 1, 2, 3, 4}},
		{"beyond errors", bson.M{"maxWriteBatchSize": 4}, false, []int{1, 9}, []int{4, 4, 2}, []any{0, 2, 3, 4, 5, 6, 7, 8}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			peer := wiretest.Start(t, wiretest.Standalone, test.hello)
			client := newClient(t, peer.URI("wTimeoutMS=100"))
			if _, err := client.Open(ctx).Await(ctx); err != nil {
				t.Fatal(err)
			}
			inserting := client.Database("d").Collection("c").InsertMany(ctx, documents, options.InsertMany().SetOrdered(test.ordered))
			first := 0
			for _, n := range test.sent {
				insert := peer.Receive("insert").Want(bson.M{"ordered": test.ordered, "writeConcern": bson.M{"wtimeout": 100}})
				if got, _ := insert.Command.Lookup("documents").Array().Values(); len(got) != n {
					t.Errorf("%d documents in a command, want %d", len(got), n)
				}
				refused := bson.A{}
				for _, i := range test.bad {
					if first <= i && i < first+n {
						refused = append(refused, bson.M{"index": i - first, "code": 11000, "errmsg": "E11000"})
					}
				}
				if len(refused) == 0 {
					insert.OK(bson.M{"n": n})
				} else {
					insert.OK(bson.M{"n": n - len(refused), "writeErrors": refused})
				}
				first += n
			}
			result, err := inserting.Await(ctx)
			if result == nil {
				t.Fatal(err)
			}
			var got []any
			for _, id := range result.InsertedIDs {
				got = append(got, int(id.(int32)))
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("inserted: %v, want %v", got, test.want)
			}
			var bad []int
			var bulk mongo.BulkWriteException
			if errors.As(err, &bulk) {
				for _, e := range bulk.WriteErrors {
					bad = append(bad, e.Index)
				}
			}
			if !reflect.DeepEqual(bad, test.bad) || (err != nil) != (bad != nil) {
				t.Errorf("failed: %v, want %v: %v", bad, test.bad, err)
			}
		})
	}
}

func TestWhatCannotBeSentWithWTimeoutIsRefused(t *testing.T) {
	ctx, client := t.Context(), newClient(t, "mongodb://localhost/?wTimeoutMS=100")
	coll := client.Database("d").Collection("c")
	for name, wait := range map[string]outcome{
		"BulkWrite": started(client.BulkWrite(ctx, []mongo.ClientBulkWrite{{
			Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.D{}),
		}})),
		"an encrypted collection": started(client.Database("d").CreateCollection(ctx, "c",
			options.CreateCollection().SetEncryptedFields(bson.M{"fields": bson.A{}}))),
		"an encrypted Drop":       started(coll.Drop(ctx, options.DropCollection().SetEncryptedFields(bson.M{"fields": bson.A{}}))),
		"a hint without an order": started(coll.DeleteOne(ctx, bson.M{}, options.DeleteOne().SetHint(bson.M{"a": 1, "b": 2}))),
		"a sort without an order": started(coll.FindOneAndDelete(ctx, bson.M{},
			options.FindOneAndDelete().SetSort(bson.M{"a": 1, "b": 2}))),
	} {
		want := motor.ConfigurationError
		if strings.HasSuffix(name, "without an order") {
			want = motor.TypeError
		}
		if err := wait(ctx); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want a %s", name, err, want.Name())
		}
	}
}

func TestWhatCannotBeSentWithWTimeoutIsRefusedAndNotSentWithout(t *testing.T) {
	client := newClient(t, nowhere)
	if err := client.SetWriteConcern(bson.M{"w": 2, "wtimeout": 100}); err != nil {
		t.Fatal(err)
	}
	ctx, db := t.Context(), client.Database("d")
	for name, f := range map[string]interface{ Err() error }{
		"CopyDatabase":       client.CopyDatabase(ctx, "a", "b"),
		"aggregate to $out":  settle(t, db.Aggregate([]bson.M{{"$out": "c"}}).ToList(ctx)),
		"Aggregate to $out":  settle(t, db.Collection("c").Aggregate([]bson.M{{"$out": "c"}}).ToList(ctx)),
		"aggregate to merge": settle(t, db.Aggregate([]bson.M{{"$match": bson.M{}}, {"$merge": "c"}}).ToList(ctx)),
	} {
		if !errors.Is(f.Err(), motor.ConfigurationError) {
			t.Errorf("%s: got %v, want a ConfigurationError", name, f.Err())
		}
	}
}

// settle waits for f.
func settle[T any](t *testing.T, f *future.Future[T]) *future.Future[T] {
	t.Helper()
	_, _ = f.Await(t.Context())
	return f
}
