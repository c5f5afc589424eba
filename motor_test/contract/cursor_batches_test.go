package contract_test

import (
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// rawBatchReader reads a raw batch cursor of a query or of a pipeline.
type rawBatchReader[C any] struct {
	reader[motor.RawBatch]
	cursor C // the part common to both styles
}

// findRawBatches returns the raw batch cursor of a query.
func findRawBatches(ops operations, filter any) rawBatchReader[*motor.RawBatchCursor] {
	switch s := ops.(type) {
	case byFutures:
		return rawBatchesOf(s, s.coll.FindRawBatches(filter))
	case byCallbacks:
		return calledRawBatchesOf(s, s.coll.FindRawBatches(filter))
	}
	panic(unknownStyle(ops))
}

// rawBatchesOf reads a raw batch cursor in the style of ops.
func rawBatchesOf(ops operations, c *motor.RawBatchCursor) rawBatchReader[*motor.RawBatchCursor] {
	switch s := ops.(type) {
	case byFutures:
		return rawBatchReader[*motor.RawBatchCursor]{reader[motor.RawBatch]{c, s.ctx}, c}
	case byCallbacks:
		return calledRawBatchesOf(s, callback.WrapRawBatchCursor(s.loop, c))
	}
	panic(unknownStyle(ops))
}

func calledRawBatchesOf(s byCallbacks, c *callback.RawBatchCursor) rawBatchReader[*motor.RawBatchCursor] {
	return rawBatchReader[*motor.RawBatchCursor]{reader[motor.RawBatch]{calledBy(s.loop, c), s.ctx}, c.Futures()}
}

// aggregateRawBatches returns the raw batch cursor of a pipeline.
func aggregateRawBatches(ops operations, pipeline mongo.Pipeline) rawBatchReader[*motor.RawBatchCommandCursor] {
	switch s := ops.(type) {
	case byFutures:
		c := s.coll.AggregateRawBatches(pipeline)
		return rawBatchReader[*motor.RawBatchCommandCursor]{reader[motor.RawBatch]{c, s.ctx}, c}
	case byCallbacks:
		c := s.coll.AggregateRawBatches(pipeline)
		return rawBatchReader[*motor.RawBatchCommandCursor]{reader[motor.RawBatch]{calledBy(s.loop, c), s.ctx}, c.Futures()}
	}
	panic(unknownStyle(ops))
}

// numbersIn returns the field i of the documents in batches.
func numbersIn(t *testing.T, batches ...motor.RawBatch) (all []int32) {
	t.Helper()
	for _, batch := range batches {
		docs, err := batch.Documents()
		noError(t, err)
		for _, doc := range docs {
			all = append(all, doc.Lookup("i").Int32())
		}
	}
	return all
}

func TestRawBatchDefaultBatchSize(t *testing.T) {
	withDocuments(t, 150, func(t *testing.T, ops operations) {
		r := findRawBatches(ops, bson.D{})
		batch, err := r.Next()
		noError(t, err)
		if n := len(numbersIn(t, batch)); n != 101 {
			t.Errorf("%d documents in the first batch, want 101", n)
		}
		rest, err := r.ToList()
		if n := len(numbersIn(t, rest...)); len(rest) != 1 || n != 49 || err != nil {
			t.Errorf("%d documents in %d more batches, %v; want 49 in 1", n, len(rest), err)
		}
	})
}

// rawBatches has functions that return cursors over the raw batches of a collection, sorted, ten documents in each.
var rawBatches = []struct {
	name   string
	cursor func(operations) reader[motor.RawBatch]
}{
	{"of a query", func(ops operations) reader[motor.RawBatch] {
		r := findRawBatches(ops, bson.D{})
		r.cursor.Sort("_id").BatchSize(10)
		return r.reader
	}},
	{"of a pipeline", func(ops operations) reader[motor.RawBatch] {
		r := aggregateRawBatches(ops, mongo.Pipeline{{{Key: "$sort", Value: bson.D{{Key: "_id", Value: 1}}}}})
		r.cursor.BatchSize(10)
		return r.reader
	}},
}

// withRawBatches runs test in both styles with raw batch cursors over 45 documents.
func withRawBatches(t *testing.T, test func(t *testing.T, r reader[motor.RawBatch])) {
	for _, kind := range rawBatches {
		t.Run(kind.name, func(t *testing.T) {
			withDocuments(t, 45, func(t *testing.T, ops operations) { test(t, kind.cursor(ops)) })
		})
	}
}

func TestRawBatchCursorReadMethods(t *testing.T) {
	withRawBatches(t, func(t *testing.T, r reader[motor.RawBatch]) {
		var got []int32
		read := func(way string, batches ...motor.RawBatch) {
			for _, batch := range batches {
				numbers := numbersIn(t, batch)
				if want := min(10, 45-len(got)); len(numbers) != want {
					t.Errorf("%s: %d documents in a batch, want %d", way, len(numbers), want)
				}
				got = append(got, numbers...)
			}
		}
		if !r.Alive() || r.Started() || r.NextObject() != nil {
			t.Error("the cursor is started or dead before its first read")
		}
		for range 2 {
			if more, err := r.FetchNext(); !more || err != nil {
				t.Errorf("FetchNext() = %t, %v; want true", more, err)
			}
		}
		read("NextObject", r.NextObject())
		batch, err := r.Next()
		noError(t, err)
		read("Next", batch)
		batches, err := r.ToList(1)
		noError(t, err)
		if len(batches) != 1 {
			t.Errorf("ToList(1) = %d batches, want 1", len(batches))
		}
		read("ToList", batches...)
		for batch, err := range r.All() {
			noError(t, err)
			read("All", batch)
			break
		}
		ended := make(chan struct{})
		r.Each(func(batch motor.RawBatch, err error) bool {
			if err != nil || batch == nil {
				if err != nil {
					t.Errorf("Each: %v", err)
				}
				close(ended)
			} else {
				read("Each", batch)
			}
			return true
		})
		receive(t, ended)
		checkEachOnce(t, got, 45)
		if batches, err := r.ToList(); batches == nil || len(batches) != 0 || err != nil || r.Alive() {
			t.Errorf("at the end: %v, %v, alive %t; want an empty list, false", batches, err, r.Alive())
		}
	})
}

func TestRawBatchCursorToListLength(t *testing.T) {
	withRawBatches(t, func(t *testing.T, r reader[motor.RawBatch]) {
		var got []int32
		for _, c := range []struct{ length, want int }{{2, 2}, {0, 0}, {1, 1}, {10, 2}, {10, 0}} {
			batches, err := r.ToList(c.length)
			if batches == nil || len(batches) != c.want || err != nil {
				t.Errorf("ToList(%d) = %d batches, %v; want %d", c.length, len(batches), err, c.want)
			}
			got = append(got, numbersIn(t, batches...)...)
		}
		checkEachOnce(t, got, 45)
	})
}

func TestRawBatchCursorCloseKeepsBatch(t *testing.T) {
	withRawBatches(t, func(t *testing.T, r reader[motor.RawBatch]) {
		_, err := r.FetchNext()
		noError(t, err)
		noError(t, r.Close())
		batches, err := r.ToList()
		if len(batches) != 1 || len(numbersIn(t, batches...)) != 10 || err != nil || r.Alive() || r.CursorID() != 0 {
			t.Errorf("%d batches, %v, alive %t; want 1 batch of 10 documents, false", len(batches), err, r.Alive())
		}
	})
}

func TestRawBatchCursorCloneAndRewind(t *testing.T) {
	withDocuments(t, 25, func(t *testing.T, ops operations) {
		r := findRawBatches(ops, bson.D{})
		r.cursor.Sort("_id").BatchSize(10)
		first, err := r.Next()
		noError(t, err)
		again, err := rawBatchesOf(ops, r.cursor.Clone()).Next()
		noError(t, err)
		clear(again) // the cursor keeps no reference to a batch that it returned
		if n := len(numbersIn(t, first)); n != 10 {
			t.Errorf("the first batch has %d documents, want 10", n)
		}
		r.cursor.Rewind()
		if batches, err := r.ToList(); len(batches) != 3 || len(numbersIn(t, batches...)) != 25 || err != nil {
			t.Errorf("after Rewind: %d batches, %v; want 3 with 25 documents", len(batches), err)
		}
	})
}
