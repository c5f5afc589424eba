package motor_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
)

// TestWriteOptionCommands gives every write all its options. It uses a write concern that the driver can send, and one
// for which motor builds the commands.
func TestWriteOptionCommands(t *testing.T) {
	query, set, change := bson.M{"a": 1}, bson.M{"$set": bson.M{"b.$[x]": 2}}, bson.M{"b": 1}
	collation := &options.Collation{Locale: "fr", Strength: 2}
	filters := []any{bson.M{"x": 3}}
	let, hint, sort := bson.M{"l": 1}, bson.D{{Key: "a", Value: 1}, {Key: "b", Value: -1}}, bson.D{{Key: "b", Value: 1}, {Key: "a", Value: 1}}
	wireFilters := []bson.M{{"x": 3}}
	for _, test := range []struct {
		name    string
		call    operation
		command string
		want    bson.M
	}{
		{"InsertOne", func(ctx context.Context, c collection) outcome {
			return started(c.InsertOne(ctx, bson.M{"_id": 1}, options.InsertOne().SetComment("why").SetBypassDocumentValidation(true)))
		}, "insert", bson.M{"documents": []bson.M{{"_id": 1}}, "comment": "why", "bypassDocumentValidation": true}},
		{"InsertMany", func(ctx context.Context, c collection) outcome {
			return started(c.InsertMany(ctx, []bson.M{{"_id": 1}, {"_id": 2}}, options.InsertMany().
				SetComment(bson.M{"a": 1}).SetBypassDocumentValidation(true).SetOrdered(false)))
		}, "insert", bson.M{"documents": []bson.M{{"_id": 1}, {"_id": 2}}, "comment": bson.M{"a": 1},
			"bypassDocumentValidation": true, "ordered": false}},
		{"UpdateOne", func(ctx context.Context, c collection) outcome {
			return started(c.UpdateOne(ctx, query, set, options.UpdateOne().SetArrayFilters(filters).
				SetBypassDocumentValidation(true).SetCollation(collation).SetComment(1).SetHint(hint).SetLet(let).
				SetSort(sort).SetUpsert(true)))
		}, "update", bson.M{"updates": []bson.M{{"q": query, "u": set, "arrayFilters": wireFilters, "collation": fr, "hint": hint,
			"sort": sort, "upsert": true}}, "bypassDocumentValidation": true, "comment": 1, "let": let}},
		{"UpdateMany", func(ctx context.Context, c collection) outcome {
			return started(c.UpdateMany(ctx, query, set, options.UpdateMany().SetArrayFilters(filters).
				SetBypassDocumentValidation(true).SetCollation(collation).SetComment("why").SetHint("a_1").SetLet(let).SetUpsert(true)))
		}, "update", bson.M{"updates": []bson.M{{"q": query, "u": set, "multi": true, "arrayFilters": wireFilters, "collation": fr,
			"hint": "a_1", "upsert": true}}, "bypassDocumentValidation": true, "comment": "why", "let": let}},
		{"ReplaceOne", func(ctx context.Context, c collection) outcome {
			return started(c.ReplaceOne(ctx, query, change, options.Replace().SetBypassDocumentValidation(true).
				SetCollation(collation).SetComment("why").SetHint(hint).SetLet(let).SetSort(sort).SetUpsert(true)))
		}, "update", bson.M{"updates": []bson.M{{"q": query, "u": change, "collation": fr, "hint": hint, "sort": sort, "upsert": true}},
			"bypassDocumentValidation": true, "comment": "why", "let": let}},
		{"DeleteOne", func(ctx context.Context, c collection) outcome {
			return started(c.DeleteOne(ctx, query, options.DeleteOne().SetCollation(collation).SetComment("why").SetHint(hint).SetLet(let)))
		}, "delete", bson.M{"deletes": []bson.M{{"q": query, "limit": 1, "collation": fr, "hint": hint}}, "comment": "why", "let": let}},
		{"DeleteMany", func(ctx context.Context, c collection) outcome {
			return started(c.DeleteMany(ctx, query, options.DeleteMany().SetCollation(collation).SetComment("why").SetHint("a_1").SetLet(let)))
		}, "delete", bson.M{"deletes": []bson.M{{"q": query, "limit": 0, "collation": fr, "hint": "a_1"}}, "comment": "why", "let": let}},
	} {
		for _, concern := range []bson.M{{"w": 1}, {"w": 1, "wtimeout": 5}} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				peer := wiretest.Start(t, wiretest.Standalone)
				coll := newClient(t, peer.URI()).Database("d").Collection("c")
				noError(t, coll.SetWriteConcern(concern))
				wait := test.call(t.Context(), coll)
				peer.Receive(test.command).Want(test.want).Want(bson.M{test.command: "c", "$db": "d", "writeConcern": concern}).
					OK(bson.M{"n": 1})
				noError(t, wait(t.Context()))
			})
		}
	}
}

