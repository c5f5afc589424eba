package motor_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// everyIndexOption has every option of an index. createIndexes sends it as everyIndexSpec.
var everyIndexOption = options.Index().SetName("n").SetExpireAfterSeconds(60).SetSparse(true).SetUnique(true).SetVersion(2).
	SetStorageEngine(bson.M{"wiredTiger": bson.M{}}).SetDefaultLanguage("french").SetLanguageOverride("idioma").
	SetTextVersion(3).SetWeights(bson.M{"a": 5}).SetSphereVersion(3).SetBits(26).SetMax(180.5).SetMin(-180).SetBucketSize(2).
	SetPartialFilterExpression(bson.M{"a": bson.M{"$gt": 5}}).SetCollation(french).
	SetWildcardProjection(bson.M{"b": 0}).SetHidden(true)

var everyIndexSpec = bson.M{
	"key": bson.D{{Key: "a", Value: 1}}, "name": "n", "expireAfterSeconds": 60, "sparse": true, "unique": true, "v": 2,
	"storageEngine": bson.M{"wiredTiger": bson.M{}}, "default_language": "french", "language_override": "idioma",
	"textIndexVersion": 3, "weights": bson.M{"a": 5}, "2dsphereIndexVersion": 3, "bits": 26, "max": 180.5, "min": -180.0,
	"bucketSize": 2, "partialFilterExpression": bson.M{"a": bson.M{"$gt": 5}}, "collation": frenchOnWire,
	"wildcardProjection": bson.M{"b": 0}, "hidden": true,
}

func TestCreateIndexesWithWTimeout(t *testing.T) {
	models := []mongo.IndexModel{
		{Keys: bson.D{{Key: "a", Value: 1}}, Options: everyIndexOption},
		{Keys: byName},
	}
	// CreateIndexes must not change the caller's options builder.
	before := len(everyIndexOption.Opts)
	t.Cleanup(func() {
		if len(everyIndexOption.Opts) != before {
			t.Errorf("caller's builder has %d options, want %d", len(everyIndexOption.Opts), before)
		}
	})
	var all []conversation
	for _, concern := range []bson.M{{"w": 2}, {"w": 2, "wtimeout": 100}, {"wtimeout": 100, "fsync": true}} {
		all = append(all, conversation{
			name:    fmt.Sprint("CreateIndex with ", concern),
			concern: concern,
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.CreateIndex(ctx, "a", everyIndexOption))
			},
			exchanges: []exchange{{"createIndexes", bson.M{
				"createIndexes": "c", "$db": "d", "indexes": bson.A{everyIndexSpec}, "writeConcern": concern,
				"commitQuorum": wiretest.Absent,
			}, ok()}},
			result: "n",
		}, conversation{
			name:    fmt.Sprint("CreateIndexes with ", concern),
			concern: concern,
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.CreateIndexes(ctx, models, options.CreateIndexes().SetCommitQuorumString("majority")))
			},
			exchanges: []exchange{{"createIndexes", bson.M{
				"createIndexes": "c", "$db": "d", "writeConcern": concern, "commitQuorum": "majority", "indexes": bson.A{
					everyIndexSpec, bson.M{"key": byName, "name": "name_1_age_-1"},
				},
			}, ok()}},
			result: []string{"n", "name_1_age_-1"},
		}, conversation{
			name:    fmt.Sprint("CreateIndex that is late, with ", concern),
			concern: concern,
			call:    func(ctx context.Context, c collection) pending { return resultOf(c.CreateIndex(ctx, "a")) },
			exchanges: []exchange{{"createIndexes", bson.M{}, func(r *wiretest.Request) {
				r.OK(bson.M{"writeConcernError": bson.M{"code": 64, "errmsg": "late"}})
			}}},
			class: motor.WTimeoutError,
		}, conversation{
			name:    fmt.Sprint("DropIndex that is late, with ", concern),
			concern: concern,
			call:    func(ctx context.Context, c collection) pending { return resultOf(c.DropIndex(ctx, "a_1")) },
			exchanges: []exchange{{"dropIndexes", bson.M{"writeConcern": concern}, func(r *wiretest.Request) {
				r.OK(bson.M{"writeConcernError": bson.M{"code": 64, "errmsg": "late"}})
			}}},
			class: motor.WTimeoutError,
		})
		for _, test := range []struct {
			name string
			call func(context.Context, collection) pending
		}{
			{"a_1", func(ctx context.Context, c collection) pending { return resultOf(c.DropIndex(ctx, "a_1")) }},
			{"name_1_age_-1", func(ctx context.Context, c collection) pending {
				return resultOf(c.DropIndex(ctx, byName))
			}},
			{"*", func(ctx context.Context, c collection) pending { return resultOf(c.DropIndexes(ctx)) }},
			// Motor passes the error on.
			{"* by name", func(ctx context.Context, c collection) pending { return resultOf(c.DropIndex(ctx, "*")) }},
		} {
			wire := test.name
			if test.name == "* by name" {
				wire = "*"
			}
			for _, c := range []struct {
				outcome string
				answer  func(*wiretest.Request)
			}{
				{"done", ok()}, {"no collection", refuse(26, "NamespaceNotFound")}, {"no index", refuse(27, "IndexNotFound")},
			} {
				want := conversation{
					name: fmt.Sprintf("drop of %s with %v: %s", test.name, concern, c.outcome), concern: concern, call: test.call,
					exchanges: []exchange{{"dropIndexes", bson.M{
						"dropIndexes": "c", "$db": "d", "index": wire, "writeConcern": concern,
					}, c.answer}},
					result: struct{}{},
				}
				if c.outcome == "no index" {
					want.class = motor.OperationFailure
				}
				all = append(all, want)
			}
		}
	}
	runConversations(t, all)
}

