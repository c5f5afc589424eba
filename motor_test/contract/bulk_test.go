package contract_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// writers adds BulkWrite to operations.
type writers interface {
	operations
	BulkWrite(models []mongo.WriteModel, ordered bool) (*motor.BulkWriteResult, error)
}

func (s byFutures) BulkWrite(models []mongo.WriteModel, ordered bool) (*motor.BulkWriteResult, error) {
	return s.coll.BulkWrite(s.ctx, models, options.BulkWrite().SetOrdered(ordered)).Await(s.ctx)
}

func (s byCallbacks) BulkWrite(models []mongo.WriteModel, ordered bool) (*motor.BulkWriteResult, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*motor.BulkWriteResult]) {
		s.coll.BulkWrite(s.ctx, models, done, options.BulkWrite().SetOrdered(ordered))
	})
}

// inBothStylesOfWriting runs test in both styles with the driver's commands, and again with ours, which wtimeout
// requires.
func inBothStylesOfWriting(t *testing.T, test func(*testing.T, writers)) {
	for _, c := range []struct {
		name    string
		concern bson.M
	}{{"plain", bson.M{}}, {"with wtimeout", bson.M{"w": 1, "wtimeout": 10_000}}} {
		t.Run(c.name, func(t *testing.T) {
			inBothStyles(t, func(t *testing.T, ops operations) {
				noError(t, collectionOf(ops).SetWriteConcern(c.concern))
				test(t, ops.(writers))
			})
		})
	}
}

// bulkCounts returns the counts of a result: inserted, matched, modified, deleted, upserted.
func bulkCounts(t *testing.T, r *motor.BulkWriteResult) string {
	t.Helper()
	var counts [5]int64
	for i, count := range []func() (int64, error){
		r.InsertedCount, r.MatchedCount, r.ModifiedCount, r.DeletedCount, r.UpsertedCount,
	} {
		var err error
		counts[i], err = count()
		noError(t, err)
	}
	return fmt.Sprint(counts)
}

func TestBulkWriteEveryModel(t *testing.T) {
	inBothStylesOfWriting(t, func(t *testing.T, ops writers) {
		set := bson.M{"$set": bson.M{"x": true}}
		r, err := ops.BulkWrite([]mongo.WriteModel{
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": "a", "n": 1}),
			mongo.NewInsertOneModel().SetDocument(bson.M{"_id": "b", "n": 2}),
			mongo.NewInsertOneModel().SetDocument(bson.M{"n": 3}),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": "new"}).SetUpdate(set).SetUpsert(true),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": "a"}).SetUpdate(set),
			mongo.NewUpdateManyModel().SetFilter(bson.M{"n": bson.M{"$gte": 1}}).SetUpdate(set),
			mongo.NewReplaceOneModel().SetFilter(bson.M{"_id": "b"}).SetReplacement(bson.M{"n": 20}),
			mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": "a"}),
			mongo.NewDeleteManyModel().SetFilter(bson.M{"n": bson.M{"$gt": 100}}),
		}, true)
		noError(t, err)
		// Three documents are inserted. The updates match a, then a, b and the third, then b. Each match but the second
		// one of a modifies its document.
		if got := bulkCounts(t, r); got != "[3 5 4 1 1]" || !r.Acknowledged {
			t.Errorf("got counts %s, Acknowledged %t; want [3 5 4 1 1], true", got, r.Acknowledged)
		}
		if ids, err := r.UpsertedIDs(); fmt.Sprint(ids) != "map[3:new]" || err != nil {
			t.Errorf("UpsertedIDs() = %v, %v; want map[3:new]", ids, err)
		}
		doc, err := ops.FindOne(bson.M{"_id": "b"})
		if len(doc) != 2 || doc["n"] != int32(20) || err != nil {
			t.Errorf("document b: %v, %v; want n = 20", doc, err)
		}
		if n, err := ops.CountDocuments(bson.D{}); n != 3 || err != nil {
			t.Errorf("CountDocuments() = %d, %v; want 3", n, err)
		}
	})
}

