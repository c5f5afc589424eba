package motor

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

// The algorithms of [ClientEncryption.Encrypt].
//
// PyMongo: pymongo.encryption.Algorithm.
const (
	AlgorithmDeterministic = "AEAD_AES_256_CBC_HMAC_SHA_512-Deterministic"
	AlgorithmRandom        = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"
	AlgorithmIndexed       = "Indexed"
	AlgorithmUnindexed     = "Unindexed"
	AlgorithmRange         = "Range"
	AlgorithmTextPreview   = "TextPreview" // experimental
)

// The query types of [ClientEncryption.Encrypt], for the algorithms Indexed, Range and TextPreview.
//
// PyMongo: pymongo.encryption.QueryType.
const (
	QueryTypeEquality         = "equality"
	QueryTypeRange            = "range"
	QueryTypePrefixPreview    = "prefixPreview"    // experimental
	QueryTypeSuffixPreview    = "suffixPreview"    // experimental
	QueryTypeSubstringPreview = "substringPreview" // experimental
)

// ClientEncryption encrypts and decrypts values, and manages the data keys for it in a key vault, which is a collection.
// It is safe for concurrent use. The operations run on the executor of the key vault's client. They can be part of a
// session of that client. After [Client.Close] the next operation opens the client again.
//
// It needs the C library libmongocrypt and a program that is built with the driver's build tag:
//
//	go build -tags cse
//
// The driver imposes no limit on the depth of values that are decrypted: decrypt only values that you trust.
//
// Motor: MotorClientEncryption.
type ClientEncryption struct {
	client  *Client
	keys    *Collection[bson.M]
	opts    []options.Lister[options.ClientEncryptionOptions]
	pending inflight

	mu     sync.Mutex
	handle *encryptionHandle // the latest one; nil: none yet
}

// encryptionHandle is the driver's object for one connection of the client. The memory of libmongocrypt is freed by
// close, or when the garbage collector finds the handle.
type encryptionHandle struct {
	conn    *connection
	driver  *mongo.ClientEncryption
	cleanup runtime.Cleanup
}

// close frees the memory. No operation may use the handle.
func (h *encryptionHandle) close() {
	h.cleanup.Stop()
	drivercompat.CloseEncryption(h.driver)
}

// NewClientEncryption returns a ClientEncryption whose keys are in a collection of the client keyVault. The options must
// contain the namespace of that collection, as in "encryption.__keyVault", and the KMS providers. It does no I/O.
//
// Errors: [ConfigurationError] if the program is built without the tag "cse"; [TypeError] for a nil client;
// [ValueError] for a namespace without a dot; [InvalidName] for an invalid name in it; [EncryptionError] for KMS
// providers that libmongocrypt rejects.
func NewClientEncryption(keyVault *Client, opts ...options.Lister[options.ClientEncryptionOptions]) (*ClientEncryption, error) {
	if keyVault == nil {
		return nil, newError(TypeError, "NewClientEncryption: the client of the key vault is nil")
	}
	if err := encryptionBuilt(); err != nil {
		return nil, err
	}
	o, err := mergeOptions(opts)
	if err != nil {
		return nil, err
	}
	database, name, ok := strings.Cut(o.KeyVaultNamespace, ".")
	if !ok {
		return nil, newError(ValueError, "invalid key vault namespace %q: must be a database and a collection, separated by a dot", o.KeyVaultNamespace)
	}
	e := &ClientEncryption{client: keyVault, opts: slices.Clone(opts)}
	e.keys = keyVault.Database(database).Collection(name,
		options.Collection().SetReadConcern(readconcern.Majority()).SetWriteConcern(writeconcern.Majority()))
	if err := e.keys.Err(); err != nil {
		return nil, err
	}
	if err := drivercompat.CheckEncryption(opts...); err != nil {
		return nil, encryptionError(err)
	}
	return e, nil
}

