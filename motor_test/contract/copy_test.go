package contract_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// copier copies a database in one style and waits for the outcome.
type copier func(ctx context.Context, client *motor.Client, from, to string, opts ...motor.CopyOption) (*motor.CopyResult, error)

// copiedInBothStyles runs test with a copier of each style.
func copiedInBothStyles(t *testing.T, test func(t *testing.T, copied copier)) {
	t.Run("futures", func(t *testing.T) { test(t, copiedByFuture) })
	t.Run("callbacks", func(t *testing.T) {
		loop := runningLoop(t)
		test(t, func(ctx context.Context, client *motor.Client, from, to string, opts ...motor.CopyOption) (*motor.CopyResult, error) {
			return awaitOnLoop(context.WithoutCancel(ctx), loop, func(done callback.Func[*motor.CopyResult]) {
				callback.WrapClient(loop, client).CopyDatabase(ctx, from, to, done, opts...)
			})
		})
	})
}

func copiedByFuture(ctx context.Context, client *motor.Client, from, to string, opts ...motor.CopyOption) (*motor.CopyResult, error) {
	return client.CopyDatabase(ctx, from, to, opts...).Await(context.WithoutCancel(ctx))
}

// newDatabase returns a database of the test, which is dropped at its end.
func newDatabase(t *testing.T, client *motor.Client) *motor.Database {
	t.Helper()
	db := client.Database(mongotest.DatabaseName(t))
	t.Cleanup(func() {
		if _, err := client.DropDatabase(context.Background(), db).Await(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return db
}

// contents returns the documents of a collection as text, sorted by _id.
func contents(t *testing.T, db *motor.Database, name string) []string {
	t.Helper()
	docs, err := motor.CollectionOf[bson.Raw](db, name).Find(bson.D{}).ToList(t.Context()).Await(t.Context())
	noError(t, err)
	list := make([]string, len(docs))
	for i, doc := range docs {
		list[i] = doc.String()
	}
	slices.Sort(list)
	return list
}

// indexesOf returns the indexes of a collection without their namespaces.
func indexesOf(t *testing.T, db *motor.Database, name string) []bson.M {
	t.Helper()
	reply, err := db.Command(t.Context(), bson.D{{Key: "listIndexes", Value: name}}).Await(t.Context())
	noError(t, err)
	var list []bson.M
	for _, index := range reply["cursor"].(bson.M)["firstBatch"].(bson.A) {
		m := index.(bson.M)
		delete(m, "ns")
		list = append(list, m)
	}
	return list
}

func TestCopyDatabase(t *testing.T) {
	copiedInBothStyles(t, func(t *testing.T, copied copier) {
		client, ctx := newClient(t), t.Context()
		from, to := newDatabase(t, client), newDatabase(t, client)

		_, err := from.Collection("many").InsertMany(ctx, numbered(3000)).Await(ctx)
		noError(t, err)
		_, err = from.Collection("kinds").InsertMany(ctx, []bson.D{
			{{Key: "_id", Value: bson.NewObjectID()}, {Key: "at", Value: bson.NewDateTimeFromTime(time.UnixMilli(1700000000123))}},
			{{Key: "_id", Value: "nested"}, {Key: "b", Value: bson.D{{Key: "z", Value: bson.D{{Key: "y", Value: 1}}}, {Key: "a", Value: nil}}}},
			{{Key: "_id", Value: int64(7)}, {Key: "list", Value: bson.A{1, int64(2), 3.5, "four", bson.D{{Key: "x", Value: bson.Binary{Data: []byte{0, 1}}}}}}},
			{{Key: "_id", Value: false}},
		}).Await(ctx)
		noError(t, err)
		index := bson.D{{Key: "createIndexes", Value: "kinds"}, {Key: "indexes", Value: bson.A{
			bson.D{{Key: "key", Value: bson.D{{Key: "b", Value: 1}, {Key: "a", Value: -1}}}, {Key: "name", Value: "both"}},
			bson.D{{Key: "key", Value: bson.D{{Key: "u", Value: 1}}}, {Key: "name", Value: "own"}, {Key: "unique", Value: true}},
		}}}
		_, err = from.Collection("kinds").DeleteMany(ctx, bson.D{{Key: "_id", Value: false}}).Await(ctx)
		noError(t, err)
		for i, id := range []any{"nested", int64(7)} { // distinct values of u, which has a unique index
			_, err = from.Collection("kinds").UpdateOne(ctx, bson.D{{Key: "_id", Value: id}}, bson.D{{Key: "$set", Value: bson.D{{Key: "u", Value: i}}}}).Await(ctx)
			noError(t, err)
		}
		_, err = from.Command(ctx, index).Await(ctx)
		noError(t, err)
		_, err = from.CreateCollection(ctx, "empty").Await(ctx)
		noError(t, err)
		_, err = from.CreateCollection(ctx, "log", options.CreateCollection().SetCapped(true).SetSizeInBytes(1<<20).SetMaxDocuments(2)).Await(ctx)
		noError(t, err)
		_, err = from.Collection("log").InsertMany(ctx, numbered(2)).Await(ctx)
		noError(t, err)
		_, err = to.Collection("another").InsertOne(ctx, bson.M{"_id": 1}).Await(ctx)
		noError(t, err)

		got, err := copied(t.Context(), client, from.Name(), to.Name())
		noError(t, err)
		want := &motor.CopyResult{Collections: []motor.CopiedCollection{
			{Name: "empty", Complete: true},
			{Name: "kinds", Documents: 3, Indexes: []string{"both", "own"}, Complete: true},
			{Name: "log", Documents: 2, Complete: true},
			{Name: "many", Documents: 3000, Complete: true},
		}}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		for _, c := range want.Collections {
			if a, b := contents(t, from, c.Name), contents(t, to, c.Name); int64(len(b)) != c.Documents || !slices.Equal(a, b) {
				t.Errorf("%s: got %d documents, want the %d of the source", c.Name, len(b), len(a))
			}
			if a, b := indexesOf(t, from, c.Name), indexesOf(t, to, c.Name); !reflect.DeepEqual(a, b) {
				t.Errorf("%s: got indexes %v, want %v", c.Name, b, a)
			}
		}
		if a, b := optionsOf(t, from, "log"), optionsOf(t, to, "log"); b["capped"] != true || !reflect.DeepEqual(a, b) {
			t.Errorf("got options %v, want %v", b, a)
		}
		if n := len(contents(t, to, "another")); n != 1 {
			t.Errorf("the collection outside the copy has %d documents, want 1", n)
		}
	})
}

// optionsOf returns the options of a collection.
func optionsOf(t *testing.T, db *motor.Database, name string) bson.M {
	t.Helper()
	command := bson.D{{Key: "listCollections", Value: 1}, {Key: "filter", Value: bson.D{{Key: "name", Value: name}}}}
	reply, err := db.Command(t.Context(), command).Await(t.Context())
	noError(t, err)
	return reply["cursor"].(bson.M)["firstBatch"].(bson.A)[0].(bson.M)["options"].(bson.M)
}

func TestCopyDatabaseViewsAndOptions(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "views, validators and collations")
	client, ctx := newClient(t), t.Context()
	from, to := newDatabase(t, client), newDatabase(t, client)
	_, err := from.Collection("users").InsertOne(ctx, bson.M{"_id": 1, "from": "before the validator"}).Await(ctx)
	noError(t, err)
	names := []string{"users", "words", "all"}
	commands := []bson.D{
		{{Key: "collMod", Value: "users"}, {Key: "validator", Value: bson.D{{Key: "age", Value: bson.D{{Key: "$gt", Value: 0}}}}}},
		{{Key: "create", Value: "words"}, {Key: "collation", Value: bson.D{{Key: "locale", Value: "de"}}}},
		{{Key: "create", Value: "all"}, {Key: "viewOn", Value: "users"}, {Key: "pipeline", Value: bson.A{}}},
	}
	timeSeries := serverIs(t, client, 5, 0)
	if timeSeries {
		names = append(names, "weather")
		commands = append(commands, bson.D{{Key: "create", Value: "weather"}, {Key: "timeseries", Value: bson.D{{Key: "timeField", Value: "at"}}}})
	}
	for _, command := range commands {
		_, err := from.Command(ctx, command).Await(ctx)
		noError(t, err)
	}
	if timeSeries {
		_, err = from.Collection("weather").InsertOne(ctx, bson.M{"_id": 1, "at": time.Now()}).Await(ctx)
		noError(t, err)
	}

	_, err = copiedByFuture(t.Context(), client, from.Name(), to.Name())
	noError(t, err)
	for _, name := range names {
		if a, b := optionsOf(t, from, name), optionsOf(t, to, name); !reflect.DeepEqual(a, b) {
			t.Errorf("%s: got options %v, want %v", name, b, a)
		}
		if a, b := contents(t, from, name), contents(t, to, name); !slices.Equal(a, b) {
			t.Errorf("%s: got %v, want %v", name, b, a)
		}
	}
	if !timeSeries {
		t.Skip("skipped the time series: they need server version 5.0 or later")
	}
}

func TestCopyDatabaseEmpty(t *testing.T) {
	client := newClient(t)
	from, to := newDatabase(t, client), newDatabase(t, client)
	got, err := copiedByFuture(t.Context(), client, from.Name(), to.Name())
	if err != nil || got == nil || len(got.Collections) != 0 {
		t.Errorf("got %+v, %v; want no collections", got, err)
	}
}

func TestCopyDatabaseExistingCollections(t *testing.T) {
	copiedInBothStyles(t, func(t *testing.T, copied copier) {
		client, ctx := newClient(t), t.Context()
		from, to := newDatabase(t, client), newDatabase(t, client)
		for _, name := range []string{"a", "documents"} {
			_, err := from.Collection(name).InsertMany(ctx, numbered(3)).Await(ctx)
			noError(t, err)
		}
		for _, name := range []string{"documents", "others"} {
			_, err := to.Collection(name).InsertMany(ctx, []bson.M{{"_id": "0000", "own": true}, {"_id": "own"}}).Await(ctx)
			noError(t, err)
		}
		before := contents(t, to, "documents")
		got, err := copied(t.Context(), client, from.Name(), to.Name())
		if !errors.Is(err, motor.CollectionInvalid) || got != nil {
			t.Errorf("got %v, %v; want nil, CollectionInvalid", got, err)
		}
		names, err := to.ListCollectionNames(ctx, bson.D{}).Await(ctx)
		noError(t, err)
		slices.Sort(names)
		if !slices.Equal(names, []string{"documents", "others"}) || !slices.Equal(contents(t, to, "documents"), before) {
			t.Errorf("the failed copy changed the target: %v, %v", names, contents(t, to, "documents"))
		}

		got, err = copied(t.Context(), client, from.Name(), to.Name(), motor.CopyReplace())
		if err != nil || got.Documents() != 6 {
			t.Errorf("got %+v, %v; want 6 documents", got, err)
		}
		if !slices.Equal(contents(t, to, "documents"), contents(t, from, "documents")) {
			t.Errorf("got documents %v, want %v", contents(t, to, "documents"), contents(t, from, "documents"))
		}
		if !slices.Equal(contents(t, to, "others"), before) {
			t.Errorf("the other collection has %v, want %v", contents(t, to, "others"), before)
		}
	})
}

func TestCopyDatabaseFromAnotherHost(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the test needs two servers")
	there, err := motor.NewClient(mongotest.Start(t))
	noError(t, err)
	defer there.Close(context.Background())
	copiedInBothStyles(t, func(t *testing.T, copied copier) {
		here, ctx := newClient(t), t.Context()
		from, to := newDatabase(t, there), newDatabase(t, here)
		_, err := from.Collection("documents").InsertMany(ctx, numbered(1500)).Await(ctx)
		noError(t, err)
		host := there.Seeds()[0].String()
		for _, which := range []struct{ host, to string }{
			{host, to.Name()},
			{"mongodb://" + host + "/?appName=copy", from.Name()}, // this database has the same name on the other server
		} {
			got, err := copied(t.Context(), here, from.Name(), which.to, motor.CopyFromHost(which.host))
			if err != nil || got.Documents() != 1500 {
				t.Errorf("from %s: got %+v, %v; want 1500 documents", which.host, got, err)
			}
			if !slices.Equal(contents(t, here.Database(which.to), "documents"), contents(t, from, "documents")) {
				t.Errorf("from %s: the copied documents differ", which.host)
			}
		}
		_, err = here.DropDatabase(ctx, from.Name()).Await(ctx)
		noError(t, err)
	})
}

func TestCopyDatabaseFromUnreachableHost(t *testing.T) {
	client := newClient(t)
	to := newDatabase(t, client)
	got, err := copiedByFuture(t.Context(), client, "a", to.Name(), motor.CopyFromHost("mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50"))
	if !errors.Is(err, motor.ServerSelectionTimeoutError) || got != nil {
		t.Errorf("got %v, %v; want nil, ServerSelectionTimeoutError", got, err)
	}
}

func TestCopyDatabaseWithOneWorker(t *testing.T) {
	client, ctx := newClient(t, motor.WithMaxWorkers(1)), t.Context()
	from, to, next := newDatabase(t, client), newDatabase(t, client), newDatabase(t, client)
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		_, err := from.Collection(name).InsertMany(ctx, numbered(1100)).Await(ctx)
		noError(t, err)
	}
	first := client.CopyDatabase(ctx, from.Name(), to.Name())
	second := client.CopyDatabase(ctx, from.Name(), next.Name())
	n, err := from.Collection("a").CountDocuments(ctx, bson.D{}).Await(ctx)
	if n != 1100 || err != nil {
		t.Errorf("operation during the copies: %d, %v; want 1100", n, err)
	}
	if first.IsDone() && second.IsDone() {
		t.Error("the operation waited for all copies")
	}
	for _, f := range []interface {
		Await(context.Context) (*motor.CopyResult, error)
	}{first, second} {
		if got, err := f.Await(ctx); err != nil || got.Documents() != 6600 {
			t.Errorf("got %+v, %v; want 6600 documents", got, err)
		}
	}
}

func TestCopyDatabaseInvalidNames(t *testing.T) {
	copiedInBothStyles(t, func(t *testing.T, copied copier) {
		coll := newCollection(t)
		fill(t, coll, 1)
		client, name := coll.Database().Client(), coll.Database().Name()
		for _, test := range []struct {
			from, to string
			class    *motor.ErrorClass
		}{
			{"", name, motor.InvalidName},
			{"a.b", name, motor.InvalidName},
			{name, "a b", motor.InvalidName},
			{name, name, motor.ValueError},
		} {
			got, err := copied(t.Context(), client, test.from, test.to, motor.CopyReplace())
			if !errors.Is(err, test.class) || got != nil {
				t.Errorf("%q to %q: got %v, %v; want nil, a %s", test.from, test.to, got, err, test.class.Name())
			}
		}
		if n := len(contents(t, coll.Database(), coll.Name())); n != 1 {
			t.Errorf("the collection has %d documents, want 1", n)
		}
	})
}
