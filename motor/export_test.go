package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// StartDriverSession starts a session of the driver's on the client's connection.
func StartDriverSession(ctx context.Context, c *Client, opts ...options.Lister[options.SessionOptions]) (*mongo.Session, error) {
	conn, err := c.connect()
	if err != nil {
		return nil, err
	}
	driver, err := conn.client(ctx)
	if err != nil {
		return nil, err
	}
	return driver.StartSession(opts...)
}
