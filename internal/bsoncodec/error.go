package bsoncodec

import (
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Kind says what is wrong with a document or an argument.
type Kind int

const (
	// WrongType means that an argument cannot be a document, such as a number or nil.
	WrongType Kind = iota + 1
	// WrongValue means that an argument has the right type and an invalid value, such as an update without operators.
	WrongValue
	// CannotEncode means that the encoder refused a value. Error.Value is the value.
	CannotEncode
	// InvalidText means that a value has a string or a key that is not valid UTF-8.
	InvalidText
	// InvalidDocument means that an encoded document must not be sent, for example because of one of its keys.
	InvalidDocument
	// TooLarge means that a document is larger than the server accepts.
	TooLarge
	// CannotDecode means that a document cannot be decoded.
	CannotDecode
)

// Error is an error of this package.
type Error struct {
	Kind  Kind
	Text  string // the text before that of Cause; may be empty
	Value any    // see CannotEncode
	Cause error  // from the driver or from a marshaler of the user; may be nil
}

// Error returns the text and the cause.
func (e *Error) Error() string {
	switch {
	case e.Cause == nil:
		return e.Text
	case e.Text == "":
		return e.Cause.Error()
	}
	return e.Text + ": " + e.Cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf returns an error with a text.
func Errorf(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// TooLargeText returns the text of the error for a document of size bytes. argument names the document.
func TooLargeText(argument string, size, limit int) string {
	return fmt.Sprintf("%s is too large (%d bytes): the server supports documents of up to %d bytes", argument, size, limit)
}

// ErrTooDeep is the cause of the error for a document that is nested deeper than [MaxDepth].
var ErrTooDeep = fmt.Errorf("documents nested more than %d deep", MaxDepth)

func unknownType(t bson.Type, at int) error {
	return invalidAt(fmt.Sprintf("unknown BSON type %#x", byte(t)), at)
}

func invalidBoolean(b byte, at int) error {
	return invalidAt(fmt.Sprintf("invalid boolean %d: need 0 or 1", b), at)
}

// invalidAt returns an error for bytes that are not valid BSON.
func invalidAt(what string, at int) error { return fmt.Errorf("%s, at byte %d", what, at) }
