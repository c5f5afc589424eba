package contract_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestCursorConcurrentReads(t *testing.T) {
	withEveryCursor(t, 200, func(t *testing.T, r reader[bson.M]) {
		var mu sync.Mutex
		var got []int32
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for {
					var docs []bson.M
					var err error
					if g%2 == 0 {
						docs, err = r.ToList(3)
					} else {
						var doc bson.M
						if doc, err = r.Next(); err == nil {
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
		checkEachOnce(t, got, 200)
	}, motor.WithMaxWorkers(2))
}

// checkEachOnce checks that got has each number below n once, in any order.
func checkEachOnce(t *testing.T, got []int32, n int) {
	t.Helper()
	slices.Sort(got)
	for i, at := range got {
		if int(at) != i {
			t.Fatalf("document %d is missing or was read twice", i)
		}
	}
	if len(got) != n {
		t.Errorf("read %d documents, want %d", len(got), n)
	}
}

// This test uses futures only, because a callback cannot be cancelled.
func TestCursorCancelledReadLeavesQueue(t *testing.T) {
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
			t.Errorf("read %d: %d documents, %v; want 5", i, len(list), err)
		}
		for _, doc := range list {
			n := doc["i"].(int32)
			if n <= last {
				t.Errorf("read %d: got document %d after %d, want ascending order", i, n, last)
			}
			last = n
		}
	}
}

// The end of a read's context cancels its round trip. The cursor keeps the documents of earlier batches. A read after
// them fails: it does not report the end of the result.
func TestCursorReadContextEnds(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := ops.Find(bson.D{})
		list := r.started().ToList(ctx)
		peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1})
		more := peer.Receive("getMore")
		cancel()
		if docs, err := list.Await(t.Context()); docs != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, %v; want context.Canceled", docs, err)
		}
		more.Nothing()
		for i := range 2 {
			if doc, err := r.Next(); !isNumber(doc, i) || err != nil {
				t.Errorf("Next() = %v, %v; want document %d of the first batch", doc, err, i)
			}
		}
		if _, err := r.Next(); !errors.Is(err, motor.InvalidOperation) || r.Alive() {
			t.Errorf("Next after the batch: %v, alive %t; want InvalidOperation, false", err, r.Alive())
		}
		r.cursor.Rewind()
		again := r.started().ToList(t.Context())
		peer.Receive("find").Cursor("d.c", 0, bson.M{"i": 0})
		if docs, err := again.Await(t.Context()); len(docs) != 1 || err != nil {
			t.Errorf("after Rewind: %v, %v; want one document", docs, err)
		}
	})
}

// A future gives the documents before the undecodable one together with the error. A callback gets the error alone.
func TestCursorUndecodableDocument(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany([]bson.M{
			{"_id": "a", "n": 1}, {"_id": "b", "n": 2}, {"_id": "c", "n": "three"}, {"_id": "d", "n": 4},
		})
		noError(t, err)
		type number struct{ N int }
		coll := collectionOf(ops)
		r := queryOf(ops, motor.CollectionOf[*number](coll.Database(), coll.Name()).Find(bson.D{}).Sort("_id"))

		docs, err := r.ToList()
		if !errors.Is(err, motor.InvalidBSON) {
			t.Errorf("got %v, want InvalidBSON for the third document", err)
		}
		if _, futures := ops.(byFutures); futures && (len(docs) != 2 || docs[1].N != 2) || !futures && docs != nil {
			t.Errorf("got %d documents with the error, want 2 from a future and none in a callback", len(docs))
		}
		docs, err = r.ToList()
		if len(docs) != 1 || docs[0].N != 4 || err != nil {
			t.Errorf("got %d documents, %v; want the fourth", len(docs), err)
		}
	})
}

func TestCursorOfClosedClient(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r queryReader[bson.M]) {
		_, err := r.ToList(5)
		noError(t, err)
		noError(t, r.cursor.Collection().Database().Client().Close(t.Context()))
		for i := range 5 {
			if doc, err := r.Next(); !isNumber(doc, 5+i) || err != nil {
				t.Errorf("Next() = %v, %v; want document %d of the batch", doc, err, 5+i)
			}
		}
		if docs, err := r.ToList(); len(docs) != 0 || !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("got %d documents, %v; want InvalidOperation", len(docs), err)
		}
		r.cursor.Rewind()
		if docs, err := r.ToList(); len(docs) != 25 || err != nil {
			t.Errorf("after Rewind: %d documents, %v; want 25", len(docs), err)
		}
	})
}
