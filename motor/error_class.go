package motor

// ErrorClass is a class of PyMongo's exception tree. It is used as a target of [errors.Is], which holds for a class
// and for all its ancestors:
//
//	errors.Is(err, motor.DuplicateKeyError) // and so WriteError, OperationFailure, PyMongoError
type ErrorClass struct {
	name   string
	parent *ErrorClass
}

// Name returns the name of PyMongo's exception.
func (c *ErrorClass) Name() string { return c.name }

// Parent returns the class that this one is derived from, or nil.
func (c *ErrorClass) Parent() *ErrorClass { return c.parent }

// Error makes a class an error, so that it can be a target of [errors.Is].
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

// PyMongo's exceptions (pymongo.errors), and those of gridfs.errors, of bson.errors and of Python itself that its methods
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
	// ClientBulkWriteException is what Client.BulkWrite gives.
	ClientBulkWriteException = class("ClientBulkWriteException", OperationFailure)

	InvalidOperation  = class("InvalidOperation", PyMongoError)
	InvalidName       = class("InvalidName", PyMongoError)
	CollectionInvalid = class("CollectionInvalid", PyMongoError)
	// ProtocolError is no operation's: the driver has no error of its own for messages that break the wire protocol.
	ProtocolError = class("ProtocolError", PyMongoError)

	EncryptionError          = class("EncryptionError", PyMongoError)
	EncryptedCollectionError = class("EncryptedCollectionError", EncryptionError)

	GridFSError     = class("GridFSError", PyMongoError)
	NoFile          = class("NoFile", GridFSError)
	FileExists      = class("FileExists", GridFSError)
	CorruptGridFile = class("CorruptGridFile", GridFSError)
	// UnsupportedAPI is no operation's: nothing that GridFS has is refused any more.
	UnsupportedAPI = class("UnsupportedAPI", GridFSError)

	BSONError        = class("BSONError", nil)
	InvalidBSON      = class("InvalidBSON", BSONError)
	InvalidDocument  = class("InvalidDocument", BSONError)
	DocumentTooLarge = class("DocumentTooLarge", InvalidDocument)

	TypeError  = class("TypeError", nil)
	ValueError = class("ValueError", nil)

	// StopAsyncIteration is what [Cursor.Next] gives at the end of the cursor, and [ChangeStream.Next] at that of the
	// stream.
	StopAsyncIteration = class("StopAsyncIteration", nil)
)
