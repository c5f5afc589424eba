package motor_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestWTimeoutResults(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	ctx, coll := t.Context(), newClient(t, peer.URI("wTimeoutMS=100")).Database("d").Collection("c")

	inserting := coll.InsertOne(ctx, bson.M{"a": 1})
	insert := peer.Receive("insert").Want(bson.M{"documents.0._id": wiretest.Present, "documents.0.a": 1})
	insert.OK(bson.M{"n": 1})
	one, err := inserting.Await(ctx)
	if id := insert.Command.Lookup("documents", "0", "_id").ObjectID(); err != nil || one.InsertedID != id || !one.Acknowledged {
		t.Errorf("got %+v, %v, want InsertedID %v", one, err, id)
	}

	upserting := coll.UpdateOne(ctx, bson.M{"a": 1}, bson.M{"$set": bson.M{"a": 2}}, options.UpdateOne().SetUpsert(true))
	peer.Receive("update").OK(bson.M{"n": 1, "nModified": 0, "upserted": bson.A{bson.M{"index": 0, "_id": "x"}}})
	updated, err := upserting.Await(ctx)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	matched, _ := updated.MatchedCount()
	modified, _ := updated.ModifiedCount()
	upserted, _ := updated.UpsertedCount()
	if id, _ := updated.UpsertedID(); matched != 0 || modified != 0 || upserted != 1 || id != "x" {
		t.Errorf(`got matched %d, modified %d, upserted %d with id %v, want 0, 0, 1, "x"`, matched, modified, upserted, id)
	}

	deleting := coll.DeleteMany(ctx, bson.M{})
	peer.Receive("delete").Want(bson.M{"deletes.0.limit": 0}).OK(bson.M{"n": 7})
	deleted, err := deleting.Await(ctx)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	if n, _ := deleted.DeletedCount(); n != 7 {
		t.Errorf("got %d deleted, want 7", n)
	}

	dropping := coll.Drop(ctx)
	peer.Receive("drop").Fail(26, "NamespaceNotFound", "ns not found")
	if _, err := dropping.Await(ctx); err != nil {
		t.Errorf("Drop() of a missing collection = %v, want nil", err)
	}
}

