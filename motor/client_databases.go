package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/indexcache"
)

// GetDefaultDatabase returns the database in the connection string: app in "mongodb://localhost/app". It fails with
// [ConfigurationError] if there is none.
//
// Motor: MotorClient.get_default_database.
func (c *Client) GetDefaultDatabase(opts ...options.Lister[options.DatabaseOptions]) (*Database, error) {
	if c.path == "" {
		return nil, newError(ConfigurationError, "no default database defined: the connection string has none; use Client.Database")
	}
	db := c.Database(c.path, opts...)
	return db, db.Err()
}

// ListDatabaseNames returns the names of the server's databases that match filter. bson.D{} matches all.
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

// DropDatabase removes a database with all its collections. The argument is its name, or the database in either style.
// Any other type is a [TypeError]. Dropping a database that does not exist is not an error.
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
	// Drop the database on this client, whichever client it was taken from.
	target := c.Database(db.Name(), db.opts...)
	if target.err == nil {
		target.err = target.inherit(&db.concerns, nil, nil)
	}
	now := target.snapshot()
	if err := now.refuseSession(ctx); err != nil {
		return failed[struct{}](c, err)
	}
	byCommand := now.byCommand(ctx)
	gone := indexcache.Key{Database: target.name}
	c.indexes.Forget(gone)
	return submit(ctx, target.client, databaseOp(target, target.snapshot(), nil, func(ctx context.Context, d *mongo.Database) (struct{}, error) {
		defer c.indexes.Drop(gone)() // see invalidating
		if byCommand {
			command := bson.D{{Key: "dropDatabase", Value: 1}, {Key: "writeConcern", Value: now.write.wire}}
			return struct{}{}, d.RunCommand(ctx, command).Err()
		}
		return struct{}{}, d.Drop(ctx)
	}))
}

// Alive reports whether the server can be reached. It never fails. It is cheap: it returns true if the driver's
// monitors know a server. It connects only if they know none, or after an error.
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

// ListDatabases returns a cursor over descriptions of the server's databases that match filter. bson.D{} matches all. A
// description has name, sizeOnDisk in bytes, and empty; with the option SetNameOnly it has name only.
//
// Errors: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded, [OperationFailure].
//
// Motor: MotorClient.list_databases.
func (c *Client) ListDatabases(ctx context.Context, filter any, opts ...options.Lister[options.ListDatabasesOptions]) *future.Future[*CommandCursor[bson.M]] {
	query, err := c.codec.encode("filter", filter)
	set, bad := mergeOptions(opts)
	if err := firstError(err, bad); err != nil {
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

// describe returns the description of a database as the server sent it. The driver has parsed it into a struct.
func describe(db mongo.DatabaseSpecification, nameOnly bool) (bson.Raw, error) {
	doc := bson.D{{Key: "name", Value: db.Name}}
	if !nameOnly {
		doc = append(doc, bson.E{Key: "sizeOnDisk", Value: db.SizeOnDisk}, bson.E{Key: "empty", Value: db.Empty})
	}
	return bson.Marshal(doc)
}

// ServerInfo returns the server's buildInfo: its version, its build, its limits.
//
// Motor: MotorClient.server_info.
func (c *Client) ServerInfo(ctx context.Context) *future.Future[bson.M] {
	return c.Database("admin").Command(ctx, bson.D{{Key: "buildInfo", Value: 1}})
}
