package motor

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

// wrapError gives an error of the driver its class. It is called once for each operation, where its error leaves the
// driver.
func wrapError(err error) error {
	if err == nil {
		return nil
	}
	var theirs *userError
	if errors.As(err, &theirs) {
		return theirs.error
	}
	if early, ok := err.(queueError); ok {
		return early.error
	}
	var own *Error
	if errors.As(err, &own) {
		return err
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, future.ErrQueueFull) || errors.Is(err, future.ErrPoolClosed) {
		return err
	}
	if reply := drivercompat.WriteCommandReply(err); bsoncodec.TooDeep(reply) {
		return errDeepReply
	} else if reply != nil {
		err = newWriteException(reply)
	}
	if hasDeepReply(err) {
		return errDeepReply
	}
	if drivercompat.IsTooLarge(err) {
		return &Error{class: DocumentTooLarge, text: "a document or a statement is larger than the server accepts", cause: err}
	}
	var keyVault mongo.EncryptionKeyVaultError
	if errors.As(err, &keyVault) {
		return &Error{class: EncryptionError, cause: mongo.EncryptionKeyVaultError{Wrapped: wrapError(keyVault.Wrapped)}}
	}
	var concern mongo.WriteConcernError // from an aggregation that writes; other writes have it in a WriteException
	if errors.As(err, &concern) {
		err = mongo.WriteException{WriteConcernError: &concern}
	}
	return &Error{class: classify(err), cause: err}
}

// errDeepReply replaces the driver's error for a reply whose text, or whose values, would need too much stack.
var errDeepReply = newError(ProtocolError, "the server's reply is nested deeper than %d levels", bsoncodec.MaxDepth)

// hasDeepReply reports whether an error of the driver has a part of a reply that is nested too deep to be printed or
// decoded.
func hasDeepReply(err error) bool {
	var (
		command mongo.CommandError
		write   mongo.WriteException
		bulk    mongo.BulkWriteException
		client  mongo.ClientBulkWriteException
	)
	switch {
	case errors.As(err, &command):
		return bsoncodec.TooDeep(command.Raw)
	case errors.As(err, &write):
		return bsoncodec.TooDeep(write.Raw) || hasDeepWriteErrors(write.WriteErrors, write.WriteConcernError)
	case errors.As(err, &bulk):
		var all []mongo.WriteError
		for _, e := range bulk.WriteErrors {
			all = append(all, e.WriteError)
		}
		return hasDeepWriteErrors(all, bulk.WriteConcernError)
	case errors.As(err, &client):
		for i := range client.WriteConcernErrors {
			if hasDeepWriteErrors(nil, &client.WriteConcernErrors[i]) {
				return true
			}
		}
		all := slices.Collect(maps.Values(client.WriteErrors))
		if client.WriteError != nil {
			all = append(all, *client.WriteError)
		}
		return hasDeepWriteErrors(all, nil)
	}
	return false
}

func hasDeepWriteErrors(all []mongo.WriteError, concern *mongo.WriteConcernError) bool {
	deep := func(e mongo.WriteError) bool { return bsoncodec.TooDeep(e.Raw) || bsoncodec.TooDeep(e.Details) }
	return slices.ContainsFunc(all, deep) || concern != nil && (bsoncodec.TooDeep(concern.Raw) || bsoncodec.TooDeep(concern.Details))
}

// MongoDB's error codes that have their own class.
const (
	codeMaxTimeMSExpired = 50
	codeCursorNotFound   = 43
	codeWriteConcern     = 64 // WriteConcernTimeout
	codeBulkWrite        = 65 // MultipleErrorsOccurred
)

// notPrimaryCodes are the codes of the specification "Server Discovery and Monitoring" for a server that is not the
// primary or is shutting down.
var notPrimaryCodes = []int{10107, 13435, 10058, 11600, 11602, 13436, 189, 91}

