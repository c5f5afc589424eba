package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

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
	f, now := c.codec.command(), c.now()
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
