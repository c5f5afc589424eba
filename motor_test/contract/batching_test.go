package contract_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// TestBatchingInsertOneOutcomes starts n inserts at once. Every third document exists already.
func TestBatchingInsertOneOutcomes(t *testing.T) {
	const n = 600
	inStartedStyles(t, func(t *testing.T, coll *motor.Collection[bson.M], start func(func(startersOf))) {
		ctx := t.Context()
		var there []bson.M
		for i := 0; i < n; i += 3 {
			there = append(there, bson.M{"_id": fmt.Sprint(i)})
		}
		_, err := coll.InsertMany(ctx, there).Await(ctx)
		noError(t, err)
		all := make([]*future.Future[*motor.InsertOneResult], n)
		start(func(of startersOf) {
			gathering := of(coll).batching()
			for i := range all {
				all[i] = gathering.insertOne(bson.M{"_id": fmt.Sprint(i), "n": i})
			}
		})
		for i, f := range all {
			switch r, err := f.Await(ctx); {
			case i%3 == 0:
				if r != nil || !errors.Is(err, motor.DuplicateKeyError) {
					t.Errorf("insert %d: %+v, %v; want DuplicateKeyError", i, r, err)
				}
			case err != nil || r.InsertedID != fmt.Sprint(i) || !r.Acknowledged:
				t.Errorf("insert %d: %+v, %v; want success", i, r, err)
			}
		}
		count, err := coll.CountDocuments(ctx, bson.M{}).Await(ctx)
		noError(t, err)
		if count != n {
			t.Errorf("CountDocuments() = %d, want %d", count, n)
		}
	})
}
