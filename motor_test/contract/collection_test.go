package contract_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// numbered returns n documents.
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

func TestInsertOneAndFindOne(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		r, err := ops.InsertOne(bson.M{"a": 1, "nested": bson.M{"list": bson.A{1, bson.M{"deep": true}}}})
		noError(t, err)
		if _, ok := r.InsertedID.(bson.ObjectID); !ok || !r.Acknowledged {
			t.Errorf("got result %+v, want an ObjectID, acknowledged", r)
		}
		doc, err := ops.FindOne(bson.M{"_id": r.InsertedID})
		noError(t, err)
		// Nested documents of a bson.M are bson.M.
		if deep := doc["nested"].(bson.M)["list"].(bson.A)[1].(bson.M)["deep"]; deep != true {
			t.Errorf("got document %v, want deep: true", doc)
		}
	})
}

func TestFindOneWithoutMatchReturnsNil(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		doc, err := ops.FindOne(bson.M{"_id": "nobody"})
		if doc != nil || err != nil {
			t.Errorf("got %v, %v; want nil, nil", doc, err)
		}
	})
}

func TestDuplicateKeyErrorClasses(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertOne(bson.M{"_id": "a"})
		noError(t, err)
		_, err = ops.InsertOne(bson.M{"_id": "a"})
		for _, class := range []*motor.ErrorClass{
			motor.DuplicateKeyError, motor.WriteError, motor.OperationFailure, motor.PyMongoError,
		} {
			if !errors.Is(err, class) {
				t.Errorf("got %v, want a %v", err, class)
			}
		}
		if errors.Is(err, motor.ConnectionFailure) {
			t.Error("got a ConnectionFailure, want none")
		}
		var own *motor.Error
		var drivers mongo.WriteException
		if !errors.As(err, &own) || own.Code() != 11000 || !errors.As(err, &drivers) {
			t.Errorf("got %v, want a *motor.Error of code 11000 around the driver's WriteException", err)
		}
	})
}

func TestInsertManyOrderedStopsAtError(t *testing.T) {
	docs := []bson.M{{"_id": "a"}, {"_id": "b"}, {"_id": "a"}, {"_id": "c"}}
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(docs)
		if !errors.Is(err, motor.BulkWriteError) || errors.Is(err, motor.DuplicateKeyError) {
			t.Fatalf("got %v, want a BulkWriteError", err)
		}
		var bulk mongo.BulkWriteException
		if !errors.As(err, &bulk) || len(bulk.WriteErrors) != 1 || bulk.WriteErrors[0].Index != 2 {
			t.Errorf("the driver's error is %+v, want one write error at index 2", bulk)
		}
		n, err := ops.CountDocuments(bson.D{})
		if n != 2 || err != nil {
			t.Errorf("inserted %d documents, %v; want 2", n, err)
		}
	})
}

func TestInsertManyReturnsResultAndError(t *testing.T) {
	coll := newCollection(t)
	r, err := coll.InsertMany(t.Context(), []bson.M{{"_id": "a"}, {"_id": "a"}, {"_id": "c"}},
		options.InsertMany().SetOrdered(false)).Await(t.Context())
	if !errors.Is(err, motor.BulkWriteError) {
		t.Errorf("got %v, want a BulkWriteError", err)
	}
	if r == nil || fmt.Sprint(r.InsertedIDs) != "[a c]" {
		t.Errorf("got %+v with the error, want the _ids a and c", r)
	}
}

func TestWriteResultCounts(t *testing.T) {
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
			t.Errorf("replaced document: %v, want i = 100", doc)
		}

		deleted, err := ops.DeleteOne(bson.M{"i": bson.M{"$gte": 5}})
		noError(t, err)
		count("DeleteOne", 1)(deleted.DeletedCount())
		deleted, err = ops.DeleteMany(bson.D{})
		noError(t, err)
		count("DeleteMany", 9)(deleted.DeletedCount())
	})
}

func TestUpsertedID(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		set, upsert := bson.M{"$set": bson.M{"a": 1}}, options.UpdateOne().SetUpsert(true)
		update := func() *motor.UpdateResult {
			t.Helper()
			r, err := awaitInStyle(ops, func(ctx context.Context, c futures) *future.Future[*motor.UpdateResult] {
				return c.UpdateOne(ctx, bson.M{"_id": "new"}, set, upsert)
			}, func(ctx context.Context, c callbacks, done callback.Func[*motor.UpdateResult]) {
				c.UpdateOne(ctx, bson.M{"_id": "new"}, set, done, upsert)
			})
			noError(t, err)
			return r
		}
		for i, want := range []any{"new", nil} { // the second time, the document exists
			r := update()
			id, err := r.UpsertedID()
			n, _ := r.UpsertedCount()
			if id != want || n != int64(1-i) || err != nil {
				t.Errorf("UpsertedID, UpsertedCount = %v, %d, %v; want %v, %d", id, n, err, want, 1-i)
			}
		}
	})
}

func TestCollectionDropTwice(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertOne(bson.M{})
		noError(t, err)
		noError(t, ops.Drop())
		noError(t, ops.Drop())
		if n, err := ops.CountDocuments(bson.D{}); n != 0 || err != nil {
			t.Errorf("CountDocuments() = %d, %v; want 0", n, err)
		}
	})
}

func TestDatabaseCommand(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		for _, command := range []any{"ping", bson.D{{Key: "ping", Value: 1}}, bson.M{"ping": 1}} {
			reply, err := ops.Command(command)
			if err != nil || reply["ok"] != 1.0 {
				t.Errorf("%v: %v, %v; want ok", command, reply, err)
			}
		}
		if _, err := ops.Command("noSuchCommand"); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want an OperationFailure", err)
		}
		info, err := ops.ServerInfo()
		if _, ok := info["version"].(string); !ok || err != nil {
			t.Errorf("ServerInfo: %v, %v; want a version", info, err)
		}
	})
}