func TestBulkWriteErrorPartialResult(t *testing.T) {
	for _, test := range []struct {
		ordered bool
		counts  string
		failed  []int
	}{
		{true, "[1 0 0 0 0]", []int{1}},
		{false, "[2 0 0 2 0]", []int{1, 3}},
	} {
		t.Run(fmt.Sprint("ordered ", test.ordered), func(t *testing.T) {
			inBothStylesOfWriting(t, func(t *testing.T, ops writers) {
				insert := func(id string) mongo.WriteModel { return mongo.NewInsertOneModel().SetDocument(bson.M{"_id": id}) }
				_, err := ops.BulkWrite([]mongo.WriteModel{
					insert("a"), insert("a"), insert("b"), insert("b"), mongo.NewDeleteManyModel().SetFilter(bson.D{}),
				}, test.ordered)
				var own *motor.Error
				if !errors.As(err, &own) || own.Class() != motor.BulkWriteError || own.Code() != 65 {
					t.Fatalf("got %v, want a BulkWriteError", err)
				}
				// The partial result is in the error in both styles, since a callback gets no result together with an
				// error.
				r, ok := own.PartialResult().(*motor.BulkWriteResult)
				if !ok || bulkCounts(t, r) != test.counts {
					t.Errorf("partial result %+v, want %s", r, test.counts)
				}
				bad, err := own.Details().Lookup("writeErrors").Array().Values()
				noError(t, err)
				var failed []int
				for _, e := range bad {
					failed = append(failed, int(e.Document().Lookup("index").AsInt64()))
					if op := e.Document().Lookup("op", "_id"); op.Type != bson.TypeString {
						t.Errorf("op of a write error: %v, want a string _id", e.Document().Lookup("op"))
					}
				}
				if fmt.Sprint(failed) != fmt.Sprint(test.failed) {
					t.Errorf("failed indexes: %v, want %v", failed, test.failed)
				}
			})
		})
	}
}

// Write errors and upserts carry the indexes of their models in the list.
func TestBulkWriteIndexes(t *testing.T) {
	inBothStylesOfWriting(t, func(t *testing.T, ops writers) {
		insert := func(id string) mongo.WriteModel { return mongo.NewInsertOneModel().SetDocument(bson.M{"_id": id}) }
		upsert := func(id string) mongo.WriteModel {
			return mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": id}).SetUpdate(bson.M{"$set": bson.M{"x": 1}}).SetUpsert(true)
		}
		_, err := ops.BulkWrite([]mongo.WriteModel{
			insert("a"), mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": "nobody"}), insert("b"), insert("a"), upsert("u"),
		}, false)
		var own *motor.Error
		if !errors.As(err, &own) || own.Class() != motor.BulkWriteError {
			t.Fatalf("got %v, want a BulkWriteError", err)
		}
		bad, err := own.Details().Lookup("writeErrors").Array().Values()
		noError(t, err)
		var driver mongo.BulkWriteException
		if !errors.As(own, &driver) || len(driver.WriteErrors) != 1 || len(bad) != 1 {
			t.Fatalf("%d write errors, and the driver's error %+v; want one of each", len(bad), driver)
		}
		if index := bad[0].Document().Lookup("index").AsInt64(); index != 3 || driver.WriteErrors[0].Index != 3 {
			t.Errorf("index %d, in the driver's error %d; want 3", index, driver.WriteErrors[0].Index)
		}
		ids, err := own.PartialResult().(*motor.BulkWriteResult).UpsertedIDs()
		if len(ids) != 1 || ids[4] != "u" || err != nil {
			t.Errorf("upserted %v, %v; want u at 4", ids, err)
		}
	})
}

func TestBulkWriteReturnsResultAndError(t *testing.T) {
	coll := newCollection(t)
	insert := mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1})
	r, err := coll.BulkWrite(t.Context(), []mongo.WriteModel{insert, insert}).Await(t.Context())
	if !errors.Is(err, motor.BulkWriteError) || r == nil || bulkCounts(t, r) != "[1 0 0 0 0]" {
		t.Errorf("got %+v, %v; want a result and a BulkWriteError", r, err)
	}
}
