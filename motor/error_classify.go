package motor

import (
	"context"
	"errors"
	"reflect"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// wrapError gives a driver's error its class. It is called once for each operation, where the operation leaves the
// driver.
func wrapError(err error) error {
	if err == nil {
		return nil
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, future.ErrQueueFull) || errors.Is(err, future.ErrPoolClosed) {
		return err
	}
	return &Error{class: classify(err), cause: err}
}

// MongoDB's error codes that have a class of their own.
const (
	codeMaxTimeMSExpired = 50
	codeCursorNotFound   = 43
	codeWriteConcern     = 64 // WriteConcernTimeout
)

// notPrimaryCodes are the codes of the specification "Server Discovery and Monitoring" that say that the server is
// not the primary, or is on its way down.
var notPrimaryCodes = []int{10107, 13435, 10058, 11600, 11602, 13436, 189, 91}

func classify(err error) *ErrorClass {
	var (
		bulk       mongo.BulkWriteException
		clientBulk mongo.ClientBulkWriteException
		write      mongo.WriteException
		command    mongo.CommandError
		marshal    mongo.MarshalError
		crypt      mongo.MongocryptError
		argument   mongo.InvalidArgumentError
		unordered  mongo.ErrMapForOrderedArgument
	)
	switch {
	case errors.As(err, &bulk):
		return BulkWriteError
	case errors.As(err, &clientBulk):
		return ClientBulkWriteException
	case errors.As(err, &write):
		return classifyWrite(write)
	case isDriverType(err, "ServerSelectionError"):
		return ServerSelectionTimeoutError
	case isDriverType(err, "WaitQueueTimeoutError"):
		return WaitQueueTimeoutError
	case errors.As(err, &command) && !mongo.IsNetworkError(err):
		return classifyCommand(command)
	case mongo.IsNetworkError(err), isDriverType(err, "ConnectionError"):
		if mongo.IsTimeout(err) {
			return NetworkTimeout
		}
		return AutoReconnect
	case errors.Is(err, mongo.ErrClientDisconnected):
		return InvalidOperation
	case errors.As(err, &marshal):
		return InvalidDocument
	case errors.As(err, &unordered), errors.Is(err, mongo.ErrNilDocument), errors.Is(err, mongo.ErrNilValue),
		errors.Is(err, mongo.ErrNotSlice), errors.Is(err, mongo.ErrEmptySlice):
		return TypeError
	case errors.As(err, &argument):
		return ValueError
	case errors.As(err, &crypt):
		return EncryptionError
	case mongo.IsTimeout(err):
		return NetworkTimeout
	}
	return PyMongoError
}

func classifyWrite(err mongo.WriteException) *ErrorClass {
	switch {
	case mongo.IsDuplicateKeyError(err):
		return DuplicateKeyError
	case len(err.WriteErrors) > 0:
		return WriteError
	case err.WriteConcernError != nil && err.WriteConcernError.Code == codeWriteConcern:
		return WTimeoutError
	}
	return WriteConcernError
}

func classifyCommand(err mongo.CommandError) *ErrorClass {
	switch {
	case mongo.IsDuplicateKeyError(err):
		return DuplicateKeyError
	case err.HasErrorCode(codeMaxTimeMSExpired):
		return ExecutionTimeout
	case err.HasErrorCode(codeCursorNotFound):
		return CursorNotFound
	}
	for _, code := range notPrimaryCodes {
		if err.HasErrorCode(code) {
			return NotPrimaryError
		}
	}
	return OperationFailure
}

// isDriverType reports whether an error in the chain is of a type that the driver keeps in a package without a
// promise of stability. Knowing such types by name keeps those packages out of our imports.
func isDriverType(err error, name string) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		t := reflect.TypeOf(err)
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Name() == name {
			return true
		}
	}
	return false
}