// TestClientBulkWriteCommands sends every model with all its options.
func TestClientBulkWriteCommands(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI("w=1"))
	var writes []mongo.ClientBulkWrite
	for i, m := range everyModel() {
		writes = append(writes, mongo.ClientBulkWrite{Database: "d", Collection: []string{"c", "e"}[i%2], Model: clientModelOf(m)})
	}
	wait := started(client.BulkWrite(t.Context(), writes, options.ClientBulkWrite().SetOrdered(false).SetComment("why").
		SetLet(bson.M{"l": 1}).SetBypassDocumentValidation(true).SetVerboseResults(true)))
	op := func(name string, ns int, statement bson.M) bson.M {
		all := bson.M{name: ns, "filter": statement["q"]}
		for key, value := range statement {
			switch key {
			case "q":
			case "u":
				all["updateMods"] = value
			case "limit":
				all["multi"] = value == 0
			default:
				all[key] = value
			}
		}
		return all
	}
	single := func(op bson.M) bson.M {
		if _, ok := op["multi"]; !ok {
			op["multi"] = false
		}
		return op
	}
	peer.Receive("bulkWrite").Want(bson.M{
		"ops": []bson.M{
			{"insert": 0, "document": inserted1},
			single(op("update", 1, updated1)), single(op("update", 0, replaced)), op("delete", 1, deleted1),
			op("update", 0, updatedN), op("delete", 1, deletedN),
		},
		"nsInfo": []bson.M{{"ns": "d.c"}, {"ns": "d.e"}}, "ordered": false, "errorsOnly": false, "comment": "why",
		"let": bson.M{"l": 1}, "bypassDocumentValidation": true, "writeConcern": bson.M{"w": 1}, "$db": "admin",
	}).OK(bson.M{"nErrors": 0, "nInserted": 1, "nMatched": 3, "nModified": 3, "nUpserted": 0, "nDeleted": 2,
		"cursor": bson.M{"id": int64(0), "ns": "admin.$cmd.bulkWrite", "firstBatch": bson.A{}}})
	noError(t, wait(t.Context()))
}

// clientModelOf converts a write model for Client.BulkWrite.
func clientModelOf(model mongo.WriteModel) mongo.ClientWriteModel {
	switch m := model.(type) {
	case *mongo.InsertOneModel:
		return (*mongo.ClientInsertOneModel)(m)
	case *mongo.UpdateOneModel:
		return (*mongo.ClientUpdateOneModel)(m)
	case *mongo.UpdateManyModel:
		return (*mongo.ClientUpdateManyModel)(m)
	case *mongo.ReplaceOneModel:
		return (*mongo.ClientReplaceOneModel)(m)
	case *mongo.DeleteOneModel:
		return (*mongo.ClientDeleteOneModel)(m)
	}
	return (*mongo.ClientDeleteManyModel)(model.(*mongo.DeleteManyModel))
}
