package contract_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

func TestCursorSortSkipLimit(t *testing.T) {
	withDocuments(t, 25, func(t *testing.T, ops operations) {
		r := ops.Find(bson.M{"i": bson.M{"$lt": 20}})
		r.cursor.Sort("i", motor.Descending).Skip(2).Limit(3)
		docs, err := r.ToList()
		noError(t, err)
		var got []any
		for _, doc := range docs {
			got = append(got, doc["i"])
		}
		if fmt.Sprint(got) != "[17 16 15]" {
			t.Errorf("got %v, want [17 16 15]", got)
		}
	})
}

func TestCursorCloneIsUnread(t *testing.T) {
	withDocuments(t, 5, func(t *testing.T, ops operations) {
		r := ops.Find(bson.M{"i": bson.M{"$gt": 0}})
		r.cursor.Sort("_id")
		_, err := r.ToList(2)
		noError(t, err)
		clone := queryOf(ops, r.cursor.Clone().Limit(2))
		if clone.Started() || clone.cursor.Collection() != r.cursor.Collection() {
			t.Error("the clone is started or has another collection")
		}
		docs, err := clone.ToList()
		if len(docs) != 2 || !isNumber(docs[0], 1) || err != nil {
			t.Errorf("ToList() of the clone = %v, %v; want documents 1 and 2", docs, err)
		}
		if docs, err := r.ToList(); len(docs) != 2 || !isNumber(docs[0], 3) || err != nil {
			t.Errorf("ToList() of the original = %v, %v; want 2 documents from 3 on", docs, err)
		}
	})
}

func TestCursorRewind(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r queryReader[bson.M]) {
		for _, n := range []int{3, 12, 25, 0} { // part of a batch, more than one batch, all documents, none
			if n == 0 {
				noError(t, r.Close())
			} else if docs, err := r.ToList(n); len(docs) != n || !isNumber(docs[0], 0) || err != nil {
				t.Errorf("%d documents, %v; want the first %d", len(docs), err, n)
			}
			if r.cursor.Rewind() != r.cursor {
				t.Error("Rewind returned another cursor")
			}
			if r.Started() || !r.Alive() || r.Closed() || r.CursorID() != 0 || r.NextObject() != nil {
				t.Error("after Rewind: want the state of an unread cursor")
			}
		}
		if docs, err := r.ToList(); len(docs) != 25 || err != nil {
			t.Errorf("%d documents, %v; want 25", len(docs), err)
		}
	})
}

func TestCursorCloseBeforeFirstRead(t *testing.T) {
	withCursor(t, 5, func(t *testing.T, r queryReader[bson.M]) {
		noError(t, r.Close())
		if docs, err := r.ToList(); docs == nil || len(docs) != 0 || err != nil {
			t.Errorf("%v, %v; want an empty list", docs, err)
		}
		if more, err := r.FetchNext(); more || err != nil {
			t.Errorf("FetchNext() = %t, %v; want false", more, err)
		}
		if _, err := r.Next(); !errors.Is(err, motor.StopAsyncIteration) {
			t.Errorf("Next: %v, want StopAsyncIteration", err)
		}
	})
}

func TestCursorToListZeroSendsQuery(t *testing.T) {
	withCursor(t, 15, func(t *testing.T, r queryReader[bson.M]) {
		docs, err := r.ToList(0)
		if docs == nil || len(docs) != 0 || err != nil || !r.Started() || r.CursorID() == 0 {
			t.Errorf("ToList(0) = %v, %v, id %d; want an empty list and a server cursor", docs, err, r.CursorID())
		}
		if docs, err := r.ToList(); len(docs) != 15 || err != nil {
			t.Errorf("ToList() = %d documents, %v; want 15", len(docs), err)
		}
	})
}

func TestCursorToListInvalidLength(t *testing.T) {
	withCursor(t, 1, func(t *testing.T, r queryReader[bson.M]) {
		if _, err := r.ToList(-1); !errors.Is(err, motor.ValueError) {
			t.Errorf("ToList(-1): %v, want ValueError", err)
		}
		if _, err := r.ToList(1, 2); !errors.Is(err, motor.TypeError) {
			t.Errorf("ToList(1, 2): %v, want TypeError", err)
		}
		if r.Started() {
			t.Error("the cursor was read")
		}
		r.cursor.AddOption(motor.QueryFlagTailable)
		if _, err := r.ToList(); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("ToList of a tailable cursor: %v, want InvalidOperation", err)
		}
	})
}

