package bsoncodec

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The driver's encoder has no bound: a value that contains itself makes the stack overflow. So depthOf inspects the value
// first. Nearly all values are shallow, and the driver encodes them directly. Values that are deep or contain themselves
// may be valid, since a registered encoder may stop the recursion. They are encoded through a depthWriter, which counts
// the levels that are written. Loops in which nothing is written to a depthWriter are refused beforehand.

// depth says how deep a value can be encoded.
type depth int

const (
	shallow depth = iota // less than MaxDepth
	deep                 // maybe more; a depthWriter must count
	endless              // infinitely deep, in a way that a depthWriter cannot detect
)

// depthOf returns how deep the encoding of a value can be.
func depthOf(v any) depth {
	value := reflect.ValueOf(v)
	if !value.IsValid() || !shapeOf(value.Type()).unbounded || !new(walk).tooDeep(value, 0, 0) {
		return shallow
	}
	again := walk{seen: make(map[visit]bool)}
	if again.tooDeep(value, 0, 0) {
		return endless
	}
	return deep
}

// walk goes through a value as far as an encoder may go: through pointers, interfaces, maps, lists, and the fields of
// structs that the bson package documents as encoded. It leaves out values with a marshaler.
//
// A first walk, without seen, returns true as soon as a path has more than MaxDepth steps. A second walk counts only
// the steps in which an encoder writes nothing that a depthWriter sees: those through pointers and interfaces, and all
// steps within the scope of a code, which the driver writes to a separate writer. It visits other values once, so
// that it ends for all values.
type walk struct {
	seen    map[visit]bool
	inScope bool
}

// visit is a map or slice that has been seen, or a struct that a pointer points to.
type visit struct {
	at  uintptr
	len int
	typ reflect.Type
}

// tooDeep reports whether a path that leads to v after so many counted steps becomes too long. level counts all steps
// of the second walk, to bound its own stack.
func (w *walk) tooDeep(v reflect.Value, steps, level int) bool {
	if steps > MaxDepth {
		return true
	}
	if !v.IsValid() || isLeaf(v.Kind()) {
		return false
	}
	t := shapeOf(v.Type())
	if !t.unbounded || t.marshals || t.pointerMarshals && v.CanAddr() {
		return false
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return w.tooDeep(v.Elem(), steps+1, level+1)
	case reflect.Struct:
		if t.inlinesItself {
			return true
		}
		if w.seen != nil && !w.inScope && v.Type() == reflect.TypeFor[bson.CodeWithScope]() {
			w.inScope = true
			defer func() { w.inScope = false }()
		}
	}
	steps, level = steps+1, level+1
	if w.seen != nil && !w.inScope {
		if steps = 0; level > 10*MaxDepth || w.revisits(v) {
			return false
		}
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, i := range t.fields {
			if w.tooDeep(v.Field(i), steps, level) {
				return true
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if w.tooDeep(entries.Value(), steps, level) {
				return true
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			if w.tooDeep(v.Index(i), steps, level) {
				return true
			}
		}
	}
	return false
}

// revisits reports whether the walk has been at v, and notes that it has.
func (w *walk) revisits(v reflect.Value) bool {
	at := visit{typ: v.Type()}
	switch {
	case v.Kind() == reflect.Map, v.Kind() == reflect.Slice:
		at.at, at.len = v.Pointer(), v.Len()
	case v.CanAddr():
		at.at = v.Addr().Pointer()
	default:
		return false
	}
	known := w.seen[at]
	w.seen[at] = true
	return known
}

// isLeaf reports whether values of a kind contain no others.
func isLeaf(k reflect.Kind) bool { return k <= reflect.Complex128 || k == reflect.String }
