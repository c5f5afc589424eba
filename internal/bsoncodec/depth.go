package motor

import (
	"reflect"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// checkDepth returns errDepth for a value in which the driver's encoder, which has no bound, would go deeper than
// maxDepth: mostly one that contains itself. It goes where that goes: not into fields that are not encoded, nor into
// types with marshalers or encoders of the user's.
func (c *codec) checkDepth(v any) error {
	value := reflect.ValueOf(v)
	if c.registry == nil && !unbounded(value.Type()) {
		return nil
	}
	d := depthCheck{
		registry: c.registry,
		embedded: c.registry != nil,
	}
	if d.registry == nil {
		d.registry = plainRegistry
	}
	return d.visit(value, 0)
}

// plainRegistry has the driver's own encoders and no others.
var plainRegistry = bson.NewRegistry()

type depthCheck struct {
	registry *bson.Registry
	embedded bool // a registry of the user's may have it that embedded structs are encoded which are not exported
}

// visit checks a value that is inside so many others.
func (d *depthCheck) visit(v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errDepth
	}
	if !v.IsValid() || !d.entered(v) {
		return nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return d.visit(v.Elem(), depth+1)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[bson.E]() {
			return d.visit(v.Field(1), depth+1) // its value: the fields of what is most common need no looking up
		}
		if inlinesItself(v.Type(), nil) {
			return errDepth
		}
		for i := range v.NumField() {
			if d.encoded(v.Type().Field(i)) {
				if err := d.visit(v.Field(i), depth+1); err != nil {
					return err
				}
			}
		}
	case reflect.Map:
		for entries := v.MapRange(); entries.Next(); {
			if err := d.visit(entries.Value(), depth+1); err != nil {
				return err
			}
		}
	case reflect.Slice, reflect.Array:
		if leaf(v.Type().Elem().Kind()) {
			return nil
		}
		for i := range v.Len() {
			if err := d.visit(v.Index(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// entered reports whether a value is encoded by what it consists of.
func (d *depthCheck) entered(v reflect.Value) bool {
	t := v.Type()
	if leaf(t.Kind()) {
		return false
	}
	if t == reflect.TypeFor[bson.E]() || t == reflect.TypeFor[bson.CodeWithScope]() || t == reflect.TypeFor[any]() {
		return true
	}
	if t.Kind() == reflect.Interface {
		return true
	}
	encoder, err := d.registry.LookupEncoder(t)
	if err != nil {
		return false // the driver says so
	}
	if same(encoder, ofItsParts[t.Kind()]) {
		return true
	}
	return reflect.TypeOf(encoder) == reflect.TypeOf(ofAddressed) && !v.CanAddr()
}

// ofItsParts has the driver's encoders that go into a value, by its kind.
var ofItsParts = func() map[reflect.Kind]bson.ValueEncoder {
	encoders := make(map[reflect.Kind]bson.ValueEncoder)
	for _, t := range []reflect.Type{
		reflect.TypeFor[struct{}](), reflect.TypeFor[map[string]string](), reflect.TypeFor[[]string](),
		reflect.TypeFor[[1]string](), reflect.TypeFor[*string](),
	} {
		encoders[t.Kind()], _ = plainRegistry.LookupEncoder(t)
	}
	return encoders
}()

// ofAddressed is the encoder of a type whose pointer has a marshaler. A value of it that cannot be addressed is
// encoded by its parts.
var ofAddressed, _ = plainRegistry.LookupEncoder(reflect.TypeFor[addressed]())

type addressed struct{}

// MarshalBSON implements bson.Marshaler.
func (*addressed) MarshalBSON() ([]byte, error) { return nil, nil }

// same reports whether two encoders do the same: every registry has its own of the driver's.
func same(a, b bson.ValueEncoder) bool {
	f, ok := a.(bson.ValueEncoderFunc)
	g, both := b.(bson.ValueEncoderFunc)
	if ok && both {
		return reflect.ValueOf(f).Pointer() == reflect.ValueOf(g).Pointer()
	}
	return reflect.TypeOf(a) == reflect.TypeOf(b)
}

// encoded reports whether the field of a struct becomes one of a document. A json tag does not leave it out: the
// driver's encoder remembers a type as it saw it first, perhaps without the option to respect json tags.
func (d *depthCheck) encoded(f reflect.StructField) bool {
	if f.PkgPath != "" && !(f.Anonymous && d.embedded) {
		return false
	}
	return bsonTag(f) != "-"
}

// bsonTag returns the tag of a field, which may also stand alone.
func bsonTag(f reflect.StructField) string {
	tag, ok := f.Tag.Lookup("bson")
	if !ok && !strings.Contains(string(f.Tag), ":") {
		tag = string(f.Tag)
	}
	return tag
}

// inlinesItself reports whether the fields of a struct, inside those of others, are to be those of a field of its own
// type: there is no end to them, whatever the value.
func inlinesItself(t reflect.Type, within []reflect.Type) bool {
	if slices.Contains(within, t) {
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
		if inner.Kind() == reflect.Struct && inlinesItself(inner, append(within, t)) {
			return true
		}
	}
	return false
}

// leaf reports whether there is nothing in a value of a kind.
func leaf(k reflect.Kind) bool { return k <= reflect.Complex128 || k == reflect.String }

// unbounded reports whether a value of type t may contain others without end: by an interface, or by its own type.
func unbounded(t reflect.Type) bool {
	if known, ok := unboundedTypes.Load(t); ok {
		return known.(bool)
	}
	is := withoutBound(t, make(map[reflect.Type]bool))
	unboundedTypes.Store(t, is)
	return is
}

var unboundedTypes sync.Map // of bool, by reflect.Type

// withoutBound is unbounded for a type that is in those of within.
func withoutBound(t reflect.Type, within map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Interface:
		return true
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
	default:
		return false
	}
	if within[t] {
		return true
	}
	within[t] = true
	defer delete(within, t)
	if t.Kind() != reflect.Struct {
		return withoutBound(t.Elem(), within)
	}
	for i := range t.NumField() {
		if withoutBound(t.Field(i).Type, within) {
			return true
		}
	}
	return false
}
