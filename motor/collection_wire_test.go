package motor_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// Options that many operations have, and their encoded forms.
var (
	french       = &options.Collation{Locale: "fr", Strength: 2}
	frenchOnWire = bson.M{"locale": "fr", "strength": 2}
	byName       = bson.D{{Key: "name", Value: 1}, {Key: "age", Value: -1}}
	why          = bson.M{"because": "of this"}
)

func TestFindOneAndCommands(t *testing.T) {
	noDocument := ok(bson.M{"value": nil, "lastErrorObject": bson.M{"n": 0, "updatedExisting": false}})
	all := []conversation{
		{
			name: "FindOneAndDelete",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindOneAndDelete(ctx, bson.M{"a": 1}))
			},
			exchanges: []exchange{{"findAndModify", bson.M{
				"findAndModify": "c", "$db": "d", "query": bson.M{"a": 1}, "remove": true, "update": wiretest.Absent,
				"sort": wiretest.Absent, "fields": wiretest.Absent, "new": wiretest.Absent, "upsert": wiretest.Absent,
				"writeConcern": wiretest.Absent,
			}, document(bson.M{"_id": 7, "list": bson.A{bson.M{"deep": bson.M{}}}})}},
			result: bson.M{"_id": int32(7), "list": bson.A{bson.M{"deep": bson.M{}}}},
		},
		{
			name: "FindOneAndDelete with everything",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindOneAndDelete(ctx, bson.D{}, options.FindOneAndDelete().SetCollation(french).
					SetComment(why).SetHint("a_1").SetLet(bson.M{"l": 1}).SetProjection(bson.M{"_id": 0}).SetSort(byName)))
			},
			exchanges: []exchange{{"findAndModify", bson.M{
				"query": bson.M{}, "remove": true, "collation": frenchOnWire, "comment": why, "hint": "a_1",
				"let": bson.M{"l": 1}, "fields": bson.M{"_id": 0}, "sort": byName,
			}, document(bson.M{"a": 1})}},
			result: bson.M{"a": int32(1)},
		},
		{
			name: "FindOneAndReplace",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindOneAndReplace(ctx, bson.M{"a": 1}, bson.M{"a": 2}))
			},
			exchanges: []exchange{{"findAndModify", bson.M{
				"query": bson.M{"a": 1}, "update": bson.M{"a": 2}, "remove": wiretest.Absent, "new": wiretest.Absent,
			}, document(bson.M{"a": 1})}},
			result: bson.M{"a": int32(1)},
		},
		{
			name: "FindOneAndReplace with everything",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindOneAndReplace(ctx, bson.D{}, bson.D{}, options.FindOneAndReplace().SetCollation(french).
					SetComment("why").SetHint(byName).SetLet(bson.M{"l": 1}).SetProjection(bson.M{"a": 1}).SetSort(byName).
					SetBypassDocumentValidation(true).SetReturnDocument(options.After).SetUpsert(true)))
			},
			exchanges: []exchange{{"findAndModify", bson.M{
				"query": bson.M{}, "update": bson.M{}, "collation": frenchOnWire, "comment": "why", "hint": byName,
				"let": bson.M{"l": 1}, "fields": bson.M{"a": 1}, "sort": byName, "bypassDocumentValidation": true,
				"new": true, "upsert": true,
			}, document(bson.M{"_id": "new"})}},
			result: bson.M{"_id": "new"},
		},
		{
			name: "FindOneAndUpdate by a pipeline",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindOneAndUpdate(ctx, bson.M{"a": 1}, mongo.Pipeline{{{Key: "$set", Value: bson.M{"a": "$b"}}}}))
			},
			exchanges: []exchange{{"findAndModify", bson.M{
				"update": bson.A{bson.M{"$set": bson.M{"a": "$b"}}}, "new": wiretest.Absent,
			}, document(bson.M{"a": 1})}},
			result: bson.M{"a": int32(1)},
		},
		{
			name: "FindOneAndUpdate with everything",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindOneAndUpdate(ctx, bson.D{}, bson.M{"$set": bson.M{"l.$[x]": 1}}, options.FindOneAndUpdate().
					SetArrayFilters([]any{bson.M{"x": bson.M{"$gt": 3}}}).SetCollation(french).SetComment(1).SetHint("a_1").
					SetLet(bson.M{"l": 1}).SetProjection(bson.M{"a": 1}).SetSort(byName).SetBypassDocumentValidation(true).
					SetReturnDocument(options.Before).SetUpsert(false)))
			},
			exchanges: []exchange{{"findAndModify", bson.M{
				"query": bson.M{}, "update": bson.M{"$set": bson.M{"l.$[x]": 1}}, "collation": frenchOnWire, "comment": 1,
				"arrayFilters": bson.A{bson.M{"x": bson.M{"$gt": 3}}}, "hint": "a_1", "let": bson.M{"l": 1},
				"fields": bson.M{"a": 1}, "sort": byName, "bypassDocumentValidation": true, "new": false, "upsert": false,
			}, document(bson.M{"a": 1})}},
			result: bson.M{"a": int32(1)},
		},
		{
			name:    "FindOneAndUpdate with w: 0 returns no document",
			concern: bson.M{"w": 0},
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindOneAndUpdate(ctx, bson.D{}, bson.M{"$set": bson.M{"a": 1}}))
			},
			exchanges: []exchange{{"findAndModify", bson.M{"writeConcern": bson.M{"w": 0}}, (*wiretest.Request).Nothing}},
			result:    bson.M(nil),
		},
		{
			name: "FindOneAndUpdate with a duplicate key",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindOneAndUpdate(ctx, bson.D{}, bson.M{"$set": bson.M{"a": 1}}))
			},
			exchanges: []exchange{{"findAndModify", bson.M{}, refuse(11000, "DuplicateKey")}},
			class:     motor.DuplicateKeyError,
		},
	}
	// All three run with a write concern that the driver can send, and with one that motor sends.
	for _, concern := range []bson.M{{"w": 2}, {"w": 2, "wtimeout": 100}} {
		for _, test := range findOneAnds {
			wantConcern := exchange{"findAndModify", bson.M{"writeConcern": concern}, document(bson.M{"a": 1})}
			none := exchange{"findAndModify", bson.M{}, noDocument}
			late := exchange{"findAndModify", bson.M{}, func(r *wiretest.Request) {
				r.OK(bson.M{"value": bson.M{"a": 1}, "writeConcernError": bson.M{"code": 64, "errmsg": "late"}})
			}}
			name := test.name + " with " + concernName(concern)
			all = append(all,
				conversation{name, concern, test.call, []exchange{wantConcern}, bson.M{"a": int32(1)}, nil},
				conversation{name + " finds nothing", concern, test.call, []exchange{none}, bson.M(nil), nil},
				conversation{name + " is late", concern, test.call, []exchange{late}, nil, motor.WTimeoutError},
			)
		}
	}
	runConversations(t, all)
}

