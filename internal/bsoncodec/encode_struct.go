package bsoncodec

import (
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
	"unsafe"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// structure writes a struct, or what a pointer to one points to, as its plan says. It returns false if there is no plan,
// or if a value is one that the plan does not expect.
func (w *writer) structure(v any) bool {
	value := reflect.ValueOf(v)
	p := planOf(value.Type())
	if p == nil {
		return false
	}
	if p.kind == planPointer {
		if value.IsNil() {
			return false
		}
		return w.fields(p.elem, value.UnsafePointer())
	}
	return w.fields(p, addressOf(value))
}

// addressOf returns the address of a copy of a value. The value is in an interface, and has no address.
func addressOf(value reflect.Value) unsafe.Pointer {
	copied := reflect.New(value.Type())
	copied.Elem().Set(value)
	return copied.UnsafePointer()
}

// fields writes the struct at src.
func (w *writer) fields(p *plan, src unsafe.Pointer) bool {
	begin, ok := w.open()
	if !ok {
		return false
	}
	for i := range p.fields {
		f := &p.fields[i]
		at := unsafe.Add(src, f.offset)
		if f.omitEmpty && f.plan.empty(at) {
			continue
		}
		t := len(w.b)
		w.b = append(append(append(w.b, 0), f.name...), 0)
		if !w.from(f.plan, t, at, f.minSize) {
			return false
		}
	}
	return w.close(begin)
}

// zeroers are the special types with a method IsZero.
var zeroers = []planKind{planTime, planObjectID, planTimestamp, planDecimal}

// empty reports whether omitempty leaves out the value at src.
func (p *plan) empty(src unsafe.Pointer) bool {
	switch p.kind {
	case planString:
		return *(*string)(src) == ""
	case planTime:
		return (*time.Time)(src).IsZero()
	case planDecimal:
		return (*bson.Decimal128)(src).IsZero()
	case planStruct:
		return false
	case planBytes, planList, planD:
		return len(*(*[]struct{})(src)) == 0
	case planPointer:
		to := *(*unsafe.Pointer)(src)
		// The driver calls IsZero of the special types through a pointer too.
		return to == nil || slices.Contains(zeroers, p.elem.kind) && p.elem.empty(to)
	case planMap, planM:
		return reflect.NewAt(p.typ, src).Elem().Len() == 0
	}
	return reflect.NewAt(p.typ, src).Elem().IsZero()
}

// from writes the value at src, whose type has the plan p, and sets its type at b[t].
func (w *writer) from(p *plan, t int, src unsafe.Pointer, minSize bool) bool {
	switch p.kind {
	case planString:
		return w.text(t, bson.TypeString, *(*string)(src))
	case planInt:
		return w.integer(p, t, src, minSize)
	case planFloat:
		if p.typ.Kind() == reflect.Float32 {
			return w.int64(t, bson.TypeDouble, int64(math.Float64bits(float64(*(*float32)(src)))))
		}
		return w.int64(t, bson.TypeDouble, int64(math.Float64bits(*(*float64)(src))))
	case planBool:
		return w.value(t, *(*bool)(src))
	case planTime:
		date := *(*time.Time)(src)
		return inRange(date) && w.int64(t, bson.TypeDateTime, int64(bson.NewDateTimeFromTime(date)))
	case planObjectID:
		w.setType(t, bson.TypeObjectID)
		w.b = append(w.b, (*bson.ObjectID)(src)[:]...)
		return true
	case planDateTime:
		return w.int64(t, bson.TypeDateTime, *(*int64)(src))
	case planTimestamp:
		return w.rare(t, *(*bson.Timestamp)(src))
	case planDecimal:
		return w.rare(t, *(*bson.Decimal128)(src))
	case planBytes:
		data := *(*[]byte)(src)
		return data == nil && w.null(t) || data != nil && w.binary(t, 0, data)
	case planD:
		return w.value(t, *(*bson.D)(src))
	case planM:
		return w.value(t, *(*bson.M)(src))
	case planAny:
		return w.any(t, *(*any)(src), minSize)
	case planStruct:
		w.setType(t, bson.TypeEmbeddedDocument)
		return w.fields(p, src)
	case planPointer:
		to := *(*unsafe.Pointer)(src)
		return to == nil && w.null(t) || to != nil && w.from(p.elem, t, to, minSize)
	case planList:
		return w.elements(p, t, src, minSize)
	case planMap:
		return w.entries(p, t, src, minSize)
	}
	return false
}

// any writes a value of any type.
func (w *writer) any(t int, v any, minSize bool) bool {
	if minSize {
		return false // it concerns the numbers within
	}
	return w.value(t, v)
}

func (w *writer) integer(p *plan, t int, src unsafe.Pointer, minSize bool) bool {
	var n int64
	switch p.typ.Kind() {
	case reflect.Int8:
		return w.int32(t, int32(*(*int8)(src)))
	case reflect.Int16:
		return w.int32(t, int32(*(*int16)(src)))
	case reflect.Int32:
		return w.int32(t, *(*int32)(src))
	case reflect.Uint8:
		return w.int32(t, int32(*(*uint8)(src)))
	case reflect.Uint16:
		return w.int32(t, int32(*(*uint16)(src)))
	case reflect.Int:
		n, minSize = int64(*(*int)(src)), true // the driver always writes it as small as it can
	case reflect.Int64:
		n = *(*int64)(src)
	case reflect.Uint32:
		n = int64(*(*uint32)(src))
	case reflect.Uint:
		n = int64(*(*uint)(src))
	case reflect.Uint64:
		n = int64(*(*uint64)(src))
	}
	if n < 0 && p.typ.Kind() >= reflect.Uint {
		return false // it is greater than 64 bits with a sign can be
	}
	if minSize && int64(int32(n)) == n {
		return w.int32(t, int32(n))
	}
	return w.int64(t, bson.TypeInt64, n)
}

// elements writes a list.
func (w *writer) elements(p *plan, t int, src unsafe.Pointer, minSize bool) bool {
	list := *(*[]struct{})(src) // only its length is used
	data := *(*unsafe.Pointer)(src)
	if data == nil {
		return w.null(t)
	}
	w.setType(t, bson.TypeArray)
	begin, ok := w.open()
	if !ok {
		return false
	}
	size := p.elem.typ.Size()
	for i := range list {
		t := len(w.b)
		w.b = append(strconv.AppendInt(append(w.b, 0), int64(i), 10), 0)
		if !w.from(p.elem, t, unsafe.Add(data, uintptr(i)*size), minSize) {
			return false
		}
	}
	return w.close(begin)
}

// entries writes a map.
func (w *writer) entries(p *plan, t int, src unsafe.Pointer, minSize bool) bool {
	m := reflect.NewAt(p.typ, src).Elem()
	if m.IsNil() {
		return w.null(t)
	}
	w.setType(t, bson.TypeEmbeddedDocument)
	begin, ok := w.open()
	if !ok {
		return false
	}
	value := reflect.New(p.elem.typ)
	for entries := m.MapRange(); entries.Next(); {
		key := entries.Key().String()
		if strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key) {
			return false
		}
		value.Elem().SetIterValue(entries)
		t := len(w.b)
		w.b = append(append(append(w.b, 0), key...), 0)
		if !w.from(p.elem, t, value.UnsafePointer(), minSize) {
			return false
		}
	}
	return w.close(begin)
}
