package motor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/drivercompat"
)

// Collection is a handle for a collection whose documents are of type D: bson.M, bson.D, bson.Raw, a struct, or a
// pointer to one. It is safe for concurrent use. Making one is cheap and does no I/O.
//
// Motor: MotorCollection. Its document_class is the type parameter.
type Collection[D any] struct{ collection }

// collection is the part of a [Collection] that does not depend on the type of its documents. Every program compiles
// the methods of the generic types that it uses, so every exported method that can be a method of this type is one.
// Every program also compiles a wrapper of each of these methods, so unexported code is a function that takes a
// *collection.
type collection struct {
	_ [0]func() // not comparable, so that programs compile no comparison functions

	db    *Database
	name  string
	opts  []options.Lister[options.CollectionOptions]
	codec codec
	err   error // InvalidName or ConfigurationError, of the collection or of its database
	concerns

	bound    atomic.Value // *binding[mongo.Collection]; not an atomic.Pointer, whose methods every program would compile
	batching *batching    // nil: each operation is sent alone
}

// binding caches the driver's handle until the client is opened again or a concern changes.
type binding[T any] struct {
	client *mongo.Client
	at     settings
	handle *T
	writer *T // of a collection: the handle for writes of encoded documents
}

// CollectionOf returns the collection of this name with documents of type D. It does no I/O. See [Database.Collection].
// It panics for a nil database.
//
//	type User struct { Name string }
//	users := CollectionOf[*User](db, "users")
//
// Motor: MotorClient.document_class, MotorDatabase.get_collection.
func CollectionOf[D any](db *Database, name string, opts ...options.Lister[options.CollectionOptions]) *Collection[D] {
	return (*Collection[D])(newCollection(db, name, opts))
}

// newCollection implements CollectionOf for any type of documents. The caller converts the result.
func newCollection(db *Database, name string, opts []options.Lister[options.CollectionOptions]) *Collection[bson.M] {
	mustHave(db != nil, "CollectionOf", "db")
	c := &Collection[bson.M]{collection{db: db, name: name, opts: opts, err: db.err}}
	set, err := mergeOptions(opts)
	for _, err := range []error{checkCollectionName(name), err, c.inherit(&db.concerns, set.WriteConcern, set.ReadPreference)} {
		if c.err == nil {
			c.err = err
		}
	}
	c.codec = db.codec.with(set.Registry, set.BSONOptions)
	return c
}

// Name returns the collection's name.
//
// Motor: MotorCollection.name.
func (c *collection) Name() string { return c.name }

// FullName returns the names of the database and of the collection, with a dot between.
//
// Motor: MotorCollection.full_name.
func (c *collection) FullName() string { return c.db.name + "." + c.name }

// Database returns the database that the collection was taken from.
//
// Motor: MotorCollection.database.
func (c *collection) Database() *Database { return c.db }

// Collection returns the collection with this name below c: "b" below "a" is "a.b".
//
// Motor: coll.name, coll["name"].
func (c *Collection[D]) Collection(name string) *Collection[D] {
	return (*Collection[D])(c.below(name))
}

func (c *collection) below(name string) *Collection[bson.M] {
	if name == "" {
		return newCollection(c.db, name, nil)
	}
	below := newCollection(c.db, c.name+"."+name, c.opts)
	_ = below.inherit(&c.concerns, nil, nil)
	return below
}

// Err returns the error that every operation on the collection fails with because its name or an option is invalid, or
// nil.
func (c *collection) Err() error { return c.err }

// Equal reports whether both handles have the same database and name. Their options may differ.
func (c *Collection[D]) Equal(other *Collection[D]) bool {
	return other != nil && c.equal(&other.collection)
}

//go:noinline
func (c *collection) equal(other *collection) bool {
	return c.db.Equal(other.db) && c.name == other.name
}

// IOLoop returns the loop of the client: see [Client.IOLoop].
//
// Motor: MotorCollection.get_io_loop.
func (c *collection) IOLoop() future.Executor { return c.db.client.loop }

// String returns the names of the database and the collection.
func (c *collection) String() string { return fmt.Sprintf("motor.Collection(%q)", c.FullName()) }

func (c *collection) namespace() string { return c.FullName() }

// collectionOp returns the operation that calls fn with the driver's collection. If err is not nil, the operation fails
// with it.
func collectionOp[T any](
	c *collection, now settings, err error, fn func(context.Context, *mongo.Collection) (T, error),
) op[T] {
	return op[T]{on: c, err: firstError(err, c.err), within: fn, target: target{c, now, false}}
}

// target is the collection of an operation, with the settings at its call.
type target struct {
	coll   *collection
	at     settings
	writes bool // encoded documents: see writerAt
}

// on returns the driver's handle for the target on a connection.
func (t target) on(ctx context.Context, conn *connection) (*mongo.Collection, error) {
	client, err := conn.client(ctx)
	if err != nil {
		return nil, err
	}
	bound := bindCollection(t.coll, client, t.at)
	if t.writes {
		return bound.writer, nil
	}
	return bound.handle, nil
}

// fetchFunc reads one document of a collection. It returns nil, or mongo.ErrNoDocuments, if no document matches.
type fetchFunc func(context.Context, *mongo.Collection) (bson.Raw, error)

