package contract_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// withCursor runs test in both styles on a cursor over n documents in order, in batches of 10.
func withCursor(t *testing.T, n int, test func(t *testing.T, r reader)) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		if n > 0 {
			_, err := ops.InsertMany(numbered(n))
			noError(t, err)
		}
		r := ops.Find(bson.D{})
		r.Cursor().Sort("_id").BatchSize(10)
		t.Cleanup(func() { _ = r.Close() })
		test(t, r)
	})
}

func isNumber(doc bson.M, i int) bool { return doc != nil && doc["i"] == int32(i) }

func TestToListNeverReturnsMoreThanLength(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r reader) {
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

func TestToListWithoutLengthReadsAll(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r reader) {
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

func TestFetchNextIsIdempotent(t *testing.T) {
	withCursor(t, 12, func(t *testing.T, r reader) {
		if r.Cursor().NextObject() != nil {
			t.Error("there is an object before the first FetchNext")
		}
		for i := range 12 {
			for range 2 {
				more, err := r.FetchNext()
				if !more || err != nil {
					t.Fatalf("%d: %t, %v", i, more, err)
				}
			}
			if doc := r.Cursor().NextObject(); !isNumber(doc, i) {
				t.Fatalf("document %d is %v", i, doc)
			}
		}
		for range 2 {
			if more, err := r.FetchNext(); more || err != nil {
				t.Errorf("at the end: %t, %v", more, err)
			}
		}
		if r.Cursor().NextObject() != nil {
			t.Error("there is an object after the end")
		}
	})
}

func TestNextEndsWithStopAsyncIteration(t *testing.T) {
	withCursor(t, 12, func(t *testing.T, r reader) {
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

func TestChainingEndsWithTheFirstRead(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r reader) {
		_, err := r.ToList(1)
		noError(t, err)
		r.Cursor().Limit(3)
		if err := r.Cursor().Err(); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("got %v, want InvalidOperation", err)
		}
		if _, err := r.Next(); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("a read gives %v, want InvalidOperation", err)
		}
		docs, err := futureReader{t.Context(), r.Cursor().Rewind().Limit(3)}.ToList()
		if len(docs) != 3 || !isNumber(docs[0], 0) || err != nil {
			t.Errorf("after Rewind: %v, %v", docs, err)
		}
	})
}

func TestSortSkipLimit(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(25))
		noError(t, err)
		r := ops.Find(bson.M{"i": bson.M{"$lt": 20}})
		r.Cursor().Sort("i", motor.Descending).Skip(2).Limit(3)
		docs, err := r.ToList()
		noError(t, err)
		var got []any
		for _, doc := range docs {
			got = append(got, doc["i"])
		}
		if fmt.Sprint(got) != "[17 16 15]" {
			t.Errorf("got %v", got)
		}
	})
}

func TestCloneIsACursorThatHasNotBeenRead(t *testing.T) {
	withCursor(t, 5, func(t *testing.T, r reader) {
		_, err := r.ToList(3)
		noError(t, err)
		clone := r.Cursor().Clone()
		docs, err := clone.Limit(2).ToList(t.Context()).Await(t.Context())
		if len(docs) != 2 || !isNumber(docs[0], 0) || err != nil {
			t.Errorf("the clone gives %v, %v", docs, err)
		}
		if doc, err := r.Next(); !isNumber(doc, 3) || err != nil {
			t.Errorf("the original goes on with %v, %v", doc, err)
		}
	})
}

func TestAliveAndCursorID(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r reader) {
		c := r.Cursor()
		if !c.Alive() || c.CursorID() != 0 {
			t.Errorf("before the first read: alive %t, id %d", c.Alive(), c.CursorID())
		}
		_, err := r.ToList(3)
		noError(t, err)
		if !c.Alive() || c.CursorID() == 0 {
			t.Errorf("half way: alive %t, id %d", c.Alive(), c.CursorID())
		}
		_, err = r.ToList()
		noError(t, err)
		if c.Alive() || c.CursorID() != 0 {
			t.Errorf("at the end: alive %t, id %d", c.Alive(), c.CursorID())
		}
	})
}

func TestCloseKeepsWhatHasCome(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r reader) {
		_, err := r.ToList(3)
		noError(t, err)
		noError(t, r.Close())
		noError(t, r.Close())
		if !r.Cursor().Alive() || r.Cursor().CursorID() != 0 {
			t.Error("a closed cursor is alive as long as it has documents, and has no id")
		}
		docs, err := r.ToList()
		if len(docs) != 7 || !isNumber(docs[0], 3) || err != nil {
			t.Errorf("%d documents, %v; want the 7 that are left of the batch", len(docs), err)
		}
		if r.Cursor().Alive() {
			t.Error("it is alive at the end")
		}
	})
}

func TestCloseBeforeTheFirstRead(t *testing.T) {
	withCursor(t, 5, func(t *testing.T, r reader) {
		noError(t, r.Close())
		if docs, err := r.ToList(); len(docs) != 0 || err != nil {
			t.Errorf("%v, %v", docs, err)
		}
	})
}

