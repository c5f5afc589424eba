package motor_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func ExampleWithoutTimeout() {
	client := motor.MustClient("mongodb://localhost:27017/?timeoutMS=2000")
	ctx := context.Background()
	defer client.Close(ctx)

	// Most operations have two seconds. This one may take as long as it needs.
	events := client.Database("example").Collection("events")
	_, _ = events.CreateIndex(motor.WithoutTimeout(ctx), bson.D{{Key: "at", Value: 1}}).Await(ctx)
}

// The driver sends the rest of a time limit as maxTimeMS, with commands that do not open a cursor.
func TestWithoutTimeoutSends(t *testing.T) {
	insert := func(ctx context.Context, c *motor.Collection[bson.M]) error {
		_, err := c.InsertOne(ctx, bson.M{"_id": 1}).Await(ctx)
		return err
	}
	count := func(ctx context.Context, c *motor.Collection[bson.M]) error {
		_, err := c.EstimatedDocumentCount(ctx).Await(ctx)
		return err
	}
	upload := func(ctx context.Context, c *motor.Collection[bson.M]) error {
		bucket, err := motor.NewGridFSBucket(c.Database())
		if err != nil {
			return err
		}
		_, err = bucket.UploadFromStream(ctx, "f", strings.NewReader("text")).Await(ctx)
		return err
	}
	for _, test := range []struct {
		name, command string
		run           func(context.Context, *motor.Collection[bson.M]) error
	}{{"insert", "insert", insert}, {"count", "count", count}, {"upload", "insert", upload}} {
		for _, limit := range []struct {
			name    string
			context func(context.Context) context.Context
			limited bool
		}{
			{"the client's", func(ctx context.Context) context.Context { return ctx }, true},
			{"none", motor.WithoutTimeout, false},
			{"none for a child", func(ctx context.Context) context.Context {
				type key struct{}
				return context.WithValue(motor.WithoutTimeout(ctx), key{}, 1)
			}, false},
			{"its own", func(ctx context.Context) context.Context {
				ctx, cancel := context.WithTimeout(ctx, time.Minute)
				t.Cleanup(cancel)
				return motor.WithoutTimeout(ctx)
			}, true},
		} {
			t.Run(test.name+"/"+limit.name, func(t *testing.T) {
				peer := wiretest.Start(t, wiretest.Standalone)
				peer.Handle("insert", ok(bson.M{"n": 1}))
				peer.Handle("count", ok(bson.M{"n": 1}))
				peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 0) })
				peer.Handle("listIndexes", func(r *wiretest.Request) { r.Cursor("d.c", 0) })
				peer.Handle("createIndexes", ok())
				client := newClient(t, peer.URI("timeoutMS=3600000"))
				if err := test.run(limit.context(t.Context()), client.Database("d").Collection("c")); err != nil {
					t.Fatal(err)
				}
				for _, command := range peer.Seen(test.command) {
					if got := !command.Lookup("maxTimeMS").IsZero(); got != limit.limited {
						t.Errorf("got command %s, want maxTimeMS: %v", command, limit.limited)
					}
				}
			})
		}
	}
}

func TestWithoutTimeoutWaits(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	c := newClient(t, peer.URI("timeoutMS=1")).Database("d").Collection("c")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	patient := c.InsertOne(motor.WithoutTimeout(ctx), bson.M{"_id": 1})
	request := peer.Receive("insert")
	other := c.InsertOne(ctx, bson.M{"_id": 2})
	if _, err := other.Await(ctx); !mongo.IsTimeout(err) {
		t.Errorf("InsertOne() = %v, want a timeout", err)
	}
	request.OK(bson.M{"n": 1})
	if _, err := patient.Await(ctx); err != nil {
		t.Errorf("InsertOne(WithoutTimeout) = %v, want no error", err)
	}
	patient = c.InsertOne(motor.WithoutTimeout(ctx), bson.M{"_id": 3})
	peer.Receive("insert").Nothing()
	cancel()
	if _, err := patient.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("InsertOne(WithoutTimeout) = %v after cancel, want context.Canceled", err)
	}
	var none context.Context
	if _, err := c.InsertOne(motor.WithoutTimeout(none), bson.M{}).Await(t.Context()); !errors.Is(err, motor.TypeError) {
		t.Errorf("InsertOne(WithoutTimeout(nil)) = %v, want TypeError", err)
	}
}
