package bsoncodec

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// shape describes a type for a walk.
type shape struct {
	unbounded       bool  // values can be nested without end, through an interface or through the type itself
	marshals        bool  // values have a marshaler
	pointerMarshals bool  // pointers to values have one
	inlinesItself   bool  // see inlinesOneOf
	fields          []int // of a struct: those that are encoded and unbounded
}

var shapes sync.Map // of *shape, by reflect.Type

func shapeOf(t reflect.Type) *shape {
	if known, ok := shapes.Load(t); ok {
		return known.(*shape)
	}
	s := &shape{
		unbounded:       unbounded(t, make(map[reflect.Type]bool)),
		marshals:        isMarshaler(t),
		pointerMarshals: isMarshaler(reflect.PointerTo(t)),
	}
	if t.Kind() == reflect.Struct {
		s.inlinesItself = inlinesOneOf(t, nil)
		for i := range t.NumField() {
			if f := t.Field(i); isEncoded(f) && unbounded(f.Type, make(map[reflect.Type]bool)) {
				s.fields = append(s.fields, i)
			}
		}
	}
	shapes.Store(t, s)
	return s
}

// isMarshaler reports whether values of a type encode themselves. For an interface type that depends on the value.
func isMarshaler(t reflect.Type) bool {
	if t.Kind() == reflect.Interface {
		return false
	}
	return t.Implements(reflect.TypeFor[bson.Marshaler]()) || t.Implements(reflect.TypeFor[bson.ValueMarshaler]())
}

// unbounded reports whether values of type t, which is part of the types of outer, can be nested without end.
func unbounded(t reflect.Type, outer map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
	default:
		return false
	}
	if outer[t] {
		return true
	}
	outer[t] = true
	defer delete(outer, t)
	if t.Kind() != reflect.Struct {
		return unbounded(t.Elem(), outer)
	}
	for i := range t.NumField() {
		if f := t.Field(i); isEncoded(f) && unbounded(f.Type, outer) {
			return true
		}
	}
	return false
}

// isEncoded reports whether the field of a struct is encoded. It ignores json tags: the driver's encoder caches a type as
// it saw it first, perhaps without the option to use json tags.
func isEncoded(f reflect.StructField) bool {
	return (f.PkgPath == "" || f.Anonymous) && bsonTag(f) != "-"
}

// bsonTag returns the bson tag of a field. A tag string without a colon counts as the bson tag.
func bsonTag(f reflect.StructField) string {
	tag, ok := f.Tag.Lookup("bson")
	if !ok && !strings.Contains(string(f.Tag), ":") {
		tag = string(f.Tag)
	}
	return tag
}

// inlinesOneOf reports whether a struct has the option "inline" on a field whose type is one of outer, or leads to one
// by such fields. The driver looks for the fields of a struct that inlines itself without end, whatever the value.
func inlinesOneOf(t reflect.Type, outer []reflect.Type) bool {
	if slices.Contains(outer, t) {
		return true
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if _, flags, _ := strings.Cut(bsonTag(f), ","); !slices.Contains(strings.Split(flags, ","), "inline") {
			continue
		}
		inner := f.Type
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inlinesOneOf(inner, append(outer, t)) {
			return true
		}
	}
	return false
}
