package motor_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestFindAndModifyCommands(t *testing.T) {
	set := bson.M{"$set": bson.M{"a": 2}}
	modify := func(opts ...motor.FindAndModifyOptions) func(context.Context, collection) pending {
		return func(ctx context.Context, c collection) pending {
			return resultOf(c.FindAndModify(ctx, bson.M{"a": 1}, opts...))
		}
	}
	one := document(bson.M{"a": 1})
	runConversations(t, []conversation{
		{
			name: "updates", call: modify(motor.FindAndModifyOptions{Update: set}),
			exchanges: []exchange{{"findAndModify", bson.M{
				"findAndModify": "c", "$db": "d", "query": bson.M{"a": 1}, "update": set, "remove": wiretest.Absent,
				"upsert": wiretest.Absent, "new": wiretest.Absent, "sort": wiretest.Absent, "fields": wiretest.Absent,
				"writeConcern": wiretest.Absent, "lsid": wiretest.Present, "txnNumber": wiretest.Absent,
			}, one}},
			result: bson.M{"a": int32(1)},
		},
		{
			name: "updates with everything",
			call: modify(motor.FindAndModifyOptions{
				Update: set, Upsert: true, New: true, Sort: byName, Fields: bson.M{"a": 1, "_id": 0},
			}),
			exchanges: []exchange{{"findAndModify", bson.M{
				"update": set, "upsert": true, "new": true, "sort": byName, "fields": bson.M{"a": 1, "_id": 0},
			}, one}},
			result: bson.M{"a": int32(1)},
		},
		{
			name: "replaces, and gives some fields",
			call: modify(motor.FindAndModifyOptions{Update: bson.M{"a": 3}, Fields: []string{"a", "b"}}),
			exchanges: []exchange{{"findAndModify", bson.M{
				"update": bson.M{"a": 3}, "fields": bson.D{{Key: "a", Value: 1}, {Key: "b", Value: 1}},
			}, one}},
			result: bson.M{"a": int32(1)},
		},
		{
			name: "updates by a pipeline", call: modify(motor.FindAndModifyOptions{Update: []bson.M{set}}),
			exchanges: []exchange{{"findAndModify", bson.M{"update": bson.A{set}}, one}},
			result:    bson.M{"a": int32(1)},
		},
		{
			name: "removes", call: modify(motor.FindAndModifyOptions{Remove: true}),
			exchanges: []exchange{{"findAndModify", bson.M{"remove": true, "update": wiretest.Absent}, one}},
			result:    bson.M{"a": int32(1)},
		},
		{
			name: "finds nothing", call: modify(motor.FindAndModifyOptions{Remove: true}),
			exchanges: []exchange{{"findAndModify", bson.M{}, ok(bson.M{"value": nil})}},
			result:    bson.M(nil),
		},
		{
			name: "has the write concern", call: modify(motor.FindAndModifyOptions{Remove: true}),
			concern:   bson.M{"w": 2, "wtimeout": 100},
			exchanges: []exchange{{"findAndModify", bson.M{"writeConcern": bson.M{"w": 2, "wtimeout": 100}}, one}},
			result:    bson.M{"a": int32(1)},
		},
		{
			name: "duplicate key", call: modify(motor.FindAndModifyOptions{Update: set}),
			exchanges: []exchange{{"findAndModify", bson.M{}, refuse(11000, "DuplicateKey")}},
			class:     motor.DuplicateKeyError,
		},
		{
			name: "is late", call: modify(motor.FindAndModifyOptions{Update: set}),
			exchanges: []exchange{{"findAndModify", bson.M{}, func(r *wiretest.Request) {
				r.OK(bson.M{"value": bson.M{}, "writeConcernError": bson.M{"code": 64, "errmsg": "late"}})
			}}},
			class: motor.WTimeoutError,
		},
		{
			name: "gives the full response",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.FindAndModifyFullResponse(ctx, bson.M{"a": 1}, motor.FindAndModifyOptions{Update: set}))
			},
			exchanges: []exchange{{"findAndModify", bson.M{"query": bson.M{"a": 1}, "update": set}, ok(bson.M{
				"value": bson.M{"a": 1}, "lastErrorObject": bson.M{"n": 1},
			})}},
			result: bson.M{"value": bson.M{"a": int32(1)}, "lastErrorObject": bson.M{"n": int32(1)}, "ok": int32(1)},
		},
	})
}