func concernName(concern bson.M) string {
	if concern["wtimeout"] != nil {
		return "wtimeout"
	}
	return "w"
}

var findOneAnds = []struct {
	name string
	call func(context.Context, collection) pending
}{
	{"FindOneAndDelete", func(ctx context.Context, c collection) pending {
		return resultOf(c.FindOneAndDelete(ctx, bson.D{}))
	}},
	{"FindOneAndReplace", func(ctx context.Context, c collection) pending {
		return resultOf(c.FindOneAndReplace(ctx, bson.D{}, bson.M{"a": 1}))
	}},
	{"FindOneAndUpdate", func(ctx context.Context, c collection) pending {
		return resultOf(c.FindOneAndUpdate(ctx, bson.D{}, bson.M{"$set": bson.M{"a": 1}}))
	}},
}

func TestCollectionReadCommands(t *testing.T) {
	runConversations(t, []conversation{
		{
			name: "EstimatedDocumentCount",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.EstimatedDocumentCount(ctx, options.EstimatedDocumentCount().SetComment(why)))
			},
			exchanges: []exchange{{"count", bson.M{
				"count": "c", "$db": "d", "query": wiretest.Absent, "comment": why,
			}, ok(bson.M{"n": 42})}},
			result: int64(42),
		},
		{
			name: "Distinct",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Distinct(ctx, "a.b", bson.M{"c": 1}, options.Distinct().SetCollation(french).SetComment("why").SetHint("a_1")))
			},
			exchanges: []exchange{{"distinct", bson.M{
				"distinct": "c", "$db": "d", "key": "a.b", "query": bson.M{"c": 1}, "collation": frenchOnWire,
				"comment": "why", "hint": "a_1",
			}, ok(bson.M{"values": bson.A{1, "x", nil, bson.D{{Key: "d", Value: bson.D{{Key: "e", Value: 1.5}}}}, bson.A{bson.D{}}}})}},
			result: []any{int32(1), "x", nil, bson.M{"d": bson.M{"e": 1.5}}, bson.A{bson.M{}}},
		},
		{
			name:      "Distinct finds nothing",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.Distinct(ctx, "a", bson.D{})) },
			exchanges: []exchange{{"distinct", bson.M{"query": bson.M{}}, ok(bson.M{"values": bson.A{}})}},
			result:    []any{},
		},
		{
			name:      "Distinct with a result beyond 16 MB",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.Distinct(ctx, "a", bson.D{})) },
			exchanges: []exchange{{"distinct", bson.M{}, refuse(17217, "Location17217")}},
			class:     motor.OperationFailure,
		},
		{
			name: "Aggregate with everything",
			call: func(ctx context.Context, c collection) pending {
				pipeline := []bson.M{{"$match": bson.M{"a": 1}}, {"$group": bson.M{"_id": "$b"}}}
				return resultOf(c.Aggregate(pipeline, options.Aggregate().SetAllowDiskUse(true).SetBatchSize(7).SetCollation(french).
					SetComment(why).SetHint(byName).SetLet(bson.M{"l": 1}).SetBypassDocumentValidation(true)).ToList(ctx))
			},
			exchanges: []exchange{{"aggregate", bson.M{
				"aggregate": "c", "$db": "d", "pipeline": bson.A{bson.M{"$match": bson.M{"a": 1}}, bson.M{"$group": bson.M{"_id": "$b"}}},
				"allowDiskUse": true, "cursor": bson.M{"batchSize": 7}, "collation": frenchOnWire, "comment": why, "hint": byName,
				"let": bson.M{"l": 1}, "bypassDocumentValidation": true,
			}, cursorOf(bson.M{"_id": 1}, bson.M{"_id": bson.M{"x": 1}})}},
			result: []bson.M{{"_id": int32(1)}, {"_id": bson.M{"x": int32(1)}}},
		},
		{
			name: "Aggregate in batches",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Aggregate(mongo.Pipeline{}).BatchSize(2).ToList(ctx, 3))
			},
			exchanges: []exchange{
				{"aggregate", bson.M{"cursor": bson.M{"batchSize": 2}}, func(r *wiretest.Request) {
					r.Cursor("d.c", 99, bson.M{"i": 0}, bson.M{"i": 1})
				}},
				{"getMore", bson.M{"getMore": 99, "collection": "c", "batchSize": 2}, cursorOf(bson.M{"i": 2})},
			},
			result: []bson.M{{"i": int32(0)}, {"i": int32(1)}, {"i": int32(2)}},
		},
		{
			name:    "Aggregate that writes",
			concern: bson.M{"w": "majority"},
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Aggregate(mongo.Pipeline{{{Key: "$out", Value: "o"}}}).ToList(ctx))
			},
			exchanges: []exchange{{"aggregate", bson.M{"writeConcern": bson.M{"w": "majority"}}, cursorOf()}},
			result:    []bson.M{},
		},
		{
			name:    "Aggregate that only reads sends no write concern",
			concern: bson.M{"w": "majority", "wtimeout": 100},
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Aggregate(mongo.Pipeline{{{Key: "$limit", Value: 1}}}).ToList(ctx))
			},
			exchanges: []exchange{{"aggregate", bson.M{"writeConcern": wiretest.Absent}, cursorOf()}},
			result:    []bson.M{},
		},
		{
			name: "Aggregate that writes, with a write concern error",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Aggregate(mongo.Pipeline{{{Key: "$merge", Value: "o"}}}).ToList(ctx))
			},
			exchanges: []exchange{{"aggregate", bson.M{}, func(r *wiretest.Request) {
				r.OK(bson.M{
					"cursor":            bson.M{"id": int64(0), "ns": "d.c", "firstBatch": bson.A{}},
					"writeConcernError": bson.M{"code": 64, "errmsg": "late"},
				})
			}}},
			class: motor.WTimeoutError,
		},
		{
			name: "Options",
			call: func(ctx context.Context, c collection) pending { return resultOf(c.Options(ctx)) },
			exchanges: []exchange{{"listCollections", bson.M{"filter": bson.M{"name": "c"}, "$db": "d"}, func(r *wiretest.Request) {
				r.Cursor("d.$cmd.listCollections", 0, bson.M{"name": "c", "options": bson.M{"capped": true, "size": 4096}})
			}}},
			result: bson.M{"capped": true, "size": int32(4096)},
		},
		{
			name:      "Options of a missing collection",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.Options(ctx)) },
			exchanges: []exchange{{"listCollections", bson.M{}, cursorOf()}},
			result:    bson.M{},
		},
		{
			name:      "Options without rights",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.Options(ctx)) },
			exchanges: []exchange{{"listCollections", bson.M{}, refuse(13, "Unauthorized")}},
			class:     motor.OperationFailure,
		},
	})
}
