package motor

import (
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// Error is the error of a failed operation. It has the class that PyMongo would raise, and wraps the driver's error.
// [errors.Is] finds the class and its ancestors; [errors.As] finds the driver's error, such as a mongo.CommandError, a
// mongo.WriteException or a mongo.BulkWriteException.
type Error struct {
	class *ErrorClass
	text  string
	cause error

	outcome interface{ document() bson.Raw } // a *bulkOutcome for BulkWriteError and ClientBulkWriteException
	partial any
}

// newError returns an error that wraps no other.
func newError(c *ErrorClass, format string, args ...any) *Error {
	return &Error{class: c, text: fmt.Sprintf(format, args...)}
}

// Error returns the class and the message.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.class.Error() + ": " + e.text
	}
	if e.text == "" {
		return e.class.Error() + ": " + e.cause.Error()
	}
	return e.class.Error() + ": " + e.text + ": " + e.cause.Error()
}

// Message returns the text without the class. For an error of the server, it is the server's message.
//
// PyMongo: str(e).
func (e *Error) Message() string {
	var (
		command mongo.CommandError
		write   mongo.WriteException
	)
	switch {
	case errors.As(e.cause, &write) && len(write.WriteErrors) > 0:
		return write.WriteErrors[len(write.WriteErrors)-1].Message
	case errors.As(e.cause, &write) && write.WriteConcernError != nil:
		return write.WriteConcernError.Message
	case errors.As(e.cause, &command):
		return command.Message
	}
	return strings.TrimPrefix(e.Error(), e.class.Error()+": ")
}

// AsError returns the first [*Error] in the chain of err, or nil if there is none. It is errors.As with less text.
//
// PyMongo: except PyMongoError as e.
func AsError(err error) *Error {
	e, _ := errors.AsType[*Error](err)
	return e
}

// Code returns the server's error code of err, or 0: see [Error.Code].
//
// PyMongo: OperationFailure.code.
func Code(err error) int {
	if e := AsError(err); e != nil {
		return e.Code()
	}
	return 0
}

// Unwrap returns the driver's error, or nil if the operation did not reach the driver.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is the error's class or an ancestor of it.
func (e *Error) Is(target error) bool { return e.class.Is(target) }

// Class returns the error's class.
func (e *Error) Class() *ErrorClass { return e.class }

