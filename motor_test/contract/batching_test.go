package contract_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// TestInsertsThatGatherHaveTheirOwnOutcomes inserts at once: every third document is there already.
func TestInsertsThatGatherHaveTheirOwnOutcomes(t *testing.T) {
	const n = 600
	test := func(t *testing.T, coll *motor.Collection[bson.M], start func(insertAll func(starters))) {
		ctx := t.Context()
		var there []bson.M
		for i := 0; i < n; i += 3 {
			there = append(there, bson.M{"_id": fmt.Sprint(i)})
		}
		_, err := coll.InsertMany(ctx, there).Await(ctx)
		noError(t, err)
		all := make(chan []*future.Future[*motor.InsertOneResult], 1)
		start(func(of starters) {
			var started []*future.Future[*motor.InsertOneResult]
			for i := range n {
				started = append(started, of.insertOne(bson.M{"_id": fmt.Sprint(i), "n": i}))
			}
			all <- started
		})
		for i, f := range <-all {
			switch r, err := f.Await(ctx); {
			case i%3 == 0:
				if r != nil || !errors.Is(err, motor.DuplicateKeyError) {
					t.Errorf("insert %d: %+v, %v; want DuplicateKeyError", i, r, err)
				}
			case err != nil || r.InsertedID != fmt.Sprint(i) || !r.Acknowledged:
				t.Errorf("insert %d: %+v, %v", i, r, err)
			}
		}
		count, err := coll.CountDocuments(ctx, bson.M{}).Await(ctx)
		noError(t, err)
		if count != n {
			t.Errorf("there are %d documents of %d", count, n)
		}
	}
	t.Run("futures", func(t *testing.T) {
		coll := newCollection(t)
		test(t, coll, func(insertAll func(starters)) {
			insertAll(startersOfFutures(t.Context(), coll.WithBatching()))
		})
	})
	t.Run("callbacks", func(t *testing.T) {
		loop := runningLoop(t)
		coll := newCollection(t)
		test(t, coll, func(insertAll func(starters)) {
			loop.AddCallback(func() {
				insertAll(startersOfCallbacks(t.Context(), callback.WrapCollection(loop, coll).WithBatching()))
			})
		})
	})
}
