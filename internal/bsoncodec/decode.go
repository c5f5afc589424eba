package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/usercode"
)

// Decode decodes raw into doc, a pointer. A document within a bson.M is a bson.M too. A bson.Raw is raw itself;
// nothing else keeps the memory of raw.
//
// Errors: [CannotDecode].
func (c *Codec) Decode(raw bson.Raw, doc any) error {
	d := c.Decoder()
	err := d.Decode(raw, doc)
	d.Release()
	return err
}

// Decoder decodes several documents one after another. It reuses memory between them. The caller must call Release. It is
// not safe for concurrent use.
type Decoder struct {
	codec  *Codec
	reader *reader // nil if the registry or the options need the driver's decoder
}

// Decoder returns a decoder.
func (c *Codec) Decoder() Decoder { return Decoder{c, c.reader()} }

// Release ends the use of the decoder.
func (d Decoder) Release() {
	if d.reader != nil {
		d.reader.release()
	}
}

// Decode is [Codec.Decode].
func (d Decoder) Decode(raw bson.Raw, doc any) error {
	switch doc := doc.(type) {
	case *bson.Raw:
		if err := checkFrame(raw); err != nil {
			return decodeError(err)
		}
		*doc = raw
		return nil
	case *bson.M, *bson.D, *any:
		if d.reader != nil && d.codec.Hook == nil {
			if err := checkFrame(raw); err != nil {
				return decodeError(err)
			}
			return decodeError(d.reader.decode(raw, doc))
		}
	}
	if d.reader != nil && d.codec.Hook == nil && d.codec.Options == nil && checkFrame(raw) == nil && d.reader.decodeStruct(raw, doc) {
		return nil
	}
	var err error
	// Types may have unmarshalers of the user.
	if p := usercode.Try(func() { err = d.slow(raw, doc) }); p != nil {
		err = p
	}
	return decodeError(err)
}

// checkFrame checks that raw has the length that it says and its final byte, as all documents have.
func checkFrame(raw bson.Raw) error {
	const least = 5
	if len(raw) < least || int(int32(binary.LittleEndian.Uint32(raw))) != len(raw) || raw[len(raw)-1] != 0 {
		return fmt.Errorf("invalid document of %d bytes: wrong length or no final zero byte", len(raw))
	}
	return nil
}

// slow is Decode for everything but the most common types.
func (d Decoder) slow(raw bson.Raw, doc any) error {
	if d.codec.Hook != nil {
		if TooDeep(raw) {
			return ErrTooDeep
		}
		if decoded, err := d.codec.Hook(raw, doc); decoded || err != nil {
			return err
		}
	}
	if d.reader != nil && d.reader.canDecode(doc) {
		return d.reader.decode(raw, doc)
	}
	return d.codec.unmarshal(raw, doc)
}

func decodeError(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := err.(*Error); ok { // from a hook that used a codec
		return err
	}
	return &Error{Kind: CannotDecode, Cause: err}
}

// unmarshal decodes raw with the driver's decoder.
func (c *Codec) unmarshal(raw bson.Raw, doc any) error {
	// The driver's decoder of structs does not end for a negative length in a value that it skips.
	if err := Check(raw); err != nil {
		return err
	}
	switch d := doc.(type) {
	case *any:
		var m bson.M
		if err := c.driverDecoder(raw, true).Decode(&m); err != nil {
			return err
		}
		*d = c.convertDates(m)
		return nil
	case *bson.M:
		err := c.driverDecoder(raw, true).Decode(d)
		c.convertDates(*d)
		return err
	case *bson.D:
		err := c.driverDecoder(raw, false).Decode(d)
		c.convertDates(*d)
		return err
	}
	if c.Registry == nil && c.Options == nil {
		return bson.Unmarshal(raw, doc) // uses pools of readers and decoders
	}
	return c.driverDecoder(raw, false).Decode(doc)
}

// convertDates replaces the dates in a document or a list by times, if TZAware is set, and returns the new value. It is
// not done by the registry, since that may be the user's.
func (c *Codec) convertDates(value any) any {
	if !c.TZAware {
		return value
	}
	switch v := value.(type) {
	case bson.DateTime:
		return v.Time().UTC()
	case bson.M:
		for key := range v {
			v[key] = c.convertDates(v[key])
		}
	case map[string]any:
		for key := range v {
			v[key] = c.convertDates(v[key])
		}
	case bson.D:
		for i := range v {
			v[i].Value = c.convertDates(v[i].Value)
		}
	case bson.A:
		for i := range v {
			v[i] = c.convertDates(v[i])
		}
	case bson.CodeWithScope:
		c.convertDates(v.Scope)
	}
	return value
}

