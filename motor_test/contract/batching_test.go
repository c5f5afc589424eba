package contract_test

import (
	"errors"
	"fmt"
	"reflect"
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

// TestBatchingFindOneOutcomes starts n reads at once, of every kind of _id. Each must have the outcome that it has without
// batching.
func TestBatchingFindOneOutcomes(t *testing.T) {
	const n = 600
	inStartedStyles(t, func(t *testing.T, coll *motor.Collection[bson.M], start func(func(startersOf))) {
		ctx := t.Context()
		ids := make([]any, n)
		var there []bson.M
		for i := range ids {
			switch i % 5 {
			case 0:
				ids[i] = bson.NewObjectID()
			case 1:
				ids[i] = fmt.Sprint(i)
			case 2:
				ids[i] = i
			case 3:
				ids[i] = float64(i - 1) // a number that is there, as an integer
			case 4:
				ids[i] = bson.Binary{Subtype: bson.TypeBinaryUUID, Data: []byte(fmt.Sprintf("%016d", i))}
			}
			if i%5 != 3 && i%3 != 0 {
				there = append(there, bson.M{"_id": ids[i], "n": i})
			}
		}
		_, err := coll.InsertMany(ctx, there).Await(ctx)
		noError(t, err)
		all, plain := make([]*future.Future[bson.M], n), make([]*future.Future[bson.M], n)
		start(func(of startersOf) {
			batching := of(coll).batching()
			for i := range all {
				all[i] = batching.findOne(bson.M{"_id": ids[i]})
			}
			for i := range plain {
				plain[i] = of(coll).findOne(bson.M{"_id": ids[i]})
			}
		})
		found := 0
		for i := range all {
			got, err := all[i].Await(ctx)
			noError(t, err)
			want, err := plain[i].Await(ctx)
			noError(t, err)
			if !reflect.DeepEqual(got, want) {
				t.Errorf("read of %v: got %v, want %v", ids[i], got, want)
			}
			if got != nil {
				found++
			}
		}
		if found < n/2 {
			t.Errorf("got %d documents, want at least %d", found, n/2)
		}
	})
}
