package contract_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

func isNumber(doc bson.M, i int) bool { return doc != nil && doc["i"] == int32(i) }

func TestCursorToListLength(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		want := 0
		for _, length := range []int{3, 0, 10, 7, 100, 5} {
			docs, err := r.ToList(length)
			noError(t, err)
			if docs == nil || len(docs) != min(length, 25-want) {
				t.Fatalf("ToList(%d) after %d: %d documents", length, want, len(docs))
			}
			for _, doc := range docs {
				if !isNumber(doc, want) {
					t.Fatalf("document %d is %v", want, doc)
				}
				want++
			}
		}
	})
}

func TestCursorToListAll(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		docs, err := r.ToList()
		if len(docs) != 25 || err != nil {
			t.Errorf("%d documents, %v", len(docs), err)
		}
		docs, err = r.ToList()
		if docs == nil || len(docs) != 0 || err != nil {
			t.Errorf("at the end: %v, %v; want an empty list", docs, err)
		}
	})
}

func TestCursorNextAtTheEnd(t *testing.T) {
	withEveryCursor(t, 12, func(t *testing.T, r reader[bson.M]) {
		for i := range 12 {
			doc, err := r.Next()
			if !isNumber(doc, i) || err != nil {
				t.Fatalf("%d: %v, %v", i, doc, err)
			}
		}
		for range 2 {
			if _, err := r.Next(); !errors.Is(err, motor.StopAsyncIteration) {
				t.Errorf("got %v, want StopAsyncIteration", err)
			}
		}
	})
}

func TestCursorFetchNextIsIdempotent(t *testing.T) {
	withEveryCursor(t, 12, func(t *testing.T, r reader[bson.M]) {
		if !r.Started() && r.NextObject() != nil {
			t.Error("there is an object before the first FetchNext")
		}
		for i := range 12 {
			for range 2 {
				more, err := r.FetchNext()
				if !more || err != nil {
					t.Fatalf("%d: %t, %v", i, more, err)
				}
			}
			if doc := r.NextObject(); !isNumber(doc, i) {
				t.Fatalf("document %d is %v", i, doc)
			}
		}
		for range 2 {
			if more, err := r.FetchNext(); more || err != nil {
				t.Errorf("at the end: %t, %v", more, err)
			}
		}
		if r.NextObject() != nil {
			t.Error("there is an object after the end")
		}
	})
}

func TestCursorNextObjectReadsBatchOnly(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		_, err := r.FetchNext()
		noError(t, err)
		for i := range 10 { // the first batch
			if doc := r.NextObject(); !isNumber(doc, i) {
				t.Fatalf("document %d is %v", i, doc)
			}
		}
		if doc := r.NextObject(); doc != nil {
			t.Errorf("the next batch was fetched: %v", doc)
		}
		if doc, err := r.Next(); !isNumber(doc, 10) || err != nil {
			t.Errorf("Next: %v, %v", doc, err)
		}
	})
}

func TestCursorTryNextAtTheEnd(t *testing.T) {
	withEveryCursor(t, 12, func(t *testing.T, r reader[bson.M]) {
		for i := range 14 {
			doc, err := r.TryNext()
			if err != nil || (doc == nil) != (i >= 12) || i < 12 && !isNumber(doc, i) {
				t.Errorf("%d: %v, %v", i, doc, err)
			}
		}
	})
}

func TestCursorAliveAndCursorID(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		if !r.Alive() || !r.Started() && r.CursorID() != 0 {
			t.Errorf("before the first read: alive %t, id %d", r.Alive(), r.CursorID())
		}
		_, err := r.ToList(3)
		noError(t, err)
		if !r.Alive() || !r.Started() || r.CursorID() == 0 {
			t.Errorf("half way: alive %t, started %t, id %d", r.Alive(), r.Started(), r.CursorID())
		}
		_, err = r.ToList()
		noError(t, err)
		if r.Alive() || r.CursorID() != 0 {
			t.Errorf("at the end: alive %t, id %d", r.Alive(), r.CursorID())
		}
	})
}

