package motor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
)

// Database is a handle for a database. It is safe for concurrent use. Making one is cheap and does no I/O.
//
// Motor: MotorDatabase.
type Database struct {
	client *Client
	name   string
	opts   []options.Lister[options.DatabaseOptions]
	codec  codec
	err    error // InvalidName or ConfigurationError
	concerns

	bound atomic.Value // *binding[mongo.Database]
}

// Name returns the database's name.
//
// Motor: MotorDatabase.name.
func (d *Database) Name() string { return d.name }

// Client returns the client that the database was taken from.
//
// Motor: MotorDatabase.client.
func (d *Database) Client() *Client { return d.client }

// Err returns the error that every operation on the database fails with because its name or an option is invalid, or
// nil.
func (d *Database) Err() error { return d.err }

// Equal reports whether both handles have the same client and name. Their options may differ.
func (d *Database) Equal(other *Database) bool {
	return other != nil && d.client == other.client && d.name == other.name
}

// IOLoop returns the loop of the client: see [Client.IOLoop].
//
// Motor: MotorDatabase.get_io_loop.
func (d *Database) IOLoop() future.Executor { return d.client.loop }

// String names the database.
func (d *Database) String() string { return fmt.Sprintf("motor.Database(%q)", d.name) }

// Collection returns the collection of this name, with documents as bson.M. For other types see [CollectionOf]. It does
// no I/O. If no server accepts the name, every operation on the collection fails with [InvalidName], and
// [Collection.Err] returns that error at once.
//
// Motor: db.name, db["name"], MotorDatabase.get_collection.
func (d *Database) Collection(name string, opts ...options.Lister[options.CollectionOptions]) *Collection[bson.M] {
	return CollectionOf[bson.M](d, name, opts...)
}

// databaseOp returns the operation that calls fn with the driver's database. If err is not nil, the operation fails
// with it.
func databaseOp[T any](
	d *Database, now settings, err error, fn func(context.Context, *mongo.Database) (T, error),
) op[T] {
	return op[T]{on: d, err: firstError(err, d.err), run: func(ctx context.Context, conn *connection) (none T, err error) {
		client, err := conn.client(ctx)
		if err != nil {
			return none, err
		}
		return fn(ctx, d.at(client, now))
	}}
}

func (d *Database) namespace() string { return d.name }

// at returns the driver's handle for the database, with the settings now.
func (d *Database) at(client *mongo.Client, now settings) *mongo.Database {
	b, _ := d.bound.Load().(*binding[mongo.Database])
	if b == nil || b.client != client || b.at != now {
		live := options.Database().SetWriteConcern(now.write.driver).SetReadPreference(now.read.pref)
		opts := append(d.opts[:len(d.opts):len(d.opts)], live)
		b = &binding[mongo.Database]{client: client, at: now, handle: client.Database(d.name, opts...)}
		d.bound.Store(b)
	}
	return b.handle
}

// WithOptions returns a handle for the same database. opts override the options of d. It does no I/O.
//
// Motor: MotorDatabase.with_options.
func (d *Database) WithOptions(opts ...options.Lister[options.DatabaseOptions]) *Database {
	with := d.client.Database(d.name, slices.Concat(d.opts, opts)...)
	set, _ := mergeOptions(opts) // an error of opts is also in with.err
	if err := with.inherit(&d.concerns, set.WriteConcern, set.ReadPreference); with.err == nil {
		with.err = err
	}
	with.codec = d.codec.with(set.Registry, set.BSONOptions)
	return with
}

// ReadConcern returns the read concern, or nil for the server's default.
//
// Motor: MotorDatabase.read_concern.
func (d *Database) ReadConcern() *readconcern.ReadConcern {
	set, _ := mergeOptions(d.opts) // an error is d.err
	if set.ReadConcern != nil {
		return set.ReadConcern
	}
	return d.client.driver.ReadConcern
}

// Delegate returns the driver's handle for the database, with the options and concerns that the database has at the
// call. See [Client.Delegate].
//
// Errors: that of [Database.Err]; those of [Client.Delegate].
//
// Motor: MotorDatabase.delegate.
func (d *Database) Delegate(ctx context.Context) *future.Future[*mongo.Database] {
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(_ context.Context, db *mongo.Database) (*mongo.Database, error) { return db, nil }))
}

// checkDatabaseName returns InvalidName or InvalidStringData for a database name that no server accepts.
//
// PyMongo: helpers._check_database_name.
func checkDatabaseName(name string) error {
	switch {
	case name == "":
		return newError(InvalidName, "database name cannot be the empty string")
	case name == "$external":
		return nil
	}
	if err := checkText("database name", name); err != nil {
		return err
	}
	if i := strings.IndexAny(name, " .$/\\\x00\""); i >= 0 {
		return newError(InvalidName, "invalid database name %q: cannot contain the character %q", name, name[i])
	}
	return nil
}

// checkCollectionName returns InvalidName or InvalidStringData for a collection name that no server accepts.
//
// PyMongo: Collection.__init__.
func checkCollectionName(name string) error {
	switch {
	case name == "":
		return newError(InvalidName, "collection names cannot be empty")
	case strings.Contains(name, ".."):
		return newError(InvalidName, "invalid collection name %q: cannot contain \"..\"", name)
	case strings.Contains(name, "$") && !strings.HasPrefix(name, "oplog.$main") && !strings.HasPrefix(name, "$cmd"):
		return newError(InvalidName, "invalid collection name %q: must not contain '$'", name)
	case strings.HasPrefix(name, "."), strings.HasSuffix(name, "."):
		return newError(InvalidName, "invalid collection name %q: must not start or end with '.'", name)
	case strings.Contains(name, "\x00"):
		return newError(InvalidName, "invalid collection name %q: must not contain the null character", name)
	}
	return checkText("collection name", name)
}
