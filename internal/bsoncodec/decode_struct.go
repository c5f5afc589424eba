package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// decodeStruct decodes raw into doc, a pointer, as its plan says. It returns false if there is no plan, or if the document
// has a value that the plan does not expect. In the second case some fields of doc may be set. The driver's decoder sets
// them again.
func (r *reader) decodeStruct(raw bson.Raw, doc any) bool {
	v := reflect.ValueOf(doc)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return false
	}
	p := planOf(v.Type().Elem())
	if p == nil {
		return false
	}
	maps, tzAware := r.maps, r.tzAware
	r.maps, r.tzAware = false, false // as the driver decodes a struct
	next, ok := r.into(p, bson.TypeEmbeddedDocument, raw, 0, v.UnsafePointer())
	r.maps, r.tzAware = maps, tzAware
	if !ok || next != len(raw) {
		_ = r.failure()
		for _, list := range r.anys { // the driver decodes into elements that are there
			*list = nil
		}
	}
	clear(r.anys)
	r.anys = r.anys[:0]
	return ok && next == len(raw)
}

// into decodes the value of type t at b[at:] into the variable at dst, whose type has the plan p. It returns where the
// value ends.
func (r *reader) into(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	if t == bson.TypeNull {
		reflect.NewAt(p.typ, dst).Elem().SetZero()
		return at, true
	}
	switch p.kind {
	case planString:
		if t != bson.TypeString {
			return at, false
		}
		s, next, ok := r.text(b, at)
		if ok {
			*(*string)(dst) = s
		}
		return next, ok
	case planInt:
		return intInto(p, t, b, at, dst)
	case planFloat:
		return floatInto(p, t, b, at, dst)
	case planBool:
		if t != bson.TypeBoolean || len(b) == at || b[at] > 1 {
			return at, false
		}
		*(*bool)(dst) = b[at] == 1
		return at + 1, true
	case planObjectID:
		if t != bson.TypeObjectID || len(b)-at < 12 {
			return at, false
		}
		*(*bson.ObjectID)(dst) = bson.ObjectID(b[at : at+12])
		return at + 12, true
	case planTime, planDateTime, planTimestamp:
		return timeInto(p, t, b, at, dst)
	case planStruct:
		return r.structInto(p, t, b, at, dst)
	case planPointer:
		return r.pointerInto(p, t, b, at, dst)
	case planList:
		return r.listInto(p, t, b, at, dst)
	case planMap:
		return r.mapInto(p, t, b, at, dst)
	case planBytes:
		if t != bson.TypeBinary {
			return at, false
		}
		subtype, begin, end, ok := binaryAt(b, at)
		if !ok || subtype != bson.TypeBinaryGeneric {
			return at, false
		}
		*(*[]byte)(dst) = append(make([]byte, 0, end-begin), b[begin:end]...)
		return end, true
	default:
		return r.dynamicInto(p, t, b, at, dst)
	}
}

// dynamicInto is into for types that can hold values of several types.
func (r *reader) dynamicInto(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	switch p.kind {
	case planDecimal:
		if t != bson.TypeDecimal128 || len(b)-at < 16 {
			return at, false
		}
		*(*bson.Decimal128)(dst) = bson.NewDecimal128(binary.LittleEndian.Uint64(b[at+8:]), binary.LittleEndian.Uint64(b[at:]))
		return at + 16, true
	case planAny:
		if *(*any)(dst) != nil {
			return at, false // the driver decodes into a pointer that is there
		}
		v, next, ok := r.value(t, b, at)
		if ok {
			*(*any)(dst) = v
		}
		return next, ok
	case planD, planM:
		if t != bson.TypeEmbeddedDocument {
			return at, false
		}
		if p.kind == planM && *(*bson.M)(dst) != nil {
			return at, false // the driver adds to a map that is there
		}
		base, next, ok := r.elements(b, at)
		switch {
		case !ok:
			return next, false
		case p.kind == planM:
			*(*bson.M)(dst) = r.closeM(base)
		default:
			*(*bson.D)(dst) = r.closeD(base)
		}
		return next, true
	}
	return at, false
}

// exact is the largest number up to which a float64 holds all integers.
const exact = 1 << 53

