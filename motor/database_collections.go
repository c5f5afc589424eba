package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/command"
)

// ListCollectionNames returns the names of the database's collections and views that match filter. bson.D{} matches
// all.
//
// Motor: MotorDatabase.list_collection_names.
func (d *Database) ListCollectionNames(ctx context.Context, filter any, opts ...options.Lister[options.ListCollectionsOptions]) *future.Future[[]string] {
	query, err := d.codec.encode("filter", filter)
	opts, bad := encodeOptions(&d.codec, opts)
	if err := firstError(err, bad); err != nil {
		return failed[[]string](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) ([]string, error) {
		return d.client.collectionNames(ctx, db, query, opts...)
	}))
}

// collectionNames is the driver's ListCollectionNames, which ignores the error of its cursor and so loses names.
func (c *Client) collectionNames(ctx context.Context, db *mongo.Database, filter any, opts ...options.Lister[options.ListCollectionsOptions]) ([]string, error) {
	opts = append(opts[:len(opts):len(opts)], options.ListCollections().SetNameOnly(true))
	driver, err := db.ListCollections(ctx, filter, opts...)
	if err != nil {
		return nil, err
	}
	defer driver.Close(context.WithoutCancel(ctx))
	names := []string{}
	for cursor := c.cursorReader(driver, db.Client()); cursor.Next(ctx); {
		name, ok := driver.Current.Lookup("name").StringValueOK()
		if !ok {
			return nil, newError(ProtocolError, "the server's description of a collection has no name")
		}
		names = append(names, name)
	}
	if err := driver.Err(); err != nil {
		return nil, err
	}
	return names, nil
}

// ListCollections returns a cursor over descriptions of the database's collections that match filter: their names,
// types and options. bson.D{} matches all.
//
// Errors: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded, [OperationFailure].
//
// Motor: MotorDatabase.list_collections.
func (d *Database) ListCollections(ctx context.Context, filter any, opts ...options.Lister[options.ListCollectionsOptions]) *future.Future[*CommandCursor[bson.M]] {
	query, err := d.codec.encode("filter", filter)
	opts, bad := encodeOptions(&d.codec, opts)
	if err := firstError(err, bad); err != nil {
		return failed[*CommandCursor[bson.M]](d.client, err)
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (*CommandCursor[bson.M], error) {
		ctx = recordAddress(ctx)
		driver, err := db.ListCollections(ctx, query, opts...)
		if err != nil {
			return nil, err
		}
		return openedCommandCursor(ctx, d.Collection("$cmd.listCollections"), db.Client(), driver), nil
	}))
}

// CollectionNames returns the names of the database's collections.
//
// Legacy: use ListCollectionNames. Motor: MotorDatabase.collection_names.
func (d *Database) CollectionNames(ctx context.Context) *future.Future[[]string] {
	return d.ListCollectionNames(ctx, bson.D{})
}

// CreateCollection creates a collection. The result is its handle. It is needed only to set options, since a write
// creates a collection that does not exist.
//
// Errors: [CollectionInvalid] if the collection exists; [InvalidName]; [ConfigurationError] for encrypted fields if the
// write concern has wtimeout or fsync.
//
// Motor: MotorDatabase.create_collection.
func (d *Database) CreateCollection(ctx context.Context, name string, opts ...options.Lister[options.CreateCollectionOptions]) *future.Future[*Collection[bson.M]] {
	coll := d.Collection(name)
	if coll.err != nil {
		return failed[*Collection[bson.M]](d.client, coll.err)
	}
	now := d.snapshot()
	if err := now.refuseSession(ctx); err != nil {
		return failed[*Collection[bson.M]](d.client, err)
	}
	if err := d.checkCreate(name, opts); err != nil {
		return failed[*Collection[bson.M]](d.client, err)
	}
	opts, err := encodeOptions(&d.codec, opts)
	if err != nil {
		return failed[*Collection[bson.M]](d.client, err)
	}
	create := func(ctx context.Context, db *mongo.Database) error { return db.CreateCollection(ctx, name, opts...) }
	if now.byCommand(ctx) {
		cmd, err := d.createCommand(name, now, opts)
		if err != nil {
			return failed[*Collection[bson.M]](d.client, err)
		}
		create = func(ctx context.Context, db *mongo.Database) error { return db.RunCommand(ctx, cmd).Err() }
	}
	return submit(ctx, d.client, databaseOp(d, now, nil, func(ctx context.Context, db *mongo.Database) (*Collection[bson.M], error) {
		var there []string
		var err error
		if session := mongo.SessionFromContext(ctx); session == nil || !session.TransactionRunning() { // not in a transaction
			there, err = d.client.collectionNames(ctx, db, bson.D{{Key: "name", Value: name}})
		}
		if err == nil && len(there) == 0 {
			err = create(ctx, db)
		}
		var server mongo.ServerError
		if len(there) > 0 || errors.As(err, &server) && server.HasErrorCode(codeNamespaceExists) {
			return nil, &Error{class: CollectionInvalid, text: "collection " + coll.FullName() + " already exists", cause: err}
		}
		if err != nil {
			return nil, err
		}
		return coll, nil
	}))
}

