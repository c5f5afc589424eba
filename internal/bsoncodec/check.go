package bsoncodec

import (
	"encoding/binary"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Check returns an error if raw is not a document. It accepts the documents that can be decoded, and allocates
// nothing.
func Check(raw []byte) error {
	end, ok := documentEnd(raw, 0)
	if !ok {
		return documentLength(raw, 0)
	}
	if end != len(raw) {
		return invalidAt("bytes after the end of the document", end)
	}
	_, err := checkElements(raw, 0, 1)
	return err
}

// TooDeep reports whether raw is nested deeper than [MaxDepth]. The driver's decoder has no bound.
func TooDeep(raw []byte) bool {
	const level = 7 // the fewest bytes of a level: a type, the NUL of an empty key, a length, and the NUL at the end
	return len(raw) >= level*MaxDepth && errors.Is(Check(raw), ErrTooDeep)
}

// checkElements checks the elements of the document at b[at:] and returns where it ends.
func checkElements(b []byte, at, depth int) (int, error) {
	end, ok := documentEnd(b, at)
	if !ok {
		return at, documentLength(b, at)
	}
	if depth > MaxDepth {
		return at, ErrTooDeep
	}
	body := b[:end-1]
	for at += 4; at < len(body); {
		t := bson.Type(body[at])
		key := nul(body, at+1)
		if key < 0 {
			return at, invalidAt("key without a terminating NUL", at+1)
		}
		var err error
		if at, err = checkValue(t, body, key+1, depth); err != nil {
			return at, err
		}
	}
	return end, nil
}

// checkValue checks the value of type t at b[at:] and returns where it ends.
func checkValue(t bson.Type, b []byte, at, depth int) (int, error) {
	size := 0
	switch t {
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		return checkElements(b, at, depth+1)
	case bson.TypeCodeWithScope:
		n, code, ok := length(b, at+4)
		if !ok || n < 1 {
			return at, invalidAt("invalid string length", at+4)
		}
		end, err := checkElements(b, code+n, depth+1)
		if err == nil && int(int32(binary.LittleEndian.Uint32(b[at:]))) != end-at {
			err = invalidAt("invalid length of code with scope", at)
		}
		return end, err
	case bson.TypeString, bson.TypeJavaScript, bson.TypeSymbol, bson.TypeDBPointer:
		n, text, ok := length(b, at)
		if !ok || n < 1 || b[text+n-1] != 0 {
			return at, invalidAt("invalid string length", at)
		}
		size = 4 + n
		if t == bson.TypeDBPointer {
			size += 12
		}
	case bson.TypeBinary:
		_, _, end, ok := binaryAt(b, at)
		if !ok {
			return at, invalidAt("invalid binary length", at)
		}
		size = end - at
	case bson.TypeRegex:
		for range 2 {
			if at = nul(b, at) + 1; at == 0 {
				return at, invalidAt("regular expression without a terminating NUL", at)
			}
		}
	case bson.TypeDouble, bson.TypeInt64, bson.TypeDateTime, bson.TypeTimestamp:
		size = 8
	case bson.TypeInt32:
		size = 4
	case bson.TypeObjectID:
		size = 12
	case bson.TypeDecimal128:
		size = 16
	case bson.TypeBoolean:
		if size = 1; at < len(b) && b[at] > 1 {
			return at, invalidBoolean(b[at], at)
		}
	case bson.TypeNull, bson.TypeUndefined, bson.TypeMinKey, bson.TypeMaxKey:
	default:
		return at, unknownType(t, at)
	}
	if size > len(b)-at {
		return at, invalidAt("truncated value", at)
	}
	return at + size, nil
}