func TestLegacyReadCommands(t *testing.T) {
	retval := ok(bson.M{"retval": bson.A{bson.M{"a": 1, "sum": bson.M{"n": 3}}}})
	groups := []bson.M{{"a": int32(1), "sum": bson.M{"n": int32(3)}}}
	runConversations(t, []conversation{
		{
			name: "Count",
			call: func(ctx context.Context, c collection) pending { return resultOf(c.Count(ctx)) },
			exchanges: []exchange{{"count", bson.M{
				"count": "c", "$db": "d", "query": wiretest.Absent, "skip": wiretest.Absent, "limit": wiretest.Absent,
				"hint": wiretest.Absent, "readConcern": wiretest.Absent, "lsid": wiretest.Present,
			}, ok(bson.M{"n": 3.0})}},
			result: int64(3),
		},
		{
			name: "Count with everything",
			call: func(ctx context.Context, c collection) pending {
				c = c.WithOptions(options.Collection().SetReadConcern(readconcern.Majority()).SetReadPreference(readpref.Nearest()))
				return resultOf(c.Count(ctx, motor.CountOptions{
					Filter: bson.M{"a": 1}, Skip: 2, Limit: 3, Hint: byName, Collation: french, Comment: why,
				}))
			},
			exchanges: []exchange{{"count", bson.M{
				"query": bson.M{"a": 1}, "skip": 2, "limit": 3, "hint": byName, "collation": frenchOnWire, "comment": why,
				"readConcern": bson.M{"level": "majority"},
			}, ok(bson.M{"n": 1})}},
			result: int64(1),
		},
		{
			name:      "Count that is refused",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.Count(ctx)) },
			exchanges: []exchange{{"count", bson.M{}, refuse(13, "Unauthorized")}},
			class:     motor.OperationFailure,
		},
		{
			name:      "Count with a reply without n",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.Count(ctx)) },
			exchanges: []exchange{{"count", bson.M{}, ok()}},
			class:     motor.ProtocolError,
		},
		{
			name: "Group by fields",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Group(ctx, []string{"a"}, bson.M{"b": 1}, bson.M{"n": 0}, "function (d, r) { r.n++ }"))
			},
			exchanges: []exchange{{"group", bson.M{
				"group.ns": "c", "group.key": bson.M{"a": 1}, "group.$keyf": wiretest.Absent, "group.cond": bson.M{"b": 1},
				"group.initial": bson.M{"n": 0}, "group.$reduce": bson.JavaScript("function (d, r) { r.n++ }"),
				"group.finalize": wiretest.Absent, "$db": "d",
			}, retval}},
			result: groups,
		},
		{
			name: "Group by a function, with Finalize",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Group(ctx, "function (d) { return {} }", bson.D{}, bson.D{}, bson.JavaScript("f"),
					motor.GroupOptions{Finalize: bson.CodeWithScope{Code: "g", Scope: bson.D{{Key: "x", Value: 1}}}}))
			},
			exchanges: []exchange{{"group", bson.M{
				"group.key": wiretest.Absent, "group.$keyf": bson.JavaScript("function (d) { return {} }"),
				"group.finalize": bson.CodeWithScope{Code: "g", Scope: bson.D{{Key: "x", Value: 1}}},
			}, retval}},
			result: groups,
		},
		{
			name: "Group of all, on a current server",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Group(ctx, nil, bson.D{}, bson.D{}, "f"))
			},
			exchanges: []exchange{{"group", bson.M{"group.key": wiretest.Absent, "group.$keyf": wiretest.Absent},
				refuse(59, "CommandNotFound")}},
			class: motor.OperationFailure,
		},
		{
			name: "Group with a reply that has no groups",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.Group(ctx, nil, bson.D{}, bson.D{}, "f"))
			},
			exchanges: []exchange{{"group", bson.M{}, ok()}},
			class:     motor.ProtocolError,
		},
	})
}

