package bsoncodec

import (
	"errors"
	"fmt"
)

// Kind says what is wrong with a document or an argument.
type Kind int

const (
	// WrongType is an argument that cannot be a document, such as a number or nil.
	WrongType Kind = iota + 1
	// WrongValue is an argument of the right type that the method does not take, such as an update without operators.
	WrongValue
	// CannotEncode is a value that the encoder refuses. Error.Value is the value.
	CannotEncode
	// InvalidDocument is an encoded document that must not be sent, for example because of one of its keys.
	InvalidDocument
	// TooLarge is a document that is larger than the server takes.
	TooLarge
	// CannotDecode is a document that cannot be decoded.
	CannotDecode
)

// Error is an error of this package.
type Error struct {
	Kind  Kind
	Text  string // what the error says before Cause; may be empty
	Value any    // see CannotEncode
	Cause error  // of the driver or of a marshaler of the user; may be nil
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

// ErrTooDeep is the cause of the error of a document that is nested too deep.
var ErrTooDeep = errors.New("documents nested more than 10000 deep")

// invalidAt returns the error of bytes that are not a document.
func invalidAt(what string, at int) error { return fmt.Errorf("%s, at byte %d", what, at) }
