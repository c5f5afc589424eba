package motor

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Error is what a failed operation gives: the class that PyMongo would raise, around the driver's own error.
// [errors.Is] finds the class and its ancestors, [errors.As] the driver's error.
type Error struct {
	class *ErrorClass
	text  string
	cause error
}

// newError returns an error of our own making.
func newError(c *ErrorClass, format string, args ...any) *Error {
	return &Error{class: c, text: fmt.Sprintf(format, args...)}
}

// Error gives the class and the message.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.class.Error() + ": " + e.text
	}
	if e.text == "" {
		return e.class.Error() + ": " + e.cause.Error()
	}
	return e.class.Error() + ": " + e.text + ": " + e.cause.Error()
}

// Unwrap returns the driver's error, or nil if the operation did not get that far.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the error's class or an ancestor of it.
func (e *Error) Is(target error) bool { return e.class.Is(target) }

// Class returns the error's class.
func (e *Error) Class() *ErrorClass { return e.class }

// Code returns the server's error code, or 0 if the server has not given one. Of several, it is the first. A
// [BulkWriteError] has a code of its own, 65; Details has those of its writes.
//
// PyMongo: OperationFailure.code.
func (e *Error) Code() int {
	if e.class == BulkWriteError {
		return codeBulkWrite
	}
	var server mongo.ServerError
	if errors.As(e.cause, &server) {
		for _, code := range server.ErrorCodes() {
			return code
		}
	}
	return 0
}

// Details returns what the server said, or nil: of a write, the write error (with keyPattern and keyValue of a
// [DuplicateKeyError]) or the write concern error; of a [BulkWriteError], writeErrors and writeConcernErrors, each a
// list; of other commands, the whole reply.
//
// PyMongo: OperationFailure.details.
func (e *Error) Details() bson.Raw {
	var (
		command mongo.CommandError
		write   mongo.WriteException
		bulk    mongo.BulkWriteException
	)
	switch {
	case errors.As(e.cause, &bulk):
		return bulkDetails(bulk)
	case errors.As(e.cause, &write):
		if n := len(write.WriteErrors); n > 0 {
			return write.WriteErrors[n-1].Raw
		}
		if write.WriteConcernError != nil {
			return write.WriteConcernError.Raw
		}
		return write.Raw
	case errors.As(e.cause, &command):
		return command.Raw
	}
	return nil
}

func bulkDetails(err mongo.BulkWriteException) bson.Raw {
	writes, concerns := bson.A{}, bson.A{}
	for _, w := range err.WriteErrors {
		writes = append(writes, w.Raw)
	}
	if err.WriteConcernError != nil {
		concerns = append(concerns, err.WriteConcernError.Raw)
	}
	// Documents that came from the server can be encoded.
	raw, _ := bson.Marshal(bson.D{{Key: "writeErrors", Value: writes}, {Key: "writeConcernErrors", Value: concerns}})
	return raw
}

// HasErrorLabel reports whether the driver or the server has put label on the error, such as
// "TransientTransactionError".
//
// PyMongo: PyMongoError.has_error_label.
func (e *Error) HasErrorLabel(label string) bool {
	var labeled mongo.LabeledError
	return errors.As(e.cause, &labeled) && labeled.HasErrorLabel(label)
}

// Timeout reports whether the error came of a time limit, whoever set it.
//
// PyMongo: PyMongoError.timeout.
func (e *Error) Timeout() bool {
	var bulk mongo.BulkWriteException
	if errors.As(e.cause, &bulk) {
		n := len(bulk.WriteErrors)
		return isWTimeout(bulk.WriteConcernError) || n > 0 && bulk.WriteErrors[n-1].Code == codeMaxTimeMSExpired
	}
	return e.cause != nil && mongo.IsTimeout(e.cause) || e.Is(ServerSelectionTimeoutError) || e.Is(WTimeoutError)
}