// encryptionError returns err as an [EncryptionError] with its cause. Errors of BSON, of arguments and of cancellation
// stay as they are.
func encryptionError(err error) error {
	err = wrapError(err)
	var own *Error
	if !errors.As(err, &own) || own.Is(EncryptionError) || own.Is(BSONError) || own.Is(TypeError) || own.Is(ValueError) {
		return err
	}
	if own.class == PyMongoError { // the driver has no class for it
		return &Error{class: EncryptionError, text: own.text, cause: own.cause}
	}
	return &Error{class: EncryptionError, cause: err}
}

var errEncryptionClosed = newError(InvalidOperation, "the ClientEncryption is closed")

// encryptionOp submits the operation that calls fn with the driver's object. If err is not nil, the operation fails with
// it.
func encryptionOp[T any](ctx context.Context, e *ClientEncryption, err error, fn func(context.Context, *mongo.ClientEncryption) (T, error)) *future.Future[T] {
	if err == nil && !e.pending.start() {
		err = errEncryptionClosed
	}
	if err != nil {
		return failed[T](e.client, err)
	}
	return submit(ctx, e.client, op[T]{
		run: func(ctx context.Context, conn *connection) (none T, err error) {
			h, err := e.on(ctx, conn)
			if err != nil {
				return none, encryptionError(err)
			}
			defer runtime.KeepAlive(h)
			v, err := fn(ctx, h.driver)
			if err != nil {
				return v, encryptionError(err)
			}
			return v, nil
		},
		ended: e.pending.done,
	})
}

// on returns the driver's object for a connection.
func (e *ClientEncryption) on(ctx context.Context, conn *connection) (*encryptionHandle, error) {
	client, err := conn.client(ctx)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.handle != nil && e.handle.conn == conn {
		return e.handle, nil
	}
	driver, err := mongo.NewClientEncryption(client, e.opts...)
	if err != nil {
		return nil, err
	}
	h := &encryptionHandle{conn: conn, driver: driver}
	h.cleanup = runtime.AddCleanup(h, func(driver *mongo.ClientEncryption) { drivercompat.CloseEncryption(driver) }, driver)
	e.handle = h // operations of the client's previous connection may still use the previous handle
	return h, nil
}

// CreateDataKey creates a data key and inserts it into the key vault. The result is its _id, a UUID. kmsProvider is the
// name of a provider, such as "local" or "aws"; all but "local" need a master key.
//
// Errors: [EncryptionError] with its cause.
//
// Motor: MotorClientEncryption.create_data_key.
func (e *ClientEncryption) CreateDataKey(ctx context.Context, kmsProvider string, opts ...options.Lister[options.DataKeyOptions]) *future.Future[bson.Binary] {
	return encryptionOp(ctx, e, nil, func(ctx context.Context, driver *mongo.ClientEncryption) (bson.Binary, error) {
		return driver.CreateDataKey(ctx, kmsProvider, opts...)
	})
}

// Encrypt encrypts a value. The result has the BSON subtype 6. algorithm is one of the constants such as
// [AlgorithmDeterministic]; the options must name the key, by its _id or an alternative name.
//
// Errors: [EncryptionError] with its cause; [InvalidDocument] for a value that cannot be encoded.
//
// Motor: MotorClientEncryption.encrypt.
func (e *ClientEncryption) Encrypt(ctx context.Context, value any, algorithm string, opts ...options.Lister[options.EncryptOptions]) *future.Future[bson.Binary] {
	doc, err := e.keys.codec.encode("value", bson.D{{Key: "value", Value: value}})
	return encryptionOp(ctx, e, err, func(ctx context.Context, driver *mongo.ClientEncryption) (bson.Binary, error) {
		return driver.Encrypt(ctx, doc.Lookup("value"), encryptOptions(algorithm, opts)...)
	})
}

