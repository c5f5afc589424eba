package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/usercode"
)

// Document encodes v as a document. argument is the name of v in errors.
//
// Errors: [WrongType] for a value that cannot be a document; [CannotEncode].
func (c *Codec) Document(argument string, v any) (raw bson.Raw, err error) {
	if err := CheckType(argument, v); err != nil {
		return nil, err
	}
	if raw, err = c.marshal(v); err != nil {
		kind := CannotEncode
		if errors.As(err, new(*textError)) {
			kind = InvalidText
		}
		return nil, &Error{Kind: kind, Text: argument, Value: v, Cause: err}
	}
	return raw, nil
}

// Ordered is [Codec.Document] for a document whose keys have an order that matters. A map of several keys is an error
// of kind [WrongType].
func (c *Codec) Ordered(argument string, v any) (bson.Raw, error) {
	if value := reflect.ValueOf(v); value.Kind() == reflect.Map && value.Len() > 1 {
		return nil, Errorf(WrongType, "%s must be a bson.D, not a map: the order of its keys matters", argument)
	}
	return c.Document(argument, v)
}

// Update encodes an update for the driver: a document, or a slice of documents for a pipeline.
//
// Errors: as in [Codec.Document]; [WrongValue] if an operator is missing.
func (c *Codec) Update(v any) (any, error) {
	if !IsList(v) {
		raw, err := c.Document("update", v)
		if err != nil {
			return nil, err
		}
		return raw, checkOperators(raw)
	}
	list := reflect.ValueOf(v)
	if list.Len() == 0 {
		return nil, Errorf(WrongValue, "update is empty")
	}
	stages := make([]bson.Raw, list.Len())
	for i := range stages {
		raw, err := c.Document("a stage of the update", list.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		if err := checkOperators(raw); err != nil {
			return nil, err
		}
		stages[i] = raw
	}
	return stages, nil
}

func checkOperators(update bson.Raw) error {
	e, err := update.IndexErr(0)
	if err != nil {
		return Errorf(WrongValue, "update is empty")
	}
	if !strings.HasPrefix(e.Key(), "$") {
		return Errorf(WrongValue, "update has no operator: its first key is %q; use ReplaceOne to replace a document", e.Key())
	}
	return nil
}

// Replacement encodes v, the replacement of a document.
//
// Errors: as in [Codec.Document]; [WrongValue] if it has operators.
func (c *Codec) Replacement(v any) (bson.Raw, error) {
	raw, err := c.Document("replacement", v)
	if err != nil {
		return nil, err
	}
	return raw, CheckReplacement(raw)
}

// CheckReplacement returns an error of kind [WrongValue] if a replacement has operators.
func CheckReplacement(raw bson.Raw) error {
	if e, err := raw.IndexErr(0); err == nil && strings.HasPrefix(e.Key(), "$") {
		return Errorf(WrongValue, "replacement must not have the operator %q; use UpdateOne to update fields", e.Key())
	}
	return nil
}

// Documents encodes the elements of v, a slice of documents.
//
// Errors: as in [Codec.Document]; [WrongType] if v is not a slice of documents, or empty.
func (c *Codec) Documents(v any) ([]bson.Raw, error) {
	if !IsList(v) {
		return nil, Errorf(WrongType, "documents must be a slice of documents, not %T", v)
	}
	list := reflect.ValueOf(v)
	if list.Len() == 0 {
		return nil, Errorf(WrongType, "documents must be a non-empty slice")
	}
	docs := make([]bson.Raw, list.Len())
	for i := range docs {
		raw, err := c.Document("a document", list.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		docs[i] = raw
	}
	return docs, nil
}

// Pipeline encodes the stages of v, a slice of documents whose order matters.
//
// Errors: as in [Codec.Ordered]; [WrongType] if v is not a slice.
func (c *Codec) Pipeline(v any) ([]bson.Raw, error) {
	if !IsList(v) {
		return nil, Errorf(WrongType, "pipeline must be a slice of stages, not %T", v)
	}
	list := reflect.ValueOf(v)
	stages := make([]bson.Raw, list.Len())
	for i := range stages {
		var err error
		if stages[i], err = c.Ordered("a stage of the pipeline", list.Index(i).Interface()); err != nil {
			return nil, err
		}
	}
	return stages, nil
}

// IsList reports whether v is a slice of documents. Some documents are slices too, such as a bson.D.
func IsList(v any) bool {
	switch v.(type) {
	case bson.D, bson.Raw, []byte, bson.Marshaler, bson.ValueMarshaler:
		return false
	}
	kind := reflect.ValueOf(v).Kind()
	return kind == reflect.Slice || kind == reflect.Array
}

// CheckType returns an error of kind [WrongType] if v cannot be a document.
func CheckType(argument string, v any) error {
	switch d := v.(type) {
	case bson.D:
		if d != nil {
			return nil
		}
	case bson.M:
		if d != nil {
			return nil
		}
	case bson.Marshaler, bson.ValueMarshaler:
		if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && p.IsNil() {
			break
		}
		return nil
	}
	value := reflect.ValueOf(v)
	for hops := 0; value.Kind() == reflect.Pointer || value.Kind() == reflect.Interface; hops++ {
		if hops > MaxDepth { // a pointer to itself
			break
		}
		value = value.Elem()
	}
	switch value.Kind() {
	case reflect.Invalid:
		return Errorf(WrongType, "%s is nil", argument)
	case reflect.Struct:
		return nil
	case reflect.Map, reflect.Slice:
		if value.IsNil() {
			return Errorf(WrongType, "%s is nil", argument)
		}
		if value.Kind() == reflect.Map || !IsList(value.Interface()) {
			return nil
		}
	}
	return Errorf(WrongType, "%s must be a document, not %T", argument, v)
}

// ID returns the _id of a document, as the driver decodes it, and whether it has one.
//
// Errors: [InvalidDocument].
func ID(doc bson.Raw) (id any, found bool, err error) {
	value, err := doc.LookupErr("_id")
	if err != nil {
		return nil, false, nil
	}
	switch value.Type {
	case bson.TypeObjectID:
		return value.ObjectID(), true, nil
	case bson.TypeInt32:
		return value.Int32(), true, nil
	case bson.TypeInt64:
		return value.Int64(), true, nil
	case bson.TypeString:
		return value.StringValue(), true, nil
	}
	if err := value.Unmarshal(&id); err != nil {
		return nil, true, &Error{Kind: InvalidDocument, Text: "_id", Cause: err}
	}
	return id, true, nil
}

// WithID returns the document with an _id, and the _id. If the document has none, it gets an ObjectID as its first element.
//
// Errors: [InvalidDocument].
func WithID(doc bson.Raw) (bson.Raw, any, error) {
	if id, found, err := ID(doc); found || err != nil {
		return doc, id, err
	}
	id := bson.NewObjectID()
	element := append([]byte("\x07_id\x00"), id[:]...)
	with := make(bson.Raw, 4, len(doc)+len(element))
	with = append(append(with, element...), doc[4:]...)
	binary.LittleEndian.PutUint32(with, uint32(len(with)))
	return with, id, nil
}

// WithField returns doc with a field set.
//
// Errors: [InvalidDocument].
func WithField(doc bson.Raw, key string, value any) (bson.Raw, error) {
	elements, err := doc.Elements()
	if err != nil {
		return nil, &Error{Kind: InvalidDocument, Cause: err}
	}
	with := make(bson.D, 0, len(elements)+1)
	for _, e := range elements {
		if e.Key() != key {
			with = append(with, bson.E{Key: e.Key(), Value: e.Value()})
		}
	}
	return bson.Marshal(append(with, bson.E{Key: key, Value: value}))
}

// marshal encodes v into new memory. An encoded document is checked and copied, a writer encodes maps and lists of plain
// values, and the driver encodes all other values.
func (c *Codec) marshal(v any) (raw bson.Raw, err error) {
	if b, ok := v.([]byte); ok {
		v = bson.Raw(b)
	}
	if encoded, ok := v.(bson.Raw); ok && c.Registry == nil {
		if err := Check(encoded); err != nil {
			return nil, err
		}
		return bytes.Clone(encoded), nil
	}
	plain := c.Registry == nil && !c.hasEncodingOptions()
	if plain {
		if raw, ok := write(v); ok {
			return raw, nil
		}
	}
	// Values may have marshalers of the user.
	p := usercode.Try(func() {
		switch depthOf(v) {
		case endless:
			err = ErrTooDeep
		case shallow:
			if plain {
				raw, err = bson.Marshal(v)
			} else {
				raw, err = c.encode(v, false)
			}
		default:
			raw, err = c.encode(v, true)
		}
	})
	if p != nil {
		return nil, p
	}
	if err == nil {
		err = c.findLoss(v)
	}
	if err == nil {
		err = checkText(raw)
	}
	return raw, err
}

// hasEncodingOptions reports whether an option changes how values are encoded.
func (c *Codec) hasEncodingOptions() bool {
	o := c.Options
	return o != nil && (o.ErrorOnInlineDuplicates || o.IntMinSize || o.NilByteSliceAsEmpty || o.NilMapAsEmpty ||
		o.NilSliceAsEmpty || o.OmitEmpty || o.OmitZeroStruct || o.StringifyMapKeysWithFmt || o.UseJSONStructTags)
}

// encode encodes v with the registry and the options. If limited is set, the error for documents nested deeper than
// [MaxDepth] is ErrTooDeep.
func (c *Codec) encode(v any, limited bool) (bson.Raw, error) {
	var buf bytes.Buffer
	w := bson.NewDocumentWriter(&buf)
	if limited {
		w = &depthWriter{ValueWriter: w}
	}
	e := bson.NewEncoder(w)
	if c.Registry != nil {
		e.SetRegistry(c.Registry)
	}
	if o := c.Options; o != nil {
		setIf(o.ErrorOnInlineDuplicates, e.ErrorOnInlineDuplicates)
		setIf(o.IntMinSize, e.IntMinSize)
		setIf(o.NilByteSliceAsEmpty, e.NilByteSliceAsEmpty)
		setIf(o.NilMapAsEmpty, e.NilMapAsEmpty)
		setIf(o.NilSliceAsEmpty, e.NilSliceAsEmpty)
		setIf(o.OmitEmpty, e.OmitEmpty)
		setIf(o.OmitZeroStruct, e.OmitZeroStruct)
		setIf(o.StringifyMapKeysWithFmt, e.StringifyMapKeysWithFmt)
		setIf(o.UseJSONStructTags, e.UseJSONStructTags)
	}
	err := e.Encode(v)
	return buf.Bytes(), err
}

// writer encodes documents that are maps and lists of plain values, or structs that have a plan, to the same bytes as the
// driver's encoder. Its methods return false for all that the driver must encode: other types, marshalers, invalid values,
// and deep nesting.
type writer struct {
	b     []byte
	depth int
}

// writers pools writers, to reuse their buffers.
var writers = sync.Pool{New: func() any { return new(writer) }}

// write encodes v, if a writer can.
func write(v any) (raw bson.Raw, ok bool) {
	switch v.(type) {
	case bson.D, bson.M, map[string]any:
	default:
		if v == nil || planOf(reflect.TypeOf(v)) == nil {
			return nil, false
		}
	}
	w := writers.Get().(*writer)
	w.b, w.depth = w.b[:0], 0
	switch v := v.(type) {
	case bson.D:
		ok = w.list(v)
	case bson.M:
		ok = w.mapping(v)
	case map[string]any:
		ok = w.mapping(v)
	default:
		ok = w.structure(v)
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
	const deepest = 100 // the driver encodes documents that are nested deeper
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
	if !isPlain(key) && (strings.IndexByte(key, 0) >= 0 || !utf8.ValidString(key)) {
		return false
	}
	b, t := w.b, len(w.b)
	end := t + 1 + len(key) + 1
	if end > cap(b) {
		b = slices.Grow(b, end-t)
	}
	b = b[:end]
	copy(b[t+1:], key)
	b[end-1] = 0
	w.b = b
	return w.value(t, value)
}

// isPlain reports whether s has only ASCII characters and none that is 0. For short texts, one loop is faster than one for
// each of the two. A byte that is neither 0 nor above 127 has no highest bit, and does not get one when it is decremented.
func isPlain(s string) bool {
	const ones, highest = 0x0101010101010101, 0x8080808080808080
	for len(s) >= 8 {
		eight := uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
		if (eight|(eight-ones))&highest != 0 {
			return false
		}
		s = s[8:]
	}
	for i := range len(s) {
		if s[i]-1 > 126 {
			return false
		}
	}
	return true
}

// setType sets the type of a value, which stands before its key, at b[at].
func (w *writer) setType(at int, t bson.Type) { w.b[at] = byte(t) }

// value writes a value and sets its type at b[t].
func (w *writer) value(t int, value any) bool {
	switch v := value.(type) {
	case nil:
		w.setType(t, bson.TypeNull)
	case string:
		return w.text(t, bson.TypeString, v)
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
		return inRange(v) && w.int64(t, bson.TypeDateTime, int64(bson.NewDateTimeFromTime(v)))
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
		return w.text(t, bson.TypeJavaScript, string(v))
	case bson.Symbol:
		return w.text(t, bson.TypeSymbol, string(v))
	case bson.CodeWithScope:
		return w.codeWithScope(t, v)
	case bson.Regex:
		return w.regex(t, v)
	case bson.DBPointer:
		ok := w.text(t, bson.TypeDBPointer, v.DB)
		w.b = append(w.b, v.Pointer[:]...)
		return ok
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
		return w.planned(t, value)
	}
	return true
}

// planned is value for a type that has a plan.
func (w *writer) planned(t int, value any) bool {
	v := reflect.ValueOf(value)
	p := planOfAny(v.Type())
	if p == nil {
		return false
	}
	if p.kind == planPointer {
		return v.IsNil() && w.null(t) || !v.IsNil() && w.from(p.elem, t, v.UnsafePointer(), false)
	}
	return w.from(p, t, addressOf(v), false)
}

func (w *writer) regex(t int, v bson.Regex) bool {
	for _, s := range []string{v.Pattern, v.Options} {
		if strings.IndexByte(s, 0) >= 0 || !utf8.ValidString(s) {
			return false
		}
	}
	letters := []rune(v.Options)
	slices.Sort(letters)
	w.setType(t, bson.TypeRegex)
	w.b = append(append(w.b, v.Pattern...), 0)
	w.b = append(append(w.b, string(letters)...), 0)
	return true
}

func (w *writer) codeWithScope(t int, v bson.CodeWithScope) bool {
	begin := len(w.b)
	w.b = append(w.b, 0, 0, 0, 0)
	if !w.text(t, bson.TypeCodeWithScope, string(v.Code)) {
		return false
	}
	switch scope := v.Scope.(type) {
	case bson.D:
		if scope == nil || !w.list(scope) {
			return false
		}
	case bson.M:
		if scope == nil || !w.mapping(scope) {
			return false
		}
	default:
		return false
	}
	binary.LittleEndian.PutUint32(w.b[begin:], uint32(len(w.b)-begin))
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

func (w *writer) text(t int, kind bson.Type, s string) bool {
	w.setType(t, kind)
	w.b = binary.LittleEndian.AppendUint32(w.b, uint32(len(s)+1))
	w.b = append(append(w.b, s...), 0)
	return utf8.ValidString(s)
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