func intInto(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	var n int64
	switch {
	case t == bson.TypeInt32 && len(b)-at >= 4:
		n, next = int64(int32(binary.LittleEndian.Uint32(b[at:]))), at+4
	case t == bson.TypeInt64 && len(b)-at >= 8:
		n, next = int64(binary.LittleEndian.Uint64(b[at:])), at+8
	case t == bson.TypeDouble && len(b)-at >= 8:
		f := math.Float64frombits(binary.LittleEndian.Uint64(b[at:]))
		if n, next = int64(f), at+8; float64(n) != f || n < -exact || n > exact {
			return at, false
		}
	default:
		return at, false
	}
	switch p.typ.Kind() {
	case reflect.Int:
		*(*int)(dst) = int(n)
		return next, int64(int(n)) == n
	case reflect.Int64:
		*(*int64)(dst) = n
	case reflect.Int32:
		*(*int32)(dst) = int32(n)
		return next, int64(int32(n)) == n
	case reflect.Int16:
		*(*int16)(dst) = int16(n)
		return next, int64(int16(n)) == n
	case reflect.Int8:
		*(*int8)(dst) = int8(n)
		return next, int64(int8(n)) == n
	case reflect.Uint:
		*(*uint)(dst) = uint(n)
		return next, n >= 0 && int64(uint(n)) == n
	case reflect.Uint64:
		*(*uint64)(dst) = uint64(n)
		return next, n >= 0
	case reflect.Uint32:
		*(*uint32)(dst) = uint32(n)
		return next, int64(uint32(n)) == n
	case reflect.Uint16:
		*(*uint16)(dst) = uint16(n)
		return next, int64(uint16(n)) == n
	case reflect.Uint8:
		*(*uint8)(dst) = uint8(n)
		return next, int64(uint8(n)) == n
	}
	return next, true
}

func floatInto(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	var f float64
	switch {
	case t == bson.TypeDouble && len(b)-at >= 8:
		f, next = math.Float64frombits(binary.LittleEndian.Uint64(b[at:])), at+8
	case t == bson.TypeInt32 && len(b)-at >= 4:
		f, next = float64(int32(binary.LittleEndian.Uint32(b[at:]))), at+4
	case t == bson.TypeInt64 && len(b)-at >= 8:
		f, next = float64(int64(binary.LittleEndian.Uint64(b[at:]))), at+8
	default:
		return at, false
	}
	if p.typ.Kind() == reflect.Float64 {
		*(*float64)(dst) = f
		return next, true
	}
	*(*float32)(dst) = float32(f)
	return next, float64(float32(f)) == f
}

func timeInto(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	if len(b)-at < 8 {
		return at, false
	}
	switch {
	case p.kind == planTimestamp && t == bson.TypeTimestamp:
		*(*bson.Timestamp)(dst) = bson.Timestamp{I: binary.LittleEndian.Uint32(b[at:]), T: binary.LittleEndian.Uint32(b[at+4:])}
	case t != bson.TypeDateTime:
		return at, false
	case p.kind == planDateTime:
		*(*bson.DateTime)(dst) = bson.DateTime(binary.LittleEndian.Uint64(b[at:]))
	case p.kind == planTime:
		ms := int64(binary.LittleEndian.Uint64(b[at:]))
		*(*time.Time)(dst) = time.Unix(ms/1000, ms%1000*1_000_000).UTC()
	default:
		return at, false
	}
	return at + 8, true
}

// structInto reads a document. Fields that the struct does not have are skipped.
func (r *reader) structInto(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	if t != bson.TypeEmbeddedDocument {
		return at, false
	}
	at, end, ok := r.startDocument(b, at)
	if !ok {
		return end, false
	}
	body := b[:end-1] // without the NUL at the end
	for expected := 0; at < len(body); {
		t := bson.Type(body[at])
		nulAt := nul(body, at+1)
		if nulAt < 0 {
			return end, false
		}
		key := body[at+1 : nulAt]
		f := p.field(key, &expected)
		if f == nil {
			at, ok = skip(t, body, nulAt+1)
		} else {
			at, ok = r.into(f.plan, t, body, nulAt+1, unsafe.Add(dst, f.offset))
		}
		if !ok {
			return end, false
		}
	}
	r.depth--
	return end, true
}

