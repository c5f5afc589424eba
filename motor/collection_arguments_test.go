package motor_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// badArgument is a call that fails with an error of a class and sends nothing.
type badArgument struct {
	name string
	call operation
	want *motor.ErrorClass
}

// withoutSending checks that each call fails with its class and sends nothing.
func withoutSending(t *testing.T, all []badArgument) {
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			coll := newClient(t, wiretest.Start(t, wiretest.Standalone).URI()).Database("d").Collection("c")
			if err := c.call(t.Context(), coll)(t.Context()); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %s", err, c.want.Name())
			}
			if coll.Database().Client().Stats().Completed != 0 {
				t.Error("got a command, want none")
			}
		})
	}
}

// unencodable is a struct that BSON cannot encode.
type unencodable struct{ C chan int }

// cyclic is a struct that can point to itself.
type cyclic struct{ Next *cyclic }

func newCyclic() *cyclic {
	c := new(cyclic)
	c.Next = c
	return c
}

func TestBadFilters(t *testing.T) {
	set := bson.M{"$set": bson.M{"a": 1}}
	var all []badArgument
	for _, test := range []struct {
		name string
		call func(context.Context, collection, any) outcome
	}{
		{"FindOne", func(ctx context.Context, c collection, f any) outcome { return started(c.FindOne(ctx, f)) }},
		{"Find", func(ctx context.Context, c collection, f any) outcome { return started(c.Find(f).ToList(ctx)) }},
		{"CountDocuments", func(ctx context.Context, c collection, f any) outcome { return started(c.CountDocuments(ctx, f)) }},
		{"Distinct", func(ctx context.Context, c collection, f any) outcome { return started(c.Distinct(ctx, "a", f)) }},
		{"UpdateOne", func(ctx context.Context, c collection, f any) outcome { return started(c.UpdateOne(ctx, f, set)) }},
		{"UpdateMany", func(ctx context.Context, c collection, f any) outcome { return started(c.UpdateMany(ctx, f, set)) }},
		{"ReplaceOne", func(ctx context.Context, c collection, f any) outcome {
			return started(c.ReplaceOne(ctx, f, bson.M{}))
		}},
		{"DeleteOne", func(ctx context.Context, c collection, f any) outcome { return started(c.DeleteOne(ctx, f)) }},
		{"DeleteMany", func(ctx context.Context, c collection, f any) outcome { return started(c.DeleteMany(ctx, f)) }},
		{"FindOneAndDelete", func(ctx context.Context, c collection, f any) outcome {
			return started(c.FindOneAndDelete(ctx, f))
		}},
		{"FindOneAndReplace", func(ctx context.Context, c collection, f any) outcome {
			return started(c.FindOneAndReplace(ctx, f, bson.M{}))
		}},
		{"FindOneAndUpdate", func(ctx context.Context, c collection, f any) outcome {
			return started(c.FindOneAndUpdate(ctx, f, set))
		}},
		{"FindAndModify", func(ctx context.Context, c collection, f any) outcome {
			return started(c.FindAndModify(ctx, f, motor.FindAndModifyOptions{Remove: true}))
		}},
		{"Group", func(ctx context.Context, c collection, f any) outcome {
			return started(c.Group(ctx, nil, f, bson.D{}, "f"))
		}},
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
			{"a channel", unencodable{}, motor.InvalidDocument},
			{"a key with NUL", bson.M{"a\x00b": 1}, motor.InvalidDocument},
			{"a cyclic value", newCyclic(), motor.InvalidDocument},
		} {
			all = append(all, badArgument{test.name + ": " + bad.name, func(ctx context.Context, c collection) outcome {
				return test.call(ctx, c, bad.filter)
			}, bad.want})
		}
	}
	withoutSending(t, all)
}