func TestIndexNames(t *testing.T) {
	var all []conversation
	for _, c := range []struct {
		keys any
		want string
		wire bson.D
	}{
		{"a.b", "a.b_1", bson.D{{Key: "a.b", Value: 1}}},
		{bson.M{"a": -1}, "a_-1", bson.D{{Key: "a", Value: -1}}},
		{bson.D{{Key: "a", Value: int64(1)}, {Key: "b", Value: "2dsphere"}}, "a_1_b_2dsphere",
			bson.D{{Key: "a", Value: int64(1)}, {Key: "b", Value: "2dsphere"}}},
		{bson.D{{Key: "a", Value: 1.0}, {Key: "b", Value: -1.5}}, "a_1_b_-1.5",
			bson.D{{Key: "a", Value: 1.0}, {Key: "b", Value: -1.5}}},
		{bson.D{{Key: "$**", Value: 1}}, "$**_1", bson.D{{Key: "$**", Value: 1}}},
		{struct {
			Z int
			A string
		}{1, "hashed"}, "z_1_a_hashed", bson.D{{Key: "z", Value: 1}, {Key: "a", Value: "hashed"}}},
	} {
		all = append(all, conversation{
			name: c.want,
			call: func(ctx context.Context, coll collection) pending { return resultOf(coll.CreateIndex(ctx, c.keys)) },
			exchanges: []exchange{{"createIndexes", bson.M{
				"indexes": bson.A{bson.M{"key": c.wire, "name": c.want}},
			}, ok()}},
			result: c.want,
		})
	}
	runConversations(t, all)
}

func TestIndexDescriptions(t *testing.T) {
	described := cursorOf(
		bson.D{{Key: "v", Value: 2}, {Key: "key", Value: bson.D{{Key: "_id", Value: 1}}}, {Key: "name", Value: "_id_"},
			{Key: "ns", Value: "d.c"}},
		bson.D{{Key: "v", Value: 2}, {Key: "key", Value: byName}, {Key: "name", Value: "n"},
			{Key: "partialFilterExpression", Value: bson.D{{Key: "a", Value: bson.D{{Key: "$gt", Value: 1}}}}}},
	)
	id := bson.D{{Key: "_id", Value: int32(1)}}
	keys := bson.D{{Key: "name", Value: int32(1)}, {Key: "age", Value: int32(-1)}}
	filter := bson.M{"a": bson.M{"$gt": int32(1)}}
	runConversations(t, []conversation{
		{
			name: "ListIndexes",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.ListIndexes(options.ListIndexes().SetBatchSize(7)).ToList(ctx))
			},
			exchanges: []exchange{{"listIndexes", bson.M{
				"listIndexes": "c", "$db": "d", "cursor": bson.M{"batchSize": 7}, "lsid": wiretest.Present,
			}, described}},
			result: []bson.M{
				{"v": int32(2), "key": id, "name": "_id_", "ns": "d.c"},
				{"v": int32(2), "key": keys, "name": "n", "partialFilterExpression": filter},
			},
		},
		{
			name: "ListIndexes in batches",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.ListIndexes().BatchSize(1).ToList(ctx))
			},
			exchanges: []exchange{
				{"listIndexes", bson.M{"cursor": bson.M{"batchSize": 1}}, func(r *wiretest.Request) {
					r.Cursor("d.c", 99, bson.M{"name": "_id_"})
				}},
				{"getMore", bson.M{"getMore": 99, "collection": "c", "batchSize": 1}, cursorOf(bson.M{"name": "n"})},
			},
			result: []bson.M{{"name": "_id_"}, {"name": "n"}},
		},
		{
			name: "ListIndexes of a missing collection",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.ListIndexes().BatchSize(5).ToList(ctx))
			},
			exchanges: []exchange{{"listIndexes", bson.M{}, refuse(26, "NamespaceNotFound")}},
			result:    []bson.M{},
		},
		{
			name:      "IndexInformation",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.IndexInformation(ctx)) },
			exchanges: []exchange{{"listIndexes", bson.M{"listIndexes": "c", "$db": "d"}, described}},
			result: map[string]bson.M{
				"_id_": {"v": int32(2), "key": id},
				"n":    {"v": int32(2), "key": keys, "partialFilterExpression": filter},
			},
		},
		{
			name:      "IndexInformation of a missing collection",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.IndexInformation(ctx)) },
			exchanges: []exchange{{"listIndexes", bson.M{}, refuse(26, "NamespaceNotFound")}},
			result:    map[string]bson.M{},
		},
		{
			name:      "IndexInformation without rights",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.IndexInformation(ctx)) },
			exchanges: []exchange{{"listIndexes", bson.M{}, refuse(13, "Unauthorized")}},
			class:     motor.OperationFailure,
		},
	})
}

func TestListIndexesIsLazy(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("listIndexes", cursorOf(bson.M{"name": "_id_"}))
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	cursor := coll.ListIndexes()
	if open, _ := peer.Connections(); open != 0 || !cursor.Alive() {
		t.Error("ListIndexes sent a command before the first read")
	}
	if docs, err := cursor.ToList(t.Context()).Await(t.Context()); !reflect.DeepEqual(docs, []bson.M{{"name": "_id_"}}) || err != nil {
		t.Errorf("ToList() = %v, %v, want %v, nil", docs, err, []bson.M{{"name": "_id_"}})
	}
	if cursor.Collection().FullName() != "d.c" {
		t.Errorf(`Collection() = %s, want d.c`, cursor.Collection().FullName())
	}
}
