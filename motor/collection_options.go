package motor

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
)

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

// ReadConcern returns how widely what is read must have been written: nil leaves that to the server.
//
// Motor: MotorCollection.read_concern.
func (c *collection) ReadConcern() *readconcern.ReadConcern {
	set, _ := mergeOptions(c.opts) // an error is c.err
	if set.ReadConcern != nil {
		return set.ReadConcern
	}
	return c.db.ReadConcern()
}

// Options returns the options with which the collection was created, such as capped and size: an empty map if it was
// created without options, or does not exist.
//
// Errors: [OperationFailure].
//
// Motor: MotorCollection.options.
func (c *collection) Options(ctx context.Context) *future.Future[bson.M] {
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), nil, func(ctx context.Context, coll *mongo.Collection) (bson.M, error) {
		cursor, err := coll.Database().ListCollections(ctx, bson.D{{Key: "name", Value: c.name}})
		if err != nil {
			return nil, err
		}
		defer func() { _ = cursor.Close(ctx) }()
		if !cursor.Next(ctx) {
			return bson.M{}, cursor.Err()
		}
		set, ok := cursor.Current.Lookup("options").DocumentOK()
		if !ok {
			return bson.M{}, nil
		}
		return decode[bson.M](&c.codec, set)
	}))
}

// withDocuments returns the collection with documents of another type.
func withDocuments[E any](c *collection) *Collection[E] { return (*Collection[E])(c.copied()) }

// copied returns another handle for the collection, with the concerns that it has now.
func (c *collection) copied() *Collection[bson.M] {
	other := &Collection[bson.M]{collection{db: c.db, name: c.name, opts: c.opts, codec: c.codec, err: c.err}}
	_ = other.inherit(&c.concerns, nil, nil)
	return other
}