func (c *Codec) driverDecoder(raw bson.Raw, nestedMaps bool) *bson.Decoder {
	d := bson.NewDecoder(bson.NewDocumentReader(bytes.NewReader(raw)))
	if c.Registry != nil {
		d.SetRegistry(c.Registry)
	}
	o := c.Options
	setIf(nestedMaps && (o == nil || !o.DefaultDocumentMap), d.DefaultDocumentM)
	if o != nil {
		setIf(o.AllowTruncatingDoubles, d.AllowTruncatingDoubles)
		setIf(o.BinaryAsSlice, d.BinaryAsSlice)
		setIf(o.DefaultDocumentM, d.DefaultDocumentM)
		setIf(o.DefaultDocumentMap, d.DefaultDocumentMap)
		setIf(o.ObjectIDAsHexString, d.ObjectIDAsHexString)
		setIf(o.UseJSONStructTags, d.UseJSONStructTags)
		setIf(o.UseLocalTimeZone, d.UseLocalTimeZone)
		setIf(o.ZeroMaps, d.ZeroMaps)
		setIf(o.ZeroStructs, d.ZeroStructs)
	}
	return d
}

// Values decodes the elements of a list. Documents among them are bson.M.
//
// Errors: [CannotDecode].
func (c *Codec) Values(list bson.RawArray) ([]any, error) {
	elements, err := list.Values()
	if err != nil {
		return nil, &Error{Kind: CannotDecode, Cause: err}
	}
	d := c.Decoder()
	defer d.Release()
	values := make([]any, len(elements))
	for i, e := range elements {
		// A decoder takes documents, so the element goes into one, under an empty key.
		doc := append(make(bson.Raw, 4, len(e.Value)+7), byte(e.Type), 0)
		doc = append(append(doc, e.Value...), 0)
		binary.LittleEndian.PutUint32(doc, uint32(len(doc)))
		var decoded bson.M
		if err := d.Decode(doc, &decoded); err != nil {
			return nil, err
		}
		values[i] = decoded[""]
	}
	return values, nil
}

// MaxDepth is the maximum nesting depth of documents that are encoded or decoded. No server stores more than 250 levels.
// Without a bound, a hostile server or a map that contains itself makes the stack overflow, which ends the program.
const MaxDepth = 10_000

// reader decodes BSON without reflection. It accepts the same documents as the driver's decoder, with the same results.
//
// The results do not refer to the bytes that they were read from, since one short string would then keep a whole batch in
// memory.
type reader struct {
	maps    bool // a document within a document is a bson.M, not a bson.D
	bytes   bool // a generic binary is a []byte, not a bson.Binary
	tzAware bool // a date is a time.Time, not a bson.DateTime

	depth int
	err   error // the first error
	keys  internTable

	// open has the elements of the documents that are being read, those of the innermost last. At the end of a document
	// the number of its elements is known, and it is allocated with its exact size.
	open []bson.E
	anys []*[]any // the lists in the struct that is being read
}

// readers pools readers, to reuse their memory for keys and open elements.
var readers = sync.Pool{New: func() any { return new(reader) }}

// reader returns a reader with the options of c, or nil if the registry or an option needs the driver's decoder. The
// options that are not checked here have no effect on maps and lists.
func (c *Codec) reader() *reader {
	o := c.Options
	if c.Registry != nil || o != nil && o.DefaultDocumentMap {
		return nil
	}
	r := readers.Get().(*reader)
	r.tzAware = c.TZAware
	r.bytes = o != nil && o.BinaryAsSlice
	r.maps = o != nil && o.DefaultDocumentM
	return r
}

// release gives the reader back to the pool.
func (r *reader) release() {
	const mostOpen = 1_000 // elements; only rare, huge documents need more
	if cap(r.open) > mostOpen {
		r.open = nil
	}
	readers.Put(r)
}

// canDecode reports whether decode takes doc.
func (r *reader) canDecode(doc any) bool {
	switch doc.(type) {
	case *bson.M, *bson.D, *any:
		return true
	}
	return false
}

