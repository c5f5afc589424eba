package motor

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
)

// Database is a handle for a database. It is safe for any number of goroutines, costs nothing to make, and does no
// I/O by itself.
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

// Err returns the [InvalidName] with which everything that is done with this database fails, or nil.
func (d *Database) Err() error { return d.err }

// Equal reports whether both are handles for one database: of this name, of one client. Their options may differ.
func (d *Database) Equal(other *Database) bool {
	return other != nil && d.client == other.client && d.name == other.name
}

// IOLoop returns that of the client: see [Client.IOLoop].
//
// Motor: MotorDatabase.get_io_loop.
func (d *Database) IOLoop() future.Executor { return d.client.loop }

// String names the database.
func (d *Database) String() string { return fmt.Sprintf("motor.Database(%q)", d.name) }

// Collection returns the collection of this name, with documents as bson.M; see [CollectionOf] for others. It does
// no I/O. A name that no server accepts is an [InvalidName] of everything that is done with the collection;
// [Collection.Err] tells at once.
//
// Motor: db.name, db["name"], MotorDatabase.get_collection.
func (d *Database) Collection(name string, opts ...options.Lister[options.CollectionOptions]) *Collection[bson.M] {
	return CollectionOf[bson.M](d, name, opts...)
}

// databaseOp returns the operation that calls fn with the driver's database. err is the reason why it cannot be run.
func databaseOp[T any](
	d *Database, now settings, err error, fn func(context.Context, *mongo.Database) (T, error),
) op[T] {
	return op[T]{err: firstError(err, d.err), run: func(ctx context.Context, conn *connection) (none T, err error) {
		client, err := conn.client(ctx)
		if err != nil {
			return none, err
		}
		return fn(ctx, d.at(client, now))
	}}
}

// at returns the driver's handle for the database with the settings now.
func (d *Database) at(client *mongo.Client, now settings) *mongo.Database {
	b, _ := d.bound.Load().(*binding[mongo.Database])
	if b == nil || b.client != client || b.at != now {
		live := options.Database().SetWriteConcern(now.write.driver).SetReadPreference(now.read.pref)
		opts := append(d.opts[:len(d.opts):len(d.opts)], live)
		b = &binding[mongo.Database]{client, now, client.Database(d.name, opts...)}
		d.bound.Store(b)
	}
	return b.handle
}

// WithOptions returns a handle for the same database that has opts as well, and instead where both say something. It
// does no I/O.
//
// Motor: MotorDatabase.with_options.
func (d *Database) WithOptions(opts ...options.Lister[options.DatabaseOptions]) *Database {
	with := d.client.Database(d.name, slices.Concat(d.opts, opts)...)
	set, _ := mergeOptions(opts) // an error of theirs is one of all the options, and so is with.err
	if err := with.inherit(&d.concerns, set.WriteConcern, set.ReadPreference); with.err == nil {
		with.err = err
	}
	with.codec = d.codec.with(set.Registry, set.BSONOptions)
	return with
}

// ReadConcern returns how widely what is read must have been written: nil leaves that to the server.
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
// Errors: what [Database.Err] gives, and as of Client.Delegate.
//
// Motor: MotorDatabase.delegate.
func (d *Database) Delegate(ctx context.Context) *future.Future[*mongo.Database] {
	return submit(ctx, d.client, databaseOp(d, d.snapshot(), nil, func(_ context.Context, db *mongo.Database) (*mongo.Database, error) { return db, nil }))
}