func TestRangeOverACursor(t *testing.T) {
	coll := newCollection(t)
	fill(t, coll, 25)
	cursor := coll.Find(bson.D{}).Sort("_id").BatchSize(10)
	i := 0
	for doc, err := range cursor.All(t.Context()) {
		if !isNumber(doc, i) || err != nil {
			t.Fatalf("%d: %v, %v", i, doc, err)
		}
		if i++; i == 12 {
			break
		}
	}
	for doc, err := range cursor.All(t.Context()) { // goes on where the other was left
		if !isNumber(doc, i) || err != nil {
			t.Fatalf("%d: %v, %v", i, doc, err)
		}
		i++
	}
	if i != 25 {
		t.Errorf("%d documents", i)
	}
	for _, err := range coll.Find(bson.M{"$noSuchOperator": 1}).All(t.Context()) {
		if !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want an OperationFailure", err)
		}
	}
}

func TestConcurrentReadsOfOneCursorGetEachDocumentOnce(t *testing.T) {
	coll := newCollection(t, motor.WithMaxWorkers(2))
	fill(t, coll, 200)
	cursor := coll.Find(bson.D{}).BatchSize(7)
	var mu sync.Mutex
	var got []int32
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for {
				var docs []bson.M
				var err error
				if g%2 == 0 {
					docs, err = cursor.ToList(t.Context(), 3).Await(t.Context())
				} else {
					var doc bson.M
					if doc, err = cursor.Next(t.Context()).Await(t.Context()); err == nil {
						docs = []bson.M{doc}
					}
				}
				if errors.Is(err, motor.StopAsyncIteration) || err == nil && len(docs) == 0 {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, doc := range docs {
					got = append(got, doc["i"].(int32))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	for i, n := range got {
		if int(n) != i {
			t.Fatalf("document %d was lost, or read twice", i)
		}
	}
	if len(got) != 200 {
		t.Errorf("%d documents of 200", len(got))
	}
}

func TestCancelledReadLosesItsTurnOnly(t *testing.T) {
	coll := newCollection(t, motor.WithMaxWorkers(1))
	fill(t, coll, 50)
	cursor := coll.Find(bson.D{}).Sort("_id").BatchSize(5)
	var reads []*future.Future[[]bson.M]
	for range 6 {
		reads = append(reads, cursor.ToList(t.Context(), 5))
	}
	for i := 1; i < 6; i += 2 {
		reads[i].Cancel()
	}
	last := int32(-1)
	for i, f := range reads {
		list, err := f.Await(t.Context())
		if i%2 == 0 && (len(list) != 5 || err != nil) {
			t.Errorf("read %d: %d documents, %v", i, len(list), err)
		}
		for _, doc := range list {
			n := doc["i"].(int32)
			if n <= last {
				t.Errorf("read %d has document %d after %d", i, n, last)
			}
			last = n
		}
	}
}

func TestDocumentThatCannotBeDecodedIsAnErrorInItsPlace(t *testing.T) {
	coll := newCollection(t)
	ctx := t.Context()
	_, err := coll.InsertMany(ctx, []bson.M{
		{"_id": "a", "n": 1}, {"_id": "b", "n": 2}, {"_id": "c", "n": "three"}, {"_id": "d", "n": 4},
	}).Await(ctx)
	noError(t, err)
	type number struct{ N int }
	cursor := motor.CollectionOf[*number](coll.Database(), coll.Name()).Find(bson.D{}).Sort("_id")

	docs, err := cursor.ToList(ctx).Await(ctx)
	if len(docs) != 2 || docs[1].N != 2 || !errors.Is(err, motor.InvalidBSON) {
		t.Errorf("got %d documents, %v; want two, and InvalidBSON for the third", len(docs), err)
	}
	docs, err = cursor.ToList(ctx).Await(ctx)
	if len(docs) != 1 || docs[0].N != 4 || err != nil {
		t.Errorf("got %d documents, %v; want the fourth", len(docs), err)
	}
}

func TestCursorOfAClosedClientIsAnInvalidOperation(t *testing.T) {
	coll := newCollection(t)
	fill(t, coll, 25)
	ctx := t.Context()
	cursor := coll.Find(bson.D{}).BatchSize(10)
	_, err := cursor.ToList(ctx, 5).Await(ctx)
	noError(t, err)
	noError(t, coll.Database().Client().Close(ctx))
	docs, err := cursor.ToList(ctx).Await(ctx)
	if len(docs) != 5 || !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("got %d documents, %v; want the 5 that had come, and InvalidOperation", len(docs), err)
	}
	if docs, err := cursor.Rewind().ToList(ctx).Await(ctx); len(docs) != 25 || err != nil {
		t.Errorf("after Rewind: %d documents, %v", len(docs), err)
	}
}
