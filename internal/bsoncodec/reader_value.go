package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"math"

	"go.mongodb.org/mongo-driver/v2/bson"
)

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
			return nil, at, r.fail("boolean that is neither 0 nor 1", at)
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
		return nil, at, r.fail("unknown type of a value", at)
	}
	return nil, at, r.fail("truncated value", at)
}

// text returns the string at b[at:]. It has its length before it and a NUL after it. It may contain NULs, and need not
// be UTF-8.
func (r *reader) text(b []byte, at int) (string, int, bool) {
	n, at, ok := length(b, at)
	if !ok || n < 1 || b[at+n-1] != 0 {
		return "", at, r.fail("invalid length of a string", at)
	}
	return string(b[at : at+n-1]), at + n, true
}

// binary returns the binary at b[at:].
func (r *reader) binary(b []byte, at int) (any, int, bool) {
	subtype, begin, end, ok := binaryAt(b, at)
	if !ok {
		return nil, at, r.fail("invalid length of a binary", at)
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
		return nil, at, r.fail("invalid length of a string", at+4)
	}
	base, next, ok := r.elements(b, code+n)
	if !ok {
		return nil, next, false
	}
	if next-at != total {
		return nil, at, r.fail("invalid length of a code with scope", at)
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