// decode decodes raw into doc, a *bson.M, *bson.D or *any.
func (r *reader) decode(raw bson.Raw, doc any) (err error) {
	switch d := doc.(type) {
	case *bson.M:
		*d, err = r.readM(raw)
	case *any:
		var m bson.M
		if m, err = r.readM(raw); err == nil {
			*d = m
		}
	case *bson.D:
		*d, err = r.readD(raw)
	}
	return err
}

// readM returns a document as a map. The documents in it are maps too.
func (r *reader) readM(raw []byte) (bson.M, error) {
	maps := r.maps
	r.maps = true
	_, _, ok := r.elements(raw, 0)
	r.maps = maps
	if !ok {
		return nil, r.failure()
	}
	return r.closeM(0), nil
}

// readD returns a document as a list of its elements.
func (r *reader) readD(raw []byte) (bson.D, error) {
	if _, _, ok := r.elements(raw, 0); !ok {
		return nil, r.failure()
	}
	return r.closeD(0), nil
}

// elements reads the document at b[at:] and appends its elements to open, from base on. It returns where the document
// ends, and ignores the bytes after that.
func (r *reader) elements(b []byte, at int) (base, end int, ok bool) {
	base = len(r.open)
	at, end, ok = r.startDocument(b, at)
	if !ok {
		return base, end, false
	}
	body := b[:end-1] // without the NUL at the end
	for at < len(body) {
		t := bson.Type(body[at])
		key := nul(body, at+1)
		if key < 0 {
			return base, end, r.fail("key without a terminating NUL", at+1)
		}
		value, next, ok := r.value(t, body, key+1)
		if !ok {
			return base, end, false
		}
		r.open = append(r.open, bson.E{Key: r.keys.intern(body[at+1 : key]), Value: value})
		at = next
	}
	r.depth--
	return base, end, true
}

// list reads the array at b[at:]. It ignores the keys of the elements, which should be their indexes.
func (r *reader) list(b []byte, at int) (bson.A, int, bool) {
	base := len(r.open)
	at, end, ok := r.startDocument(b, at)
	if !ok {
		return nil, end, false
	}
	body := b[:end-1]
	for at < len(body) {
		t := bson.Type(body[at])
		key := nul(body, at+1)
		if key < 0 {
			return nil, end, r.fail("key without a terminating NUL", at+1)
		}
		value, next, ok := r.value(t, body, key+1)
		if !ok {
			return nil, end, false
		}
		r.open = append(r.open, bson.E{Value: value})
		at = next
	}
	r.depth--
	elements := r.open[base:]
	list := make(bson.A, len(elements))
	for i := range elements {
		list[i] = elements[i].Value
	}
	r.truncate(base)
	return list, end, true
}

// startDocument returns where the elements of the document at b[at:] begin and where the document ends.
func (r *reader) startDocument(b []byte, at int) (begin, end int, ok bool) {
	if end, ok = documentEnd(b, at); !ok {
		r.err = documentLength(b, at)
		return at, end, false
	}
	if r.depth++; r.depth > MaxDepth {
		r.err = ErrTooDeep
		return at, end, false
	}
	return at + 4, end, true
}

// closeM returns the open elements from base on as a map. Of several elements with the same key the last one counts.
func (r *reader) closeM(base int) bson.M {
	elements := r.open[base:]
	m := make(bson.M, len(elements))
	for i := range elements {
		m[elements[i].Key] = elements[i].Value
	}
	r.truncate(base)
	return m
}

// closeD returns the open elements from base on as a document.
func (r *reader) closeD(base int) bson.D {
	d := make(bson.D, len(r.open)-base)
	copy(d, r.open[base:])
	r.truncate(base)
	return d
}

// truncate removes the open elements from base on.
func (r *reader) truncate(base int) {
	clear(r.open[base:])
	r.open = r.open[:base]
}

// failure returns the error of a document and makes the reader ready for the next one.
func (r *reader) failure() error {
	err := r.err
	r.truncate(0)
	r.depth, r.err = 0, nil
	return err
}

// fail sets the error and returns false.
func (r *reader) fail(what string, at int) bool { return r.failWith(invalidAt(what, at)) }

func (r *reader) failWith(err error) bool {
	r.err = err
	return false
}

// shortestDocument is the size of an empty document.
const shortestDocument = 5

