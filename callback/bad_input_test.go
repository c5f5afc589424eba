package callback_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// TestBadInputByCallback holds that what is wrong comes to the callback as the error that a future would have: of a
// class, and nothing beside it.
func TestBadInputByCallback(t *testing.T) {
	const nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=50"
	loop := callback.NewLoop()
	defer loop.Close()
	client, err := callback.NewClient(loop, nowhere)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	defer client.Close(context.Background())
	db := client.Database("d")
	coll := db.Collection("c")
	good, unmarshalable := bson.M{"a": 1}, bson.M{"f": func() {}}

	for _, test := range []struct {
		name  string
		class *motor.ErrorClass
		start func(done func(result any, err error))
	}{
		{"empty database name", motor.InvalidName, func(done func(any, error)) {
			client.Database("").Command(ctx, "ping", func(r bson.M, err error) { done(r, err) })
		}},
		{"illegal database name", motor.InvalidName, func(done func(any, error)) {
			client.Database("a.b").Collection("c").FindOne(ctx, good, func(r bson.M, err error) { done(r, err) })
		}},
		{"empty collection name", motor.InvalidName, func(done func(any, error)) {
			db.Collection("").CountDocuments(ctx, good, func(n int64, err error) { done(n, err) })
		}},
		{"illegal collection name", motor.InvalidName, func(done func(any, error)) {
			db.Collection("a$b").Find(good).ToList(ctx, func(r []bson.M, err error) { done(r, err) })
		}},
		{"nil document", motor.TypeError, func(done func(any, error)) {
			coll.InsertOne(ctx, nil, func(r *motor.InsertOneResult, err error) { done(r, err) })
		}},
		{"unmarshalable document", motor.InvalidDocument, func(done func(any, error)) {
			coll.InsertOne(ctx, unmarshalable, func(r *motor.InsertOneResult, err error) { done(r, err) })
		}},
		{"unmarshalable among many", motor.InvalidDocument, func(done func(any, error)) {
			coll.InsertMany(ctx, []bson.M{good, unmarshalable}, func(r *motor.InsertManyResult, err error) { done(r, err) })
		}},
		{"update without operators", motor.ValueError, func(done func(any, error)) {
			coll.UpdateOne(ctx, good, good, func(r *motor.UpdateResult, err error) { done(r, err) })
		}},
		{"negative length", motor.ValueError, func(done func(any, error)) {
			coll.Find(good).ToList(ctx, func(r []bson.M, err error) { done(r, err) }, -1)
		}},
		{"server that is not there", motor.ServerSelectionTimeoutError, func(done func(any, error)) {
			client.Open(ctx, func(c *callback.Client, err error) { done(c, err) })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls := 0
			loop.AddCallback(func() {
				test.start(func(result any, err error) {
					calls++
					if !errors.Is(err, test.class) {
						t.Errorf("got %v, want a %v", err, test.class)
					}
					loop.Stop()
				})
				if calls != 0 {
					t.Error("called before the method had returned")
				}
			})
			loop.Start()
			if calls != 1 {
				t.Errorf("%d calls", calls)
			}
		})
	}
	for uri, class := range map[string]*motor.ErrorClass{
		"mongodb://":                   motor.InvalidURI,
		"mongodb://localhost/?noSuch=": motor.ConfigurationError,
	} {
		if c, err := callback.NewClient(loop, uri); c != nil || !errors.Is(err, class) {
			t.Errorf("%s: got %v, %v; want a %v", uri, c, err, class)
		}
	}
}
