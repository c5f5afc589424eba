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

	"github.com/gomotor/gomotor/future"
)

// Collection is a handle for a collection whose documents are of type D: bson.M, bson.D, bson.Raw, a struct, or a
// pointer to one. It is safe for any number of goroutines, costs nothing to make, and does no I/O by itself.
//
// Motor: MotorCollection. Its document_class is the type parameter.
type Collection[D any] struct{ collection }

// collection is the part of a [Collection] that does not depend on the type of its documents. Every program compiles the
// methods of the generic types that it uses, so whatever can be a method of this type is one. Every program also compiles
// a wrapper of each of these methods, so unexported code is better a function that takes a *collection.
type collection struct {
	_ [0]func() // not comparable: that saves its users the comparing functions

	db    *Database
	name  string
	opts  []options.Lister[options.CollectionOptions]
	codec codec
	err   error // InvalidName or ConfigurationError, of the collection or of its database
	concerns

	bound    atomic.Value // *binding[mongo.Collection]; not an atomic.Pointer, whose methods every program would compile
	batching *batching    // nil: each insert goes by itself
}

// binding is the driver's handle, kept until the client is opened anew or a concern is changed.
type binding[T any] struct {
	client *mongo.Client
	at     settings
	handle *T
}

// CollectionOf returns the collection of this name with documents of type D. It does no I/O; see
// [Database.Collection].
//
//	type User struct { Name string }
//	users := CollectionOf[*User](db, "users")
//
// Motor: MotorClient.document_class, MotorDatabase.get_collection.
func CollectionOf[D any](db *Database, name string, opts ...options.Lister[options.CollectionOptions]) *Collection[D] {
	return (*Collection[D])(newCollection(db, name, opts))
}

// newCollection is CollectionOf for documents of any type: the caller converts the result.
func newCollection(db *Database, name string, opts []options.Lister[options.CollectionOptions]) *Collection[bson.M] {
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

// Collection returns the collection of this name below this one: "a" and "b" make "a.b".
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

// Err returns the [InvalidName] with which everything that is done with this collection fails, or nil.
func (c *collection) Err() error { return c.err }

// Equal reports whether both are handles for one collection: of this name, of one database. Their options may differ.
func (c *Collection[D]) Equal(other *Collection[D]) bool {
	return other != nil && c.equal(&other.collection)
}

//go:noinline
func (c *collection) equal(other *collection) bool {
	return c.db.Equal(other.db) && c.name == other.name
}

// IOLoop returns that of the client: see [Client.IOLoop].
//
// Motor: MotorCollection.get_io_loop.
func (c *collection) IOLoop() future.Executor { return c.db.client.loop }

// String names the collection, with its database.
func (c *collection) String() string { return fmt.Sprintf("motor.Collection(%q)", c.FullName()) }

// collectionOp returns the operation that calls fn with the driver's collection. err is the reason why it cannot be run.
func collectionOp[T any](
	c *collection, now settings, err error, fn func(context.Context, *mongo.Collection) (T, error),
) op[T] {
	return op[T]{err: firstError(err, c.err), run: func(ctx context.Context, conn *connection) (none T, err error) {
		coll, err := c.on(ctx, conn, now)
		if err != nil {
			return none, err
		}
		return fn(ctx, coll)
	}}
}

// fetchFunc reads one document of a collection. It returns nil, or mongo.ErrNoDocuments, if there is none.
type fetchFunc func(context.Context, *mongo.Collection) (bson.Raw, error)

// documentOp returns the operation that decodes what fetch reads. err is the reason why it cannot be run.
func documentOp[D any](c *collection, now settings, err error, fetch fetchFunc) op[D] {
	return op[D]{err: firstError(err, c.err), run: func(ctx context.Context, conn *connection) (none D, err error) {
		raw, err := c.fetch(ctx, conn, now, fetch)
		if raw == nil {
			return none, err
		}
		return decode[D](&c.codec, raw)
	}}
}

// fetch calls fetch with the driver's collection. That there is no document is not an error: it returns nil then.
func (c *collection) fetch(ctx context.Context, conn *connection, now settings, fetch fetchFunc) (bson.Raw, error) {
	coll, err := c.on(ctx, conn, now)
	if err != nil {
		return nil, err
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
	client, err := conn.client(ctx)
	if err != nil {
		return nil, err
	}
	return c.at(client, now), nil
}

// in returns the driver's handle for the collection as it is now.
func (c *collection) in(client *mongo.Client) *mongo.Collection { return c.at(client, c.snapshot()) }

// at returns the driver's handle for the collection with the settings now.
func (c *collection) at(client *mongo.Client, now settings) *mongo.Collection {
	b, _ := c.bound.Load().(*binding[mongo.Collection])
	if b == nil || b.client != client || b.at != now {
		live := options.Collection().SetWriteConcern(now.write.driver).SetReadPreference(now.read.pref)
		opts := append(c.opts[:len(c.opts):len(c.opts)], live)
		b = &binding[mongo.Collection]{client, now, client.Database(c.db.name, c.db.opts...).Collection(c.name, opts...)}
		c.bound.Store(b)
	}
	return b.handle
}

// Delegate returns the driver's handle for the collection, with the options and concerns that the collection has at
// the call. See [Client.Delegate].
//
// Errors: what [Collection.Err] gives, and as of Client.Delegate.
//
// Motor: MotorCollection.delegate.
func (c *collection) Delegate(ctx context.Context) *future.Future[*mongo.Collection] {
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), nil, func(_ context.Context, coll *mongo.Collection) (*mongo.Collection, error) {
		return coll, nil
	}))
}

// WithOptions returns a handle for the same collection that has opts as well, and instead where both say something. It
// does no I/O.
//
// Motor: MotorCollection.with_options.
func (c *Collection[D]) WithOptions(opts ...options.Lister[options.CollectionOptions]) *Collection[D] {
	return (*Collection[D])(c.withOptions(opts))
}

func (c *collection) withOptions(opts []options.Lister[options.CollectionOptions]) *Collection[bson.M] {
	with := newCollection(c.db, c.name, slices.Concat(c.opts, opts))
	set, _ := mergeOptions(opts) // an error of theirs is one of all the options, and so is with.err
	if err := with.inherit(&c.concerns, set.WriteConcern, set.ReadPreference); with.err == nil {
		with.err = err
	}
	with.codec = c.codec.with(set.Registry, set.BSONOptions)
	return with
}

// withDocuments returns the collection with documents of another type.
func withDocuments[E any](c *collection) *Collection[E] { return (*Collection[E])(c.copied()) }

// copied returns another handle for the collection, with the concerns that it has now.
func (c *collection) copied() *Collection[bson.M] {
	other := &Collection[bson.M]{collection{db: c.db, name: c.name, opts: c.opts, codec: c.codec, err: c.err}}
	_ = other.inherit(&c.concerns, nil, nil)
	return other
}
