package motor

import (
	"context"
	"errors"
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
type Collection[D any] struct{ collection }

// collection is the part of a [Collection] that does not depend on the type of its documents. Every program compiles the
// methods of the generic types that it uses, so whatever can be a method of this type is one.
type collection struct {
	_ [0]func(*instances) // see instances

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
	at     settings
	handle *T
}

// instances names the instances of generic types that every program reaches. The compiler makes wrappers of promoted
// methods for every instance that a program finds in generic code only. For an instance that a type mentions which is not
// generic, as this one does, it takes the wrappers of this package. So collection has a field that mentions this type.
type instances struct {
	_ *Collection[bson.M]
	_ *Cursor[bson.M]
	_ *CommandCursor[bson.M]
	_ *ChangeStream[bson.M]

	_ *future.Future[*ChangeStream[bson.M]]
	_ *future.Future[[]*CommandCursor[bson.M]]
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

func (c *collection) equal(other *collection) bool {
	return c.db.Equal(other.db) && c.name == other.name
}

// IOLoop returns that of the client: see [Client.IOLoop].
//
// Motor: MotorCollection.get_io_loop.
func (c *collection) IOLoop() future.Executor { return c.db.client.loop }

// String names the collection, with its database.
func (c *collection) String() string { return fmt.Sprintf("motor.Collection(%q)", c.FullName()) }

// Drop removes the collection with its documents and indexes. Dropping what is not there is no error.
//
// Motor: MotorCollection.drop.
func (c *collection) Drop(ctx context.Context, opts ...options.Lister[options.DropCollectionOptions]) *future.Future[struct{}] {
	now := c.snapshot()
	if now.byCommand(ctx) {
		return dropByCommand(ctx, c, now.write.wire, opts)
	}
	if err := now.refuseSession(ctx); err != nil {
		return failed[struct{}](c.db.client, err)
	}
	return submit(ctx, c.db.client, collectionOp(c, now, nil, invalidating(c, "", func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, coll.Drop(ctx, opts...)
	})))
}

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
	b := c.bound.Load()
	if b == nil || b.client != client || b.at != now {
		live := options.Collection().SetWriteConcern(now.write.driver).SetReadPreference(now.read.pref)
		opts := append(c.opts[:len(c.opts):len(c.opts)], live)
		b = &binding[mongo.Collection]{client, now, client.Database(c.db.name, c.db.opts...).Collection(c.name, opts...)}
		c.bound.Store(b)
	}
	return b.handle
}

// RenameOptions say how [Collection.Rename] goes about it.
type RenameOptions struct {
	DropTarget bool // put the collection in the place of one that has the new name already
	Comment    any  // for the server's log and profile; nil: none
}

// Rename gives the collection another name in its database. The result is the server's reply. This handle keeps the
// old name.
//
// Errors: [InvalidName] for a name that no server accepts; [OperationFailure] if there is no such collection, or
// already one of the new name; [InvalidDocument] for a comment that cannot be encoded; [TypeError] for options given
// twice; [WriteConcernError].
//
// Motor: MotorCollection.rename.
func (c *collection) Rename(ctx context.Context, newName string, opts ...RenameOptions) *future.Future[bson.M] {
	set, err := atMostOne("Rename", opts)
	if bad := checkCollectionName(newName); err == nil {
		err = bad
	}
	f, now := c.codec.command(), c.snapshot()
	f.Check(err)
	f.Add("renameCollection", c.FullName())
	f.Add("to", c.db.name+"."+newName)
	if set.DropTarget {
		f.Add("dropTarget", true)
	}
	f.AddValue("comment", set.Comment)
	f.addConcern(ctx, now)
	command := f.Raw()
	// The indexes move with the collection. Those of one that had the new name are gone.
	target := &newCollection(c.db, newName, nil).collection
	op := func(ctx context.Context, coll *mongo.Collection) (bson.M, error) {
		return c.db.send(ctx, coll.Database().Client().Database("admin"), command)
	}
	return submit(ctx, c.db.client, collectionOp(c, now, f.err(), invalidating(target, "", invalidating(c, "", op))))
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
