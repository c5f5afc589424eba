package motor_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// badArgument is a call that comes to an error of a class, and to nothing on the wire.
type badArgument struct {
	name string
	call operation
	want *motor.ErrorClass
}

// withoutSending holds calls to their errors, and to sending nothing.
func withoutSending(t *testing.T, all []badArgument) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			coll := newClient(t, wiretest.Start(t, wiretest.Standalone).URI()).Database("d").Collection("c")
			if err := c.call(t.Context(), coll)(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %s", err, c.want.Name())
			}
			if coll.Database().Client().Stats().Completed != 0 {
				t.Error("something was sent")
			}
		})
	}
}

// selfish is what cannot be encoded.
type selfish struct{ C chan int }

func TestBadFiltersAreNotSent(t *testing.T) {
	set := bson.M{"$set": bson.M{"a": 1}}
	var all []badArgument
	for name, call := range map[string]func(context.Context, collection, any) outcome{
		"FindOne":        func(ctx context.Context, c collection, f any) outcome { return started(c.FindOne(ctx, f)) },
		"Find":           func(ctx context.Context, c collection, f any) outcome { return started(c.Find(f).ToList(ctx)) },
		"CountDocuments": func(ctx context.Context, c collection, f any) outcome { return started(c.CountDocuments(ctx, f)) },
		"Distinct":       func(ctx context.Context, c collection, f any) outcome { return started(c.Distinct(ctx, "a", f)) },
		"UpdateOne":      func(ctx context.Context, c collection, f any) outcome { return started(c.UpdateOne(ctx, f, set)) },
		"UpdateMany":     func(ctx context.Context, c collection, f any) outcome { return started(c.UpdateMany(ctx, f, set)) },
		"ReplaceOne": func(ctx context.Context, c collection, f any) outcome {
			return started(c.ReplaceOne(ctx, f, bson.M{}))
		},
		"DeleteOne":  func(ctx context.Context, c collection, f any) outcome { return started(c.DeleteOne(ctx, f)) },
		"DeleteMany": func(ctx context.Context, c collection, f any) outcome { return started(c.DeleteMany(ctx, f)) },
		"FindOneAndDelete": func(ctx context.Context, c collection, f any) outcome {
			return started(c.FindOneAndDelete(ctx, f))
		},
		"FindOneAndReplace": func(ctx context.Context, c collection, f any) outcome {
			return started(c.FindOneAndReplace(ctx, f, bson.M{}))
		},
		"FindOneAndUpdate": func(ctx context.Context, c collection, f any) outcome {
			return started(c.FindOneAndUpdate(ctx, f, set))
		},
	} {
		for _, bad := range []struct {
			name   string
			filter any
			want   *motor.ErrorClass
		}{
			{"nil", nil, motor.TypeError},
			{"a nil map", bson.M(nil), motor.TypeError},
			{"a number", 7, motor.TypeError},
			{"a string", "x", motor.TypeError},
			{"a list", []bson.M{{}}, motor.TypeError},
			{"a channel within", selfish{}, motor.InvalidDocument},
			{"a key with NUL", bson.M{"a\x00b": 1}, motor.InvalidDocument},
		} {
			all = append(all, badArgument{name + ": " + bad.name, func(ctx context.Context, c collection) outcome {
				return call(ctx, c, bad.filter)
			}, bad.want})
		}
	}
	withoutSending(t, all)
}

func TestBadChangesAreNotSent(t *testing.T) {
	var all []badArgument
	none := bson.D{}
	for name, call := range map[string]func(context.Context, collection, any) outcome{
		"UpdateOne":  func(ctx context.Context, c collection, u any) outcome { return started(c.UpdateOne(ctx, none, u)) },
		"UpdateMany": func(ctx context.Context, c collection, u any) outcome { return started(c.UpdateMany(ctx, none, u)) },
		"FindOneAndUpdate": func(ctx context.Context, c collection, u any) outcome {
			return started(c.FindOneAndUpdate(ctx, none, u))
		},
	} {
		for _, bad := range []struct {
			name   string
			update any
			want   *motor.ErrorClass
		}{
			{"nil", nil, motor.TypeError},
			{"a number", 7, motor.TypeError},
			{"an empty document", bson.M{}, motor.ValueError},
			{"no operator", bson.M{"a": 1}, motor.ValueError},
			{"a stage without an operator", []bson.M{{"$set": bson.M{"a": 1}}, {"a": 1}}, motor.ValueError},
			{"a stage that is none", bson.A{7}, motor.TypeError},
			{"a channel within", bson.M{"$set": selfish{}}, motor.InvalidDocument},
		} {
			all = append(all, badArgument{name + ": " + bad.name, func(ctx context.Context, c collection) outcome {
				return call(ctx, c, bad.update)
			}, bad.want})
		}
	}
	for name, call := range map[string]func(context.Context, collection, any) outcome{
		"ReplaceOne": func(ctx context.Context, c collection, r any) outcome { return started(c.ReplaceOne(ctx, none, r)) },
		"FindOneAndReplace": func(ctx context.Context, c collection, r any) outcome {
			return started(c.FindOneAndReplace(ctx, none, r))
		},
	} {
		for _, bad := range []struct {
			name        string
			replacement any
			want        *motor.ErrorClass
		}{
			{"nil", nil, motor.TypeError},
			{"a list", bson.A{}, motor.TypeError},
			{"an operator", bson.M{"$set": bson.M{"a": 1}}, motor.ValueError},
			{"a channel within", selfish{}, motor.InvalidDocument},
		} {
			all = append(all, badArgument{name + ": " + bad.name, func(ctx context.Context, c collection) outcome {
				return call(ctx, c, bad.replacement)
			}, bad.want})
		}
	}
	withoutSending(t, all)
}

func TestBadArgumentsOfACollectionAreNotSent(t *testing.T) {
	withoutSending(t, []badArgument{
		{"Aggregate: nil", func(ctx context.Context, c collection) outcome {
			return started(c.Aggregate(nil).ToList(ctx))
		}, motor.TypeError},
		{"Aggregate: a document", func(ctx context.Context, c collection) outcome {
			return started(c.Aggregate(bson.D{}).ToList(ctx))
		}, motor.TypeError},
		{"Aggregate: a stage of two keys", func(ctx context.Context, c collection) outcome {
			return started(c.Aggregate([]bson.M{{"$match": bson.M{}, "$limit": 1}}).ToList(ctx))
		}, motor.TypeError},
		{"Aggregate: what cannot be encoded", func(ctx context.Context, c collection) outcome {
			return started(c.Aggregate([]selfish{{}}).ToList(ctx))
		}, motor.InvalidDocument},
		{"Aggregate: an option", func(ctx context.Context, c collection) outcome {
			bad := &options.AggregateOptionsBuilder{Opts: []func(*options.AggregateOptions) error{
				func(*options.AggregateOptions) error { return errors.New("bad") },
			}}
			return started(c.Aggregate(bson.A{}, bad).ToList(ctx))
		}, motor.ConfigurationError},
		{"Aggregate: a batch size", func(ctx context.Context, c collection) outcome {
			return started(c.Aggregate(bson.A{}).BatchSize(-1).ToList(ctx))
		}, motor.ValueError},
		{"a context that is nil", func(_ context.Context, c collection) outcome {
			var none context.Context
			return started(c.Distinct(none, "a", bson.D{}))
		}, motor.TypeError},
	})
}
