package motor

import (
	"context"
	"fmt"
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
type Collection[D any] struct {
	db    *Database
	name  string
	opts  []options.Lister[options.CollectionOptions]
	codec codec
	err   error // InvalidName or ConfigurationError, of the collection or of its database
	concerns

	bound    atomic.Pointer[binding[mongo.Collection]]
	batching *batching // nil: each insert goes by itself
}

// binding is the driver's handle, kept until the client is opened anew or a concern is changed.
type binding[T any] struct {
	client *mongo.Client
	at     moment
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
	c := &Collection[D]{db: db, name: name, opts: opts, err: db.err}
	set, err := applied(opts)
	for _, err := range []error{checkCollectionName(name), err, c.take(&db.concerns, set.WriteConcern, set.ReadPreference)} {
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
func (c *Collection[D]) Name() string { return c.name }

// FullName returns the names of the database and of the collection, with a dot between.
//
// Motor: MotorCollection.full_name.
func (c *Collection[D]) FullName() string { return c.db.name + "." + c.name }

// Database returns the database that the collection was taken from.
//
// Motor: MotorCollection.database.
func (c *Collection[D]) Database() *Database { return c.db }

// Collection returns the collection of this name below this one: "a" and "b" make "a.b".
//
// Motor: coll.name, coll["name"].
func (c *Collection[D]) Collection(name string) *Collection[D] {
	if name == "" {
		return CollectionOf[D](c.db, name)
	}
	below := CollectionOf[D](c.db, c.name+"."+name, c.opts...)
	_ = below.take(&c.concerns, nil, nil)
	return below
}

// Err returns the [InvalidName] with which everything that is done with this collection fails, or nil.
func (c *Collection[D]) Err() error { return c.err }

// Equal reports whether both are handles for one collection: of this name, of one database. Their options may differ.
func (c *Collection[D]) Equal(other *Collection[D]) bool {
	return other != nil && c.db.Equal(other.db) && c.name == other.name
}

// IOLoop returns that of the client: see [Client.IOLoop].
//
// Motor: MotorCollection.get_io_loop.
func (c *Collection[D]) IOLoop() future.Executor { return c.db.client.loop }

// String names the collection, with its database.
func (c *Collection[D]) String() string { return fmt.Sprintf("motor.Collection(%q)", c.FullName()) }

// Drop removes the collection with its documents and indexes. Dropping what is not there is no error.
//
// Motor: MotorCollection.drop.
func (c *Collection[D]) Drop(ctx context.Context, opts ...options.Lister[options.DropCollectionOptions]) *future.Future[struct{}] {
	now := c.now()
	if now.byCommand(ctx) {
		return dropByCommand(ctx, c, now.write.wire, opts)
	}
	if err := now.refuseSession(ctx); err != nil {
		return failed[struct{}](c.db.client, err)
	}
	return inCollection(ctx, c, invalidating(c, "", func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, coll.Drop(ctx, opts...)
	}))
}

// inCollection starts an operation on the driver's collection.
func inCollection[D, T any](ctx context.Context, c *Collection[D], op func(context.Context, *mongo.Collection) (T, error)) *future.Future[T] {
	return inCollectionAt(ctx, c, c.now(), op)
}

// inCollectionAt is inCollection with the concerns of a moment.
func inCollectionAt[D, T any](
	ctx context.Context, c *Collection[D], now moment, op func(context.Context, *mongo.Collection) (T, error),
) *future.Future[T] {
	if c.err != nil {
		return failed[T](c.db.client, c.err)
	}
	return run(ctx, c.db.client, func(ctx context.Context, client *mongo.Client) (T, error) {
		return op(ctx, c.at(client, now))
	})
}

// in returns the driver's handle for the collection as it is now.
func (c *Collection[D]) in(client *mongo.Client) *mongo.Collection { return c.at(client, c.now()) }

// at returns the driver's handle for the collection as it was at a moment.
func (c *Collection[D]) at(client *mongo.Client, now moment) *mongo.Collection {
	b := c.bound.Load()
	if b == nil || b.client != client || b.at != now {
		live := options.Collection().SetWriteConcern(now.write.driver).SetReadPreference(now.read.pref)
		opts := append(c.opts[:len(c.opts):len(c.opts)], live)
		b = &binding[mongo.Collection]{client, now, client.Database(c.db.name, c.db.opts...).Collection(c.name, opts...)}
		c.bound.Store(b)
	}
	return b.handle
}

// document returns raw as a document of the collection.
func (c *Collection[D]) document(raw bson.Raw) (D, error) {
	return decode[D](&c.codec, raw)
}
