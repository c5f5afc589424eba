package contract_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

// each runs Each until fn reports that it is over. It returns the number of calls of fn.
func each(t *testing.T, r reader[bson.M], fn func(n int, doc bson.M, err error) (goOn, over bool)) int {
	t.Helper()
	n, ended := 0, make(chan struct{})
	r.Each(func(doc bson.M, err error) bool {
		n++
		goOn, over := fn(n, doc, err)
		if over {
			close(ended) // a later call panics
		}
		return goOn
	})
	receive(t, ended)
	return n
}

func TestCursorEachEndsWithZeroValues(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		n := each(t, r, func(n int, doc bson.M, err error) (bool, bool) {
			if err != nil || n <= 25 && !isNumber(doc, n-1) {
				t.Errorf("call %d: %v, %v; want the next document, or nil, nil after the last", n, doc, err)
			}
			return true, doc == nil
		})
		if n != 26 {
			t.Errorf("%d calls, want 25 documents and nil, nil", n)
		}
	})
}

func TestCursorEachEmptyResult(t *testing.T) {
	withEveryCursor(t, 0, func(t *testing.T, r reader[bson.M]) {
		each(t, r, func(n int, doc bson.M, err error) (bool, bool) {
			if doc != nil || err != nil {
				t.Errorf("got %v, %v; want nil, nil", doc, err)
			}
			return true, true
		})
	})
}

func TestCursorEachStopsAndContinues(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		each(t, r, func(n int, doc bson.M, _ error) (bool, bool) { return n < 4, n == 4 })
		if !r.Alive() {
			t.Error("Alive() = false after Each was stopped, want true")
		}
		each(t, r, func(n int, doc bson.M, _ error) (bool, bool) {
			if n == 1 && !isNumber(doc, 4) {
				t.Errorf("the second Each starts with %v, want document 4", doc)
			}
			return true, doc == nil
		})
	})
}

func TestCursorEachCloseInCallback(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		calls := make(chan bson.M, 100)
		n := 0
		r.Each(func(doc bson.M, err error) bool {
			calls <- doc
			if n++; n == 3 {
				r.closeInCallback()
			}
			return true
		})
		for range 3 {
			if doc := receive(t, calls); doc == nil {
				t.Error("Each called the function with nil after Close")
			}
		}
		noError(t, r.Close()) // returns after all reads of the cursor
		if len(calls) != 0 {
			t.Errorf("%d further calls after Close, want 0", len(calls))
		}
	})
}

func TestCursorEachError(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertOne(bson.M{})
		noError(t, err)
		n := each(t, ops.Find(bson.M{"$noSuchOperator": 1}).reader, func(n int, doc bson.M, err error) (bool, bool) {
			if doc != nil || !errors.Is(err, motor.OperationFailure) {
				t.Errorf("%v, %v; want an OperationFailure", doc, err)
			}
			return true, true
		})
		if n != 1 {
			t.Errorf("%d calls, want 1", n)
		}
	})
}

func TestCursorEachPanicKeepsCursorOpen(t *testing.T) {
	withEveryCursor(t, 25, func(t *testing.T, r reader[bson.M]) {
		calls := make(chan bson.M, 100)
		r.Each(func(doc bson.M, err error) bool {
			calls <- doc
			panic("this is only a test")
		})
		if doc := receive(t, calls); !isNumber(doc, 0) {
			t.Errorf("Each starts with %v, want document 0", doc)
		}
		if doc, err := r.Next(); !isNumber(doc, 1) || err != nil {
			t.Errorf("Next() = %v, %v; want document 1", doc, err)
		}
		if len(calls) != 0 {
			t.Error("Each called the function after its panic")
		}
	})
}

func TestCursorEachNilFunctionPanics(t *testing.T) {
	withEveryCursor(t, 3, func(t *testing.T, r reader[bson.M]) {
		func() {
			defer func() {
				if err, ok := recover().(error); !ok || !errors.Is(err, motor.TypeError) {
					t.Errorf("panicked with %v, want a TypeError", err)
				}
			}()
			r.Each(nil)
		}()
		if docs, err := r.ToList(); len(docs) != 3 || err != nil {
			t.Errorf("ToList() = %d documents, %v; want 3", len(docs), err)
		}
	})
}
