package motor

import (
	"encoding/binary"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// errDepth is what is wrong with a document that is nested too deep.
var errDepth = errors.New("documents nested more than 10000 deep")

// badBSON returns what is wrong with bytes that are to be a document.
func badBSON(what string, at int) error { return fmt.Errorf("%s, at byte %d", what, at) }

// checkBSON returns what is wrong with raw as a document, or nil. It accepts what a reader accepts, and makes nothing
// of the values.
func checkBSON(raw []byte) error {
	end, ok := documentEnd(raw, 0)
	if !ok || end != len(raw) {
		return badBSON("the length of a document is not its length", 0)
	}
	_, err := checkElements(raw, 0, 1)
	return err
}

// tooDeep reports whether the documents in raw are nested too deep to be given to the driver's decoder, which has no
// bound.
func tooDeep(raw []byte) bool {
	const least = 7 // bytes of one level: a type, an empty name and its NUL, a length, and the NUL at the end
	return len(raw) >= least*maxDepth && errors.Is(checkBSON(raw), errDepth)
}

// checkElements checks the elements of the document at b[at:] and returns where it ends.
func checkElements(b []byte, at, depth int) (int, error) {
	end, ok := documentEnd(b, at)
	if !ok {
		return at, badBSON("the length of a document is not its length", at)
	}
	if depth > maxDepth {
		return at, errDepth
	}
	body := b[:end-1]
	for at += 4; at < len(body); {
		t := bson.Type(body[at])
		name := nul(body, at+1)
		if name < 0 {
			return at, badBSON("a name without an end", at+1)
		}
		var err error
		if at, err = checkValue(t, body, name+1, depth); err != nil {
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
			return at, badBSON("the length of a string is not its length", at+4)
		}
		end, err := checkElements(b, code+n, depth+1)
		if err == nil && int(int32(binary.LittleEndian.Uint32(b[at:]))) != end-at {
			err = badBSON("the length of a code with scope is not its length", at)
		}
		return end, err
	case bson.TypeString, bson.TypeJavaScript, bson.TypeSymbol, bson.TypeDBPointer:
		n, text, ok := length(b, at)
		if !ok || n < 1 || b[text+n-1] != 0 {
			return at, badBSON("the length of a string is not its length", at)
		}
		size = 4 + n
		if t == bson.TypeDBPointer {
			size += 12
		}
	case bson.TypeBinary:
		_, _, end, ok := binaryAt(b, at)
		if !ok {
			return at, badBSON("the length of a binary is not its length", at)
		}
		size = end - at
	case bson.TypeRegex:
		for range 2 {
			if at = nul(b, at) + 1; at == 0 {
				return at, badBSON("a regular expression without an end", at)
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
			return at, badBSON("a boolean that is neither 0 nor 1", at)
		}
	case bson.TypeNull, bson.TypeUndefined, bson.TypeMinKey, bson.TypeMaxKey:
	default:
		return at, badBSON("a value of a type that there is not", at)
	}
	if size > len(b)-at {
		return at, badBSON("a value that is cut off", at)
	}
	return at + size, nil
}
