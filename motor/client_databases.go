package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// GetDefaultDatabase returns the database that the connection string names, as "mongodb://localhost/app" names app.
// [ConfigurationError] if it names none.
//
// Motor: MotorClient.get_default_database.
func (c *Client) GetDefaultDatabase(opts ...options.Lister[options.DatabaseOptions]) (*Database, error) {
	if c.path == "" {
		return nil, newError(ConfigurationError, "no default database defined: the connection string names none")
	}
	db := c.Database(c.path, opts...)
	return db, db.Err()
}

// ListDatabaseNames returns the names of the server's databases that match filter: bson.D{} stands for all.
//
// Motor: MotorClient.list_database_names.
func (c *Client) ListDatabaseNames(ctx context.Context, filter any, opts ...options.Lister[options.ListDatabasesOptions]) *future.Future[[]string] {
	query, err := c.codec.encode("filter", filter)
	if err != nil {
		return failed[[]string](c, err)
	}
	return submit(ctx, c, driverOp(func(ctx context.Context, d *mongo.Client) ([]string, error) {
		return d.ListDatabaseNames(ctx, query, opts...)
	}))
}

// DatabaseNames returns the names of the server's databases.
//
// Legacy: use ListDatabaseNames. Motor: MotorClient.database_names.
func (c *Client) DatabaseNames(ctx context.Context) *future.Future[[]string] {
	return c.ListDatabaseNames(ctx, bson.D{})
}

// DropDatabase removes a database with all its collections. The argument is its name, a *Database, or its handle in
// callback style; anything else is a [TypeError]. Dropping what is not there is no error.
//
// Motor: MotorClient.drop_database.
func (c *Client) DropDatabase(ctx context.Context, nameOrDatabase any) *future.Future[struct{}] {
	var db *Database
	switch v := nameOrDatabase.(type) {
	case string:
		db = c.Database(v)
	case *Database:
		db = v
	case interface{ Futures() *Database }:
		db = v.Futures()
	}
	if db == nil {
		return failed[struct{}](c, newError(TypeError, "DropDatabase takes a name or a database, not %T", nameOrDatabase))
	}
	// The database is dropped on this client, whichever it was taken from.
	target := c.Database(db.Name(), db.opts...)
	if target.err == nil {
		target.err = target.inherit(&db.concerns, nil, nil)
	}
	now := target.snapshot()
	if err := now.refuseSession(ctx); err != nil {
		return failed[struct{}](c, err)
	}
	byCommand := now.byCommand(ctx)
	gone := indexKey{database: target.name}
	c.indexes.forget(gone)
	return submit(ctx, target.client, databaseOp(target, target.snapshot(), nil, func(ctx context.Context, d *mongo.Database) (struct{}, error) {
		defer c.indexes.drop(gone)() // see invalidating
		if byCommand {
			command := bson.D{{Key: "dropDatabase", Value: 1}, {Key: "writeConcern", Value: now.write.wire}}
			return struct{}{}, d.RunCommand(ctx, command).Err()
		}
		return struct{}{}, d.Drop(ctx)
	}))
}

// Alive reports whether the server can be reached, and never fails. It is cheap: what the driver's monitors know is
// enough for true. Only when nothing is connected, or after an error, it tries to connect.
//
// Motor: MotorClient.alive.
func (c *Client) Alive(ctx context.Context) *future.Future[bool] {
	if c.Connected() {
		return resolved(c, true)
	}
	now := c.snapshot()
	return submit(ctx, c, driverOp(func(ctx context.Context, d *mongo.Client) (bool, error) {
		return d.Ping(ctx, now.read.pref) == nil, nil
	}))
}

// ListDatabases returns a cursor over descriptions of the server's databases that match filter, bson.D{} standing for
// all: name, sizeOnDisk in bytes, and empty; name alone with the option SetNameOnly.
//
// Errors: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded, [OperationFailure].
//
// Motor: MotorClient.list_databases.
func (c *Client) ListDatabases(ctx context.Context, filter any, opts ...options.Lister[options.ListDatabasesOptions]) *future.Future[*CommandCursor[bson.M]] {
	query, err := c.codec.encode("filter", filter)
	if err != nil {
		return failed[*CommandCursor[bson.M]](c, err)
	}
	set, err := mergeOptions(opts)
	if err != nil {
		return failed[*CommandCursor[bson.M]](c, err)
	}
	nameOnly := set.NameOnly != nil && *set.NameOnly
	return submit(ctx, c, driverOp(func(ctx context.Context, d *mongo.Client) (*CommandCursor[bson.M], error) {
		list, err := d.ListDatabases(ctx, query, opts...)
		if err != nil {
			return nil, err
		}
		docs := make([]bson.Raw, len(list.Databases))
		for i, db := range list.Databases {
			if docs[i], err = describe(db, nameOnly); err != nil {
				return nil, err
			}
		}
		return listedCommandCursor(c.Database("admin").Collection("$cmd"), d, docs), nil
	}))
}

// describe returns the server's description of a database, which the driver has taken apart.
func describe(db mongo.DatabaseSpecification, nameOnly bool) (bson.Raw, error) {
	doc := bson.D{{Key: "name", Value: db.Name}}
	if !nameOnly {
		doc = append(doc, bson.E{Key: "sizeOnDisk", Value: db.SizeOnDisk}, bson.E{Key: "empty", Value: db.Empty})
	}
	return bson.Marshal(doc)
}

// ServerInfo asks the server about itself: its version, its build, its limits.
//
// Motor: MotorClient.server_info.
func (c *Client) ServerInfo(ctx context.Context) *future.Future[bson.M] {
	return c.Database("admin").Command(ctx, bson.D{{Key: "buildInfo", Value: 1}})
}
