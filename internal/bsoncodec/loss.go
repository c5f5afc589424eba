package bsoncodec

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// The driver's encoder stores some values as something else, without an error:
//
//   - a struct that has only unexported fields (big.Int, netip.Addr, the errors of errors.New) as an empty document,
//   - a struct whose marshaler has a pointer receiver as one without a marshaler, if it has no address,
//   - a bson.RawArray as binary data,
//   - options of a regular expression that are not UTF-8 as other options,
//   - a date that BSON cannot hold as another date.
//
// findLoss finds such values after a value has been encoded. It follows the encoder: types with a marshaler or an encoder of
// their own are not inspected.

// lossShape says which part of a type must be inspected. Values of most types need no inspection.
type lossShape struct {
	needed   bool  // values may be lost, or contain such values
	hidden   bool  // a struct that has fields, but none that is encoded
	embedded bool  // likewise, if the registry encodes no unexported embedded structs; that of mgo does
	fields   []int // of a struct: those to inspect
}

var lossShapes sync.Map // of *lossShape, by reflect.Type

func lossShapeOf(t reflect.Type) *lossShape {
	if known, ok := lossShapes.Load(t); ok {
		return known.(*lossShape)
	}
	s := &lossShape{needed: mayLose(t, make(map[reflect.Type]bool))}
	if t.Kind() == reflect.Struct {
		s.hidden, s.embedded = hidesFields(t)
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
		if t == reflect.TypeFor[bson.RawArray]() {
			return true
		}
	case reflect.Struct:
		switch _, hides := hidesFields(t); {
		case hides, t == reflect.TypeFor[time.Time](), t == reflect.TypeFor[bson.Regex]():
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

// hidesFields reports whether a struct has fields, and none that is encoded: with any registry, and with one that encodes
// no unexported embedded structs.
func hidesFields(t reflect.Type) (always, plain bool) {
	always = t.NumField() > 0
	plain = always
	for i := range t.NumField() {
		f := t.Field(i)
		always = always && f.PkgPath != "" && !f.Anonymous
		plain = plain && f.PkgPath != ""
	}
	return always, plain
}

// isLock reports whether a struct has only fields that hold no data: those of package sync.
func isLock(t reflect.Type) bool {
	if t.Kind() != reflect.Struct || t.NumField() == 0 {
		return false
	}
	if t.PkgPath() == "sync" {
		return true
	}
	for i := range t.NumField() {
		if !isLock(t.Field(i).Type) {
			return false
		}
	}
	return true
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
		if regex, ok := reflect.TypeAssert[bson.Regex](v); ok && !utf8.ValidString(regex.Options) { // the driver sorts them as runes
			return &textError{path: []byte(strings.Join(path, ".")), text: []byte(regex.Options)}
		}
		if scoped, ok := reflect.TypeAssert[bson.CodeWithScope](v); ok {
			return c.inspect(reflect.ValueOf(scoped.Scope), append(path, "scope"), depth)
		}
		if c.hasEncoder(t) {
			return nil
		}
		if shape.hidden || shape.embedded && c.Registry == nil {
			return lossError(path, "a %s has no exported fields: it would be stored as an empty document", t)
		}
		for _, i := range shape.fields {
			f := t.Field(i)
			if f.PkgPath != "" && c.Registry == nil || f.Anonymous && isLock(indirect(f.Type)) || c.isOmitted(f, v.Field(i)) {
				continue
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
		if t == reflect.TypeFor[bson.RawArray]() && !c.hasEncoder(t) {
			return lossError(path, "a bson.RawArray would be stored as binary data: use a bson.RawValue of its bytes and bson.TypeArray")
		}
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

// isOmitted reports whether the driver leaves out the value of a field of a struct because it is zero.
func (c *Codec) isOmitted(f reflect.StructField, v reflect.Value) bool {
	set := c.Options
	if set == nil {
		set = new(options.BSONOptions)
	}
	if _, flags, _ := strings.Cut(bsonTag(f), ","); !set.OmitEmpty && !slices.Contains(strings.Split(flags, ","), "omitempty") {
		return false
	}
	if v.Kind() == reflect.Pointer && v.IsNil() || !v.CanInterface() {
		return false
	}
	if z, ok := v.Interface().(bson.Zeroer); ok {
		return z.IsZero()
	}
	return v.Kind() == reflect.Struct && set.OmitZeroStruct && v.IsZero()
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

// plainEncoders are the types of the driver's encoders for structs, maps and lists that have no encoder of their own, and
// for values without an address whose marshaler has a pointer receiver.
var plainEncoders = sync.OnceValue(func() (all [4]reflect.Type) {
	registry := bson.NewRegistry()
	for i, t := range []reflect.Type{
		reflect.TypeFor[struct{ A int }](), reflect.TypeFor[map[string]any](), reflect.TypeFor[[]string](), reflect.TypeFor[pointerMarshaler](),
	} {
		if e, err := registry.LookupEncoder(t); err == nil {
			all[i] = reflect.TypeOf(e)
		}
	}
	return all
})

type pointerMarshaler struct{}

func (*pointerMarshaler) MarshalBSON() ([]byte, error) { return nil, nil }

var defaultRegistry = sync.OnceValue(bson.NewRegistry)

// hasEncoder reports whether the registry has an encoder for a type other than that for all structs, maps or lists. The
// encoder of values whose marshaler has a pointer receiver calls it only for values with an address, which the caller has
// excluded.
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
	return !slices.Contains(plain[:], reflect.TypeOf(e))
}