func TestMapReduceCommands(t *testing.T) {
	const m, r = "function () { emit(this.a, 1) }", "function (k, vs) { return Array.sum(vs) }"
	results := ok(bson.M{"results": bson.A{bson.M{"_id": "x", "value": 2.0}, bson.M{"_id": "y", "value": bson.M{"n": 1}}}})
	all := []conversation{
		{
			name: "InlineMapReduce",
			call: func(ctx context.Context, c collection) pending { return resultOf(c.InlineMapReduce(ctx, m, r)) },
			exchanges: []exchange{{"mapReduce", bson.M{
				"mapReduce": "c", "$db": "d", "map": bson.JavaScript(m), "reduce": bson.JavaScript(r), "out": bson.M{"inline": 1},
				"query": wiretest.Absent, "sort": wiretest.Absent, "limit": wiretest.Absent, "finalize": wiretest.Absent,
				"scope": wiretest.Absent, "jsMode": wiretest.Absent, "verbose": wiretest.Absent, "writeConcern": wiretest.Absent,
			}, results}},
			result: []bson.M{{"_id": "x", "value": 2.0}, {"_id": "y", "value": bson.M{"n": int32(1)}}},
		},
		{
			name:    "InlineMapReduce with everything",
			concern: bson.M{"w": 2}, // of writes
			call: func(ctx context.Context, c collection) pending {
				c = c.WithOptions(options.Collection().SetReadConcern(readconcern.Local()))
				return resultOf(c.InlineMapReduce(ctx, bson.JavaScript(m), bson.CodeWithScope{Code: r, Scope: bson.D{}}, motor.MapReduceOptions{
					Query: bson.M{"a": 1}, Sort: byName, Limit: 5, Finalize: "f", Scope: bson.M{"x": 1}, JSMode: true, Verbose: true,
					BypassDocumentValidation: true, Collation: french, Comment: why,
				}))
			},
			exchanges: []exchange{{"mapReduce", bson.M{
				"map": bson.JavaScript(m), "reduce": bson.CodeWithScope{Code: r, Scope: bson.D{}}, "query": bson.M{"a": 1},
				"sort": byName, "limit": 5, "finalize": bson.JavaScript("f"), "scope": bson.M{"x": 1}, "jsMode": true,
				"verbose": true, "bypassDocumentValidation": true, "collation": frenchOnWire, "comment": why,
				"readConcern": bson.M{"level": "local"}, "writeConcern": wiretest.Absent,
			}, ok(bson.M{"results": bson.A{}})}},
			result: []bson.M{},
		},
		{
			name: "InlineMapReduceFullResponse",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.InlineMapReduceFullResponse(ctx, m, r))
			},
			exchanges: []exchange{{"mapReduce", bson.M{"out": bson.M{"inline": 1}}, ok(bson.M{"results": bson.A{}, "timeMillis": 3})}},
			result:    bson.M{"results": bson.A{}, "timeMillis": int32(3), "ok": int32(1)},
		},
		{
			name:      "InlineMapReduce without a list of results",
			call:      func(ctx context.Context, c collection) pending { return resultOf(c.InlineMapReduce(ctx, m, r)) },
			exchanges: []exchange{{"mapReduce", bson.M{}, ok(bson.M{"results": bson.A{7}})}},
			class:     motor.ProtocolError,
		},
		{
			name: "MapReduceFullResponse",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.MapReduceFullResponse(ctx, m, r, bson.D{{Key: "merge", Value: "o"}, {Key: "db", Value: "e"}}))
			},
			concern: bson.M{"w": 2, "wtimeout": 100},
			exchanges: []exchange{{"mapReduce", bson.M{
				"out":          bson.D{{Key: "merge", Value: "o"}, {Key: "db", Value: "e"}},
				"writeConcern": bson.M{"w": 2, "wtimeout": 100}, "readConcern": wiretest.Absent,
			}, ok(bson.M{"result": "o"})}},
			result: bson.M{"result": "o", "ok": int32(1)},
		},
		{
			name: "MapReduceFullResponse with inline results",
			call: func(ctx context.Context, c collection) pending {
				return resultOf(c.MapReduceFullResponse(ctx, m, r, bson.M{"inline": 1}))
			},
			concern:   bson.M{"w": 2},
			exchanges: []exchange{{"mapReduce", bson.M{"out": bson.M{"inline": 1}, "writeConcern": wiretest.Absent}, results}},
			result: bson.M{
				"results": bson.A{bson.M{"_id": "x", "value": 2.0}, bson.M{"_id": "y", "value": bson.M{"n": int32(1)}}}, "ok": int32(1),
			},
		},
	}
	for _, c := range []struct {
		name   string
		result any
		want   string
		class  *motor.ErrorClass
	}{
		{"a name", "o", "d.o", nil},
		{"a name in another database", bson.M{"db": "e", "collection": "o"}, "e.o", nil},
		{"no name", bson.M{"db": "e"}, "", motor.ProtocolError},
		{"nothing", nil, "", motor.ProtocolError},
	} {
		all = append(all, conversation{
			name: "MapReduce to " + c.name,
			call: func(ctx context.Context, coll collection) pending {
				f := coll.MapReduce(ctx, m, r, "o")
				return func(ctx context.Context) (any, error) {
					made, err := f.Await(ctx)
					if err != nil {
						return nil, err
					}
					return made.FullName(), nil
				}
			},
			exchanges: []exchange{{"mapReduce", bson.M{"out": "o", "lsid": wiretest.Present}, ok(bson.M{"result": c.result})}},
			result:    c.want,
			class:     c.class,
		})
	}
	runConversations(t, all)
}

