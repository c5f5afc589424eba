package contract_test

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// everySetter has valid arguments for each method that sets an option of a cursor.
var everySetter = map[string][]any{
	"AddOption":      {motor.QueryFlagNoTimeout},
	"AllowDiskUse":   {true},
	"BatchSize":      {int32(10)},
	"Collation":      {&options.Collation{Locale: "de"}},
	"Comment":        {"why"},
	"Hint":           {"_id_"},
	"Projection":     {[]string{"n"}},
	"Index":          {int64(1)},
	"Limit":          {int64(5)},
	"Max":            {bson.D{{Key: "_id", Value: 9}}},
	"MaxAwaitTimeMS": {int64(5)},
	"MaxScan":        {int64(5)},
	"MaxTimeMS":      {int64(5000)},
	"Min":            {bson.D{{Key: "_id", Value: 0}}},
	"ReadAhead":      {2},
	"RemoveOption":   {motor.QueryFlagTailable},
	"Skip":           {int64(1)},
	"Slice":          {int64(1), int64(3)},
	"Sort":           {"_id"},
	"Where":          {"true"},
}

// callSetter calls a method of a cursor, in either style, and returns its result.
func callSetter(cursor any, method string, args ...any) any {
	in := make([]reflect.Value, len(args))
	for i, arg := range args {
		in[i] = reflect.ValueOf(arg)
	}
	return reflect.ValueOf(cursor).MethodByName(method).Call(in)[0].Interface()
}

// ownCursor returns the cursor of package motor or of package callback.
func ownCursor[D any](r queryReader[D]) any {
	if q, ok := r.query.(calledQuery[D]); ok {
		return q.c
	}
	return r.cursor
}

func TestCursorSettersAreComplete(t *testing.T) {
	for _, cursor := range []reflect.Type{reflect.TypeFor[*motor.Cursor[bson.M]](), reflect.TypeFor[*callback.Cursor[bson.M]]()} {
		for m := range cursor.Methods() {
			_, have := everySetter[m.Name]
			sets := m.Type.NumOut() == 1 && m.Type.Out(0) == cursor && m.Name != "Clone" && m.Name != "Rewind"
			if have != sets {
				t.Errorf("%s.%s in everySetter: %t, want %t", cursor, m.Name, have, sets)
			}
		}
	}
}

func TestCursorSetterReturnsCursorWithoutIO(t *testing.T) {
	client, err := motor.NewClient("mongodb://127.0.0.1:1") // no server listens there
	noError(t, err)
	inBothStylesOf(t, func(*testing.T) *motor.Collection[bson.M] { return client.Database("d").Collection("c") },
		func(t *testing.T, ops operations) {
			for _, method := range slices.Sorted(maps.Keys(everySetter)) {
				args := everySetter[method]
				r := ops.Find(bson.D{})
				if own := ownCursor(r); callSetter(own, method, args...) != own {
					t.Errorf("%s returned another cursor", method)
				}
				if r.Err() != nil || r.Started() || !r.Alive() || r.CursorID() != 0 {
					t.Errorf("%s changed the cursor's state, or failed: %v", method, r.Err())
				}
			}
			if client.Connected() || client.Stats() != (future.PoolStats{}) {
				t.Error("the client was opened or ran an operation")
			}
		})
}

func TestCursorSetterAfterFirstRead(t *testing.T) {
	withCursor(t, 3, func(t *testing.T, r queryReader[bson.M]) {
		for _, method := range slices.Sorted(maps.Keys(everySetter)) {
			args := everySetter[method]
			_, err := r.FetchNext()
			noError(t, err)
			callSetter(ownCursor(r), method, args...)
			if err := r.Err(); !errors.Is(err, motor.InvalidOperation) || !strings.Contains(err.Error(), method) {
				t.Errorf("%s: Err() = %v, want InvalidOperation of that method", method, err)
			}
			if _, err := r.Next(); !errors.Is(err, motor.InvalidOperation) {
				t.Errorf("%s: Next: %v, want InvalidOperation", method, err)
			}
			if r.cursor.Rewind(); r.Err() != nil {
				t.Errorf("%s: Err() after Rewind = %v, want nil", method, r.Err())
			}
		}
	})
}

// Reading ahead changes neither the documents nor their order, whatever reads them.
func TestCursorReadAhead(t *testing.T) {
	const n = 250
	withCursor(t, n, func(t *testing.T, r queryReader[bson.M]) {
		r.cursor.BatchSize(7).ReadAhead(3)
		for i := 0; i < n; {
			doc, err := r.Next()
			noError(t, err)
			docs, err := r.ToList(16)
			noError(t, err)
			for _, doc := range append([]bson.M{doc}, docs...) {
				if !isNumber(doc, i) {
					t.Fatalf("got %v, want number %d", doc, i)
				}
				i++
			}
		}
		if docs, err := r.ToList(); len(docs) != 0 || err != nil {
			t.Errorf("at the end: got %v, %v, want no documents", docs, err)
		}
		_, err := r.cursor.Rewind().Next(t.Context()).Await(t.Context())
		noError(t, err)
		if _, err := r.cursor.Close(t.Context()).Await(t.Context()); err != nil { // two batches wait, and one is on its way
			t.Errorf("Close() = %v, want nil", err)
		}
	})
}

