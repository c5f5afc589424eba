package motor_test

import (
	"errors"
	"fmt"
	"testing"

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
