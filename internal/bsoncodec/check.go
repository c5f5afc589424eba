package bsoncodec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"unicode/utf8"

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
	_, err := checker{}.elements(raw, 0, 1)
	return err
}

// checkText returns a [textError] if a key or a string of raw, a valid document, is not UTF-8.
func checkText(raw []byte) error {
	_, err := checker{text: true}.elements(raw, 0, 1)
	return err
}

// textError is the error for text that is not UTF-8.
type textError struct {
	path []byte // of keys
	text []byte
}

func (e *textError) Error() string { return fmt.Sprintf("key %q: invalid UTF-8: %q", e.path, e.text) }

// checker checks a document.
type checker struct {
	text bool // check that keys and strings are valid UTF-8
}

// valid checks some text.
func (c checker) valid(text []byte) error {
	if c.text && !utf8.Valid(text) {
		return &textError{text: text}
	}
	return nil
}

// inside adds a key to the path of the error of its value.
func inside(key []byte, err error) error {
	if bad, ok := err.(*textError); ok {
		if len(bad.path) > 0 {
			key = append(append(bytes.Clone(key), '.'), bad.path...)
		}
		bad.path = key
	}
	return err
}

// TooDeep reports whether raw is nested deeper than [MaxDepth]. The driver's decoder has no bound.
func TooDeep(raw []byte) bool {
	const level = 7 // the fewest bytes of a level: a type, the NUL of an empty key, a length, and the NUL at the end
	return len(raw) >= level*MaxDepth && errors.Is(Check(raw), ErrTooDeep)
}

// elements checks the elements of the document at b[at:] and returns where it ends.
func (c checker) elements(b []byte, at, depth int) (int, error) {
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
		name := body[at+1 : key]
		err := c.valid(name)
		if err == nil {
			at, err = c.value(t, body, key+1, depth)
		}
		if err != nil {
			return at, inside(name, err)
		}
	}
	return end, nil
}

// value checks the value of type t at b[at:] and returns where it ends.
func (c checker) value(t bson.Type, b []byte, at, depth int) (int, error) {
	size, fixed := fixedSize(t)
	switch t {
	case bson.TypeEmbeddedDocument, bson.TypeArray:
		return c.elements(b, at, depth+1)
	case bson.TypeCodeWithScope:
		n, code, ok := length(b, at+4)
		if !ok || n < 1 {
			return at, invalidAt("invalid string length", at+4)
		}
		if err := c.valid(b[code : code+n-1]); err != nil {
			return at, err
		}
		end, err := c.elements(b, code+n, depth+1)
		if err == nil && int(int32(binary.LittleEndian.Uint32(b[at:]))) != end-at {
			err = invalidAt("invalid length of code with scope", at)
		}
		return end, err
	case bson.TypeString, bson.TypeJavaScript, bson.TypeSymbol, bson.TypeDBPointer:
		n, text, ok := length(b, at)
		if !ok || n < 1 || b[text+n-1] != 0 {
			return at, invalidAt("invalid string length", at)
		}
		if err := c.valid(b[text : text+n-1]); err != nil {
			return at, err
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
			end := nul(b, at)
			if end < 0 {
				return at, invalidAt("regular expression without a terminating NUL", at)
			}
			if err := c.valid(b[at:end]); err != nil {
				return at, err
			}
			at = end + 1
		}
	case bson.TypeBoolean:
		if at < len(b) && b[at] > 1 {
			return at, invalidBoolean(b[at], at)
		}
	default:
		if !fixed {
			return at, unknownType(t, at)
		}
	}
	if size > len(b)-at {
		return at, invalidAt("truncated value", at)
	}
	return at + size, nil
}

// fixedSize returns the size in bytes of the values of a type. It reports false for types whose values differ in size, and
// for unknown types.
func fixedSize(t bson.Type) (size int, ok bool) {
	switch t {
	case bson.TypeNull, bson.TypeUndefined, bson.TypeMinKey, bson.TypeMaxKey:
		return 0, true
	case bson.TypeBoolean:
		return 1, true
	case bson.TypeInt32:
		return 4, true
	case bson.TypeDouble, bson.TypeInt64, bson.TypeDateTime, bson.TypeTimestamp:
		return 8, true
	case bson.TypeObjectID:
		return 12, true
	case bson.TypeDecimal128:
		return 16, true
	}
	return 0, false
}
