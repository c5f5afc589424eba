package motor_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestDatabaseCommands(t *testing.T) {
	noUsers, users := ok(bson.M{"users": bson.A{}}), ok(bson.M{"users": bson.A{bson.M{"user": "ann"}}})
	usersInfo := func(answer func(*wiretest.Request)) exchange {
		return exchange{"usersInfo", bson.M{"usersInfo": "ann", "$db": "d"}, answer}
	}
	for _, c := range []struct {
		name      string
		database  string // "d" if empty
		call      func(context.Context, *motor.Database) pending
		exchanges []exchange
		result    any
		class     *motor.ErrorClass
	}{
		{
			name: "AddUser creates a user with all rights",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.AddUser(ctx, "ann", "secret"))
			},
			exchanges: []exchange{usersInfo(noUsers), {"createUser", bson.M{
				"createUser": "ann", "pwd": "secret", "roles": bson.A{"dbOwner"}, "customData": wiretest.Absent, "$db": "d",
			}, ok()}},
			result: struct{}{},
		},
		{
			name:     "AddUser creates a read-only administrator",
			database: "admin",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.AddUser(ctx, "ann", "secret", motor.UserOptions{ReadOnly: true}))
			},
			exchanges: []exchange{{"usersInfo", bson.M{"$db": "admin"}, noUsers}, {"createUser", bson.M{
				"roles": bson.A{"readAnyDatabase"}, "$db": "admin",
			}, ok()}},
			result: struct{}{},
		},
		{
			name: "AddUser changes an existing user",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.AddUser(ctx, "ann", "secret"))
			},
			exchanges: []exchange{usersInfo(users), {"updateUser", bson.M{
				"updateUser": "ann", "pwd": "secret", "roles": wiretest.Absent,
			}, ok()}},
			result: struct{}{},
		},
		{
			name: "AddUser sends roles and data without a password",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.AddUser(ctx, "ann", "", motor.UserOptions{
					Roles:      []any{"readWrite", bson.D{{Key: "role", Value: "read"}, {Key: "db", Value: "other"}}},
					CustomData: bson.M{"room": 7},
				}))
			},
			exchanges: []exchange{usersInfo(users), {"updateUser", bson.M{
				"pwd":        wiretest.Absent,
				"roles":      bson.A{"readWrite", bson.D{{Key: "role", Value: "read"}, {Key: "db", Value: "other"}}},
				"customData": bson.M{"room": 7},
			}, ok()}},
			result: struct{}{},
		},
		{
			name: "AddUser creates the first user without usersInfo rights",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.AddUser(ctx, "ann", "secret"))
			},
			exchanges: []exchange{usersInfo(refuse(13, "Unauthorized")), {"createUser", bson.M{"createUser": "ann"}, ok()}},
			result:    struct{}{},
		},
		{
			name: "AddUser stops at the first error",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.AddUser(ctx, "ann", "secret"))
			},
			exchanges: []exchange{usersInfo(refuse(59, "CommandNotFound"))},
			class:     motor.OperationFailure,
		},
		{
			name: "RemoveUser",
			call: func(ctx context.Context, d *motor.Database) pending { return resultOf(d.RemoveUser(ctx, "ann")) },
			exchanges: []exchange{
				{"dropUser", bson.M{"dropUser": "ann", "$db": "d"}, refuse(11, "UserNotFound")},
			},
			class: motor.OperationFailure,
		},
		{
			name: "SetProfilingLevel sends only what is set",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.SetProfilingLevel(ctx, motor.ProfilingAll))
			},
			exchanges: []exchange{{"profile", bson.M{
				"profile": 2, "slowms": wiretest.Absent, "sampleRate": wiretest.Absent, "filter": wiretest.Absent, "$db": "d",
			}, ok(bson.M{"was": 0})}},
			result: struct{}{},
		},
		{
			name: "SetProfilingLevel with everything",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.SetProfilingLevel(ctx, motor.ProfilingSlowOnly, motor.ProfilingOptions{
					SlowMS: new(50), SampleRate: new(0.5), Filter: bson.M{"op": "query"},
				}))
			},
			exchanges: []exchange{{"profile", bson.M{
				"profile": 1, "slowms": 50, "sampleRate": 0.5, "filter": bson.M{"op": "query"},
			}, ok(bson.M{"was": 0})}},
			result: struct{}{},
		},
		{
			name:      "ProfilingLevel",
			call:      func(ctx context.Context, d *motor.Database) pending { return resultOf(d.ProfilingLevel(ctx)) },
			exchanges: []exchange{{"profile", bson.M{"profile": -1, "$db": "d"}, ok(bson.M{"was": 1})}},
			result:    motor.ProfilingSlowOnly,
		},
		{
			name:      "ProfilingLevel of a reply without a level",
			call:      func(ctx context.Context, d *motor.Database) pending { return resultOf(d.ProfilingLevel(ctx)) },
			exchanges: []exchange{{"profile", bson.M{}, ok()}},
			class:     motor.ProtocolError,
		},
		{
			name: "ProfilingInfo",
			call: func(ctx context.Context, d *motor.Database) pending { return resultOf(d.ProfilingInfo(ctx)) },
			exchanges: []exchange{{"find", bson.M{"find": "system.profile", "$db": "d"}, func(r *wiretest.Request) {
				r.Cursor("d.system.profile", 0, bson.M{"op": "query"})
			}}},
			result: []bson.M{{"op": "query"}},
		},
		{
			name: "CurrentOp asks the admin database",
			call: func(ctx context.Context, d *motor.Database) pending { return resultOf(d.CurrentOp(ctx, true)) },
			exchanges: []exchange{
				{"currentOp", bson.M{"$all": true, "$db": "admin"}, ok(bson.M{"inprog": bson.A{}})},
			},
			result: bson.M{"inprog": bson.A{}, "ok": int32(1)},
		},
		{
			name: "Eval",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.Eval(ctx, "function (a, b) { return a + b }", 1, 2))
			},
			exchanges: []exchange{{"$eval", bson.M{
				"$eval": bson.JavaScript("function (a, b) { return a + b }"), "args": bson.A{1, 2}, "$db": "d",
			}, ok(bson.M{"retval": 3})}},
			result: any(int32(3)),
		},
		{
			name: "Eval without arguments, on a current server",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.Eval(ctx, bson.CodeWithScope{Code: "f()", Scope: bson.D{}}))
			},
			exchanges: []exchange{{"$eval", bson.M{"args": bson.A{}}, refuse(59, "CommandNotFound")}},
			class:     motor.OperationFailure,
		},
		{
			name: "LastStatus",
			call: func(ctx context.Context, d *motor.Database) pending { return resultOf(d.LastStatus(ctx)) },
			exchanges: []exchange{
				{"getLastError", bson.M{"getLastError": 1, "$db": "d"}, ok(bson.M{"err": nil})},
			},
			result: bson.M{"err": nil, "ok": int32(1)},
		},
		{
			name:      "Error after a success",
			call:      func(ctx context.Context, d *motor.Database) pending { return resultOf(d.Error(ctx)) },
			exchanges: []exchange{{"getLastError", bson.M{}, ok(bson.M{"err": nil})}},
			result:    bson.M(nil),
		},
		{
			name:      "Error after a failure",
			call:      func(ctx context.Context, d *motor.Database) pending { return resultOf(d.Error(ctx)) },
			exchanges: []exchange{{"getLastError", bson.M{}, ok(bson.M{"err": "oops"})}},
			result:    bson.M{"err": "oops", "ok": int32(1)},
		},
		{
			name:      "PreviousError without an error",
			call:      func(ctx context.Context, d *motor.Database) pending { return resultOf(d.PreviousError(ctx)) },
			exchanges: []exchange{{"getPrevError", bson.M{"getPrevError": 1}, ok(bson.M{"err": nil})}},
			result:    bson.M(nil),
		},
		{
			name:      "ResetErrorHistory, on a current server",
			call:      func(ctx context.Context, d *motor.Database) pending { return resultOf(d.ResetErrorHistory(ctx)) },
			exchanges: []exchange{{"resetError", bson.M{"resetError": 1}, refuse(59, "CommandNotFound")}},
			class:     motor.OperationFailure,
		},
		{
			name: "Dereference",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.Dereference(ctx, bson.M{"$ref": "users", "$id": 7, "$db": "d"}))
			},
			exchanges: []exchange{{"find", bson.M{"find": "users", "filter": bson.M{"_id": 7}, "$db": "d"},
				func(r *wiretest.Request) { r.Cursor("d.users", 0, bson.M{"_id": 7}) }}},
			result: bson.M{"_id": int32(7)},
		},
		{
			name: "CommandAllowing returns the reply of a listed code",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.CommandAllowing(ctx, bson.D{{Key: "drop", Value: "c"}}, motor.AllowedErrors{Codes: []int{1, 26}}))
			},
			exchanges: []exchange{{"drop", bson.M{"drop": "c", "$db": "d"}, refuse(26, "NamespaceNotFound")}},
			result: bson.M{
				"ok": int32(0), "errmsg": "NamespaceNotFound", "code": int32(26), "codeName": "NamespaceNotFound",
			},
		},
		{
			name: "CommandAllowing returns the reply of a listed message",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.CommandAllowing(ctx, "x", motor.AllowedErrors{Messages: []string{"ns not found"}}))
			},
			exchanges: []exchange{{"x", bson.M{"x": 1}, func(r *wiretest.Request) {
				r.Reply(bson.D{{Key: "ok", Value: 0}, {Key: "errmsg", Value: "ns not found"}})
			}}},
			result: bson.M{"ok": int32(0), "errmsg": "ns not found"},
		},
		{
			name: "CommandAllowing fails with other errors",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.CommandAllowing(ctx, "x", motor.AllowedErrors{Codes: []int{1}, Messages: []string{"y"}}))
			},
			exchanges: []exchange{{"x", bson.M{}, refuse(26, "NamespaceNotFound")}},
			class:     motor.OperationFailure,
		},
		{
			name: "CommandAllowing everything, with a write concern error",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.CommandAllowing(ctx, "x", motor.AllowedErrors{All: true}))
			},
			exchanges: []exchange{{"x", bson.M{}, func(r *wiretest.Request) {
				r.OK(bson.M{"writeConcernError": bson.M{"code": 64, "errmsg": "late"}})
			}}},
			result: bson.M{"writeConcernError": bson.M{"code": int32(64), "errmsg": "late"}, "ok": int32(1)},
		},
		{
			name: "CommandAllowing everything fails without a reply",
			call: func(ctx context.Context, d *motor.Database) pending {
				return resultOf(d.CommandAllowing(ctx, "x", motor.AllowedErrors{All: true}))
			},
			exchanges: []exchange{{"x", bson.M{}, (*wiretest.Request).HangUp}},
			class:     motor.AutoReconnect,
		},
		{
			name:      "CursorCommand with a reply without a cursor",
			call:      func(ctx context.Context, d *motor.Database) pending { return resultOf(d.CursorCommand(ctx, "x")) },
			exchanges: []exchange{{"x", bson.M{"x": 1, "$db": "d"}, ok()}},
			class:     motor.InvalidOperation,
		},
		{
			name:      "CursorCommand that is refused",
			call:      func(ctx context.Context, d *motor.Database) pending { return resultOf(d.CursorCommand(ctx, "x")) },
			exchanges: []exchange{{"x", bson.M{}, refuse(50, "MaxTimeMSExpired")}},
			class:     motor.ExecutionTimeout,
		},
		{
			name: "WithOptions adds to the options",
			call: func(ctx context.Context, d *motor.Database) pending {
				d = d.WithOptions(options.Database().SetReadConcern(readconcern.Local()))
				return resultOf(d.Collection("c").Find(bson.D{}).ToList(ctx))
			},
			exchanges: []exchange{{"find", bson.M{"readConcern.level": "local"}, func(r *wiretest.Request) {
				r.Cursor("d.c", 0)
			}}},
			result: []bson.M{},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			database := "d"
			if c.database != "" {
				database = c.database
			}
			db := newClient(t, peer.URI("retryReads=false")).Database(database)
			converse(t, peer, c.call(t.Context(), db), c.exchanges, c.result, c.class)
		})
	}
}
