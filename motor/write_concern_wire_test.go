package motor_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// writes are the operations that have a write concern, with their commands.
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

func TestWriteConcernCommands(t *testing.T) {
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
				t.Fatalf("SetWriteConcern() = %v, want nil", err)
			}
			if err := coll.SetWriteConcern(test.set); err != nil {
				t.Fatalf("SetWriteConcern() = %v, want nil", err)
			}
			peer.Handle("listCollections", func(r request) { r.Cursor("d.$cmd.listCollections", 0) })
			for _, w := range writes {
				wait := w.call(t.Context(), coll)
				request := peer.Receive(w.command)
				request.Want(bson.M{"writeConcern": test.want, "$db": "d", "lsid": wiretest.Present})
				request.OK(bson.M{"n": 1})
				if err := wait(t.Context()); err != nil {
					t.Errorf("%s: got error %v, want nil", w.command, err)
				}
			}
		})
	}
}

func TestWriteConcernChange(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI("w=1"), motor.WithMaxWorkers(1))
	coll := client.Database("d").Collection("c")
	first := insertOne(t.Context(), coll)
	second := insertOne(t.Context(), coll) // Queued before the change, so it has the old concern.
	if err := coll.WriteConcern().Set("w", 2); err != nil {
		t.Fatalf("Set() = %v, want nil", err)
	}
	third := insertOne(t.Context(), coll)
	for _, w := range []int{1, 1, 2} {
		peer.Receive("insert").Want(bson.M{"writeConcern": bson.M{"w": w}}).OK(bson.M{"n": 1})
	}
	for _, wait := range []outcome{first, second, third} {
		if err := wait(t.Context()); err != nil {
			t.Errorf("got error %v, want nil", err)
		}
	}
	if err := coll.WriteConcern().Set("w", 0); err != nil {
		t.Fatalf("Set() = %v, want nil", err)
	}
	fourth := insertOne(t.Context(), coll)
	unanswered := peer.Receive("insert").Want(bson.M{"writeConcern": bson.M{"w": 0}})
	if !unanswered.MoreToCome {
		t.Error("unacknowledged write waited for a reply")
	}
	unanswered.Nothing()
	if err := fourth(t.Context()); err != nil {
		t.Errorf("got error %v, want nil", err)
	}
}

