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

func TestRenameCommands(t *testing.T) {
	rename := func(opts ...motor.RenameOptions) func(context.Context, collection) pending {
		return func(ctx context.Context, c collection) pending { return resultOf(c.Rename(ctx, "new", opts...)) }
	}
	done := bson.M{"ok": int32(1)}
	all := []conversation{
		{
			name: "plain",
			call: rename(),
			exchanges: []exchange{{"renameCollection", bson.M{
				"renameCollection": "d.c", "to": "d.new", "$db": "admin", "dropTarget": wiretest.Absent,
				"comment": wiretest.Absent, "writeConcern": wiretest.Absent, "lsid": wiretest.Present,
			}, ok()}},
			result: done,
		},
		{
			name: "with everything",
			call: rename(motor.RenameOptions{DropTarget: true, Comment: why}),
			exchanges: []exchange{{"renameCollection", bson.M{
				"renameCollection": "d.c", "to": "d.new", "$db": "admin", "dropTarget": true, "comment": why,
			}, ok()}},
			result: done,
		},
		{
			name:      "refused",
			call:      rename(),
			exchanges: []exchange{{"renameCollection", bson.M{}, refuse(48, "NamespaceExists")}},
			class:     motor.OperationFailure,
		},
		{
			name: "late",
			call: rename(),
			exchanges: []exchange{{"renameCollection", bson.M{}, func(r *wiretest.Request) {
				r.OK(bson.M{"writeConcernError": bson.M{"code": 64, "errmsg": "late"}})
			}}},
			class: motor.WTimeoutError,
		},
	}
	for _, c := range []struct {
		name    string
		concern bson.M
		want    any
	}{
		{"w", bson.M{"w": "majority", "j": true}, bson.D{{Key: "w", Value: "majority"}, {Key: "j", Value: true}}},
		{"wtimeout", bson.M{"w": 2, "wtimeout": 100}, bson.D{{Key: "w", Value: 2}, {Key: "wtimeout", Value: 100}}},
		{"w: 0", bson.M{"w": 0}, wiretest.Absent}, // The server answers, with details.
	} {
		all = append(all, conversation{
			name: "with " + c.name, concern: c.concern, call: rename(),
			exchanges: []exchange{{"renameCollection", bson.M{"writeConcern": c.want}, ok()}},
			result:    done,
		})
	}
	runConversations(t, all)
}

func TestSearchIndexCommands(t *testing.T) {
	definition := bson.M{"mappings": bson.M{"dynamic": true}}
	model := mongo.SearchIndexModel{Definition: definition, Options: options.SearchIndexes().SetName("n").SetType("vectorSearch")}
	created := ok(bson.M{"indexesCreated": bson.A{bson.M{"id": "1", "name": "n"}, bson.M{"id": "2", "name": "default"}}})
	// These commands have no read or write concern, whatever the collection's are.
	concern := bson.M{"w": 2, "wtimeout": 100}
	drop := func(ctx context.Context, c collection) pending { return resultOf(c.DropSearchIndex(ctx, "n")) }
	update := func(ctx context.Context, c collection) pending {
		return resultOf(c.UpdateSearchIndex(ctx, "n", definition))
	}
	list := func(ctx context.Context, c collection) pending { return resultOf(c.ListSearchIndexes("").ToList(ctx)) }
	create := func(ctx context.Context, c collection) pending { return resultOf(c.CreateSearchIndex(ctx, model)) }
	all := []conversation{
		{
			name: "CreateSearchIndex", concern: concern, call: create,
			exchanges: []exchange{{"createSearchIndexes", bson.M{
				"createSearchIndexes": "c", "$db": "d", "writeConcern": wiretest.Absent, "lsid": wiretest.Present,
				"indexes": bson.A{bson.M{"name": "n", "type": "vectorSearch", "definition": definition}},
			}, created}},
			result: "n",
		},
		{
			name: "CreateSearchIndex with a reply without a name", call: create,
			exchanges: []exchange{{"createSearchIndexes", bson.M{}, ok(bson.M{"indexesCreated": bson.A{}})}},
			class:     motor.ProtocolError,
		},
		{
			name: "CreateSearchIndexes",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.CreateSearchIndexes(ctx, []mongo.SearchIndexModel{model, {Definition: definition}}))
			},
			exchanges: []exchange{{"createSearchIndexes", bson.M{"indexes": bson.A{
				bson.M{"name": "n", "type": "vectorSearch", "definition": definition}, bson.M{"definition": definition},
			}}, created}},
			result: []string{"n", "default"},
		},
		{
			name: "DropSearchIndex", concern: concern, call: drop,
			exchanges: []exchange{{"dropSearchIndex", bson.M{
				"dropSearchIndex": "c", "$db": "d", "name": "n", "writeConcern": wiretest.Absent, "lsid": wiretest.Present,
			}, ok()}},
			result: struct{}{},
		},
		{
			name: "DropSearchIndex of a missing collection", call: drop,
			exchanges: []exchange{{"dropSearchIndex", bson.M{}, refuse(26, "NamespaceNotFound")}},
			result:    struct{}{},
		},
		{
			name: "UpdateSearchIndex", concern: concern, call: update,
			exchanges: []exchange{{"updateSearchIndex", bson.M{
				"updateSearchIndex": "c", "$db": "d", "name": "n", "definition": definition, "writeConcern": wiretest.Absent,
			}, ok()}},
			result: struct{}{},
		},
		{
			name: "ListSearchIndexes", concern: concern, call: list,
			exchanges: []exchange{{"aggregate", bson.M{
				"aggregate": "c", "$db": "d", "pipeline": bson.A{bson.M{"$listSearchIndexes": bson.M{}}},
				"readConcern": wiretest.Absent, "writeConcern": wiretest.Absent, "cursor": bson.M{},
			}, cursorOf(bson.M{"name": "n", "latestDefinition": definition})}},
			result: []bson.M{{"name": "n", "latestDefinition": definition}},
		},
		{
			name: "ListSearchIndexes of a name, with options",
			call: func(ctx context.Context, c collection) pending {
				opts := &options.ListSearchIndexesOptionsBuilder{Opts: []func(*options.ListSearchIndexesOptions) error{
					func(o *options.ListSearchIndexesOptions) error {
						o.AggregateOptions = &options.AggregateOptions{Comment: why, BatchSize: new(int32(3))}
						return nil
					},
				}}
				return resultOf(c.ListSearchIndexes("n", opts).BatchSize(7).ToList(ctx))
			},
			exchanges: []exchange{{"aggregate", bson.M{
				"pipeline": bson.A{bson.M{"$listSearchIndexes": bson.M{"name": "n"}}}, "comment": why,
				"cursor": bson.M{"batchSize": 7},
			}, cursorOf()}},
			result: []bson.M{},
		},
	}
	for _, test := range []struct {
		command string
		call    func(context.Context, collection) pending
	}{
		{"createSearchIndexes", create}, {"dropSearchIndex", drop}, {"updateSearchIndex", update}, {"aggregate", list},
	} {
		all = append(all, conversation{
			name: test.command + " on a server that is not Atlas", call: test.call,
			exchanges: []exchange{{test.command, bson.M{}, refuse(31082, "SearchNotEnabled")}},
			class:     motor.OperationFailure,
		})
	}
	runConversations(t, all)
}
