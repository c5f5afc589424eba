package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// Delegate returns the driver's client beneath this one, for what only the driver has. Its calls block, and know
// nothing of the client's executor. It is valid until [Client.Close], which disconnects it; do not call the driver's
// Disconnect.
//
// Errors: [ConfigurationError] if the driver cannot connect with the client's options. It does no I/O, except that
// with mongodb+srv it may ask the DNS.
//
// Motor: MotorClient.delegate.
func (c *Client) Delegate(ctx context.Context) *future.Future[*mongo.Client] {
	return submit(ctx, c, driverOp(func(_ context.Context, driver *mongo.Client) (*mongo.Client, error) { return driver, nil }))
}

// Delegate returns the driver's handle for the database, with the options and concerns that the database has at the
// call. See [Client.Delegate].
//
// Errors: what [Database.Err] gives, and as of Client.Delegate.
//
// Motor: MotorDatabase.delegate.
func (d *Database) Delegate(ctx context.Context) *future.Future[*mongo.Database] {
	return submit(ctx, d.client, databaseOp(d, d.now(), nil, func(_ context.Context, db *mongo.Database) (*mongo.Database, error) { return db, nil }))
}

// Delegate returns the driver's handle for the collection, with the options and concerns that the collection has at
// the call. See [Client.Delegate].
//
// Errors: what [Collection.Err] gives, and as of Client.Delegate.
//
// Motor: MotorCollection.delegate.
func (c *collection) Delegate(ctx context.Context) *future.Future[*mongo.Collection] {
	return submit(ctx, c.db.client, collectionOp(c, c.now(), nil, func(_ context.Context, coll *mongo.Collection) (*mongo.Collection, error) {
		return coll, nil
	}))
}
