package motor

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/future"
)

// ReadConcern returns the read concern, or nil for the server's default.
//
// Motor: MotorCollection.read_concern.
func (c *collection) ReadConcern() *readconcern.ReadConcern {
	set, _ := mergeOptions(c.opts) // an error is c.err
	if set.ReadConcern != nil {
		return set.ReadConcern
	}
	return c.db.ReadConcern()
}

// Options returns the options with which the collection was created, such as capped and size. The result is an empty
// map if it was created without options, or does not exist.
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
		defer cursor.Close(context.WithoutCancel(ctx))
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

// Drop removes the collection with its documents and indexes. Dropping a collection that does not exist is not an
// error.
//
// Motor: MotorCollection.drop.
func (c *collection) Drop(ctx context.Context, opts ...options.Lister[options.DropCollectionOptions]) *future.Future[struct{}] {
	now := c.snapshot()
	opts, err := encodeOptions(&c.codec, opts)
	if err != nil {
		return failed[struct{}](c.db.client, err)
	}
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

// RenameOptions are the options of [Collection.Rename].
type RenameOptions struct {
	DropTarget bool // replace a collection that has the new name
	Comment    any  // for the server's log and profile; nil: none
}

// Rename renames the collection within its database. The result is the server's reply. This handle keeps the old name.
//
// Errors: [InvalidName] for a name that no server accepts; [OperationFailure] if the collection does not exist, or one
// with the new name does; [InvalidDocument] for a comment that cannot be encoded; [TypeError] for options given twice;
// [WriteConcernError].
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
	// The indexes move with the collection. Those of a replaced collection are gone.
	target := &newCollection(c.db, newName, nil).collection
	op := func(ctx context.Context, coll *mongo.Collection) (bson.M, error) {
		return c.db.send(ctx, coll.Database().Client().Database("admin"), command)
	}
	return submit(ctx, c.db.client, collectionOp(c, now, f.err(), invalidating(target, "", invalidating(c, "", op))))
}

// dropByCommand drops a collection with a command that we build. It rejects EncryptedFields, for which the driver sends
// several commands.
func dropByCommand(
	ctx context.Context, c *collection, wire bson.Raw, opts []options.Lister[options.DropCollectionOptions],
) *future.Future[struct{}] {
	o, err := mergeOptions(opts)
	if err == nil && o.EncryptedFields != nil {
		err = c.snapshot().write.refuse("Drop with EncryptedFields")
	}
	if err != nil {
		return failed[struct{}](c.db.client, err)
	}
	drop := bson.D{{Key: "drop", Value: c.name}, {Key: "writeConcern", Value: wire}}
	return submit(ctx, c.db.client, collectionOp(c, c.snapshot(), nil, invalidating(c, "", func(ctx context.Context, coll *mongo.Collection) (struct{}, error) {
		return struct{}{}, unlessMissing(coll.Database().RunCommand(ctx, drop).Err())
	})))
}

// unlessMissing returns nil if err is the server's NamespaceNotFound, and err otherwise.
func unlessMissing(err error) error {
	var server mongo.ServerError
	if errors.As(err, &server) && server.HasErrorCode(codeNamespaceNotFound) {
		return nil
	}
	return err
}

const codeNamespaceNotFound = 26