// Documents that have come keep a cursor alive whose end is known.
func TestCursorAliveWhileBatchHasDocuments(t *testing.T) {
	withEveryCursor(t, 5, func(t *testing.T, r reader[bson.M]) {
		_, err := r.FetchNext()
		noError(t, err)
		for range 5 {
			if !r.Alive() || r.CursorID() != 0 {
				t.Errorf("in the last batch: alive %t, id %d", r.Alive(), r.CursorID())
			}
			r.NextObject()
		}
		if r.Alive() {
			t.Error("it is alive at the end")
		}
	})
}

func TestCursorCloseKeepsBatch(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		_, err := r.ToList(3)
		noError(t, err)
		for range 2 {
			noError(t, r.Close())
		}
		if !r.Alive() || r.CursorID() != 0 {
			t.Error("a closed cursor is alive as long as it has documents, and has no id")
		}
		if doc, err := r.Next(); !isNumber(doc, 3) || err != nil {
			t.Errorf("Next: %v, %v", doc, err)
		}
		docs, err := r.ToList()
		if len(docs) != 6 || !isNumber(docs[0], 4) || err != nil {
			t.Errorf("%d documents, %v; want the 6 that are left of the batch", len(docs), err)
		}
		docs, err = r.ToList()
		if docs == nil || len(docs) != 0 || err != nil || r.Alive() {
			t.Errorf("at the end: %v, %v, alive %t; want an empty list", docs, err, r.Alive())
		}
		if _, err := r.Next(); !errors.Is(err, motor.StopAsyncIteration) {
			t.Errorf("at the end: %v, want StopAsyncIteration", err)
		}
	})
}

func TestCursorCloseKillsServerCursor(t *testing.T) {
	withDocuments(t, 25, func(t *testing.T, ops operations) {
		for kind, cursor := range cursorKinds {
			r := cursor(t, ops)
			_, err := r.ToList(3)
			noError(t, err)
			more := bson.D{{Key: "getMore", Value: r.CursorID()}, {Key: "collection", Value: collectionOf(ops).Name()}}
			noError(t, r.Close())
			if _, err := ops.Command(more); !errors.Is(err, motor.CursorNotFound) {
				t.Errorf("%s: got %v, want CursorNotFound", kind, err)
			}
		}
	})
}

func TestCursorClosedMeansClose(t *testing.T) {
	withEveryCursor(t, 3, func(t *testing.T, r reader[bson.M]) {
		_, err := r.ToList()
		noError(t, err)
		if r.Closed() || r.Alive() {
			t.Errorf("at the end: closed %t, alive %t", r.Closed(), r.Alive())
		}
		noError(t, r.Close())
		if !r.Closed() {
			t.Error("it is not closed after Close")
		}
	})
}

func TestCursorAll(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		i := 0
		for doc, err := range r.All() {
			if !isNumber(doc, i) || err != nil {
				t.Fatalf("%d: %v, %v", i, doc, err)
			}
			if i++; i == 12 {
				break
			}
		}
		for doc, err := range r.All() { // goes on where the other was left
			if !isNumber(doc, i) || err != nil {
				t.Fatalf("%d: %v, %v", i, doc, err)
			}
			i++
		}
		if i != 25 {
			t.Errorf("%d documents", i)
		}
	})
}

func TestCursorAllYieldsErrorLast(t *testing.T) {
	withDocuments(t, 1, func(t *testing.T, ops operations) {
		n := 0
		for doc, err := range ops.Find(bson.M{"$noSuchOperator": 1}).All() {
			if n++; doc != nil || !errors.Is(err, motor.OperationFailure) {
				t.Errorf("%v, %v; want an OperationFailure", doc, err)
			}
		}
		if n != 1 {
			t.Errorf("%d times", n)
		}
	})
}