// EncryptExpression encrypts the values of a query on a range index. The result is the query to send. expression is a
// document of one of these forms:
//
//	{"$and": [{"field": {"$gte": 1}}, {"field": {"$lt": 5}}]}
//	{"$and": [{"$gte": ["$field", 1]}, {"$lt": ["$field", 5]}]}
//
// algorithm must be [AlgorithmRange], and the query type [QueryTypeRange].
//
// Errors: [EncryptionError] with its cause; [TypeError] and [InvalidDocument] for an expression that cannot be encoded.
//
// Motor: MotorClientEncryption.encrypt_expression.
func (e *ClientEncryption) EncryptExpression(ctx context.Context, expression any, algorithm string, opts ...options.Lister[options.EncryptOptions]) *future.Future[bson.M] {
	doc, err := e.keys.codec.encode("expression", expression)
	return encryptionOp(ctx, e, err, func(ctx context.Context, driver *mongo.ClientEncryption) (bson.M, error) {
		var encrypted bson.Raw
		if err := driver.EncryptExpression(ctx, doc, &encrypted, encryptOptions(algorithm, opts)...); err != nil {
			return nil, err
		}
		return decode[bson.M](&e.keys.codec, encrypted)
	})
}

func encryptOptions(algorithm string, opts []options.Lister[options.EncryptOptions]) []options.Lister[options.EncryptOptions] {
	return append(opts[:len(opts):len(opts)], options.Encrypt().SetAlgorithm(algorithm))
}

// Decrypt decrypts a value of the BSON subtype 6. The result is the value as in a bson.M: documents are bson.M, lists
// bson.A.
//
// Errors: [EncryptionError] with its cause, also for a value that is not encrypted.
//
// Motor: MotorClientEncryption.decrypt.
func (e *ClientEncryption) Decrypt(ctx context.Context, value bson.Binary) *future.Future[any] {
	return encryptionOp(ctx, e, nil, func(ctx context.Context, driver *mongo.ClientEncryption) (any, error) {
		decrypted, err := driver.Decrypt(ctx, value)
		if err != nil {
			return nil, err
		}
		doc, err := bson.Marshal(bson.D{{Key: "value", Value: decrypted}})
		if err != nil {
			return nil, err
		}
		decoded, err := decode[bson.M](&e.keys.codec, doc)
		return decoded["value"], err
	})
}

// RewrapManyDataKeyResult is the result of [ClientEncryption.RewrapManyDataKey].
//
// PyMongo: pymongo.encryption.RewrapManyDataKeyResult.
type RewrapManyDataKeyResult struct {
	BulkWriteResult *BulkWriteResult // nil if no key matched
}

// RewrapManyDataKey encrypts the data keys that match filter with another master key, or with the present one again if
// the options name no provider.
//
// Errors: [EncryptionError] with its cause; [TypeError] and [InvalidDocument] for a filter that cannot be encoded. Some
// of the keys may have been rewrapped.
//
// Motor: MotorClientEncryption.rewrap_many_data_key.
func (e *ClientEncryption) RewrapManyDataKey(ctx context.Context, filter any, opts ...options.Lister[options.RewrapManyDataKeyOptions]) *future.Future[*RewrapManyDataKeyResult] {
	doc, err := e.keys.codec.encode("filter", filter)
	return encryptionOp(ctx, e, err, func(ctx context.Context, driver *mongo.ClientEncryption) (*RewrapManyDataKeyResult, error) {
		rewrapped, err := driver.RewrapManyDataKey(ctx, doc, opts...)
		result := new(RewrapManyDataKeyResult)
		if rewrapped != nil && rewrapped.BulkWriteResult != nil {
			result.BulkWriteResult = &BulkWriteResult{Acknowledged: rewrapped.Acknowledged}
			result.BulkWriteResult.setCounts(rewrapped.BulkWriteResult)
		}
		return result, err
	})
}

// DeleteKey deletes a data key.
//
// Errors: those of [Collection.DeleteOne].
//
// Motor: MotorClientEncryption.delete_key.
func (e *ClientEncryption) DeleteKey(ctx context.Context, id bson.Binary) *future.Future[*DeleteResult] {
	if e.pending.isClosed() {
		return failed[*DeleteResult](e.client, errEncryptionClosed)
	}
	return e.keys.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}})
}

// GetKey returns a data key. The result is its document, or nil if there is none.
//
// Errors: those of [Collection.FindOne].
//
// Motor: MotorClientEncryption.get_key.
func (e *ClientEncryption) GetKey(ctx context.Context, id bson.Binary) *future.Future[bson.M] {
	return e.findKey(ctx, bson.D{{Key: "_id", Value: id}})
}