func TestCursorSetterAfterRewind(t *testing.T) {
	withCursor(t, 25, func(t *testing.T, r queryReader[bson.M]) {
		_, err := r.ToList(1)
		noError(t, err)
		r.cursor.Limit(3)
		if _, err := r.Next(); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("Next: %v, want InvalidOperation", err)
		}
		r.cursor.Rewind().Limit(3)
		docs, err := r.ToList()
		if len(docs) != 3 || !isNumber(docs[0], 0) || err != nil {
			t.Errorf("after Rewind: %v, %v; want 3 documents", docs, err)
		}
	})
}

func TestCursorSetterInvalidArgument(t *testing.T) {
	type cursor = *motor.Cursor[bson.M]
	find := func(chain func(cursor) cursor) func(ops operations) cursor {
		return func(ops operations) cursor { return chain(collectionOf(ops).Find(bson.D{})) }
	}
	for _, c := range []struct {
		name   string
		cursor func(operations) cursor
		want   error
	}{
		{"Hint of a map", find(func(c cursor) cursor { return c.Hint(bson.M{"a": 1, "b": 1}) }), motor.TypeError},
		{"Hint of a number", find(func(c cursor) cursor { return c.Hint(5) }), motor.TypeError},
		{"Min of nothing", find(func(c cursor) cursor { return c.Min(nil) }), motor.TypeError},
		{"Max of a map", find(func(c cursor) cursor { return c.Max(bson.M{"a": 1, "b": 1}) }), motor.TypeError},
		{"Where of a number", find(func(c cursor) cursor { return c.Where(5) }), motor.TypeError},
		{"Comment of a function", find(func(c cursor) cursor { return c.Comment(func() {}) }), motor.InvalidDocument},
		{"negative MaxTimeMS", find(func(c cursor) cursor { return c.MaxTimeMS(-1) }), motor.ValueError},
		{"negative MaxAwaitTimeMS", find(func(c cursor) cursor { return c.MaxAwaitTimeMS(-1) }), motor.ValueError},
		{"negative MaxScan", find(func(c cursor) cursor { return c.MaxScan(-1) }), motor.ValueError},
		{"negative Skip", find(func(c cursor) cursor { return c.Skip(-1) }), motor.ValueError},
		{"negative BatchSize", find(func(c cursor) cursor { return c.BatchSize(-1) }), motor.ValueError},
		{"unknown flag", find(func(c cursor) cursor { return c.AddOption(1) }), motor.ValueError},
		{"negative flags", find(func(c cursor) cursor { return c.AddOption(-1) }), motor.ValueError},
		{"removed unknown flag", find(func(c cursor) cursor { return c.RemoveOption(256) }), motor.ValueError},
		{"a limit, then exhaust", find(func(c cursor) cursor { return c.Limit(1).AddOption(motor.QueryFlagExhaust) }), motor.InvalidOperation},
		{"exhaust, then a limit", find(func(c cursor) cursor { return c.AddOption(motor.QueryFlagExhaust).Limit(1) }), motor.InvalidOperation},
		{"Slice from the end", find(func(c cursor) cursor { return c.Slice(-1) }), motor.ValueError},
		{"Slice to the end", find(func(c cursor) cursor { return c.Slice(0, -1) }), motor.ValueError},
		{"Slice backwards", find(func(c cursor) cursor { return c.Slice(3, 2) }), motor.ValueError},
		{"Slice with a step", find(func(c cursor) cursor { return c.Slice(1, 5, 2) }), motor.TypeError},
		{"Index from the end", find(func(c cursor) cursor { return c.Index(-1) }), motor.ValueError},
		{"the first error is kept", find(func(c cursor) cursor { return c.Index(-1).Hint(5) }), motor.ValueError},
		{"Clone keeps the error", find(func(c cursor) cursor { return c.Index(-1).Clone() }), motor.ValueError},
		{"Rewind keeps the error", find(func(c cursor) cursor { return c.Index(-1).Rewind() }), motor.ValueError},
		{"no filter", func(ops operations) cursor { return collectionOf(ops).Find(nil) }, motor.TypeError},
		{"number as filter", func(ops operations) cursor { return collectionOf(ops).Find(5) }, motor.TypeError},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBothStyles(t, func(t *testing.T, ops operations) {
				r := queryOf(ops, c.cursor(ops))
				if !errors.Is(r.Err(), c.want) {
					t.Errorf("Err() = %v, want %v", r.Err(), c.want)
				}
				for _, read := range []struct {
					method string
					call   func() error
				}{
					{"ToList", func() error { _, err := r.ToList(); return err }},
					{"Next", func() error { _, err := r.Next(); return err }},
					{"FetchNext", func() error { _, err := r.FetchNext(); return err }},
					{"Count", func() error { _, err := r.Count(true); return err }},
					{"Distinct", func() error { _, err := r.Distinct("a"); return err }},
					{"Explain", func() error { _, err := r.Explain(); return err }},
				} {
					if err := read.call(); !errors.Is(err, c.want) {
						t.Errorf("%s: %v, want %v", read.method, err, c.want)
					}
				}
				each(t, r.reader, func(_ int, doc bson.M, err error) (goOn, over bool) {
					if doc != nil || !errors.Is(err, c.want) {
						t.Errorf("Each: %v, %v, want %v", doc, err, c.want)
					}
					return true, true
				})
			})
		})
	}
}