func TestBadUpdates(t *testing.T) {
	var all []badArgument
	none := bson.D{}
	for _, test := range []struct {
		name string
		call func(context.Context, collection, any) outcome
	}{
		{"UpdateOne", func(ctx context.Context, c collection, u any) outcome { return started(c.UpdateOne(ctx, none, u)) }},
		{"UpdateMany", func(ctx context.Context, c collection, u any) outcome { return started(c.UpdateMany(ctx, none, u)) }},
		{"FindOneAndUpdate", func(ctx context.Context, c collection, u any) outcome {
			return started(c.FindOneAndUpdate(ctx, none, u))
		}},
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
			{"stage of a wrong type", bson.A{7}, motor.TypeError},
			{"a channel", bson.M{"$set": unencodable{}}, motor.InvalidDocument},
		} {
			all = append(all, badArgument{test.name + ": " + bad.name, func(ctx context.Context, c collection) outcome {
				return test.call(ctx, c, bad.update)
			}, bad.want})
		}
	}
	for _, test := range []struct {
		name string
		call func(context.Context, collection, any) outcome
	}{
		{"ReplaceOne", func(ctx context.Context, c collection, r any) outcome { return started(c.ReplaceOne(ctx, none, r)) }},
		{"FindOneAndReplace", func(ctx context.Context, c collection, r any) outcome {
			return started(c.FindOneAndReplace(ctx, none, r))
		}},
	} {
		for _, bad := range []struct {
			name        string
			replacement any
			want        *motor.ErrorClass
		}{
			{"nil", nil, motor.TypeError},
			{"a list", bson.A{}, motor.TypeError},
			{"an operator", bson.M{"$set": bson.M{"a": 1}}, motor.ValueError},
			{"a channel", unencodable{}, motor.InvalidDocument},
		} {
			all = append(all, badArgument{test.name + ": " + bad.name, func(ctx context.Context, c collection) outcome {
				return test.call(ctx, c, bad.replacement)
			}, bad.want})
		}
	}
	withoutSending(t, all)
}

func TestBadIndexKeys(t *testing.T) {
	var all []badArgument
	for _, test := range []struct {
		name string
		call func(context.Context, collection, any) outcome
	}{
		{"CreateIndex", func(ctx context.Context, c collection, k any) outcome { return started(c.CreateIndex(ctx, k)) }},
		{"CreateIndexes", func(ctx context.Context, c collection, k any) outcome {
			return started(c.CreateIndexes(ctx, []mongo.IndexModel{{Keys: k}}))
		}},
		{"DropIndex", func(ctx context.Context, c collection, k any) outcome { return started(c.DropIndex(ctx, k)) }},
		{"EnsureIndex", func(ctx context.Context, c collection, k any) outcome { return started(c.EnsureIndex(ctx, k)) }},
	} {
		for _, bad := range []struct {
			name string
			keys any
			want *motor.ErrorClass
		}{
			{"nil", nil, motor.TypeError},
			{"a number", 7, motor.TypeError},
			{"a list", []string{"a"}, motor.TypeError},
			{"an empty name", "", motor.ValueError},
			{"no keys", bson.D{}, motor.ValueError},
			{"an empty key", bson.D{{Key: "", Value: 1}}, motor.ValueError},
			{"a map of two keys", bson.M{"a": 1, "b": 1}, motor.TypeError},
			{"direction of a wrong type", bson.D{{Key: "a", Value: true}}, motor.TypeError},
			{"nil direction", bson.D{{Key: "a", Value: nil}}, motor.TypeError},
			{"a channel", bson.D{{Key: "a", Value: make(chan int)}}, motor.InvalidDocument},
			{"a key with NUL", bson.D{{Key: "a\x00b", Value: 1}}, motor.InvalidDocument},
		} {
			all = append(all, badArgument{test.name + ": " + bad.name, func(ctx context.Context, c collection) outcome {
				return test.call(ctx, c, bad.keys)
			}, bad.want})
		}
	}
	withoutSending(t, all)
}