// GetKeyByAltName returns the data key with an alternative name. The result is its document, or nil if there is none.
//
// Errors: those of [Collection.FindOne].
//
// Motor: MotorClientEncryption.get_key_by_alt_name.
func (e *ClientEncryption) GetKeyByAltName(ctx context.Context, keyAltName string) *future.Future[bson.M] {
	return e.findKey(ctx, bson.D{{Key: "keyAltNames", Value: keyAltName}})
}

func (e *ClientEncryption) findKey(ctx context.Context, filter bson.D) *future.Future[bson.M] {
	if e.pending.isClosed() {
		return failed[bson.M](e.client, errEncryptionClosed)
	}
	return e.keys.FindOne(ctx, filter)
}

// GetKeys returns a cursor over all data keys. The result is the cursor, which has done no I/O yet.
//
// Errors: [InvalidOperation] if the ClientEncryption is closed.
//
// Motor: MotorClientEncryption.get_keys.
func (e *ClientEncryption) GetKeys(ctx context.Context) *future.Future[*Cursor[bson.M]] {
	switch {
	case ctx == nil:
		return failed[*Cursor[bson.M]](e.client, errNilContext)
	case e.pending.isClosed():
		return failed[*Cursor[bson.M]](e.client, errEncryptionClosed)
	}
	return resolved(e.client, e.keys.Find(bson.D{}))
}

// AddKeyAltName adds an alternative name to a data key. The result is the document of the key before the change, or nil
// if there is no such key.
//
// Errors: those of [Collection.FindOneAndUpdate].
//
// Motor: MotorClientEncryption.add_key_alt_name.
func (e *ClientEncryption) AddKeyAltName(ctx context.Context, id bson.Binary, keyAltName string) *future.Future[bson.M] {
	return e.updateKey(ctx, id, bson.D{{Key: "$addToSet", Value: bson.D{{Key: "keyAltNames", Value: keyAltName}}}})
}

// RemoveKeyAltName removes an alternative name from a data key. The result is the document of the key before the change,
// or nil if there is no such key.
//
// Errors: those of [Collection.FindOneAndUpdate].
//
// Motor: MotorClientEncryption.remove_key_alt_name.
func (e *ClientEncryption) RemoveKeyAltName(ctx context.Context, id bson.Binary, keyAltName string) *future.Future[bson.M] {
	const names = "$keyAltNames"
	others := bson.D{{Key: "$filter", Value: bson.D{
		{Key: "input", Value: names},
		{Key: "cond", Value: bson.D{{Key: "$ne", Value: bson.A{"$$this", keyAltName}}}},
	}}}
	// The specification "Client Side Encryption" does not allow an empty list of names.
	last := bson.D{{Key: "$eq", Value: bson.A{names, bson.A{keyAltName}}}}
	rest := bson.D{{Key: "$cond", Value: bson.A{last, "$$REMOVE", others}}}
	return e.updateKey(ctx, id, []bson.D{{{Key: "$set", Value: bson.D{{Key: "keyAltNames", Value: rest}}}}})
}

func (e *ClientEncryption) updateKey(ctx context.Context, id bson.Binary, update any) *future.Future[bson.M] {
	if e.pending.isClosed() {
		return failed[bson.M](e.client, errEncryptionClosed)
	}
	return e.keys.FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: id}}, update)
}

// EncryptedCollection is the result of [ClientEncryption.CreateEncryptedCollection].
type EncryptedCollection struct {
	Collection      *Collection[bson.M] // nil if the collection was not created
	EncryptedFields bson.M              // with the _ids of the created data keys
}

