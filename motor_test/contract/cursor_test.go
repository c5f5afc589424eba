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
				t.Fatalf("ToList(%d) after %d documents: got %d, want %d", length, want, len(docs), min(length, 25-want))
			}
			for _, doc := range docs {
				if !isNumber(doc, want) {
					t.Fatalf("got %v, want document %d", doc, want)
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
			t.Errorf("ToList() = %d documents, %v; want 25", len(docs), err)
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
				t.Fatalf("Next() = %v, %v; want document %d", doc, err, i)
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
			t.Error("NextObject() before the first FetchNext: got a document, want nil")
		}
		for i := range 12 {
			for range 2 {
				more, err := r.FetchNext()
				if !more || err != nil {
					t.Fatalf("FetchNext() before document %d = %t, %v; want true", i, more, err)
				}
			}
			if doc := r.NextObject(); !isNumber(doc, i) {
				t.Fatalf("NextObject() = %v, want document %d", doc, i)
			}
		}
		for range 2 {
			if more, err := r.FetchNext(); more || err != nil {
				t.Errorf("FetchNext() at the end = %t, %v; want false", more, err)
			}
		}
		if r.NextObject() != nil {
			t.Error("NextObject() after the end: got a document, want nil")
		}
	})
}

func TestCursorNextObjectReadsBatchOnly(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		_, err := r.FetchNext()
		noError(t, err)
		for i := range 10 { // the first batch
			if doc := r.NextObject(); !isNumber(doc, i) {
				t.Fatalf("NextObject() = %v, want document %d", doc, i)
			}
		}
		if doc := r.NextObject(); doc != nil {
			t.Errorf("NextObject() after the batch = %v, want nil", doc)
		}
		if doc, err := r.Next(); !isNumber(doc, 10) || err != nil {
			t.Errorf("Next() = %v, %v; want document 10", doc, err)
		}
	})
}

func TestCursorTryNextAtTheEnd(t *testing.T) {
	withEveryCursor(t, 12, func(t *testing.T, r reader[bson.M]) {
		for i := range 14 {
			doc, err := r.TryNext()
			if err != nil || (doc == nil) != (i >= 12) || i < 12 && !isNumber(doc, i) {
				t.Errorf("TryNext() after %d documents = %v, %v; want the next of 12, then nil, nil", i, doc, err)
			}
		}
	})
}

func TestCursorAliveAndCursorID(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		if !r.Alive() || !r.Started() && r.CursorID() != 0 {
			t.Errorf("before the first read: alive %t, id %d; want true, 0", r.Alive(), r.CursorID())
		}
		_, err := r.ToList(3)
		noError(t, err)
		if !r.Alive() || !r.Started() || r.CursorID() == 0 {
			t.Errorf("before the end: alive %t, started %t, id %d; want true, true, an id", r.Alive(), r.Started(), r.CursorID())
		}
		_, err = r.ToList()
		noError(t, err)
		if r.Alive() || r.CursorID() != 0 {
			t.Errorf("at the end: alive %t, id %d; want false, 0", r.Alive(), r.CursorID())
		}
	})
}

// A cursor stays alive while it has documents, although the server has closed it.
func TestCursorAliveWhileBatchHasDocuments(t *testing.T) {
	withEveryCursor(t, 5, func(t *testing.T, r reader[bson.M]) {
		_, err := r.FetchNext()
		noError(t, err)
		for range 5 {
			if !r.Alive() || r.CursorID() != 0 {
				t.Errorf("in the last batch: alive %t, id %d; want true, 0", r.Alive(), r.CursorID())
			}
			r.NextObject()
		}
		if r.Alive() {
			t.Error("Alive() at the end = true, want false")
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
			t.Error("the closed cursor is dead or has an id; want it alive while it has documents, without an id")
		}
		if doc, err := r.Next(); !isNumber(doc, 3) || err != nil {
			t.Errorf("Next() = %v, %v; want document 3", doc, err)
		}
		docs, err := r.ToList()
		if len(docs) != 6 || !isNumber(docs[0], 4) || err != nil {
			t.Errorf("%d documents, %v; want the 6 others of the batch", len(docs), err)
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
		for _, kind := range cursorKinds {
			r := kind.cursor(t, ops)
			_, err := r.ToList(3)
			noError(t, err)
			more := bson.D{{Key: "getMore", Value: r.CursorID()}, {Key: "collection", Value: collectionOf(ops).Name()}}
			noError(t, r.Close())
			if _, err := ops.Command(more); !errors.Is(err, motor.CursorNotFound) {
				t.Errorf("%s: got %v, want CursorNotFound", kind.name, err)
			}
		}
	})
}

func TestCursorClosedMeansClose(t *testing.T) {
	withEveryCursor(t, 3, func(t *testing.T, r reader[bson.M]) {
		_, err := r.ToList()
		noError(t, err)
		if r.Closed() || r.Alive() {
			t.Errorf("at the end: closed %t, alive %t; want false, false", r.Closed(), r.Alive())
		}
		noError(t, r.Close())
		if !r.Closed() {
			t.Error("Closed() after Close = false, want true")
		}
	})
}

func TestCursorAll(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		i := 0
		for doc, err := range r.All() {
			if !isNumber(doc, i) || err != nil {
				t.Fatalf("got %v, %v; want document %d", doc, err, i)
			}
			if i++; i == 12 {
				break
			}
		}
		for doc, err := range r.All() { // continues after the first loop
			if !isNumber(doc, i) || err != nil {
				t.Fatalf("got %v, %v; want document %d", doc, err, i)
			}
			i++
		}
		if i != 25 {
			t.Errorf("read %d documents, want 25", i)
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
			t.Errorf("yielded %d times, want once", n)
		}
	})
}