// documentEnd returns where the document at b[at:] ends.
func documentEnd(b []byte, at int) (end int, ok bool) {
	if len(b)-at < shortestDocument {
		return at, false
	}
	n := int(int32(binary.LittleEndian.Uint32(b[at:])))
	if n < shortestDocument || n > len(b)-at || b[at+n-1] != 0 {
		return at, false
	}
	return at + n, true
}

// documentLength returns the error for a document that documentEnd refuses.
func documentLength(b []byte, at int) error {
	most := len(b) - at
	if most < shortestDocument {
		return fmt.Errorf("document of %d bytes, need at least %d, at byte %d", most, shortestDocument, at)
	}
	n := int32(binary.LittleEndian.Uint32(b[at:]))
	if n < shortestDocument || int(n) > most {
		return fmt.Errorf("invalid document length %d: need at least %d and at most %d, at byte %d", n, shortestDocument, most, at)
	}
	return invalidAt("document without a terminating NUL", at+int(n)-1)
}

// value returns the value of type t at b[at:], and where it ends.
func (r *reader) value(t bson.Type, b []byte, at int) (v any, next int, ok bool) {
	switch t {
	case bson.TypeString:
		s, next, ok := r.text(b, at)
		return s, next, ok
	case bson.TypeInt32:
		if len(b)-at < 4 {
			break
		}
		return int32(binary.LittleEndian.Uint32(b[at:])), at + 4, true
	case bson.TypeInt64:
		if len(b)-at < 8 {
			break
		}
		return int64(binary.LittleEndian.Uint64(b[at:])), at + 8, true
	case bson.TypeDouble:
		if len(b)-at < 8 {
			break
		}
		return math.Float64frombits(binary.LittleEndian.Uint64(b[at:])), at + 8, true
	case bson.TypeObjectID:
		if len(b)-at < 12 {
			break
		}
		return bson.ObjectID(b[at : at+12]), at + 12, true
	case bson.TypeEmbeddedDocument:
		base, next, ok := r.elements(b, at)
		if !ok {
			return nil, next, false
		}
		if r.maps {
			return r.closeM(base), next, true
		}
		return r.closeD(base), next, true
	case bson.TypeArray:
		list, next, ok := r.list(b, at)
		return list, next, ok
	case bson.TypeDateTime:
		if len(b)-at < 8 {
			break
		}
		date := bson.DateTime(binary.LittleEndian.Uint64(b[at:]))
		if r.tzAware {
			return date.Time().UTC(), at + 8, true
		}
		return date, at + 8, true
	case bson.TypeBoolean:
		if len(b)-at < 1 {
			break
		}
		if b[at] > 1 {
			return nil, at, r.failWith(invalidBoolean(b[at], at))
		}
		return b[at] == 1, at + 1, true
	case bson.TypeNull:
		return nil, at, true
	default:
		return r.rare(t, b, at)
	}
	return nil, at, r.fail("truncated value", at)
}

// rare is value for the less common types.
func (r *reader) rare(t bson.Type, b []byte, at int) (v any, next int, ok bool) {
	switch t {
	case bson.TypeBinary:
		return r.binary(b, at)
	case bson.TypeTimestamp:
		if len(b)-at < 8 {
			break
		}
		return bson.Timestamp{I: binary.LittleEndian.Uint32(b[at:]), T: binary.LittleEndian.Uint32(b[at+4:])}, at + 8, true
	case bson.TypeDecimal128:
		if len(b)-at < 16 {
			break
		}
		low, high := binary.LittleEndian.Uint64(b[at:]), binary.LittleEndian.Uint64(b[at+8:])
		return bson.NewDecimal128(high, low), at + 16, true
	case bson.TypeRegex:
		pattern := nul(b, at)
		if pattern < 0 {
			break
		}
		options := nul(b, pattern+1)
		if options < 0 {
			break
		}
		return bson.Regex{Pattern: string(b[at:pattern]), Options: string(b[pattern+1 : options])}, options + 1, true
	case bson.TypeJavaScript:
		code, next, ok := r.text(b, at)
		return bson.JavaScript(code), next, ok
	case bson.TypeSymbol:
		symbol, next, ok := r.text(b, at)
		return bson.Symbol(symbol), next, ok
	case bson.TypeDBPointer:
		collection, at, ok := r.text(b, at)
		if !ok || len(b)-at < 12 {
			return nil, at, ok && r.fail("truncated value", at)
		}
		return bson.DBPointer{DB: collection, Pointer: bson.ObjectID(b[at : at+12])}, at + 12, true
	case bson.TypeCodeWithScope:
		return r.codeWithScope(b, at)
	case bson.TypeUndefined:
		return bson.Undefined{}, at, true
	case bson.TypeMinKey:
		return bson.MinKey{}, at, true
	case bson.TypeMaxKey:
		return bson.MaxKey{}, at, true
	default:
		return nil, at, r.failWith(unknownType(t, at))
	}
	return nil, at, r.fail("truncated value", at)
}

