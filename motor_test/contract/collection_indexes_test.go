package contract_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func createIndex(ops operations, keys any, opts ...options.Lister[options.IndexOptions]) (string, error) {
	return awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[string] {
		return c.CreateIndex(ctx, keys, opts...)
	}, func(ctx context.Context, c callbacks, done callback.Func[string]) {
		c.CreateIndex(ctx, keys, done, opts...)
	})
}

func dropIndex(ops operations, indexOrName any) error {
	_, err := awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[struct{}] {
		return c.DropIndex(ctx, indexOrName)
	}, func(ctx context.Context, c callbacks, done callback.Func[struct{}]) {
		c.DropIndex(ctx, indexOrName, done)
	})
	return err
}

func indexInformation(ops operations) (map[string]bson.M, error) {
	return awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[map[string]bson.M] {
		return c.IndexInformation(ctx)
	}, func(ctx context.Context, c callbacks, done callback.Func[map[string]bson.M]) {
		c.IndexInformation(ctx, done)
	})
}

// indexNames returns the sorted names of the indexes.
func indexNames(t *testing.T, ops operations) []string {
	t.Helper()
	information, err := indexInformation(ops)
	noError(t, err)
	return slices.Sorted(maps.Keys(information))
}

var byIAndName = bson.D{{Key: "i", Value: motor.Descending}, {Key: "name", Value: motor.Ascending}}

func TestCreateIndexAndDropIndex(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		if names := indexNames(t, ops); len(names) != 0 {
			t.Errorf("indexes of a missing collection: %q, want none", names)
		}
		noError(t, dropIndex(ops, "nothing"))
		for _, c := range []struct {
			want string
			keys any
		}{{"i_1", "i"}, {"i_-1_name_1", byIAndName}} {
			for range 2 { // creating an index again is not an error
				if name, err := createIndex(ops, c.keys); name != c.want || err != nil {
					t.Errorf("created %q, %v; want %q", name, err, c.want)
				}
			}
		}
		if name, err := createIndex(ops, "x", options.Index().SetName("special").SetUnique(true)); name != "special" || err != nil {
			t.Errorf("created %q, %v; want \"special\"", name, err)
		}
		information, err := indexInformation(ops)
		noError(t, err)
		// The keys keep their order. The description has neither the name nor the namespace.
		want := bson.D{{Key: "i", Value: int32(-1)}, {Key: "name", Value: int32(1)}}
		if got := information["i_-1_name_1"]; !reflect.DeepEqual(got["key"], want) || got["name"] != nil || got["ns"] != nil {
			t.Errorf("description %v, want key %v without name and ns", got, want)
		}
		if information["special"]["unique"] != true {
			t.Errorf("description %v, want unique: true", information["special"])
		}
		noError(t, dropIndex(ops, "special"))
		noError(t, dropIndex(ops, byIAndName))
		if names := indexNames(t, ops); !slices.Equal(names, []string{"_id_", "i_1"}) {
			t.Errorf("indexes %q, want _id_ and i_1", names)
		}
		if err := dropIndex(ops, "special"); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("dropping an index twice: %v, want an OperationFailure", err)
		}
	})
}

func TestCreateIndexesAndDropIndexes(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		models := []mongo.IndexModel{{Keys: byIAndName}, {Keys: "a", Options: options.Index().SetName("n")}}
		names, err := awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[[]string] {
			return c.CreateIndexes(ctx, models)
		}, func(ctx context.Context, c callbacks, done callback.Func[[]string]) {
			c.CreateIndexes(ctx, models, done)
		})
		if !slices.Equal(names, []string{"i_-1_name_1", "n"}) || err != nil {
			t.Errorf("created %q, %v; want i_-1_name_1 and n", names, err)
		}
		if names := indexNames(t, ops); !slices.Equal(names, []string{"_id_", "i_-1_name_1", "n"}) {
			t.Errorf("indexes %q, want _id_, i_-1_name_1 and n", names)
		}
		_, err = awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[struct{}] {
			return c.DropIndexes(ctx)
		}, func(ctx context.Context, c callbacks, done callback.Func[struct{}]) {
			c.DropIndexes(ctx, done)
		})
		noError(t, err)
		if names := indexNames(t, ops); !slices.Equal(names, []string{"_id_"}) {
			t.Errorf("indexes %q, want _id_ only", names)
		}
	})
}

func TestCreateIndexWithWTimeout(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		noError(t, collectionOf(ops).SetWriteConcern(bson.M{"w": 1, "wtimeout": 10_000}))
		if name, err := createIndex(ops, byIAndName, options.Index().SetUnique(true)); name != "i_-1_name_1" || err != nil {
			t.Errorf("created %q, %v; want i_-1_name_1", name, err)
		}
		if information, err := indexInformation(ops); information["i_-1_name_1"]["unique"] != true || err != nil {
			t.Errorf("description %v, %v; want unique: true", information, err)
		}
		noError(t, dropIndex(ops, byIAndName))
		if names := indexNames(t, ops); !slices.Equal(names, []string{"_id_"}) {
			t.Errorf("indexes %q, want _id_ only", names)
		}
	})
}

func TestListIndexes(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		r := commandOf(ops, func(c futures) *motor.CommandCursor[bson.M] {
			return c.ListIndexes()
		}, func(c callbacks) *callback.CommandCursor[bson.M] {
			return c.ListIndexes()
		})
		if _, ok := r.Address(); ok || r.Started() || r.Session() != nil {
			t.Error("the cursor has an address, a session or is started before its first read")
		}
		// The first read sends the command, so the cursor has an index that is created after the call.
		_, err := createIndex(ops, byIAndName)
		noError(t, err)
		docs, err := r.ToList()
		if len(docs) != 2 || err != nil {
			t.Fatalf("%v, %v; want two indexes", docs, err)
		}
		want := bson.D{{Key: "i", Value: int32(-1)}, {Key: "name", Value: int32(1)}}
		if docs[0]["name"] != "_id_" || docs[1]["name"] != "i_-1_name_1" || !reflect.DeepEqual(docs[1]["key"], want) {
			t.Errorf("ListIndexes: %v, want _id_ and i_-1_name_1", docs)
		}
	})
}

func TestCreateIndexTypes(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "text, hashed, partial and wildcard indexes")
	inBothStyles(t, func(t *testing.T, ops operations) {
		for _, c := range []struct {
			want string
			keys any
			opts *options.IndexOptionsBuilder
		}{
			{"about_text", bson.D{{Key: "about", Value: "text"}}, options.Index().SetDefaultLanguage("french").SetWeights(bson.M{"about": 3})},
			{"at_2dsphere", bson.D{{Key: "at", Value: "2dsphere"}}, options.Index()},
			{"h_hashed", bson.D{{Key: "h", Value: "hashed"}}, options.Index()},
			{"w.$**_1", "w.$**", options.Index()},
			{"some", "p", options.Index().SetName("some").SetPartialFilterExpression(bson.M{"p": bson.M{"$gt": 5}})},
			{"t_1", "t", options.Index().SetExpireAfterSeconds(3600)},
			{"f_1", "f", options.Index().SetCollation(&options.Collation{Locale: "fr", Strength: 2})},
			{"hidden_1_b_2.5", bson.D{{Key: "hidden", Value: 1}, {Key: "b", Value: 2.5}}, options.Index().SetHidden(true)},
		} {
			if name, err := createIndex(ops, c.keys, c.opts); name != c.want || err != nil {
				t.Errorf("created %q, %v; want %q", name, err, c.want)
			}
			noError(t, dropIndex(ops, c.want))
		}
	})
}
