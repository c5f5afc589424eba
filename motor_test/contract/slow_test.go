package contract_test

import (
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// A slow operation has the name of the method that the program has called, in each style.
func TestSlowOperationNameInEachStyle(t *testing.T) {
	reported := make(chan motor.SlowOperation, 10)
	coll := newCollection(t, motor.WithSlowOperations(time.Nanosecond, func(o motor.SlowOperation) {
		if o.Namespace != "" && o.Name != "Database.Command" { // not those of the set-up
			reported <- o
		}
	}))
	loop := runningLoop(t)
	styles := map[string]func(){
		"future": func() {
			_, err := coll.CountDocuments(t.Context(), bson.M{}).Await(t.Context())
			noError(t, err)
		},
		"callback": func() {
			done := make(chan error)
			callback.WrapCollection(loop, coll).CountDocuments(t.Context(), bson.M{}, func(_ int64, err error) { done <- err })
			noError(t, <-done)
		},
		"coroutine": func() {
			counted := callback.Spawn(loop, callback.Value(func(co *callback.Co) int64 { return callback.Must(co, coll.CountDocuments(co, bson.M{})) }))
			_, err := counted.Await(t.Context())
			noError(t, err)
		},
	}
	for name, call := range styles {
		call()
		if got := <-reported; got.Name != "Collection.CountDocuments" || got.Namespace != coll.FullName() {
			t.Errorf("%s: got %+v, want Collection.CountDocuments on %s", name, got, coll.FullName())
		}
	}
}
