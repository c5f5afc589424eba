package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
)

// Driver returns the driver's client of c, for tests that start a driver session.
func Driver(ctx context.Context, c *Client) *future.Future[*mongo.Client] {
	return submit(ctx, c, driverOp(func(_ context.Context, d *mongo.Client) (*mongo.Client, error) { return d, nil }))
}
