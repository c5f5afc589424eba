package motor

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// writer makes BSON of documents that are maps and lists of plain values, without reflection, and what it makes is
// what the driver's encoder makes. Everything else it leaves to that: structs, marshalers, what is wrong, and what is
// nested deep. Its methods report whether they could.
type writer struct {
	b     []byte
	depth int
}

// writers keeps writers for their memory.
var writers = sync.Pool{New: func() any { return new(writer) }}

// write returns v as a document, if it is one for a writer.
func write(v any) (raw bson.Raw, ok bool) {
	w := writers.Get().(*writer)
	w.b, w.depth = w.b[:0], 0
	switch v := v.(type) {
	case bson.D:
		ok = w.list(v)
	case bson.M:
		ok = w.mapping(v)
	case map[string]any:
		ok = w.mapping(v)
	}
	if ok {
		raw = slices.Clone(w.b)
	}
	const most = 64 * 1024 // bytes that are kept
	if cap(w.b) <= most {
		writers.Put(w)
	}
	return raw, ok
}

// open begins a document or an array. That it is nested no deeper than this is what keeps the stack, and this writer,
// from what contains itself.
func (w *writer) open() (begin int, ok bool) {
	const deepest = 100
	w.depth++
	begin = len(w.b)
	w.b = append(w.b, 0, 0, 0, 0)
	return begin, w.depth <= deepest
}

// close ends what was begun at a place.
func (w *writer) close(begin int) bool {
	w.depth--
	w.b = append(w.b, 0)
	if len(w.b) > math.MaxInt32 {
		return false
	}
	binary.LittleEndian.PutUint32(w.b[begin:], uint32(len(w.b)-begin))
	return true
}

// list writes a document.
func (w *writer) list(d bson.D) bool {
	begin, ok := w.open()
	if !ok {
		return false
	}
	for i := range d {
		if !w.element(d[i].Key, d[i].Value) {
			return false
		}
	}
	return w.close(begin)
}

// mapping writes a map as a document.
func (w *writer) mapping(m map[string]any) bool {
	begin, ok := w.open()
	if !ok {
		return false
	}
	for key, value := range m {
		if !w.element(key, value) {
			return false
		}
	}
	return w.close(begin)
}

// writeArray writes a list as an array.
func writeArray[T any](w *writer, list []T) bool {
	begin, ok := w.open()
	if !ok {
		return false
	}
	for i := range list {
		t := len(w.b)
		w.b = append(strconv.AppendInt(append(w.b, 0), int64(i), 10), 0)
		if !w.value(t, list[i]) {
			return false
		}
	}
	return w.close(begin)
}

// element writes an element of a document.
func (w *writer) element(key string, value any) bool {
	if strings.IndexByte(key, 0) >= 0 {
		return false
	}
	t := len(w.b)
	w.b = append(append(append(w.b, 0), key...), 0)
	return w.value(t, value)
}

// is sets the type of a value, which stands before its key, at a place.
func (w *writer) is(at int, t bson.Type) { w.b[at] = byte(t) }

// value writes a value whose type is to stand at b[t].
func (w *writer) value(t int, value any) bool {
	switch v := value.(type) {
	case nil:
		w.is(t, bson.TypeNull)
	case string:
		w.text(t, bson.TypeString, v)
	case bool:
		w.is(t, bson.TypeBoolean)
		if v {
			w.b = append(w.b, 1)
		} else {
			w.b = append(w.b, 0)
		}
	case int:
		if v < math.MinInt32 || v > math.MaxInt32 {
			return w.int64(t, bson.TypeInt64, int64(v))
		}
		return w.int32(t, int32(v))
	case int32:
		return w.int32(t, v)
	case int64:
		return w.int64(t, bson.TypeInt64, v)
	case float64:
		return w.int64(t, bson.TypeDouble, int64(math.Float64bits(v)))
	case bson.ObjectID:
		w.is(t, bson.TypeObjectID)
		w.b = append(w.b, v[:]...)
	case bson.DateTime:
		return w.int64(t, bson.TypeDateTime, int64(v))
	case time.Time:
		return w.int64(t, bson.TypeDateTime, int64(bson.NewDateTimeFromTime(v)))
	case bson.D:
		w.is(t, bson.TypeEmbeddedDocument)
		return v == nil && w.null(t) || v != nil && w.list(v)
	case bson.M:
		w.is(t, bson.TypeEmbeddedDocument)
		return v == nil && w.null(t) || v != nil && w.mapping(v)
	case map[string]any:
		w.is(t, bson.TypeEmbeddedDocument)
		return v == nil && w.null(t) || v != nil && w.mapping(v)
	case bson.A:
		w.is(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	case []any:
		w.is(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	case []string:
		w.is(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	default:
		return w.rare(t, value)
	}
	return true
}

// rare is value for the types that documents seldom have.
func (w *writer) rare(t int, value any) bool {
	switch v := value.(type) {
	case int8:
		return w.int32(t, int32(v))
	case int16:
		return w.int32(t, int32(v))
	case float32:
		return w.int64(t, bson.TypeDouble, int64(math.Float64bits(float64(v))))
	case []byte:
		return v == nil && w.null(t) || v != nil && w.binary(t, 0, v)
	case bson.Binary:
		return w.binary(t, v.Subtype, v.Data)
	case bson.Raw:
		if checkBSON(v) != nil {
			return false
		}
		w.is(t, bson.TypeEmbeddedDocument)
		w.b = append(w.b, v...)
	case bson.Decimal128:
		high, low := v.GetBytes()
		w.is(t, bson.TypeDecimal128)
		w.b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(w.b, low), high)
	case bson.Timestamp:
		w.is(t, bson.TypeTimestamp)
		w.b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(w.b, v.I), v.T)
	case bson.JavaScript:
		w.text(t, bson.TypeJavaScript, string(v))
	case bson.Symbol:
		w.text(t, bson.TypeSymbol, string(v))
	case bson.Null:
		return w.null(t)
	case bson.Undefined:
		w.is(t, bson.TypeUndefined)
	case bson.MinKey:
		w.is(t, bson.TypeMinKey)
	case bson.MaxKey:
		w.is(t, bson.TypeMaxKey)
	case []bson.D:
		w.is(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	case []bson.M:
		w.is(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	default:
		return false
	}
	return true
}

func (w *writer) null(t int) bool {
	w.is(t, bson.TypeNull)
	return true
}

func (w *writer) int32(t int, v int32) bool {
	w.is(t, bson.TypeInt32)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(v))
	return true
}

// int64 writes anything of eight bytes.
func (w *writer) int64(t int, kind bson.Type, v int64) bool {
	w.is(t, kind)
	w.b = binary.LittleEndian.AppendUint64(w.b, uint64(v))
	return true
}

func (w *writer) text(t int, kind bson.Type, s string) {
	w.is(t, kind)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(s)+1))
	w.b = append(append(w.b, s...), 0)
}

func (w *writer) binary(t int, subtype byte, data []byte) bool {
	w.is(t, bson.TypeBinary)
	if subtype == bson.TypeBinaryBinaryOld { // has its length twice
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(data)+4))
		w.b = append(w.b, subtype)
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(data)))
	} else {
		w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(data)))
		w.b = append(w.b, subtype)
	}
	w.b = append(w.b, data...)
	return true
}
