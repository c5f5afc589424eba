package contract_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// numbered makes n documents.
func numbered(n int) []bson.M {
	docs := make([]bson.M, n)
	for i := range docs {
		docs[i] = bson.M{"_id": fmt.Sprintf("%04d", i), "i": i}
	}
	return docs
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestInsertedDocumentIsFound(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		r, err := ops.InsertOne(bson.M{"a": 1, "nested": bson.M{"list": bson.A{1, bson.M{"deep": true}}}})
		noError(t, err)
		if _, ok := r.InsertedID.(bson.ObjectID); !ok || !r.Acknowledged {
			t.Errorf("result: %+v", r)
		}
		doc, err := ops.FindOne(bson.M{"_id": r.InsertedID})
		noError(t, err)
		// Documents within a bson.M are bson.M.
		if deep := doc["nested"].(bson.M)["list"].(bson.A)[1].(bson.M)["deep"]; deep != true {
			t.Errorf("document: %v", doc)
		}
	})
}

func TestFindOneResolvesToNilOnAMiss(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		doc, err := ops.FindOne(bson.M{"_id": "nobody"})
		if doc != nil || err != nil {
			t.Errorf("got %v, %v; want nil, nil", doc, err)
		}
	})
}

func TestDuplicateKeyErrorByClass(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertOne(bson.M{"_id": "a"})
		noError(t, err)
		_, err = ops.InsertOne(bson.M{"_id": "a"})
		for _, class := range []*motor.ErrorClass{
			motor.DuplicateKeyError, motor.WriteError, motor.OperationFailure, motor.PyMongoError,
		} {
			if !errors.Is(err, class) {
				t.Errorf("%v is no %v", err, class)
			}
		}
		if errors.Is(err, motor.ConnectionFailure) {
			t.Error("it is a ConnectionFailure too")
		}
		var own *motor.Error
		var drivers mongo.WriteException
		if !errors.As(err, &own) || own.Code() != 11000 || !errors.As(err, &drivers) {
			t.Errorf("%v: not a *motor.Error of code 11000 around the driver's WriteException", err)
		}
	})
}

func TestInsertManyStopsAtTheFirstThatFails(t *testing.T) {
	docs := []bson.M{{"_id": "a"}, {"_id": "b"}, {"_id": "a"}, {"_id": "c"}}
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(docs)
		if !errors.Is(err, motor.BulkWriteError) || errors.Is(err, motor.DuplicateKeyError) {
			t.Fatalf("got %v, want a BulkWriteError", err)
		}
		var bulk mongo.BulkWriteException
		if !errors.As(err, &bulk) || len(bulk.WriteErrors) != 1 || bulk.WriteErrors[0].Index != 2 {
			t.Errorf("the driver's error does not tell which: %+v", bulk)
		}
		n, err := ops.CountDocuments(bson.D{})
		if n != 2 || err != nil {
			t.Errorf("%d documents were inserted, %v; want 2", n, err)
		}
	})
}

func TestInsertManyResolvesToResultAndError(t *testing.T) {
	coll := newCollection(t)
	r, err := coll.InsertMany(t.Context(), []bson.M{{"_id": "a"}, {"_id": "a"}, {"_id": "c"}},
		options.InsertMany().SetOrdered(false)).Await(t.Context())
	if !errors.Is(err, motor.BulkWriteError) {
		t.Errorf("got %v, want a BulkWriteError", err)
	}
	if r == nil || fmt.Sprint(r.InsertedIDs) != "[a c]" {
		t.Errorf("got %+v beside the error, want the _ids a and c", r)
	}
}

