package bsoncodec

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

// writer encodes documents that are maps and lists of plain values, without reflection, to the same bytes as the
// driver's encoder. Everything else is left to the driver: structs, marshalers, invalid values, and deep nesting. The
// methods return false for those.
type writer struct {
	b     []byte
	depth int
}

// writers keeps writers for their buffers.
var writers = sync.Pool{New: func() any { return new(writer) }}

// write returns v as a document, if a writer can encode it.
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
	const mostKept = 64 * 1024 // bytes
	if cap(w.b) <= mostKept {
		writers.Put(w)
	}
	return raw, ok
}

// open begins a document or an array. Its limit on the depth ends the encoding of a value that contains itself.
func (w *writer) open() (begin int, ok bool) {
	const deepest = 100 // what is nested deeper goes to the driver
	w.depth++
	begin = len(w.b)
	w.b = append(w.b, 0, 0, 0, 0)
	return begin, w.depth <= deepest
}

// close ends the document or array that begins at b[begin].
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

// setType sets the type of a value, which stands before its key, at b[at].
func (w *writer) setType(at int, t bson.Type) { w.b[at] = byte(t) }

// value writes a value and sets its type at b[t].
func (w *writer) value(t int, value any) bool {
	switch v := value.(type) {
	case nil:
		w.setType(t, bson.TypeNull)
	case string:
		w.text(t, bson.TypeString, v)
	case bool:
		w.setType(t, bson.TypeBoolean)
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
		w.setType(t, bson.TypeObjectID)
		w.b = append(w.b, v[:]...)
	case bson.DateTime:
		return w.int64(t, bson.TypeDateTime, int64(v))
	case time.Time:
		return w.int64(t, bson.TypeDateTime, int64(bson.NewDateTimeFromTime(v)))
	case bson.D:
		w.setType(t, bson.TypeEmbeddedDocument)
		return v == nil && w.null(t) || v != nil && w.list(v)
	case bson.M:
		w.setType(t, bson.TypeEmbeddedDocument)
		return v == nil && w.null(t) || v != nil && w.mapping(v)
	case map[string]any:
		w.setType(t, bson.TypeEmbeddedDocument)
		return v == nil && w.null(t) || v != nil && w.mapping(v)
	case bson.A:
		w.setType(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	case []any:
		w.setType(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	case []string:
		w.setType(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	default:
		return w.rare(t, value)
	}
	return true
}

// rare is value for the less common types.
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
		if Check(v) != nil {
			return false
		}
		w.setType(t, bson.TypeEmbeddedDocument)
		w.b = append(w.b, v...)
	case bson.Decimal128:
		high, low := v.GetBytes()
		w.setType(t, bson.TypeDecimal128)
		w.b = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(w.b, low), high)
	case bson.Timestamp:
		w.setType(t, bson.TypeTimestamp)
		w.b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(w.b, v.I), v.T)
	case bson.JavaScript:
		w.text(t, bson.TypeJavaScript, string(v))
	case bson.Symbol:
		w.text(t, bson.TypeSymbol, string(v))
	case bson.Null:
		return w.null(t)
	case bson.Undefined:
		w.setType(t, bson.TypeUndefined)
	case bson.MinKey:
		w.setType(t, bson.TypeMinKey)
	case bson.MaxKey:
		w.setType(t, bson.TypeMaxKey)
	case []bson.D:
		w.setType(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	case []bson.M:
		w.setType(t, bson.TypeArray)
		return v == nil && w.null(t) || v != nil && writeArray(w, v)
	default:
		return false
	}
	return true
}

func (w *writer) null(t int) bool {
	w.setType(t, bson.TypeNull)
	return true
}

func (w *writer) int32(t int, v int32) bool {
	w.setType(t, bson.TypeInt32)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(v))
	return true
}

// int64 writes a value of eight bytes.
func (w *writer) int64(t int, kind bson.Type, v int64) bool {
	w.setType(t, kind)
	w.b = binary.LittleEndian.AppendUint64(w.b, uint64(v))
	return true
}

func (w *writer) text(t int, kind bson.Type, s string) {
	w.setType(t, kind)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(s)+1))
	w.b = append(append(w.b, s...), 0)
}

func (w *writer) binary(t int, subtype byte, data []byte) bool {
	w.setType(t, bson.TypeBinary)
	if subtype == bson.TypeBinaryBinaryOld { // it has a second length
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