// CreateEncryptedCollection creates a collection for Queryable Encryption. For each field of encryptedFields whose keyId
// is null it creates a data key first, with kmsProvider and masterKey as in [ClientEncryption.CreateDataKey]; masterKey
// may be nil. The database may belong to another client than the key vault. opts are further options of the collection.
//
// Errors: [EncryptedCollectionError] with its cause. errors.As finds its [Error], whose PartialResult has the fields
// with the data keys created so far. A future also has that result beside the error. [TypeError] for a nil database,
// and for fields that are not a document.
//
// Motor: MotorClientEncryption.create_encrypted_collection.
func (e *ClientEncryption) CreateEncryptedCollection(
	ctx context.Context, db *Database, name string, encryptedFields any, kmsProvider string, masterKey any,
	opts ...options.Lister[options.CreateCollectionOptions],
) *future.Future[*EncryptedCollection] {
	if db == nil {
		return failed[*EncryptedCollection](e.client, newError(TypeError, "CreateEncryptedCollection: the database is nil"))
	}
	fields, err := e.encryptedFields(encryptedFields)
	switch {
	case ctx == nil:
		err = errNilContext
	case err == nil && e.pending.isClosed():
		err = errEncryptionClosed
	}
	if err != nil {
		return failed[*EncryptedCollection](e.client, err)
	}
	return future.GoVia(ctx, future.Goroutines, e.client.loop, func(ctx context.Context) (*EncryptedCollection, error) {
		result := &EncryptedCollection{EncryptedFields: fields}
		err := e.createKeys(ctx, fields, kmsProvider, masterKey)
		if err == nil {
			all := append(opts[:len(opts):len(opts)], options.CreateCollection().SetEncryptedFields(fields))
			result.Collection, err = db.CreateCollection(ctx, name, all...).Await(ctx)
		}
		var own *Error
		if errors.As(err, &own) {
			err = &Error{class: EncryptedCollectionError, cause: err, partial: result}
		}
		return result, err
	})
}

// encryptedFields returns a copy of the encrypted fields.
func (e *ClientEncryption) encryptedFields(v any) (bson.M, error) {
	raw, err := e.keys.codec.encode("encryptedFields", v)
	if err != nil {
		return nil, err
	}
	return decode[bson.M](&e.keys.codec, raw)
}

// createKeys creates the data keys of the fields that have a null keyId, one after another.
func (e *ClientEncryption) createKeys(ctx context.Context, encryptedFields bson.M, kmsProvider string, masterKey any) error {
	key := options.DataKey()
	if masterKey != nil {
		key.SetMasterKey(masterKey)
	}
	fields, _ := encryptedFields["fields"].(bson.A)
	for _, field := range fields {
		field, _ := field.(bson.M)
		if id, ok := field["keyId"]; !ok || id != nil {
			continue
		}
		id, err := e.CreateDataKey(ctx, kmsProvider, key).Await(ctx)
		if err != nil {
			return err
		}
		field["keyId"] = id
	}
	return nil
}

// Close frees the memory of libmongocrypt. It first waits for the operations that were started before. Later operations
// fail with [InvalidOperation]. The client of the key vault stays open. Closing twice is not an error.
//
// Motor: MotorClientEncryption.close.
func (e *ClientEncryption) Close(ctx context.Context) *future.Future[struct{}] {
	if ctx == nil {
		return failed[struct{}](e.client, errNilContext)
	}
	e.pending.close()
	return future.GoVia(context.WithoutCancel(ctx), future.Goroutines, e.client.loop, func(context.Context) (struct{}, error) {
		e.pending.wait()
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.handle != nil {
			e.handle.close()
			e.handle = nil
		}
		return struct{}{}, nil
	})
}

// IOLoop returns the loop of the client: see [Client.IOLoop].
//
// Motor: MotorClientEncryption.get_io_loop, MotorClientEncryption.io_loop.
func (e *ClientEncryption) IOLoop() future.Executor { return e.client.loop }

// String names the key vault. It contains no keys and no credentials.
func (e *ClientEncryption) String() string {
	return fmt.Sprintf("motor.ClientEncryption(%q)", e.keys.FullName())
}

// Delegate returns the driver's object. Its calls block. It is valid until [ClientEncryption.Close] or [Client.Close].
// Do not call the driver's Close, which disconnects the client.
//
// Motor: MotorClientEncryption.delegate.
func (e *ClientEncryption) Delegate(ctx context.Context) *future.Future[*mongo.ClientEncryption] {
	return encryptionOp(ctx, e, nil, func(_ context.Context, driver *mongo.ClientEncryption) (*mongo.ClientEncryption, error) {
		return driver, nil
	})
}