// Code returns the server's error code, or 0 if there is none. If the server returned several errors, it is the code of
// the first. A [BulkWriteError] and a [ClientBulkWriteException] have the code 65; Details has the codes of their
// writes.
//
// PyMongo: OperationFailure.code.
func (e *Error) Code() int {
	if e.class == BulkWriteError || e.class == ClientBulkWriteException {
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

// Details returns the server's description of the error, or nil. For a write it is the write error (with keyPattern and
// keyValue for a [DuplicateKeyError]) or the write concern error. For other commands it is the whole reply.
//
// For a [BulkWriteError] or [ClientBulkWriteException] it is the outcome of all writes, in PyMongo's format: nInserted,
// nMatched, nModified, nRemoved, nUpserted; upserted, a list of index and _id; writeErrors, a list of the server's
// write errors, each with the index of its write in the whole list and the write itself as op; writeConcernErrors. The
// same is true of another error, such as [AutoReconnect], that ends a bulk after errors of some of its writes.
//
// PyMongo: OperationFailure.details.
func (e *Error) Details() bson.Raw {
	var (
		command mongo.CommandError
		write   mongo.WriteException
	)
	switch {
	case e.outcome != nil:
		return e.outcome.document()
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

// PartialResult returns the result of the writes that succeeded before the error: a *[BulkWriteResult] for BulkWrite,
// an *[InsertManyResult] for InsertMany, a *mongo.ClientBulkWriteResult for Client.BulkWrite, a bson.M for
// [BulkOperationBuilder.Execute], a []any of the _ids for Insert, an *[EncryptedCollection] for
// CreateEncryptedCollection. For other operations, and if nothing was sent, it is nil. A future also has this result
// beside the error, except for Insert.
//
// PyMongo: ClientBulkWriteException.partial_result.
func (e *Error) PartialResult() any { return e.partial }

// HasErrorLabel reports whether the driver or the server has added label to the error, such as
// "TransientTransactionError".
//
// PyMongo: PyMongoError.has_error_label.
func (e *Error) HasErrorLabel(label string) bool {
	var labeled mongo.LabeledError
	return errors.As(e.cause, &labeled) && labeled.HasErrorLabel(label)
}

// Timeout reports whether the error is due to a time limit of the caller, the driver or the server.
//
// PyMongo: PyMongoError.timeout.
func (e *Error) Timeout() bool {
	var bulk mongo.BulkWriteException
	if errors.As(e.cause, &bulk) {
		n := len(bulk.WriteErrors)
		return isWTimeout(bulk.WriteConcernError) || n > 0 && bulk.WriteErrors[n-1].Code == codeMaxTimeMSExpired
	}
	return e.cause != nil && mongo.IsTimeout(e.cause) || e.Is(NetworkTimeout) || e.Is(ServerSelectionTimeoutError) ||
		e.Is(WTimeoutError)
}

// ErrorClass is a class of PyMongo's exception tree. It is a target for [errors.Is], which matches the class and all
// its ancestors:
//
//	errors.Is(err, motor.DuplicateKeyError) // and so WriteError, OperationFailure, PyMongoError
//
// The classes that programs ask for most are [DuplicateKeyError], [BulkWriteError], [WriteError], [OperationFailure],
// [AutoReconnect], [NetworkTimeout], [ServerSelectionTimeoutError], [InvalidDocument] and [TypeError].
type ErrorClass struct {
	name   string
	parent *ErrorClass
}

// Name returns the name of PyMongo's exception.
func (c *ErrorClass) Name() string { return c.name }

// Parent returns the parent class, or nil.
func (c *ErrorClass) Parent() *ErrorClass { return c.parent }

// Error makes a class a target for [errors.Is].
func (c *ErrorClass) Error() string { return "motor: " + c.name }

// Is reports whether target is the class or one of its ancestors.
func (c *ErrorClass) Is(target error) bool {
	for ; c != nil; c = c.parent {
		if error(c) == target {
			return true
		}
	}
	return false
}

func class(name string, parent *ErrorClass) *ErrorClass { return &ErrorClass{name, parent} }

// The classes of pymongo.errors, and those of gridfs.errors, bson.errors and Python itself that PyMongo's methods
// raise.
var (
	PyMongoError = class("PyMongoError", nil)

	ConnectionFailure           = class("ConnectionFailure", PyMongoError)
	WaitQueueTimeoutError       = class("WaitQueueTimeoutError", ConnectionFailure)
	AutoReconnect               = class("AutoReconnect", ConnectionFailure)
	NetworkTimeout              = class("NetworkTimeout", AutoReconnect)
	NotPrimaryError             = class("NotPrimaryError", AutoReconnect)
	ServerSelectionTimeoutError = class("ServerSelectionTimeoutError", AutoReconnect)

	ConfigurationError = class("ConfigurationError", PyMongoError)
	InvalidURI         = class("InvalidURI", ConfigurationError)

	OperationFailure  = class("OperationFailure", PyMongoError)
	CursorNotFound    = class("CursorNotFound", OperationFailure)
	ExecutionTimeout  = class("ExecutionTimeout", OperationFailure)
	WriteConcernError = class("WriteConcernError", OperationFailure)
	WTimeoutError     = class("WTimeoutError", WriteConcernError)
	WriteError        = class("WriteError", OperationFailure)
	DuplicateKeyError = class("DuplicateKeyError", WriteError)
	BulkWriteError    = class("BulkWriteError", OperationFailure)
	// ClientBulkWriteException is the error of Client.BulkWrite.
	ClientBulkWriteException = class("ClientBulkWriteException", OperationFailure)

	InvalidOperation  = class("InvalidOperation", PyMongoError)
	InvalidName       = class("InvalidName", PyMongoError)
	CollectionInvalid = class("CollectionInvalid", PyMongoError)
	// ProtocolError is for replies that break the protocol, for example without an expected field, or nested deeper than
	// 10,000 levels. If the driver has panicked on the reply, its cause is a *future.PanicError.
	ProtocolError = class("ProtocolError", PyMongoError)

	EncryptionError          = class("EncryptionError", PyMongoError)
	EncryptedCollectionError = class("EncryptedCollectionError", EncryptionError)

	GridFSError     = class("GridFSError", PyMongoError)
	NoFile          = class("NoFile", GridFSError)
	FileExists      = class("FileExists", GridFSError)
	CorruptGridFile = class("CorruptGridFile", GridFSError)
	// UnsupportedAPI is never returned: all methods of GridFS are supported.
	UnsupportedAPI = class("UnsupportedAPI", GridFSError)

	BSONError        = class("BSONError", nil)
	InvalidBSON      = class("InvalidBSON", BSONError)
	InvalidDocument  = class("InvalidDocument", BSONError)
	DocumentTooLarge = class("DocumentTooLarge", InvalidDocument)
	// InvalidStringData is for text that is not valid UTF-8.
	InvalidStringData = class("InvalidStringData", InvalidDocument)

	TypeError  = class("TypeError", nil)
	ValueError = class("ValueError", nil)

	// StopAsyncIteration is the error of [Cursor.Next] at the end of the cursor, and of [ChangeStream.Next] at the end
	// of the stream.
	StopAsyncIteration = class("StopAsyncIteration", nil)
)
