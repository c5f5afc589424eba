package contract_test

import (
	"errors"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// parallelScan returns n cursors that together read the documents of the collection.
func parallelScan(ops operations, n int) (all []commandReader[bson.M], err error) {
	switch s := ops.(type) {
	case byFutures:
		cursors, err := s.coll.ParallelScan(s.ctx, n).Await(s.ctx)
		if err != nil {
			return nil, err
		}
		for _, c := range cursors {
			all = append(all, commandReader[bson.M]{reader[bson.M]{c, s.ctx}, c})
		}
	case byCallbacks:
		cursors, err := awaitOnLoop(s.ctx, s.loop, func(done callback.Func[[]*callback.CommandCursor[bson.M]]) {
			s.coll.ParallelScan(s.ctx, n, done)
		})
		if err != nil {
			return nil, err
		}
		for _, c := range cursors {
			all = append(all, calledCommandOf(s, c))
		}
	}
	return all, nil
}

// withScan runs test in both styles with n cursors of a parallel scan over 250 documents.
func withScan(t *testing.T, n int, test func(t *testing.T, all []commandReader[bson.M])) {
	withDocuments(t, 250, func(t *testing.T, ops operations) {
		all, err := parallelScan(ops, n)
		noError(t, err)
		if len(all) != n {
			t.Fatalf("%d cursors, want %d", len(all), n)
		}
		for _, r := range all {
			r.cursor.BatchSize(10)
			t.Cleanup(func() { _ = r.Close() })
		}
		test(t, all)
	})
}

func TestParallelScanReadsEachDocumentOnce(t *testing.T) {
	ways := []struct {
		name string
		read func(r reader[bson.M], got func(bson.M)) error
	}{
		{"ToList", func(r reader[bson.M], got func(bson.M)) error {
			for {
				docs, err := r.ToList(7)
				if len(docs) > 7 {
					return errors.New("ToList returned more documents than its length")
				}
				if err != nil || len(docs) == 0 {
					return err
				}
				for _, doc := range docs {
					got(doc)
				}
			}
		}},
		{"Next", func(r reader[bson.M], got func(bson.M)) error {
			for {
				doc, err := r.Next()
				if errors.Is(err, motor.StopAsyncIteration) {
					return nil
				}
				if err != nil {
					return err
				}
				got(doc)
			}
		}},
		{"FetchNext", func(r reader[bson.M], got func(bson.M)) error {
			for {
				if more, err := r.FetchNext(); !more || err != nil {
					return err
				}
				got(r.NextObject())
			}
		}},
		{"All", func(r reader[bson.M], got func(bson.M)) error {
			for doc, err := range r.All() {
				if err != nil {
					return err
				}
				got(doc)
			}
			return nil
		}},
		{"Each", func(r reader[bson.M], got func(bson.M)) error {
			ended := make(chan error, 1)
			r.Each(func(doc bson.M, err error) bool {
				if doc == nil {
					ended <- err
				} else {
					got(doc)
				}
				return true
			})
			return <-ended
		}},
	}
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			withScan(t, 3, func(t *testing.T, all []commandReader[bson.M]) {
				var mu sync.Mutex
				var numbers []int32
				var reading sync.WaitGroup
				for _, r := range all {
					reading.Go(func() {
						if err := way.read(r.reader, func(doc bson.M) {
							mu.Lock()
							defer mu.Unlock()
							numbers = append(numbers, doc["i"].(int32))
						}); err != nil {
							t.Error(err)
						}
					})
				}
				ended := make(chan struct{})
				go func() { defer close(ended); reading.Wait() }()
				receive(t, ended)
				checkEachOnce(t, numbers, 250)
				for _, r := range all {
					if r.Alive() || r.CursorID() != 0 {
						t.Error("a cursor is alive or has an id at its end")
					}
				}
			})
		})
	}
}

func TestParallelScanCloseOneCursor(t *testing.T) {
	withScan(t, 3, func(t *testing.T, all []commandReader[bson.M]) {
		var numbers []int32
		take := func(docs []bson.M, err error) {
			t.Helper()
			noError(t, err)
			for _, doc := range docs {
				numbers = append(numbers, doc["i"].(int32))
			}
		}
		take(all[0].ToList(5))
		for range 2 {
			noError(t, all[0].Close())
		}
		take(all[0].ToList()) // the rest of the batch
		if all[0].Alive() || len(numbers) == 250 {
			t.Errorf("the closed cursor is alive or read on: %d documents", len(numbers))
		}
		for _, r := range all[1:] {
			take(r.ToList())
		}
		checkEachOnce(t, numbers, 250)
	})
}

func TestParallelScanInvalidCursorCount(t *testing.T) {
	withDocuments(t, 1, func(t *testing.T, ops operations) {
		for _, n := range []int{0, -1} {
			if _, err := parallelScan(ops, n); !errors.Is(err, motor.ValueError) {
				t.Errorf("ParallelScan of %d cursors: got %v, want ValueError", n, err)
			}
		}
	})
}

func TestParallelScanEmptyCollection(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		all, err := parallelScan(ops, 2)
		noError(t, err)
		for _, r := range all {
			if docs, err := r.ToList(); docs == nil || len(docs) != 0 || err != nil || r.Alive() {
				t.Errorf("ToList() = %v, %v, alive %t; want an empty list, false", docs, err, r.Alive())
			}
		}
	})
}
