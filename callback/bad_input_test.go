package callback_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// TestBadInputByCallback checks that the callback gets the same error class as a future would have.
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
		{"unreachable server", motor.ServerSelectionTimeoutError, func(done func(any, error)) {
			client.Open(ctx, func(c *callback.Client, err error) { done(c, err) })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			calls := 0
			loop.AddCallback(func() {
				test.start(func(result any, err error) {
					calls++
					if !errors.Is(err, test.class) {
						t.Errorf("callback error = %v, want class %v", err, test.class)
					}
					loop.Stop()
				})
				if calls != 0 {
					t.Error("the callback was called before the method returned, want it later")
				}
			})
			loop.Start()
			if calls != 1 {
				t.Errorf("the callback was called %d times, want 1", calls)
			}
		})
	}
	for _, test := range []struct {
		uri   string
		class *motor.ErrorClass
	}{
		{"mongodb://", motor.InvalidURI},
		{"mongodb://a,b/?directConnection=true", motor.ConfigurationError},
	} {
		if c, err := callback.NewClient(loop, test.uri); c != nil || !errors.Is(err, test.class) {
			t.Errorf("NewClient(%q) = %v, %v; want nil and class %v", test.uri, c, err, test.class)
		}
	}
}
