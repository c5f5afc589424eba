package bsoncodec

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// The driver's encoder stores some values as something else, without an error: a struct that has only unexported fields
// (big.Int, netip.Addr, the errors of errors.New) as an empty document, and a date that BSON cannot hold as another date.
// findLoss finds such values after a value has been encoded. It follows the encoder: types with a marshaler or an encoder
// of their own are not inspected.

// lossShape says which part of a type must be inspected. Values of most types need no inspection.
type lossShape struct {
	needed bool  // values may be lost, or contain such values
	hidden bool  // a struct that has fields, but none that is encoded
	fields []int // of a struct: those to inspect
}

var lossShapes sync.Map // of *lossShape, by reflect.Type

func lossShapeOf(t reflect.Type) *lossShape {
	if known, ok := lossShapes.Load(t); ok {
		return known.(*lossShape)
	}
	s := &lossShape{needed: mayLose(t, make(map[reflect.Type]bool))}
	if t.Kind() == reflect.Struct {
		s.hidden = hidesFields(t)
		for i := range t.NumField() {
			if f := t.Field(i); isEncoded(f) && mayLose(f.Type, make(map[reflect.Type]bool)) {
				s.fields = append(s.fields, i)
			}
		}
	}
	lossShapes.Store(t, s)
	return s
}

// mayLose reports whether values of type t, which is part of the types of outer, must be inspected.
func mayLose(t reflect.Type, outer map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() || hidesFields(t) {
			return true
		}
	default:
		return false
	}
	if outer[t] {
		return false // it is inspected if another part of it must be
	}
	outer[t] = true
	if t.Kind() != reflect.Struct {
		return mayLose(t.Elem(), outer)
	}
	for i := range t.NumField() {
		if f := t.Field(i); isEncoded(f) && mayLose(f.Type, outer) {
			return true
		}
	}
	return false
}

// hidesFields reports whether a struct has fields, and only unexported ones.
func hidesFields(t reflect.Type) bool {
	for i := range t.NumField() {
		if f := t.Field(i); f.PkgPath == "" || f.Anonymous {
			return false
		}
	}
	return t.NumField() > 0
}

// findLoss returns an error that names the key and the type of a value within v that would be lost.
func (c *Codec) findLoss(v any) error {
	value := reflect.ValueOf(v)
	if !value.IsValid() || !lossShapeOf(value.Type()).needed {
		return nil
	}
	return c.inspect(value, nil, 0)
}

// inspect is findLoss for the value at a path of keys.
func (c *Codec) inspect(v reflect.Value, path []string, depth int) error {
	if !v.IsValid() || isLeaf(v.Kind()) || depth > 2*MaxDepth {
		return nil
	}
	t := v.Type()
	shape := lossShapeOf(t)
	if !shape.needed || isMarshaler(t) || isMarshaler(reflect.PointerTo(t)) && v.CanAddr() {
		return nil
	}
	depth++
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return c.inspect(v.Elem(), path, depth)
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			return checkDate(v, path)
		}
		if c.hasEncoder(t) {
			return nil
		}
		if shape.hidden {
			return lossError(path, "a %s has no exported fields: it would be stored as an empty document", t)
		}
		for _, i := range shape.fields {
			f := t.Field(i)
			if f.Anonymous && hidesFields(indirect(f.Type)) {
				continue // embedded for its methods, such as a sync.Mutex
			}
			if err := c.inspect(v.Field(i), append(path, fieldName(f)), depth); err != nil {
				return err
			}
		}
	case reflect.Map:
		if c.hasEncoder(t) {
			return nil
		}
		for entries := v.MapRange(); entries.Next(); {
			if err := c.inspect(entries.Value(), append(path, fmt.Sprint(entries.Key())), depth); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		if d, ok := reflect.TypeAssert[bson.D](v); ok {
			for _, e := range d {
				if err := c.inspect(reflect.ValueOf(e.Value), append(path, e.Key), depth); err != nil {
					return err
				}
			}
			return nil
		}
		for i := range v.Len() {
			if err := c.inspect(v.Index(i), append(path, strconv.Itoa(i)), depth); err != nil {
				return err
			}
		}
	}
	return nil
}

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// checkDate returns an error for a date whose milliseconds need more than 64 bits.
func checkDate(v reflect.Value, path []string) error {
	if !v.CanInterface() {
		return nil
	}
	if date := v.Interface().(time.Time); !inRange(date) {
		return lossError(path, "the date of the year %d is out of range", date.Year())
	}
	return nil
}

// inRange reports whether the milliseconds of a date fit into 64 bits.
func inRange(date time.Time) bool {
	const most = math.MaxInt64/1000 - 1 // seconds
	s := date.Unix()
	return -most <= s && s <= most
}

// lossError returns an error for the value at a path. A value without a path is the document itself.
func lossError(path []string, format string, args ...any) error {
	text := fmt.Sprintf(format, args...)
	if len(path) == 0 {
		return fmt.Errorf("%s", text)
	}
	return fmt.Errorf("key %q: %s", strings.Join(path, "."), text)
}

// fieldName returns the key of a field.
func fieldName(f reflect.StructField) string {
	if name, _, _ := strings.Cut(bsonTag(f), ","); name != "" {
		return name
	}
	return strings.ToLower(f.Name)
}

// plainEncoders are the types of the driver's encoders for structs and maps that have no encoder of their own.
var plainEncoders = sync.OnceValue(func() (all [2]reflect.Type) {
	registry := bson.NewRegistry()
	for i, t := range []reflect.Type{reflect.TypeFor[struct{ A int }](), reflect.TypeFor[map[string]any]()} {
		if e, err := registry.LookupEncoder(t); err == nil {
			all[i] = reflect.TypeOf(e)
		}
	}
	return all
})

var defaultRegistry = sync.OnceValue(bson.NewRegistry)

// hasEncoder reports whether the registry has an encoder for a type other than that for all structs or maps.
func (c *Codec) hasEncoder(t reflect.Type) bool {
	registry := c.Registry
	if registry == nil {
		registry = defaultRegistry()
	}
	e, err := registry.LookupEncoder(t)
	if err != nil {
		return true // it has failed already
	}
	plain := plainEncoders()
	used := reflect.TypeOf(e)
	return used != plain[0] && used != plain[1]
}
