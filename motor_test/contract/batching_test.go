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

// TestBatchingWriteOutcomes starts n updates, replacements and deletions at once, of every outcome. MongoDB 8.0 executes
// them in batches.
func TestBatchingWriteOutcomes(t *testing.T) {
	const n = 600
	inStartedStyles(t, func(t *testing.T, coll *motor.Collection[bson.M], start func(func(startersOf))) {
		ctx := t.Context()
		_, err := coll.Database().Command(ctx, "ping").Await(ctx) // the version of the server is known
		noError(t, err)
		var there []bson.M
		for i := range n {
			if i%5 != 1 {
				there = append(there, bson.M{"_id": i, "n": i, "same": 1})
			}
		}
		_, err = coll.InsertMany(ctx, there).Await(ctx)
		noError(t, err)
		updates, deletes := make([]*future.Future[*motor.UpdateResult], n), make([]*future.Future[*motor.DeleteResult], n)
		start(func(of startersOf) {
			gathering := of(coll).batching()
			for i := range n {
				filter := bson.M{"_id": i}
				switch i % 5 {
				case 0, 1: // 1: there is no such document
					updates[i] = gathering.updateOne(filter, bson.M{"$inc": bson.M{"n": 1}})
				case 2:
					updates[i] = gathering.updateOne(filter, bson.M{"$set": bson.M{"same": 1}})
				case 3:
					updates[i] = gathering.replace(filter, bson.M{"n": -1})
				case 4:
					if i%2 == 0 {
						deletes[i] = gathering.deleteOne(filter)
					} else {
						updates[i] = gathering.updateOne(filter, bson.M{"$push": bson.M{"n": 1}}) // n is no array
					}
				}
			}
		})
		for i := range n {
			want := map[int][2]int64{0: {1, 1}, 1: {0, 0}, 2: {1, 0}, 3: {1, 1}}[i%5]
			switch {
			case deletes[i] != nil:
				if r, err := deletes[i].Await(ctx); err != nil || r.Deleted() != 1 {
					t.Errorf("deletion %d: got %+v, %v; want 1 deleted", i, r, err)
				}
			case i%5 == 4:
				if r, err := updates[i].Await(ctx); r != nil || !errors.Is(err, motor.WriteError) {
					t.Errorf("update %d: got %+v, %v; want WriteError", i, r, err)
				}
			default:
				if r, err := updates[i].Await(ctx); err != nil || r.Matched() != want[0] || r.Modified() != want[1] {
					t.Errorf("update %d: got %+v, %v; want matched and modified %v", i, r, err, want)
				}
			}
		}
		docs, err := coll.Find(bson.M{}).Sort("_id").ToList(ctx).Await(ctx)
		noError(t, err)
		for _, doc := range docs {
			i := doc["_id"].(int32)
			want := map[int32]int32{0: i + 1, 2: i, 3: -1, 4: i}[i%5]
			if doc["n"] != want {
				t.Errorf("document %d: got n = %v, want %d", i, doc["n"], want)
			}
		}
		if want := n - n/5 - n/10; len(docs) != want {
			t.Errorf("got %d documents, want %d", len(docs), want)
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
