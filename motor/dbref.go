package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// DBRef refers to a document by its collection and its _id. As a field of a document it is stored in the format of all
// MongoDB drivers. Database is empty for a document in the same database.
//
// Motor: bson.dbref.DBRef.
type DBRef struct {
	Collection string `bson:"$ref"`
	ID         any    `bson:"$id"`
	Database   string `bson:"$db,omitempty"`
}

// Dereference finds the document that ref refers to. The result is nil if it does not exist. ref is a [DBRef], or a
// decoded one: bson.M{"$ref": "users", "$id": 7}.
//
// Errors: [TypeError] for a value that is not a reference, [ValueError] for a reference to another database,
// [InvalidName] for a collection name that no server accepts.
//
// Motor: MotorDatabase.dereference.
func (d *Database) Dereference(ctx context.Context, ref any, opts ...options.Lister[options.FindOneOptions]) *future.Future[bson.M] {
	collection, id, err := d.reference(ref)
	if err != nil {
		return failed[bson.M](d.client, err)
	}
	return d.Collection(collection).FindOne(ctx, bson.D{{Key: "_id", Value: id}}, opts...)
}

// reference returns the collection and the _id that ref refers to.
func (d *Database) reference(ref any) (collection string, id bson.RawValue, err error) {
	raw, err := d.codec.encode("the reference", ref)
	if err != nil {
		return "", id, err
	}
	collection, ok := raw.Lookup("$ref").StringValueOK()
	if !ok {
		return "", id, newError(TypeError, "first argument must be a DBRef: $ref is not a string in %s", raw)
	}
	if id, err = raw.LookupErr("$id"); err != nil {
		return "", id, newError(TypeError, "first argument must be a DBRef: $id is missing in %s", raw)
	}
	if other, err := raw.LookupErr("$db"); err == nil {
		if name, ok := other.StringValueOK(); !ok || name != d.name {
			return "", id, newError(ValueError, "trying to dereference a DBRef that points to another database (%s not %q)", other, d.name)
		}
	}
	return collection, id, nil
}
