package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// ListDatabases returns a cursor over descriptions of the server's databases that match filter, bson.D{} standing for
// all: name, sizeOnDisk in bytes, and empty; name alone with the option SetNameOnly.
//
// Errors: [TypeError] for a nil filter, [InvalidDocument] for one that cannot be encoded, [OperationFailure].
//
// Motor: MotorClient.list_databases.
func (c *Client) ListDatabases(ctx context.Context, filter any, opts ...options.Lister[options.ListDatabasesOptions]) *future.Future[*CommandCursor[bson.M]] {
	query, err := c.codec.encode("filter", filter)
	if err != nil {
		return failed[*CommandCursor[bson.M]](c, err)
	}
	set, err := mergeOptions(opts)
	if err != nil {
		return failed[*CommandCursor[bson.M]](c, err)
	}
	nameOnly := set.NameOnly != nil && *set.NameOnly
	return submit(ctx, c, driverOp(func(ctx context.Context, d *mongo.Client) (*CommandCursor[bson.M], error) {
		list, err := d.ListDatabases(ctx, query, opts...)
		if err != nil {
			return nil, err
		}
		docs := make([]bson.Raw, len(list.Databases))
		for i, db := range list.Databases {
			if docs[i], err = describe(db, nameOnly); err != nil {
				return nil, err
			}
		}
		return listedCommandCursor(c.Database("admin").Collection("$cmd"), d, docs), nil
	}))
}

// describe returns the server's description of a database, which the driver has taken apart.
func describe(db mongo.DatabaseSpecification, nameOnly bool) (bson.Raw, error) {
	doc := bson.D{{Key: "name", Value: db.Name}}
	if !nameOnly {
		doc = append(doc, bson.E{Key: "sizeOnDisk", Value: db.SizeOnDisk}, bson.E{Key: "empty", Value: db.Empty})
	}
	return bson.Marshal(doc)
}