// documentOp returns the operation that decodes the document that fetch reads. If err is not nil, the operation fails
// with it.
func documentOp[D any](c *collection, now settings, err error, fetch fetchFunc) op[D] {
	return op[D]{on: c, err: firstError(err, c.err), run: func(ctx context.Context, conn *connection) (none D, err error) {
		raw, err := c.fetch(ctx, conn, now, fetch)
		if raw == nil {
			return none, err
		}
		return decode[D](&c.codec, raw)
	}}
}

// fetch calls fetch with the driver's collection. It returns nil if no document matches.
func (c *collection) fetch(ctx context.Context, conn *connection, now settings, fetch fetchFunc) (bson.Raw, error) {
	var coll *mongo.Collection
	var err error
	if conn != nil { // otherwise it has been closed, and fetch has the document already
		if coll, err = c.on(ctx, conn, now); err != nil {
			return nil, err
		}
	}
	raw, err := fetch(ctx, coll)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return raw, nil
}

// on returns the driver's handle for the collection on a connection.
func (c *collection) on(ctx context.Context, conn *connection, now settings) (*mongo.Collection, error) {
	return target{c, now, false}.on(ctx, conn)
}

// in returns the driver's handle for the collection with its current settings.
func (c *collection) in(client *mongo.Client) *mongo.Collection { return c.at(client, c.snapshot()) }

// at returns the driver's handle for the collection with the settings now.
func (c *collection) at(client *mongo.Client, now settings) *mongo.Collection {
	return bindCollection(c, client, now).handle
}

// writerAt returns the driver's handle for writes of encoded documents. Its results may lack the _ids of inserted
// documents: see idOf.
func writerAt(c *collection, client *mongo.Client, now settings) *mongo.Collection {
	return bindCollection(c, client, now).writer
}

func bindCollection(c *collection, client *mongo.Client, now settings) *binding[mongo.Collection] {
	b, _ := c.bound.Load().(*binding[mongo.Collection])
	if b == nil || b.client != client || b.at != now {
		live := options.Collection().SetWriteConcern(now.write.driver).SetReadPreference(now.read.pref)
		opts := append(c.opts[:len(c.opts):len(c.opts)], live)
		handle := client.Database(c.db.name, c.db.opts...).Collection(c.name, opts...)
		b = &binding[mongo.Collection]{client, now, handle, handle}
		if registry := wholeRegistry(c); registry != nil {
			b.writer = handle.Clone(options.Collection().SetRegistry(registry))
		}
		c.bound.Store(b)
	}
	return b
}

// wholeRegistry returns the registry of the handle for writes, or nil if the codec must have its own.
func wholeRegistry(c *collection) *bson.Registry {
	if c.codec.Registry != nil || c.codec.Options != nil {
		return nil
	}
	return drivercompat.WholeRegistry()
}

// Delegate returns the driver's handle for the collection, with the options and concerns that the collection has at the
// call. See [Client.Delegate].
//
// Errors: that of [Collection.Err]; those of [Client.Delegate].
//
// Motor: MotorCollection.delegate.
func (c *collection) Delegate(ctx context.Context) *future.Future[*mongo.Collection] {
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), nil, func(_ context.Context, coll *mongo.Collection) (*mongo.Collection, error) {
		return coll, nil
	}))
}

// WithOptions returns a handle for the same collection. opts override the options of c. It does no I/O.
//
// Motor: MotorCollection.with_options.
func (c *Collection[D]) WithOptions(opts ...options.Lister[options.CollectionOptions]) *Collection[D] {
	return (*Collection[D])(c.withOptions(opts))
}

func (c *collection) withOptions(opts []options.Lister[options.CollectionOptions]) *Collection[bson.M] {
	with := newCollection(c.db, c.name, slices.Concat(c.opts, opts))
	set, _ := mergeOptions(opts) // an error of opts is also in with.err
	if err := with.inherit(&c.concerns, set.WriteConcern, set.ReadPreference); with.err == nil {
		with.err = err
	}
	with.codec = c.codec.with(set.Registry, set.BSONOptions)
	return with
}

// withDocuments returns a handle for the collection with another type of documents.
func withDocuments[E any](c *collection) *Collection[E] { return (*Collection[E])(c.copied()) }

// copied returns another handle for the collection, with its current concerns.
func (c *collection) copied() *Collection[bson.M] {
	other := &Collection[bson.M]{collection{db: c.db, name: c.name, opts: c.opts, codec: c.codec, err: c.err}}
	_ = other.inherit(&c.concerns, nil, nil)
	return other
}

// concern returns the collection's read concern. It is empty for the server's default.
func (c *collection) concern() *readconcern.ReadConcern {
	if set, _ := mergeOptions(c.opts); set.ReadConcern != nil {
		return set.ReadConcern
	}
	if set, _ := mergeOptions(c.db.opts); set.ReadConcern != nil {
		return set.ReadConcern
	}
	if concern := c.db.client.driver.ReadConcern; concern != nil {
		return concern
	}
	return &readconcern.ReadConcern{} // the default of the driver
}
