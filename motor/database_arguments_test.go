package motor_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestDatabaseBadArguments(t *testing.T) {
	type unencodable struct{ C chan int }
	for _, c := range []struct {
		name string
		call func(context.Context, *motor.Database) outcome
		want *motor.ErrorClass
	}{
		{"AddUser: two kinds of roles", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.AddUser(ctx, "ann", "", motor.UserOptions{ReadOnly: true, Roles: []any{"read"}}))
		}, motor.ConfigurationError},
		{"AddUser: a role", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.AddUser(ctx, "ann", "", motor.UserOptions{Roles: []any{1}}))
		}, motor.TypeError},
		{"AddUser: custom data", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.AddUser(ctx, "ann", "", motor.UserOptions{CustomData: unencodable{}}))
		}, motor.InvalidDocument},
		{"Authenticate", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Authenticate(ctx, "ann", "secret"))
		}, motor.InvalidOperation},
		{"Logout", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Logout(ctx))
		}, motor.InvalidOperation},
		{"SetProfilingLevel: a level", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.SetProfilingLevel(ctx, 3))
		}, motor.ValueError},
		{"SetProfilingLevel: SlowMS", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.SetProfilingLevel(ctx, 1, motor.ProfilingOptions{SlowMS: new(-1)}))
		}, motor.ValueError},
		{"SetProfilingLevel: SampleRate", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.SetProfilingLevel(ctx, 1, motor.ProfilingOptions{SampleRate: new(math.NaN())}))
		}, motor.ValueError},
		{"SetProfilingLevel: Filter", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.SetProfilingLevel(ctx, 1, motor.ProfilingOptions{Filter: 1}))
		}, motor.TypeError},
		{"Eval: code", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Eval(ctx, 1))
		}, motor.TypeError},
		{"Eval: an argument", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Eval(ctx, "f", make(chan int)))
		}, motor.InvalidDocument},
		{"Dereference: nil", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Dereference(ctx, nil))
		}, motor.TypeError},
		{"Dereference: no document", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Dereference(ctx, 7))
		}, motor.TypeError},
		{"Dereference: no collection", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Dereference(ctx, bson.M{"$id": 7}))
		}, motor.TypeError},
		{"Dereference: no _id", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Dereference(ctx, bson.M{"$ref": "c"}))
		}, motor.TypeError},
		{"Dereference: another database", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Dereference(ctx, motor.DBRef{Collection: "c", ID: 7, Database: "other"}))
		}, motor.ValueError},
		{"Dereference: a name", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Dereference(ctx, motor.DBRef{Collection: "a..b", ID: 7}))
		}, motor.InvalidName},
		{"CommandAllowing: a map", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.CommandAllowing(ctx, bson.M{"a": 1, "b": 2}, motor.AllowedErrors{All: true}))
		}, motor.TypeError},
		{"CursorCommand: nil", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.CursorCommand(ctx, nil))
		}, motor.TypeError},
		{"ListCollections: nil", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.ListCollections(ctx, nil))
		}, motor.TypeError},
		{"ListDatabases: nil", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Client().ListDatabases(ctx, nil))
		}, motor.TypeError},
		{"Aggregate: nil", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Aggregate(nil).ToList(ctx))
		}, motor.TypeError},
		{"Aggregate: a document", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Aggregate(bson.D{}).ToList(ctx))
		}, motor.TypeError},
		{"Aggregate: a stage", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Aggregate(bson.A{1}).ToList(ctx))
		}, motor.TypeError},
		{"Aggregate: a stage of two keys", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Aggregate([]bson.M{{"$match": bson.M{}, "$limit": 1}}).ToList(ctx))
		}, motor.TypeError},
		{"Aggregate: value that cannot be encoded", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Aggregate([]unencodable{{}}).ToList(ctx))
		}, motor.InvalidDocument},
		{"Aggregate: a batch size", func(ctx context.Context, d *motor.Database) outcome {
			return started(d.Aggregate(mongo.Pipeline{}).BatchSize(-1).ToList(ctx))
		}, motor.ValueError},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := newClient(t, wiretest.Start(t, wiretest.Standalone).URI()).Database("d")
			if err := c.call(t.Context(), db)(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %s", err, c.want.Name())
			}
			if db.Client().Stats().Completed != 0 {
				t.Error("got a command, want none")
			}
		})
	}
}

// Code that passes options on may pass nil.
func TestNilOptions(t *testing.T) {
	var (
		database   *options.DatabaseOptionsBuilder
		collection *options.CollectionOptionsBuilder
		find       *options.FindOptionsBuilder
	)
	peer := wiretest.Start(t, wiretest.Standalone)
	c := newClient(t, peer.URI()).Database("d", database, nil).Collection("c", collection, nil)
	read := started(c.Find(bson.D{}, find, nil).ToList(t.Context()))
	peer.Receive("find").Want(bson.M{"find": "c", "$db": "d"}).Cursor("d.c", 0)
	if err := read(t.Context()); err != nil {
		t.Errorf("got error %v, want nil", err)
	}
}