// The commands that motor builds for wtimeout are equal to the driver's.
func TestWriteCommandsMatchDriver(t *testing.T) {
	collation := &options.Collation{Locale: "fr", Strength: 2, CaseLevel: true}
	query, set := bson.M{"a": 1}, bson.M{"$set": bson.M{"b.$[x]": 2}}
	arrayFilters := []any{bson.M{"x": 3}}
	for _, test := range []struct {
		name string
		call operation
	}{
		{"InsertOne", func(ctx context.Context, c collection) outcome {
			return started(c.InsertOne(ctx, bson.D{{Key: "a", Value: 1}, {Key: "_id", Value: 2}},
				options.InsertOne().SetComment("why").SetBypassDocumentValidation(true)))
		}},
		{"InsertMany", func(ctx context.Context, c collection) outcome {
			return started(c.InsertMany(ctx, []bson.M{{"_id": 1}, {"_id": 2}},
				options.InsertMany().SetComment(bson.M{"a": 1}).SetBypassDocumentValidation(true).SetOrdered(false)))
		}},
		{"UpdateOne", func(ctx context.Context, c collection) outcome {
			return started(c.UpdateOne(ctx, query, set, options.UpdateOne().SetArrayFilters(arrayFilters).
				SetBypassDocumentValidation(true).SetCollation(collation).SetComment(1).SetHint("a_1").
				SetLet(bson.M{"l": 1}).SetSort(bson.M{"a": 1}).SetUpsert(true)))
		}},
		{"UpdateMany", func(ctx context.Context, c collection) outcome {
			return started(c.UpdateMany(ctx, query, set, options.UpdateMany().SetArrayFilters(arrayFilters).
				SetBypassDocumentValidation(true).SetCollation(collation).SetComment("c").SetHint(bson.D{{Key: "a", Value: 1}}).
				SetLet(bson.M{"l": 1}).SetUpsert(false)))
		}},
		{"UpdateOne with a pipeline", func(ctx context.Context, c collection) outcome {
			return started(c.UpdateOne(ctx, query, []bson.M{{"$set": bson.M{"a": "$b"}}}))
		}},
		{"ReplaceOne", func(ctx context.Context, c collection) outcome {
			return started(c.ReplaceOne(ctx, query, bson.M{"b": 1}, options.Replace().SetBypassDocumentValidation(true).
				SetCollation(collation).SetComment("c").SetHint("a_1").SetLet(bson.M{"l": 1}).SetSort(bson.M{"a": 1}).SetUpsert(true)))
		}},
		{"DeleteOne", func(ctx context.Context, c collection) outcome {
			return started(c.DeleteOne(ctx, query, options.DeleteOne().SetCollation(collation).SetComment("c").
				SetHint("a_1").SetLet(bson.M{"l": 1})))
		}},
		{"DeleteMany", func(ctx context.Context, c collection) outcome {
			return started(c.DeleteMany(ctx, query, options.DeleteMany().SetCollation(collation).SetComment("c").
				SetHint(bson.M{"a": 1}).SetLet(bson.M{"l": 1})))
		}},
		{"FindOneAndDelete", func(ctx context.Context, c collection) outcome {
			return started(c.FindOneAndDelete(ctx, query, options.FindOneAndDelete().SetCollation(collation).SetComment("c").
				SetHint("a_1").SetLet(bson.M{"l": 1}).SetProjection(bson.M{"a": 1}).SetSort(bson.M{"a": 1})))
		}},
		{"FindOneAndReplace", func(ctx context.Context, c collection) outcome {
			return started(c.FindOneAndReplace(ctx, query, bson.M{"b": 1}, options.FindOneAndReplace().SetBypassDocumentValidation(true).
				SetCollation(collation).SetComment(bson.M{"a": 1}).SetHint(bson.D{{Key: "a", Value: 1}}).SetLet(bson.M{"l": 1}).
				SetProjection(bson.M{"a": 1}).SetReturnDocument(options.After).SetSort(bson.M{"a": 1}).SetUpsert(true)))
		}},
		{"FindOneAndUpdate", func(ctx context.Context, c collection) outcome {
			return started(c.FindOneAndUpdate(ctx, query, set, options.FindOneAndUpdate().SetArrayFilters(arrayFilters).
				SetBypassDocumentValidation(true).SetCollation(collation).SetComment(1).SetHint("a_1").SetLet(bson.M{"l": 1}).
				SetProjection(bson.M{"a": 1}).SetReturnDocument(options.Before).SetSort(bson.M{"a": 1}).SetUpsert(false)))
		}},
		{"FindOneAndUpdate with a pipeline", func(ctx context.Context, c collection) outcome {
			return started(c.FindOneAndUpdate(ctx, query, []bson.M{{"$set": bson.M{"a": "$b"}}}))
		}},
		{"Drop", drop},
		{"Create", func(ctx context.Context, c collection) outcome {
			return started(c.Database().CreateCollection(ctx, "c"))
		}},
		{"Create one with options", func(ctx context.Context, c collection) outcome {
			return started(c.Database().CreateCollection(ctx, "c", options.CreateCollection().SetCapped(true).
				SetCollation(collation).SetMaxDocuments(5).SetSizeInBytes(4096).SetValidator(query).SetValidationAction("warn").
				SetValidationLevel("moderate").SetExpireAfterSeconds(60).SetStorageEngine(bson.M{"wiredTiger": bson.M{}}).
				SetDefaultIndexOptions(options.DefaultIndex().SetStorageEngine(bson.M{"wiredTiger": bson.M{}})).
				SetChangeStreamPreAndPostImages(bson.M{"enabled": true}).
				SetClusteredIndex(bson.D{{Key: "key", Value: bson.M{"_id": 1}}, {Key: "unique", Value: true}}).
				SetTimeSeriesOptions(options.TimeSeries().SetTimeField("t").SetMetaField("m").SetGranularity("hours").
					SetBucketMaxSpan(time.Hour).SetBucketRounding(time.Hour))))
		}},
		{"BulkWrite of updates", func(ctx context.Context, c collection) outcome {
			return started(c.BulkWrite(ctx, everyModel()[1:3], options.BulkWrite().SetOrdered(false).SetComment(1).
				SetBypassDocumentValidation(true).SetLet(bson.M{"l": 1})))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			coll := newClient(t, peer.URI()).Database("d").Collection("c")
			command, _, _ := strings.Cut(strings.ToLower(test.name), "one")
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
				wait := test.call(t.Context(), coll)
				request := peer.Receive(command)
				request.OK(bson.M{"n": 1})
				if err := wait(t.Context()); err != nil {
					t.Fatalf("got error %v, want nil", err)
				}
				if err := bson.Unmarshal(request.Command, &sent[i]); err != nil {
					t.Fatalf("Unmarshal() = %v, want nil", err)
				}
				for _, envelope := range []string{"lsid", "writeConcern", "ordered", "$clusterTime"} {
					delete(sent[i], envelope)
				}
			}
			if !reflect.DeepEqual(sent[0], sent[1]) {
				t.Errorf("got\n%v\nwant the driver's\n%v", sent[1], sent[0])
			}
		})
	}
}