func TestCollectionBadArguments(t *testing.T) {
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
		{"Aggregate: value that cannot be encoded", func(ctx context.Context, c collection) outcome {
			return started(c.Aggregate([]unencodable{{}}).ToList(ctx))
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
		{"CreateIndexes: nothing", func(ctx context.Context, c collection) outcome {
			return started(c.CreateIndexes(ctx, nil))
		}, motor.TypeError},
		{"CreateIndexes: no keys", func(ctx context.Context, c collection) outcome {
			return started(c.CreateIndexes(ctx, []mongo.IndexModel{{Keys: "a"}, {}}))
		}, motor.TypeError},
		{"CreateIndex: an option", func(ctx context.Context, c collection) outcome {
			bad := &options.IndexOptionsBuilder{Opts: []func(*options.IndexOptions) error{
				func(*options.IndexOptions) error { return errors.New("bad") },
			}}
			return started(c.CreateIndex(ctx, "a", bad))
		}, motor.ConfigurationError},
		{"DropIndex: an empty name", func(ctx context.Context, c collection) outcome {
			return started(c.DropIndex(ctx, ""))
		}, motor.ValueError},
		{"ListIndexes: a batch size", func(ctx context.Context, c collection) outcome {
			return started(c.ListIndexes().BatchSize(-1).ToList(ctx))
		}, motor.ValueError},
		{"Rename: an empty name", func(ctx context.Context, c collection) outcome {
			return started(c.Rename(ctx, ""))
		}, motor.InvalidName},
		{"Rename: a name with two dots", func(ctx context.Context, c collection) outcome {
			return started(c.Rename(ctx, "a..b"))
		}, motor.InvalidName},
		{"Rename: a name with a dollar", func(ctx context.Context, c collection) outcome {
			return started(c.Rename(ctx, "a$"))
		}, motor.InvalidName},
		{"Rename: a comment", func(ctx context.Context, c collection) outcome {
			return started(c.Rename(ctx, "new", motor.RenameOptions{Comment: unencodable{}}))
		}, motor.InvalidDocument},
		{"Rename: options twice", func(ctx context.Context, c collection) outcome {
			return started(c.Rename(ctx, "new", motor.RenameOptions{}, motor.RenameOptions{}))
		}, motor.TypeError},
		{"Rename: an invalid name of the collection itself", func(ctx context.Context, c collection) outcome {
			return started(c.Collection("a..b").Rename(ctx, "new"))
		}, motor.InvalidName},
		{"CreateSearchIndex: nil", func(ctx context.Context, c collection) outcome {
			return started(c.CreateSearchIndex(ctx, mongo.SearchIndexModel{}))
		}, motor.TypeError},
		{"CreateSearchIndexes: value that cannot be encoded", func(ctx context.Context, c collection) outcome {
			return started(c.CreateSearchIndexes(ctx, []mongo.SearchIndexModel{{Definition: unencodable{}}}))
		}, motor.InvalidDocument},
		{"UpdateSearchIndex: nil", func(ctx context.Context, c collection) outcome {
			return started(c.UpdateSearchIndex(ctx, "n", nil))
		}, motor.TypeError},
		{"FindAndModify: neither update nor remove", func(ctx context.Context, c collection) outcome {
			return started(c.FindAndModify(ctx, bson.D{}))
		}, motor.ValueError},
		{"FindAndModifyFullResponse: both update and remove", func(ctx context.Context, c collection) outcome {
			return started(c.FindAndModifyFullResponse(ctx, bson.D{}, motor.FindAndModifyOptions{Update: bson.M{}, Remove: true}))
		}, motor.ValueError},
		{"FindAndModify: an update", func(ctx context.Context, c collection) outcome {
			return started(c.FindAndModify(ctx, bson.D{}, motor.FindAndModifyOptions{Update: 7}))
		}, motor.TypeError},
		{"FindAndModify: an empty update", func(ctx context.Context, c collection) outcome {
			return started(c.FindAndModify(ctx, bson.D{}, motor.FindAndModifyOptions{Update: bson.M{}}))
		}, motor.ValueError},
		{"FindAndModify: a stage", func(ctx context.Context, c collection) outcome {
			return started(c.FindAndModify(ctx, bson.D{}, motor.FindAndModifyOptions{Update: bson.A{bson.M{"a": 1}}}))
		}, motor.ValueError},
		{"FindAndModify: sort of a wrong type", func(ctx context.Context, c collection) outcome {
			return started(c.FindAndModify(ctx, bson.D{}, motor.FindAndModifyOptions{Remove: true, Sort: bson.M{"a": 1, "b": 1}}))
		}, motor.TypeError},
		{"FindAndModify: fields", func(ctx context.Context, c collection) outcome {
			return started(c.FindAndModify(ctx, bson.D{}, motor.FindAndModifyOptions{Remove: true, Fields: 7}))
		}, motor.TypeError},
		{"FindAndModify: options twice", func(ctx context.Context, c collection) outcome {
			one := motor.FindAndModifyOptions{Remove: true}
			return started(c.FindAndModify(ctx, bson.D{}, one, one))
		}, motor.TypeError},
		{"EnsureIndex: options twice", func(ctx context.Context, c collection) outcome {
			return started(c.EnsureIndex(ctx, "a", motor.EnsureIndexOptions{}, motor.EnsureIndexOptions{}))
		}, motor.TypeError},
		{"Count: a filter", func(ctx context.Context, c collection) outcome {
			return started(c.Count(ctx, motor.CountOptions{Filter: 7}))
		}, motor.TypeError},
		{"Count: a negative skip", func(ctx context.Context, c collection) outcome {
			return started(c.Count(ctx, motor.CountOptions{Skip: -1}))
		}, motor.ValueError},
		{"Count: a hint without an order", func(ctx context.Context, c collection) outcome {
			return started(c.Count(ctx, motor.CountOptions{Hint: bson.M{"a": 1, "b": 1}}))
		}, motor.TypeError},
		{"Group: no code", func(ctx context.Context, c collection) outcome {
			return started(c.Group(ctx, nil, bson.D{}, bson.D{}, nil))
		}, motor.TypeError},
		{"Group: code of a wrong type", func(ctx context.Context, c collection) outcome {
			return started(c.Group(ctx, nil, bson.D{}, bson.D{}, "f", motor.GroupOptions{Finalize: 7}))
		}, motor.TypeError},
		{"Group: a key", func(ctx context.Context, c collection) outcome {
			return started(c.Group(ctx, 7, bson.D{}, bson.D{}, "f"))
		}, motor.TypeError},
		{"Group: an initial document", func(ctx context.Context, c collection) outcome {
			return started(c.Group(ctx, nil, bson.D{}, nil, "f"))
		}, motor.TypeError},
		{"MapReduce: no code", func(ctx context.Context, c collection) outcome {
			return started(c.MapReduce(ctx, nil, "r", "o"))
		}, motor.TypeError},
		{"MapReduce: code of a wrong type", func(ctx context.Context, c collection) outcome {
			return started(c.MapReduce(ctx, "m", 7, "o"))
		}, motor.TypeError},
		{"MapReduce: no collection", func(ctx context.Context, c collection) outcome {
			return started(c.MapReduce(ctx, "m", "r", nil))
		}, motor.TypeError},
		{"MapReduce: a name", func(ctx context.Context, c collection) outcome {
			return started(c.MapReduce(ctx, "m", "r", "a..b"))
		}, motor.InvalidName},
		{"MapReduce: inline", func(ctx context.Context, c collection) outcome {
			return started(c.MapReduce(ctx, "m", "r", bson.M{"inline": 1}))
		}, motor.ValueError},
		{"MapReduceFullResponse: sort of a wrong type", func(ctx context.Context, c collection) outcome {
			return started(c.MapReduceFullResponse(ctx, "m", "r", bson.M{"merge": "o", "db": "e"}))
		}, motor.TypeError},
		{"InlineMapReduce: a negative limit", func(ctx context.Context, c collection) outcome {
			return started(c.InlineMapReduce(ctx, "m", "r", motor.MapReduceOptions{Limit: -1}))
		}, motor.ValueError},
		{"InlineMapReduce: a scope", func(ctx context.Context, c collection) outcome {
			return started(c.InlineMapReduce(ctx, "m", "r", motor.MapReduceOptions{Scope: unencodable{}}))
		}, motor.InvalidDocument},
		{"a context that is nil", func(_ context.Context, c collection) outcome {
			var none context.Context
			return started(c.Distinct(none, "a", bson.D{}))
		}, motor.TypeError},
	})
}