func classify(err error) *ErrorClass {
	var (
		bulk       mongo.BulkWriteException
		clientBulk mongo.ClientBulkWriteException
		write      mongo.WriteException
		command    mongo.CommandError
		marshal    mongo.MarshalError
		crypt      mongo.MongocryptError
		cryptd     mongo.MongocryptdError
		argument   mongo.InvalidArgumentError
		unordered  mongo.ErrMapForOrderedArgument
		panicked   *future.PanicError
	)
	switch {
	case errors.As(err, &panicked): // of the driver, on a malformed reply
		return ProtocolError
	case errors.As(err, &bulk):
		return BulkWriteError
	case errors.As(err, &clientBulk):
		return ClientBulkWriteException
	case errors.As(err, &write):
		return classifyWrite(write)
	case drivercompat.IsServerSelection(err):
		return ServerSelectionTimeoutError
	case drivercompat.IsWaitQueueTimeout(err):
		return WaitQueueTimeoutError
	case drivercompat.IsPoolCleared(err): // in a CommandError, or not
		return AutoReconnect
	case drivercompat.IsRefusedLogin(err):
		return OperationFailure
	case errors.As(err, &command) && !mongo.IsNetworkError(err):
		return classifyCommand(command)
	case mongo.IsNetworkError(err), drivercompat.IsConnection(err):
		if mongo.IsTimeout(err) {
			return NetworkTimeout
		}
		return AutoReconnect
	case errors.Is(err, mongo.ErrClientDisconnected), errors.Is(err, mongo.ErrWrongClient),
		errors.Is(err, mongo.ErrMissingResumeToken):
		return InvalidOperation
	case errors.As(err, &marshal):
		return InvalidDocument
	case errors.As(err, &unordered), errors.Is(err, mongo.ErrNilDocument), errors.Is(err, mongo.ErrNilValue),
		errors.Is(err, mongo.ErrNotSlice), errors.Is(err, mongo.ErrEmptySlice):
		return TypeError
	case errors.As(err, &argument):
		return ValueError
	case errors.As(err, &crypt), errors.As(err, &cryptd):
		return EncryptionError
	case mongo.IsTimeout(err):
		return NetworkTimeout
	case drivercompat.IsPlain(err): // the driver has types for all other errors that do not come from malformed replies
		return ProtocolError
	}
	return PyMongoError
}

func classifyWrite(err mongo.WriteException) *ErrorClass {
	switch {
	case mongo.IsDuplicateKeyError(err):
		return DuplicateKeyError
	case len(err.WriteErrors) > 0:
		return WriteError
	case isWTimeout(err.WriteConcernError):
		return WTimeoutError
	}
	return WriteConcernError
}

// isWTimeout reports whether wtimeout expired. Old servers, and some commands, say so only in errInfo.
func isWTimeout(err *mongo.WriteConcernError) bool {
	if err == nil {
		return false
	}
	flag, _ := err.Details.Lookup("wtimeout").BooleanOK()
	return flag || err.Code == codeWriteConcern
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

// pinned reports whether a cursor of the driver that has failed with err, and has no id any more, may keep a connection
// until it is closed. Behind a load balancer a cursor has its own connection, and loses its id when the connection fails.
func pinned(err error) bool { return err != nil && mongo.IsNetworkError(err) }

// outOfTime reports whether a round trip failed because of a deadline or a cancelled context. The driver also returns
// such errors shortly before the deadline, when the context has not ended yet.
func outOfTime(err error) bool {
	return mongo.IsTimeout(err) || errors.Is(err, context.Canceled)
}

// newWriteException returns the error that the driver makes from the reply to a write whose write concern fails.
func newWriteException(reply bson.Raw) mongo.WriteException {
	var parsed struct {
		WriteConcernError bson.Raw `bson:"writeConcernError"`
		ErrorLabels       []string `bson:"errorLabels"`
	}
	var concern struct {
		Code     int      `bson:"code"`
		CodeName string   `bson:"codeName"`
		ErrMsg   string   `bson:"errmsg"`
		ErrInfo  bson.Raw `bson:"errInfo"`
	}
	// Fields of the wrong type are ignored.
	_ = bson.Unmarshal(reply, &parsed)
	_ = bson.Unmarshal(parsed.WriteConcernError, &concern)
	return mongo.WriteException{
		WriteConcernError: &mongo.WriteConcernError{
			Name:    concern.CodeName,
			Code:    concern.Code,
			Message: concern.ErrMsg,
			Details: concern.ErrInfo,
			Raw:     parsed.WriteConcernError,
		},
		Labels: parsed.ErrorLabels,
		Raw:    reply,
	}
}

// userError is an error of user code. wrapError leaves it unchanged.
type userError struct{ error }

// Unwrap returns the user's error.
func (e *userError) Unwrap() error { return e.error }

// queueError is the error of an operation that is cancelled, or whose context ends, while it waits for its turn. The
// caller gets the same error as for an operation that waits for its slot. See wrapError.
type queueError struct{ error }