func TestWTimeoutErrors(t *testing.T) {
	writeException := asA[mongo.WriteException]
	for _, test := range []struct {
		name   string
		call   operation
		answer func(request)
		want   wantError
	}{
		{"a duplicate key", insertOne, func(r request) { r.WriteError(0, 11000, "E11000", "Label") },
			wantError{class: motor.DuplicateKeyError, driver: writeException, code: 11000, labels: []string{"Label"}}},
		{"wtimeout error", insertOne, func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") },
			wantError{class: motor.WTimeoutError, driver: writeException, code: 64, timeout: true}},
		{"wtimeout error of a drop", drop, func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") },
			wantError{class: motor.WTimeoutError, driver: writeException, code: 64, timeout: true}},
		{"an unsatisfiable write concern", upsert,
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

func TestWTimeoutSplitsInserts(t *testing.T) {
	documents := make([]bson.D, 10)
	for i := range documents {
		documents[i] = bson.D{{Key: "_id", Value: i}, {Key: "text", Value: strings.Repeat("x", 100)}}
	}
	for _, test := range []struct {
		name    string
		hello   bson.M
		ordered bool
		bad     []int // indexes of the documents that the server refuses
		sent    []int // number of documents in each command
		want    []any // ids of the inserted documents
	}{
		{"by number", bson.M{"maxWriteBatchSize": 4}, true, nil, []int{4, 4, 2}, []any{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"by size", bson.M{"maxBsonObjectSize": 500}, true, nil, []int{3, 3, 3, 1}, []any{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}},
		{"ordered, up to an error", bson.M{"maxWriteBatchSize": 4}, true, []int{5}, []int{4, 4}, []any{0, 1, 2, 3, 4}},
		{"unordered, past errors", bson.M{"maxWriteBatchSize": 4}, false, []int{1, 9}, []int{4, 4, 2}, []any{0, 2, 3, 4, 5, 6, 7, 8}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			peer := wiretest.Start(t, wiretest.Standalone, test.hello)
			client := newClient(t, peer.URI("wTimeoutMS=100"))
			if _, err := client.Open(ctx).Await(ctx); err != nil {
				t.Fatalf("Open() = %v, want nil", err)
			}
			inserting := client.Database("d").Collection("c").InsertMany(ctx, documents, options.InsertMany().SetOrdered(test.ordered))
			first := 0
			for _, n := range test.sent {
				insert := peer.Receive("insert").Want(bson.M{"ordered": test.ordered, "writeConcern": bson.M{"wtimeout": 100}})
				if got, _ := insert.Command.Lookup("documents").Array().Values(); len(got) != n {
					t.Errorf("got %d documents in a command, want %d", len(got), n)
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
				t.Fatal("got nil, want an error")
			}
			var got []any
			for _, id := range result.InsertedIDs {
				got = append(got, int(id.(int32)))
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got inserted ids %v, want %v", got, test.want)
			}
			var bad []int
			var bulk mongo.BulkWriteException
			if errors.As(err, &bulk) {
				for _, e := range bulk.WriteErrors {
					bad = append(bad, e.Index)
				}
			}
			if !reflect.DeepEqual(bad, test.bad) || (err != nil) != (bad != nil) {
				t.Errorf("got failed indexes %v, want %v: %v", bad, test.bad, err)
			}
		})
	}
}

func TestWTimeoutUnsupported(t *testing.T) {
	ctx, client := t.Context(), newClient(t, "mongodb://localhost/?wTimeoutMS=100")
	coll := client.Database("d").Collection("c")
	for _, test := range []struct {
		name string
		wait outcome
	}{
		{"BulkWrite", started(client.BulkWrite(ctx, []mongo.ClientBulkWrite{{
			Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.D{}),
		}}))},
		{"an encrypted collection", started(client.Database("d").CreateCollection(ctx, "c",
			options.CreateCollection().SetEncryptedFields(bson.M{"fields": bson.A{}})))},
		{"an encrypted Drop", started(coll.Drop(ctx, options.DropCollection().SetEncryptedFields(bson.M{"fields": bson.A{}})))},
		{"a hint without an order", started(coll.DeleteOne(ctx, bson.M{}, options.DeleteOne().SetHint(bson.M{"a": 1, "b": 2})))},
		{"a sort without an order", started(coll.FindOneAndDelete(ctx, bson.M{},
			options.FindOneAndDelete().SetSort(bson.M{"a": 1, "b": 2})))},
	} {
		want := motor.ConfigurationError
		if strings.HasSuffix(test.name, "without an order") {
			want = motor.TypeError
		}
		if err := test.wait(ctx); !errors.Is(err, want) {
			t.Errorf("%s: got %v, want a %s", test.name, err, want.Name())
		}
	}
}

func TestWTimeoutUnsupportedNotSent(t *testing.T) {
	client := newClient(t, noServerURI)
	if err := client.SetWriteConcern(bson.M{"w": 2, "wtimeout": 100}); err != nil {
		t.Fatalf("SetWriteConcern() = %v, want nil", err)
	}
	ctx, db := t.Context(), client.Database("d")
	for _, test := range []struct {
		name string
		f    interface{ Err() error }
	}{
		{"CopyDatabase", client.CopyDatabase(ctx, "a", "b")},
		{"aggregate to $out", settle(t, db.Aggregate([]bson.M{{"$out": "c"}}).ToList(ctx))},
		{"Aggregate to $out", settle(t, db.Collection("c").Aggregate([]bson.M{{"$out": "c"}}).ToList(ctx))},
		{"aggregate to merge", settle(t, db.Aggregate([]bson.M{{"$match": bson.M{}}, {"$merge": "c"}}).ToList(ctx))},
	} {
		if !errors.Is(test.f.Err(), motor.ConfigurationError) {
			t.Errorf("%s: got %v, want a ConfigurationError", test.name, test.f.Err())
		}
	}
}

func settle[T any](t *testing.T, f *future.Future[T]) *future.Future[T] {
	t.Helper()
	_, _ = f.Await(t.Context())
	return f
}
