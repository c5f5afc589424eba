package motor_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The server tries all writes of a command whose write concern fails. So the error must not end a list, however many
// commands it takes.
func TestBulkWriteConcernError(t *testing.T) {
	const n = 2500
	inserts := func() (all []mongo.WriteModel) {
		for i := range n {
			all = append(all, mongo.NewInsertOneModel().SetDocument(bson.M{"_id": i}))
		}
		return all
	}
	mixed := inserts()
	for i := range n {
		if i%1000 >= 500 {
			mixed[i] = mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": i})
		}
	}
	docs := make([]bson.M, n)
	for i := range docs {
		docs[i] = bson.M{"_id": i}
	}
	type send func(*motor.Collection[bson.M], *testing.T, bool) (any, error)
	bulk := func(models []mongo.WriteModel) send {
		return func(c *motor.Collection[bson.M], t *testing.T, progress bool) (any, error) {
			ctx := t.Context()
			if progress {
				ctx = motor.WithProgress(ctx, func(motor.Progress) {})
			}
			r, err := c.BulkWrite(ctx, models).Await(ctx)
			return r, err
		}
	}
	for _, test := range []struct {
		name string
		send send
	}{
		{"inserts", bulk(inserts())},
		{"inserts and deletes", bulk(mixed)},
		{"InsertMany", func(c *motor.Collection[bson.M], t *testing.T, progress bool) (any, error) {
			ctx := t.Context()
			if progress {
				ctx = motor.WithProgress(ctx, func(motor.Progress) {})
			}
			return c.InsertMany(ctx, docs).Await(ctx)
		}},
	} {
		for _, progress := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, progress %t", test.name, progress), func(t *testing.T) {
				peer := wiretest.Start(t, wiretest.Standalone)
				sent := 0
				for name, list := range map[string]string{"insert": "documents", "delete": "deletes"} {
					peer.Handle(name, func(r *wiretest.Request) {
						all, err := r.Command.Lookup(list).Array().Values()
						noError(t, err)
						sent += len(all)
						r.OK(bson.M{"n": len(all), "writeConcernError": bson.M{"code": 64, "errmsg": "timed out"}})
					})
				}
				_, err := test.send(newClient(t, peer.URI()).Database("d").Collection("c"), t, progress)
				if !errors.Is(err, motor.BulkWriteError) || sent != n {
					t.Errorf("sent %d writes, error %v, want %d, BulkWriteError", sent, err, n)
				}
			})
		}
	}
}

// The timeout of the client limits a bulk as a whole, however many commands it needs.
func TestBulkTimeout(t *testing.T) {
	const pause = 50 * time.Millisecond
	peer := wiretest.Start(t, wiretest.Primary)
	coll := newClient(t, peer.URI("timeoutMS=60000")).Database("d").Collection("c")
	f := coll.BulkWrite(t.Context(), []mongo.WriteModel{
		mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}), mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 2}),
	})
	var left []int64
	for _, name := range []string{"insert", "delete"} {
		r := peer.Receive(name)
		left = append(left, r.Command.Lookup("maxTimeMS").AsInt64())
		time.Sleep(pause)
		r.OK(bson.M{"n": 1})
	}
	succeed(t, f)
	if left[0] <= 0 || left[1] > left[0]-pause.Milliseconds() {
		t.Errorf("got the limits %v ms, want that of the second command at least %v shorter", left, pause)
	}
}
