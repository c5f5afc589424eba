package motor_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

func TestClientBulkWriteUnacknowledged(t *testing.T) {
	client := newClient(t, noServerURI)
	noError(t, client.SetWriteConcern(bson.M{"w": 0}))
	writes := []mongo.ClientBulkWrite{{Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.M{})}}
	for _, test := range []struct {
		name string
		opts *options.ClientBulkWriteOptionsBuilder
	}{
		{"in order", options.ClientBulkWrite()},
		{"with verbose results", options.ClientBulkWrite().SetOrdered(false).SetVerboseResults(true)},
	} {
		if _, err := client.BulkWrite(t.Context(), writes, test.opts).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("%s: got %v, want an InvalidOperation", test.name, err)
		}
	}
}