func TestCounts(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(10))
		noError(t, err)
		count := func(what string, want int64) func(n int64, err error) {
			return func(n int64, err error) {
				t.Helper()
				if n != want || err != nil {
					t.Errorf("%s: %d, %v; want %d", what, n, err, want)
				}
			}
		}
		count("documents", 4)(ops.CountDocuments(bson.M{"i": bson.M{"$gte": 6}}))

		one, err := ops.UpdateOne(bson.M{"i": bson.M{"$lt": 3}}, bson.M{"$set": bson.M{"x": 1}})
		noError(t, err)
		count("UpdateOne matched", 1)(one.MatchedCount())
		count("UpdateOne modified", 1)(one.ModifiedCount())

		many, err := ops.UpdateMany(bson.M{"i": bson.M{"$lt": 3}}, bson.M{"$set": bson.M{"x": 1}})
		noError(t, err)
		count("UpdateMany matched", 3)(many.MatchedCount())
		count("UpdateMany modified", 2)(many.ModifiedCount())
		count("UpdateMany upserted", 0)(many.UpsertedCount())

		replaced, err := ops.ReplaceOne(bson.M{"_id": "0001"}, bson.M{"i": 100})
		noError(t, err)
		count("ReplaceOne matched", 1)(replaced.MatchedCount())
		doc, err := ops.FindOne(bson.M{"_id": "0001"})
		noError(t, err)
		if len(doc) != 2 || doc["i"] != int32(100) {
			t.Errorf("replaced document: %v", doc)
		}

		deleted, err := ops.DeleteOne(bson.M{"i": bson.M{"$gte": 5}})
		noError(t, err)
		count("DeleteOne", 1)(deleted.DeletedCount())
		deleted, err = ops.DeleteMany(bson.D{})
		noError(t, err)
		count("DeleteMany", 9)(deleted.DeletedCount())
	})
}

func TestUpsertTellsTheID(t *testing.T) {
	coll := newCollection(t)
	r, err := coll.UpdateOne(t.Context(), bson.M{"_id": "new"}, bson.M{"$set": bson.M{"a": 1}},
		options.UpdateOne().SetUpsert(true)).Await(t.Context())
	noError(t, err)
	id, err := r.UpsertedID()
	n, _ := r.UpsertedCount()
	if id != "new" || n != 1 || err != nil {
		t.Errorf("upserted %v, %d, %v", id, n, err)
	}
}

func TestDropIsRepeatable(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertOne(bson.M{})
		noError(t, err)
		noError(t, ops.Drop())
		noError(t, ops.Drop())
		if n, err := ops.CountDocuments(bson.D{}); n != 0 || err != nil {
			t.Errorf("%d documents, %v", n, err)
		}
	})
}

func TestCommands(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		for _, command := range []any{"ping", bson.D{{Key: "ping", Value: 1}}, bson.M{"ping": 1}} {
			reply, err := ops.Command(command)
			if err != nil || reply["ok"] != 1.0 {
				t.Errorf("%v: %v, %v", command, reply, err)
			}
		}
		if _, err := ops.Command("noSuchCommand"); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want an OperationFailure", err)
		}
		info, err := ops.ServerInfo()
		if _, ok := info["version"].(string); !ok || err != nil {
			t.Errorf("ServerInfo: %v, %v", info, err)
		}
	})
}

func TestDocumentClasses(t *testing.T) {
	type inner struct{ N int }
	type document struct {
		ID    string `bson:"_id"`
		Inner inner
	}
	coll := newCollection(t)
	db, ctx := coll.Database(), t.Context()
	want := document{"a", inner{3}}
	_, err := coll.InsertOne(ctx, want).Await(ctx)
	noError(t, err)
	query := bson.M{"_id": "a"}

	if got, err := motor.CollectionOf[document](db, "documents").FindOne(ctx, query).Await(ctx); got != want || err != nil {
		t.Errorf("struct: %v, %v", got, err)
	}
	if got, err := motor.CollectionOf[*document](db, "documents").FindOne(ctx, query).Await(ctx); err != nil || *got != want {
		t.Errorf("pointer: %v, %v", got, err)
	}
	if got, err := motor.CollectionOf[*document](db, "documents").FindOne(ctx, bson.M{"_id": "b"}).Await(ctx); got != nil || err != nil {
		t.Errorf("pointer, on a miss: %v, %v", got, err)
	}
	if got, err := motor.CollectionOf[bson.D](db, "documents").FindOne(ctx, query).Await(ctx); err != nil || got[0].Value != "a" {
		t.Errorf("bson.D: %v, %v", got, err)
	}
	if got, err := motor.CollectionOf[bson.Raw](db, "documents").FindOne(ctx, query).Await(ctx); err != nil || got.Lookup("inner", "n").AsInt64() != 3 {
		t.Errorf("bson.Raw: %v, %v", got, err)
	}
	if got, err := motor.CollectionOf[any](db, "documents").FindOne(ctx, query).Await(ctx); err != nil || got.(bson.M)["_id"] != "a" {
		t.Errorf("any: %v, %v", got, err)
	}
}