func TestCursorStartedAddressSession(t *testing.T) {
	for _, kind := range cursorKinds {
		if kind.name == "of a command" { // its command is sent before the cursor exists
			continue
		}
		t.Run(kind.name, func(t *testing.T) {
			withDocuments(t, 3, func(t *testing.T, ops operations) {
				r, client := kind.cursor(t, ops), collectionOf(ops).Database().Client()
				if _, ok := r.Address(); ok || r.Started() || r.Session() != nil {
					t.Error("the cursor has an address, a session or is started before its first read")
				}
				_, err := r.Next()
				noError(t, err)
				want, _ := client.Address()
				if at, ok := r.Address(); !ok || at != want || !r.Started() || r.Session() != nil {
					t.Errorf("address %v, want %v; started %t, want true", at, want, r.Started())
				}
			})
		})
	}
}

func TestCursorCountWithLimitAndSkip(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r queryReader[bson.M]) {
		r.cursor.Skip(20).Limit(10)
		if n, err := r.Count(false); n != 25 || err != nil {
			t.Errorf("Count(false) = %d, %v; want 25", n, err)
		}
		if n, err := r.Count(true); n != 5 || err != nil {
			t.Errorf("Count(true) = %d, %v; want 5", n, err)
		}
		if docs, err := r.ToList(); len(docs) != 5 || err != nil {
			t.Errorf("ToList() = %d documents, %v; want 5", len(docs), err)
		}
	})
}

func TestCursorDistinctAndExplain(t *testing.T) {
	withCursor(t, 5, func(t *testing.T, r queryReader[bson.M]) {
		if values, err := r.Distinct("i"); len(values) != 5 || values[0] != int32(0) || err != nil {
			t.Errorf("Distinct() = %v, %v; want 5 values from 0 on", values, err)
		}
		if plan, err := r.Explain(); plan["queryPlanner"] == nil || err != nil {
			t.Errorf("Explain() = %v, %v; want a queryPlanner", plan, err)
		}
		if r.Started() {
			t.Error("Distinct or Explain started the cursor")
		}
	})
}

func TestCursorSliceAndIndex(t *testing.T) {
	type cursor = *motor.Cursor[bson.M]
	withDocuments(t, 25, func(t *testing.T, ops operations) {
		for _, c := range []struct {
			name        string
			slice       func(cursor) cursor
			first, want int
		}{
			{"[5:8]", func(c cursor) cursor { return c.Slice(5, 8) }, 5, 3},
			{"[20:]", func(c cursor) cursor { return c.Slice(20) }, 20, 5},
			{"[20:100]", func(c cursor) cursor { return c.Slice(20, 100) }, 20, 5},
			{"[:0]", func(c cursor) cursor { return c.Slice(0, 0) }, 0, 0},
			{"[5:5]", func(c cursor) cursor { return c.Slice(5, 5) }, 0, 0},
			{"[5:5], cloned", func(c cursor) cursor { return c.Slice(5, 5).Clone() }, 0, 0},
			{"[5:5], then [3]", func(c cursor) cursor { return c.Slice(5, 5).Index(3) }, 8, 1},
			{"[5:5], then 2", func(c cursor) cursor { return c.Slice(5, 5).Limit(2) }, 5, 2},
			{"[7]", func(c cursor) cursor { return c.Index(7) }, 7, 1},
			{"[7] after 10", func(c cursor) cursor { return c.Skip(10).Index(7) }, 17, 1},
			{"[25], past the end", func(c cursor) cursor { return c.Index(25) }, 0, 0},
			{"forgets Skip", func(c cursor) cursor { return c.Skip(9).Limit(9).Slice(1, 3) }, 1, 2},
		} {
			docs, err := queryOf(ops, c.slice(collectionOf(ops).Find(bson.D{}).Sort("_id").BatchSize(10))).ToList()
			if len(docs) != c.want || err != nil || c.want > 0 && !isNumber(docs[0], c.first) {
				t.Errorf("%s: %v, %v; want %d documents from %d on", c.name, docs, err, c.want, c.first)
			}
		}
	})
}

func TestCursorEmptySliceDoesNoIO(t *testing.T) {
	inBothStylesOf(t, func(t *testing.T) *motor.Collection[bson.M] {
		return newClient(t).Database("d").Collection("c")
	}, func(t *testing.T, ops operations) {
		r := ops.Find(bson.D{})
		r.cursor.Slice(5, 5)
		docs, err := r.ToList()
		if docs == nil || len(docs) != 0 || err != nil || r.Alive() {
			t.Errorf("ToList() = %v, %v, alive %t; want an empty list, false", docs, err, r.Alive())
		}
		if more, err := r.FetchNext(); more || err != nil {
			t.Errorf("FetchNext() = %t, %v; want false", more, err)
		}
		each(t, r.reader, func(_ int, doc bson.M, err error) (goOn, over bool) {
			if doc != nil || err != nil {
				t.Errorf("Each: %v, %v; want nil, nil", doc, err)
			}
			return true, true
		})
		if _, ok := r.Address(); ok {
			t.Error("the query was sent")
		}
	})
}
