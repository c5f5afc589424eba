package bsoncodec

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// plan says how values of a type are read and written without the driver. There are plans for plain values, lists, maps
// and structs of them. For all other types, such as those with a marshaler, there is none, and the driver does
// the work. It also does for the values that a plan does not expect: those are rare, or errors.
type plan struct {
	kind   planKind
	typ    reflect.Type
	elem   *plan   // of a pointer, a list or a map
	fields []field // of a struct
	byName map[string]int
}

// field is a field of a struct, or of a struct that is inlined in it.
type field struct {
	name      string
	offset    uintptr
	plan      *plan
	omitEmpty bool
	minSize   bool
}

type planKind uint8

const (
	planString planKind = iota
	planBool
	planInt // of any size and sign
	planFloat
	planTime
	planObjectID
	planDateTime
	planTimestamp
	planDecimal
	planBytes
	planAny
	planD
	planM
	planStruct
	planPointer
	planList
	planMap
)

// special are the types that are not read and written as their kind says.
var special = map[reflect.Type]planKind{
	reflect.TypeFor[time.Time]():       planTime,
	reflect.TypeFor[bson.ObjectID]():   planObjectID,
	reflect.TypeFor[bson.DateTime]():   planDateTime,
	reflect.TypeFor[bson.Timestamp]():  planTimestamp,
	reflect.TypeFor[bson.Decimal128](): planDecimal,
	reflect.TypeFor[[]byte]():          planBytes,
	reflect.TypeFor[any]():             planAny,
	reflect.TypeFor[bson.D]():          planD,
	reflect.TypeFor[bson.M]():          planM,
}

// unplanned are packages whose types the driver treats in ways of their own.
var unplanned = []string{reflect.TypeFor[bson.D]().PkgPath(), "net/url", "encoding/json"}

// ownWays are the interfaces of types that encode or decode themselves, or say when they are empty.
var ownWays = []reflect.Type{
	reflect.TypeFor[bson.Marshaler](), reflect.TypeFor[bson.ValueMarshaler](), reflect.TypeFor[bson.Unmarshaler](),
	reflect.TypeFor[bson.ValueUnmarshaler](), reflect.TypeFor[bson.Zeroer](),
}

var plans sync.Map // of *plan, nil if there is none, by reflect.Type

// planOf returns the plan for a struct, or a pointer to one. It returns nil if there is none, or for another type.
func planOf(t reflect.Type) *plan {
	if of := indirect(t); of.Kind() != reflect.Struct || special[of] != 0 {
		return nil
	}
	return planOfAny(t)
}

// planOfAny returns the plan for a type, or nil if there is none.
func planOfAny(t reflect.Type) *plan {
	if known, ok := plans.Load(t); ok {
		return known.(*plan)
	}
	known, _ := plans.LoadOrStore(t, planner{}.plan(t))
	return known.(*plan)
}

// planner has the plans of the types that are part of a type. They may contain each other.
type planner map[reflect.Type]*plan

// plan returns the plan for a type, or nil.
func (all planner) plan(t reflect.Type) *plan {
	if p, ok := all[t]; ok {
		return p
	}
	p := &plan{typ: t}
	all[t] = p
	if kind, ok := special[t]; ok {
		p.kind = kind
		return p
	}
	// A pointer to a special type has the methods of that type, of which [plan.empty] knows IsZero.
	_, toSpecial := special[indirect(t)]
	if slices.Contains(unplanned, t.PkgPath()) || !toSpecial && t.Kind() != reflect.Interface && slices.ContainsFunc(ownWays, func(way reflect.Type) bool {
		return t.Implements(way) || reflect.PointerTo(t).Implements(way)
	}) {
		return nil
	}
	switch t.Kind() {
	case reflect.String:
		p.kind = planString
	case reflect.Bool:
		p.kind = planBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		p.kind = planInt
	case reflect.Float32, reflect.Float64:
		p.kind = planFloat
	case reflect.Pointer:
		p.kind = planPointer
		p.elem = all.plan(t.Elem())
		if p.elem == nil || p.elem.kind == planPointer || p.elem.kind == planAny {
			return nil
		}
	case reflect.Slice:
		p.kind = planList
		if t.Elem().Kind() == reflect.Uint8 || t.Elem() == reflect.TypeFor[bson.E]() {
			return nil
		}
		if p.elem = all.plan(t.Elem()); p.elem == nil {
			return nil
		}
	case reflect.Map:
		p.kind = planMap
		if t.Key() != reflect.TypeFor[string]() {
			return nil
		}
		if p.elem = all.plan(t.Elem()); p.elem == nil {
			return nil
		}
	case reflect.Struct:
		p.kind = planStruct
		if _, hides := hidesFields(t); hides || !all.fields(p, t, 0) {
			return nil
		}
		p.byName = make(map[string]int, len(p.fields))
		for i, f := range p.fields {
			p.byName[f.name] = i
		}
		if len(p.byName) < len(p.fields) {
			return nil // the driver decides between fields of the same name
		}
	default:
		return nil
	}
	return p
}

// fields adds the fields of a struct that is at an offset.
func (all planner) fields(p *plan, t reflect.Type, offset uintptr) bool {
	for i := range t.NumField() {
		f := t.Field(i)
		tag := bsonTag(f)
		if f.PkgPath != "" || tag == "-" {
			continue
		}
		flags := strings.Split(tag, ",")
		if slices.Contains(flags, "inline") {
			// A struct with a name of its own would have to be planned first, since it could inline itself.
			if f.Type.Kind() != reflect.Struct || inlinesOneOf(f.Type, nil) || all.plan(f.Type) == nil || special[f.Type] != 0 ||
				!all.fields(p, f.Type, offset+f.Offset) {
				return false
			}
			continue
		}
		one := field{
			name: fieldName(f), offset: offset + f.Offset, plan: all.plan(f.Type),
			omitEmpty: slices.Contains(flags, "omitempty"), minSize: slices.Contains(flags, "minsize"),
		}
		if one.plan == nil || strings.IndexByte(one.name, 0) >= 0 || !utf8.ValidString(one.name) {
			return false
		}
		p.fields = append(p.fields, one)
	}
	return true
}
