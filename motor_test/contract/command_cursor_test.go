package contract_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestCommandCursorReadMethods(t *testing.T) {
	withCommandCursor(t, 25, func(t *testing.T, r commandReader[bson.M]) {
		if doc := r.NextObject(); !isNumber(doc, 0) {
			t.Errorf("NextObject() = %v, want document 0 of the reply", doc)
		}
		if doc, err := r.Next(); !isNumber(doc, 1) || err != nil {
			t.Errorf("Next() = %v, %v; want document 1", doc, err)
		}
		for range 2 {
			if more, err := r.FetchNext(); !more || err != nil {
				t.Errorf("FetchNext() = %t, %v; want true", more, err)
			}
		}
		if doc := r.NextObject(); !isNumber(doc, 2) {
			t.Errorf("NextObject() = %v, want document 2", doc)
		}
		docs, err := r.ToList(12)
		if len(docs) != 12 || !isNumber(docs[11], 14) || err != nil {
			t.Errorf("ToList() = %d documents, %v; want 12, up to document 14", len(docs), err)
		}
		for doc, err := range r.All() {
			if !isNumber(doc, 15) || err != nil {
				t.Errorf("All: %v, %v; want document 15", doc, err)
			}
			break
		}
		if !r.Alive() || r.CursorID() == 0 {
			t.Error("the cursor is dead or has no id before its end")
		}
		end := make(chan int, 1)
		next := 16
		r.Each(func(doc bson.M, err error) bool {
			if doc == nil {
				end <- next
			} else if !isNumber(doc, next) || err != nil {
				t.Errorf("Each: %v, %v; want document %d", doc, err, next)
			}
			next++
			return true
		})
		if n := receive(t, end); n != 25 {
			t.Errorf("Each ended after document %d, want 25", n)
		}
		if _, err := r.Next(); !errors.Is(err, motor.StopAsyncIteration) {
			t.Errorf("at the end: %v, want StopAsyncIteration", err)
		}
		if docs, err := r.ToList(); docs == nil || len(docs) != 0 || err != nil {
			t.Errorf("at the end: %v, %v; want an empty list", docs, err)
		}
		if r.Alive() || r.CursorID() != 0 {
			t.Error("the cursor is alive or has an id at its end")
		}
	})
}

func TestCommandCursorEmptyResult(t *testing.T) {
	withCommandCursor(t, 0, func(t *testing.T, r commandReader[bson.M]) {
		if more, err := r.FetchNext(); more || err != nil {
			t.Errorf("FetchNext() = %t, %v; want false", more, err)
		}
	})
}

func TestCommandCursorCloseKeepsBatch(t *testing.T) {
	withCommandCursor(t, 25, func(t *testing.T, r commandReader[bson.M]) {
		noError(t, r.Close())
		noError(t, r.Close())
		docs, err := r.ToList()
		if len(docs) != 10 || err != nil {
			t.Errorf("%d documents, %v; want the first batch", len(docs), err)
		}
	})
}

func TestCommandCursorNegativeBatchSize(t *testing.T) {
	withCommandCursor(t, 5, func(t *testing.T, r commandReader[bson.M]) {
		r.cursor.BatchSize(-1)
		if _, err := r.Next(); !errors.Is(err, motor.ValueError) || !errors.Is(r.Err(), motor.ValueError) {
			t.Errorf("Next, Err: %v, %v; want a ValueError", err, r.Err())
		}
	})
}

func TestListCollections(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		db, ctx := collectionOf(ops).Database(), t.Context()
		for _, name := range []string{"a", "b", "c"} {
			_, err := db.CreateCollection(ctx, name).Await(ctx)
			noError(t, err)
		}
		list := func(filter any) []bson.M {
			t.Helper()
			r, err := sentCommandOf(ops, func(ctx context.Context, c futures) *future.Future[*motor.CommandCursor[bson.M]] {
				return c.Database().ListCollections(ctx, filter)
			}, func(ctx context.Context, c callbacks, done callback.Func[*callback.CommandCursor[bson.M]]) {
				c.Database().ListCollections(ctx, filter, done)
			})
			noError(t, err)
			docs, err := r.ToList()
			noError(t, err)
			return docs
		}
		if docs := list(bson.D{}); len(docs) != 3 || docs[0]["type"] != "collection" {
			t.Errorf("ListCollections() = %v, want 3 collections", docs)
		}
		if docs := list(bson.M{"name": "b"}); len(docs) != 1 || docs[0]["name"] != "b" {
			t.Errorf("with a filter for b: %v, want b only", docs)
		}
	})
}

func TestListDatabases(t *testing.T) {
	withDocuments(t, 1, func(t *testing.T, ops operations) {
		name := collectionOf(ops).Database().Name()
		r, err := sentCommandOf(ops, func(ctx context.Context, c futures) *future.Future[*motor.CommandCursor[bson.M]] {
			return c.Database().Client().ListDatabases(ctx, bson.M{"name": name})
		}, func(ctx context.Context, c callbacks, done callback.Func[*callback.CommandCursor[bson.M]]) {
			c.Database().Client().ListDatabases(ctx, bson.M{"name": name}, done)
		})
		noError(t, err)
		docs, err := r.ToList()
		if len(docs) != 1 || docs[0]["name"] != name || docs[0]["empty"] != false || err != nil {
			t.Errorf("ListDatabases() = %v, %v; want the test's database, not empty", docs, err)
		}
	})
}

func TestDatabaseAggregate(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "aggregation of a database")
	inBothStyles(t, func(t *testing.T, ops operations) {
		pipeline := mongo.Pipeline{{{Key: "$currentOp", Value: bson.D{}}}, {{Key: "$limit", Value: 1}}}
		r := commandOf(ops, func(c futures) *motor.CommandCursor[bson.M] {
			return c.Database().Client().Database("admin").Aggregate(pipeline)
		}, func(c callbacks) *callback.CommandCursor[bson.M] {
			return c.Database().Client().Database("admin").Aggregate(pipeline)
		})
		if docs, err := r.ToList(); len(docs) != 1 || err != nil {
			t.Errorf("Aggregate: %v, %v; want one document", docs, err)
		}
	})
}
