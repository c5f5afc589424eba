package bsoncodec

import (
	"encoding/binary"
	"fmt"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// MaxDepth is how deep documents may be nested that are encoded or decoded. No server stores more than 250 levels.
// Without a bound, a hostile server, or a map that contains itself, makes the stack overflow, which ends the program.
const MaxDepth = 10_000

// reader decodes BSON without reflection. It accepts the documents that the driver's decoder accepts, with the same
// results.
//
// The results do not refer to the bytes that they were read from: one short string would otherwise keep a whole batch
// in memory.
type reader struct {
	maps    bool // a document within a document is a bson.M, not a bson.D
	bytes   bool // a generic binary is a []byte, not a bson.Binary
	tzAware bool // a date is a time.Time, not a bson.DateTime

	depth int
	err   error // the first error
	keys  internTable

	// open has the elements of the documents that are being read, the innermost last. How many elements a document has
	// is known only at its end, where it is allocated at its exact size.
	open []bson.E
}

// readers keeps readers for their memory: the keys, and open.
var readers = sync.Pool{New: func() any { return new(reader) }}

// reader returns a reader with the options of c, or nil if the registry or the options ask for something that only
// the driver's decoder does. The other options make no difference to maps and lists: new values need no zeroing,
// numbers of every type fit without truncation, and there are no tags, strings or times to choose.
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
func (r *reader) fail(what string, at int) bool {
	r.err = invalidAt(what, at)
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

// documentLength returns the error of a document that documentEnd refuses.
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