// text returns the string at b[at:], which is preceded by its length and followed by a NUL. It may contain NULs and
// invalid UTF-8.
func (r *reader) text(b []byte, at int) (string, int, bool) {
	n, at, ok := length(b, at)
	if !ok || n < 1 || b[at+n-1] != 0 {
		return "", at, r.fail("invalid string length", at)
	}
	return string(b[at : at+n-1]), at + n, true
}

// binary returns the binary at b[at:].
func (r *reader) binary(b []byte, at int) (any, int, bool) {
	subtype, begin, end, ok := binaryAt(b, at)
	if !ok {
		return nil, at, r.fail("invalid binary length", at)
	}
	data := make([]byte, end-begin)
	copy(data, b[begin:])
	if r.bytes && (subtype == bson.TypeBinaryGeneric || subtype == bson.TypeBinaryBinaryOld) {
		return data, end, true
	}
	return bson.Binary{Subtype: subtype, Data: data}, end, true
}

// binaryAt returns where the bytes of the binary at b[at:] begin and end.
func binaryAt(b []byte, at int) (subtype byte, begin, end int, ok bool) {
	if len(b)-at < 5 {
		return 0, at, at, false
	}
	n := int(int32(binary.LittleEndian.Uint32(b[at:])))
	subtype, begin = b[at+4], at+5
	// The old subtype has a second length inside the first. The driver uses the second one.
	if subtype == bson.TypeBinaryBinaryOld && n > 4 {
		n, begin, ok = length(b, begin)
		return subtype, begin, begin + n, ok
	}
	return subtype, begin, begin + n, n >= 0 && n <= len(b)-begin
}

// codeWithScope returns the JavaScript code with its scope at b[at:]. The scope is always a bson.D.
func (r *reader) codeWithScope(b []byte, at int) (any, int, bool) {
	if len(b)-at < 4 {
		return nil, at, r.fail("truncated value", at)
	}
	total := int(int32(binary.LittleEndian.Uint32(b[at:])))
	n, code, ok := length(b, at+4)
	if !ok || n < 1 {
		return nil, at, r.fail("invalid string length", at+4)
	}
	base, next, ok := r.elements(b, code+n)
	if !ok {
		return nil, next, false
	}
	if next-at != total {
		return nil, at, r.fail("invalid length of code with scope", at)
	}
	return bson.CodeWithScope{Code: bson.JavaScript(b[code : code+n-1]), Scope: r.closeD(base)}, next, true
}

// length returns the length at b[at:] and where the bytes of that length begin. It is not ok if there are fewer bytes.
func length(b []byte, at int) (n, begin int, ok bool) {
	if len(b)-at < 4 {
		return 0, at, false
	}
	n, begin = int(int32(binary.LittleEndian.Uint32(b[at:]))), at+4
	return n, begin, n >= 0 && n <= len(b)-begin
}

// nul returns the index of the first NUL of b at from or after it, or -1.
func nul(b []byte, from int) int {
	if i := bytes.IndexByte(b[from:], 0); i >= 0 {
		return from + i
	}
	return -1
}

// internTable has the keys that a reader has read. Most documents have the same keys, so most keys need no new memory.
// Keys with the same hash replace each other, and long keys are not stored.
type internTable [256]string

// longestInterned is the length of the longest key that is stored.
const longestInterned = 32

// intern returns b as a string.
func (t *internTable) intern(b []byte) string {
	if len(b) == 0 || len(b) > longestInterned {
		return string(b)
	}
	first, middle, last := uint(b[0]), uint(b[len(b)/2]), uint(b[len(b)-1])
	entry := &t[(first*31+middle*7+last*131+uint(len(b)))%uint(len(t))]
	if *entry != string(b) {
		*entry = string(b)
	}
	return *entry
}