const codeNamespaceExists = 48

// DropCollection removes a collection with its documents and indexes. The argument is its name, or the collection in
// either style. Any other type is a [TypeError]. Dropping a collection that does not exist is not an error.
//
// Motor: MotorDatabase.drop_collection.
func (d *Database) DropCollection(ctx context.Context, nameOrCollection any, opts ...options.Lister[options.DropCollectionOptions]) *future.Future[struct{}] {
	coll, err := d.collectionOf("DropCollection", nameOrCollection)
	if err != nil {
		return failed[struct{}](d.client, err)
	}
	return coll.Drop(ctx, opts...)
}

// ValidateOptions are the options of [Database.ValidateCollection].
type ValidateOptions struct {
	Full       bool // more thorough, and slower
	Background bool // allow other operations on the collection meanwhile
}

// ValidateCollection makes the server check a collection. The result is the server's reply. The argument is the
// collection's name, or the collection in either style. Any other type is a [TypeError].
//
// Errors: [CollectionInvalid] if the collection is damaged; [OperationFailure] if it does not exist.
//
// Motor: MotorDatabase.validate_collection.
func (d *Database) ValidateCollection(ctx context.Context, nameOrCollection any, opts ...ValidateOptions) *future.Future[bson.M] {
	coll, err := d.collectionOf("ValidateCollection", nameOrCollection)
	how, e := atMostOne("ValidateCollection", opts)
	if err == nil {
		err = e
	}
	if err != nil {
		return failed[bson.M](d.client, err)
	}
	command := bson.D{{Key: "validate", Value: coll.Name()}, {Key: "full", Value: how.Full}}
	if how.Background {
		command = append(command, bson.E{Key: "background", Value: true})
	}
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(ctx context.Context, db *mongo.Database) (bson.M, error) {
		reply, err := d.send(ctx, db, command)
		if valid, told := reply["valid"].(bool); err == nil && told && !valid {
			err = newError(CollectionInvalid, "%s invalid: %v", coll.FullName(), reply["errors"])
		}
		return reply, err
	}))
}

// collectionOf returns the collection of this database that an argument of method specifies.
func (d *Database) collectionOf(method string, nameOrCollection any) (*Collection[bson.M], error) {
	var coll *Collection[bson.M]
	switch v := nameOrCollection.(type) {
	case string:
		coll = d.Collection(v)
	case interface { // a collection, of any type of documents, in either style
		Name() string
		FullName() string
	}:
		coll = d.Collection(v.Name())
	default:
		return nil, newError(TypeError, "%s takes a name or a collection, not %T", method, nameOrCollection)
	}
	return coll, coll.err
}

// checkCreate returns an error for options that the driver would encode as something else.
func (d *Database) checkCreate(name string, opts []options.Lister[options.CreateCollectionOptions]) error {
	o, err := mergeOptions(opts)
	if err != nil {
		return err
	}
	o.EncryptedFields = nil // checked by encodeOptions
	return codecError(command.Create(d.codec.Codec, name, o).Err())
}

// createCommand returns the create command for a write concern of which the driver would drop a part (see
// writeCommand).
func (d *Database) createCommand(name string, now settings, opts []options.Lister[options.CreateCollectionOptions]) (bson.D, error) {
	o, err := mergeOptions(opts)
	if err != nil {
		return nil, err
	}
	f := arguments{command.Create(d.codec.Codec, name, o)}
	if d.client.driver.AutoEncryptionOptions != nil || f.err() == command.ErrEncryption {
		return nil, now.write.refuse("CreateCollection with encryption") // the driver sends several commands
	}
	f.Add("writeConcern", now.write.wire)
	return f.Fields(), f.err()
}