// field returns the field for a key, or nil. expected is the index of the field that comes next if the document has its
// fields in the order of the struct.
func (p *plan) field(key []byte, expected *int) *field {
	if i := *expected; i < len(p.fields) && string(key) == p.fields[i].name {
		*expected = i + 1
		return &p.fields[i]
	}
	i, ok := p.byName[string(key)]
	if !ok {
		if i, ok = p.byName[strings.ToLower(string(key))]; !ok {
			return nil
		}
	}
	*expected = i + 1
	return &p.fields[i]
}

func (r *reader) pointerInto(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	if t == bson.TypeUndefined {
		return at, false
	}
	to := (*unsafe.Pointer)(dst)
	if *to == nil {
		*to = reflect.New(p.elem.typ).UnsafePointer()
	}
	return r.into(p.elem, t, b, at, *to)
}

// listInto reads an array. It counts the elements first, to allocate them at once.
func (r *reader) listInto(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	list := reflect.NewAt(p.typ, dst).Elem()
	if t != bson.TypeArray || list.Cap() > 0 { // the driver reuses a list that is there
		return at, false
	}
	at, end, ok := r.startDocument(b, at)
	if !ok {
		return end, false
	}
	body := b[:end-1]
	n, ok := countElements(body, at)
	if !ok {
		return end, false
	}
	var elements unsafe.Pointer
	if p.elem.kind == planAny {
		r.anys = append(r.anys, (*[]any)(dst))
	}
	if p.typ == reflect.TypeFor[[]string]() {
		made := make([]string, n)
		*(*[]string)(dst) = made
		elements = unsafe.Pointer(unsafe.SliceData(made))
	} else {
		list.Set(reflect.MakeSlice(p.typ, n, n))
		elements = list.UnsafePointer()
	}
	size := p.elem.typ.Size()
	for i := range n {
		t := bson.Type(body[at])
		begin := nul(body, at+1) + 1 // see countElements
		if at, ok = r.into(p.elem, t, body, begin, unsafe.Add(elements, uintptr(i)*size)); !ok {
			return end, false
		}
	}
	r.depth--
	return end, true
}

// countElements returns the number of elements of the document whose elements begin at body[at:].
func countElements(body []byte, at int) (n int, ok bool) {
	for ; at < len(body); n++ {
		t := bson.Type(body[at])
		key := bytes.IndexByte(body[at+1:], 0)
		if key < 0 {
			return n, false
		}
		if at, ok = skip(t, body, at+1+key+1); !ok {
			return n, false
		}
	}
	return n, true
}

func (r *reader) mapInto(p *plan, t bson.Type, b []byte, at int, dst unsafe.Pointer) (next int, ok bool) {
	m := reflect.NewAt(p.typ, dst).Elem()
	if t != bson.TypeEmbeddedDocument || !m.IsNil() { // the driver adds to a map that is there
		return at, false
	}
	at, end, ok := r.startDocument(b, at)
	if !ok {
		return end, false
	}
	m.Set(reflect.MakeMap(p.typ))
	body := b[:end-1]
	value := reflect.New(p.elem.typ)
	for at < len(body) {
		t := bson.Type(body[at])
		nulAt := nul(body, at+1)
		if nulAt < 0 {
			return end, false
		}
		key := r.keys.intern(body[at+1 : nulAt])
		value.Elem().SetZero()
		if at, ok = r.into(p.elem, t, body, nulAt+1, value.UnsafePointer()); !ok {
			return end, false
		}
		m.SetMapIndex(reflect.ValueOf(key), value.Elem())
	}
	r.depth--
	return end, true
}

// skip returns where the value of type t at b[at:] ends. It returns false for types that the driver does not know, and for
// values that do not end.
func skip(t bson.Type, b []byte, at int) (next int, ok bool) {
	if size, ok := fixedSize(t); ok {
		return at + size, len(b)-at >= size
	}
	switch t {
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		return documentEnd(b, at)
	case bson.TypeString, bson.TypeJavaScript, bson.TypeSymbol:
		n, begin, ok := length(b, at)
		return begin + n, ok && n > 0 && b[begin+n-1] == 0
	case bson.TypeBinary:
		n, begin, ok := length(b, at)
		if !ok || len(b)-begin < n+1 {
			return at, false
		}
		return begin + n + 1, true
	}
	return at, false // the driver skips the rest
}