func TestDocumentMayBeChangedOnceTheCallReturns(t *testing.T) {
	coll := newCollection(t)
	doc := bson.M{}
	var inserts []*future.Future[*motor.InsertOneResult]
	for i := range 100 { // the race detector sees a document that is read later
		doc["_id"] = fmt.Sprint(i)
		inserts = append(inserts, coll.InsertOne(t.Context(), doc))
	}
	for i, f := range inserts {
		r, err := f.Await(t.Context())
		if err != nil || r.InsertedID != fmt.Sprint(i) {
			t.Fatalf("%d: %+v, %v", i, r, err)
		}
	}
}

// TestNestedWaitsNeedNoSecondSlot is the property that a bounded executor usually lacks: with a single slot, a
// callback waits for an operation of the same client, which chains another, five deep.
func TestNestedWaitsNeedNoSecondSlot(t *testing.T) {
	coll := newCollection(t, motor.WithMaxWorkers(1))
	ctx := t.Context()
	depth := make(chan int, 10)
	var deeper func(level int) error
	deeper = func(level int) error {
		depth <- level
		if level == 5 {
			return nil
		}
		inCallback := make(chan error, 1)
		inserted := coll.InsertOne(ctx, bson.M{"level": level})
		chained := future.ThenFuture(inserted, func(r *motor.InsertOneResult) *future.Future[bson.M] {
			return coll.FindOne(ctx, bson.M{"_id": r.InsertedID})
		})
		chained.OnComplete(func(doc bson.M, err error) {
			if err == nil {
				_, err = coll.CountDocuments(ctx, bson.D{}).Await(ctx) // blocks the callback
			}
			if err == nil {
				err = deeper(level + 1)
			}
			inCallback <- err
		})
		return <-inCallback
	}
	noError(t, deeper(0))
	if len(depth) != 6 {
		t.Errorf("reached %d levels of 6", len(depth))
	}
}

func TestManyOperationsAtOnce(t *testing.T) {
	coll := newCollection(t, motor.WithMaxWorkers(8))
	fill(t, coll, 100)
	ctx := t.Context()
	var finds []*future.Future[bson.M]
	for i := range 1000 {
		finds = append(finds, coll.FindOne(ctx, bson.M{"_id": fmt.Sprintf("%04d", i%100)}))
	}
	for i, f := range finds {
		doc, err := f.Await(ctx)
		if err != nil || doc["i"] != int32(i%100) {
			t.Fatalf("%d: %v, %v", i, doc, err)
		}
	}
	if s := coll.Database().Client().Stats(); s.Completed != 1001 || s.Running != 0 || s.Queued != 0 {
		t.Errorf("statistics: %+v", s)
	}
}

func TestFullQueueRefusesOperations(t *testing.T) {
	coll := newCollection(t, motor.WithMaxWorkers(1), motor.WithMaxQueue(1))
	ctx := t.Context()
	refused := 0
	var all []*future.Future[int64]
	for range 50 {
		all = append(all, coll.CountDocuments(ctx, bson.D{}))
	}
	for _, f := range all {
		_, err := f.Await(ctx)
		if errors.Is(err, future.ErrQueueFull) {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused == 0 || refused > 48 {
		t.Errorf("%d of 50 were refused; one may run and one may wait", refused)
	}
}

func TestCloseLetsOperationsFinishAndTheNextUseReopens(t *testing.T) {
	coll := newCollection(t)
	client, ctx := coll.Database().Client(), t.Context()
	for round := range 20 {
		var inserts []*future.Future[*motor.InsertOneResult]
		for range 20 {
			inserts = append(inserts, coll.InsertOne(ctx, bson.M{"round": round}))
		}
		noError(t, client.Close(ctx))
		for _, f := range inserts {
			if !f.IsDone() {
				t.Fatal("Close has resolved before an operation that was in flight")
			}
			if _, err := f.Await(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, err := coll.CountDocuments(ctx, bson.D{}).Await(ctx); n != 400 || err != nil {
		t.Errorf("%d documents of 400, %v", n, err)
	}
}
