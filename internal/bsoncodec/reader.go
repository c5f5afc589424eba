package motor

import (
	"encoding/binary"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// maxDepth is how deep documents may be nested in one that is encoded or decoded. No server stores more than 250
// levels; without a bound, a hostile one, or a map that contains itself, would have the stack overflow, which ends
// the program.
const maxDepth = 10_000

// reader makes values of BSON without reflection. It accepts what the driver's decoder accepts, and makes the same of
// it.
//
// All that it returns is memory of its own: nothing keeps the bytes that it was given, of which there may be a whole
// batch for one short string.
type reader struct {
	maps    bool // a document within a document is a bson.M, not a bson.D
	bytes   bool // a generic binary is a []byte, not a bson.Binary
	tzAware bool // a date is a time.Time, not a bson.DateTime

	depth int
	err   error // what is wrong with the bytes
	names names

	// open has the elements of the documents that are being read, the innermost last: how many there are in one is
	// known only at its end, and then it is made as large as it has to be.
	open []bson.E
}

// readers keeps readers for what they know: their names, and how much they need.
var readers = sync.Pool{New: func() any { return new(reader) }}

// reader returns a reader by the options of c, or nil if they, or a registry, ask for what only the driver's decoder
// does. The others make no difference to documents that are maps or lists: there is nothing to be zeroed in what is
// new, nothing to be truncated where every number has its own type, no tags, and no strings or times by wish.
func (c *codec) reader() *reader {
	o := c.options
	if c.registry != nil || o != nil && o.DefaultDocumentMap {
		return nil
	}
	r := readers.Get().(*reader)
	r.tzAware = c.tzAware
	r.bytes = o != nil && o.BinaryAsSlice
	r.maps = o != nil && o.DefaultDocumentM
	return r
}

// release gives the reader back, if there is one.
func (r *reader) release() {
	if r == nil {
		return
	}
	const most = 1_000 // elements: of anything but documents of very many, which are rare
	if cap(r.open) > most {
		r.open = nil
	}
	readers.Put(r)
}

// readM returns a document as a map, as are the documents in it.
func (r *reader) readM(raw []byte) (bson.M, error) {
	r.maps = true
	if _, _, ok := r.elements(raw, 0); !ok {
		return nil, r.failure()
	}
	return r.takeM(0), nil
}

// readD returns a document as a list of its elements.
func (r *reader) readD(raw []byte) (bson.D, error) {
	if _, _, ok := r.elements(raw, 0); !ok {
		return nil, r.failure()
	}
	return r.takeD(0), nil
}

// elements reads the document at b[at:] and leaves its elements open, from base on. It returns where the document
// ends. What follows it is not looked at.
func (r *reader) elements(b []byte, at int) (base, end int, ok bool) {
	base = len(r.open)
	at, end, ok = r.enter(b, at)
	if !ok {
		return base, end, false
	}
	body := b[:end-1] // without the NUL at the end
	for at < len(body) {
		t := bson.Type(body[at])
		name := nul(body, at+1)
		if name < 0 {
			return base, end, r.fail("a name without an end", at+1)
		}
		value, next, ok := r.value(t, body, name+1)
		if !ok {
			return base, end, false
		}
		r.open = append(r.open, bson.E{Key: r.names.of(body[at+1 : name]), Value: value})
		at = next
	}
	r.depth--
	return base, end, true
}

// list reads the array at b[at:]. The names of its elements, which should be their numbers, are not looked at.
func (r *reader) list(b []byte, at int) (bson.A, int, bool) {
	base := len(r.open)
	at, end, ok := r.enter(b, at)
	if !ok {
		return nil, end, false
	}
	body := b[:end-1]
	for at < len(body) {
		t := bson.Type(body[at])
		name := nul(body, at+1)
		if name < 0 {
			return nil, end, r.fail("a name without an end", at+1)
		}
		value, next, ok := r.value(t, body, name+1)
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
	r.close(base)
	return list, end, true
}

// enter returns where the elements of the document at b[at:] begin and where the document ends.
func (r *reader) enter(b []byte, at int) (begin, end int, ok bool) {
	if end, ok = documentEnd(b, at); !ok {
		return at, end, r.fail("the length of a document is not its length", at)
	}
	if r.depth++; r.depth > maxDepth {
		r.err = errDepth
		return at, end, false
	}
	return at + 4, end, true
}

// takeM makes a map of the open elements from base on. The last of several of one name wins.
func (r *reader) takeM(base int) bson.M {
	elements := r.open[base:]
	m := make(bson.M, len(elements))
	for i := range elements {
		m[elements[i].Key] = elements[i].Value
	}
	r.close(base)
	return m
}

// takeD makes a document of the open elements from base on.
func (r *reader) takeD(base int) bson.D {
	d := make(bson.D, len(r.open)-base)
	copy(d, r.open[base:])
	r.close(base)
	return d
}

// close forgets the open elements from base on.
func (r *reader) close(base int) {
	clear(r.open[base:])
	r.open = r.open[:base]
}

// failure returns what is wrong with a document, and leaves it.
func (r *reader) failure() error {
	err := r.err
	r.close(0)
	r.depth, r.err = 0, nil
	return err
}

// fail notes what is wrong with the byte at a place. It is always false.
func (r *reader) fail(what string, at int) bool {
	r.err = badBSON(what, at)
	return false
}

// documentEnd returns where the document at b[at:] ends.
func documentEnd(b []byte, at int) (end int, ok bool) {
	const shortest = 5
	if len(b)-at < shortest {
		return at, false
	}
	n := int(int32(binary.LittleEndian.Uint32(b[at:])))
	if n < shortest || n > len(b)-at || b[at+n-1] != 0 {
		return at, false
	}
	return at + n, true
}