func TestReindexCommands(t *testing.T) {
	reindex := func(ctx context.Context, c collection) pending { return resultOf(c.Reindex(ctx)) }
	runConversations(t, []conversation{
		{
			name: "on a standalone server", call: reindex, concern: bson.M{"w": 1, "wtimeout": 100},
			exchanges: []exchange{{"reIndex", bson.M{"reIndex": "c", "$db": "d", "writeConcern": wiretest.Absent}, ok(bson.M{"nIndexes": 2})}},
			result:    bson.M{"nIndexes": int32(2), "ok": int32(1)},
		},
		{
			name: "elsewhere", call: reindex,
			exchanges: []exchange{{"reIndex", bson.M{}, refuse(115, "CommandNotSupported")}},
			class:     motor.OperationFailure,
		},
	})
}

// legacyReads are the callback-era reads for which motor builds the command, and those that write.
var legacyReads, legacyWrites = []struct {
	command string
	call    operation
}{
	{"count", func(ctx context.Context, c collection) outcome { return started(c.Count(ctx)) }},
	{"group", func(ctx context.Context, c collection) outcome {
		return started(c.Group(ctx, nil, bson.D{}, bson.D{}, "f"))
	}},
	{"mapReduce", func(ctx context.Context, c collection) outcome { return started(c.InlineMapReduce(ctx, "m", "r")) }},
}, []struct {
	command string
	call    operation
}{
	{"findAndModify", func(ctx context.Context, c collection) outcome {
		return started(c.FindAndModify(ctx, bson.D{}, motor.FindAndModifyOptions{Remove: true}))
	}},
	{"mapReduce", func(ctx context.Context, c collection) outcome { return started(c.MapReduce(ctx, "m", "r", "o")) }},
	{"reIndex", func(ctx context.Context, c collection) outcome { return started(c.Reindex(ctx)) }},
	{"renameCollection", func(ctx context.Context, c collection) outcome { return started(c.Rename(ctx, "new")) }},
}

func TestLegacyCommandServerAndSession(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary)
	client := newClient(t, set.URI())
	coll := client.Database("d").Collection("c").WithOptions(options.Collection().SetReadPreference(readpref.Secondary()))
	ctx, session := withSession(t, client)
	answer := ok(bson.M{"n": 1, "retval": bson.A{}, "results": bson.A{}, "result": "o"})
	for _, r := range legacyReads {
		wait := r.call(ctx, coll)
		answer(set.Peers[1].Receive(r.command).Want(bson.M{"lsid": session, "$readPreference": bson.M{"mode": "secondary"}}))
		if err := wait(ctx); err != nil {
			t.Errorf("%s: got error %v, want nil", r.command, err)
		}
	}
	for _, w := range legacyWrites {
		wait := w.call(ctx, coll)
		answer(set.Peers[0].Receive(w.command).Want(bson.M{"lsid": session, "$readPreference": wiretest.Absent}))
		if err := wait(ctx); err != nil {
			t.Errorf("%s: got error %v, want nil", w.command, err)
		}
	}
}

func TestOwnCommandsInTransaction(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary)
	client := newClient(t, set.URI("wTimeoutMS=100&readConcernLevel=majority&readPreference=secondary"))
	coll := client.Database("d").Collection("c")
	ctx, session := withSession(t, client)
	driver := mongo.SessionFromContext(ctx)
	if err := driver.StartTransaction(options.Transaction().SetReadPreference(readpref.Primary())); err != nil {
		t.Fatalf("StartTransaction() = %v, want nil", err)
	}
	set.Peers[0].Handle("abortTransaction", ok())
	t.Cleanup(func() { _ = driver.AbortTransaction(context.Background()) })
	for _, c := range []struct {
		command string
		call    operation
	}{
		{"findAndModify", func(ctx context.Context, c collection) outcome { return started(c.FindOneAndDelete(ctx, bson.D{})) }},
		legacyWrites[0],
		legacyReads[0],
	} {
		wait := c.call(ctx, coll)
		set.Peers[0].Receive(c.command).Want(bson.M{
			"lsid": session, "autocommit": false, "writeConcern": wiretest.Absent, "txnNumber": wiretest.Present,
		}).OK(bson.M{"n": 1, "value": nil})
		if err := wait(ctx); err != nil {
			t.Errorf("%s: got error %v, want nil", c.command, err)
		}
	}
}
