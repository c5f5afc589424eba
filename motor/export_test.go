package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// VersionIn exposes versionIn.
var VersionIn = versionIn

// StartDriverSession starts a driver session on the client's connection.
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

// IsOpen reports whether the client is open. It may not have connected to a server yet.
func IsOpen(c *Client) bool { return c.opened() != nil }

// WrapError gives a driver error its class.
var WrapError = wrapError

// SetTransactionClock makes WithTransaction measure time by now until the test ends. The test must not be parallel.
func SetTransactionClock(t interface{ Cleanup(func()) }, now func() time.Time) {
	before := transactionClock
	transactionClock = now
	t.Cleanup(func() { transactionClock = before })
}

// KnownSessions returns the number of driver sessions that motor tracks.
func KnownSessions() int {
	sessions.mu.Lock()
	defer sessions.mu.Unlock()
	return len(sessions.states)
}

// SetCleanupTimeout sets the time limit of a cleanup until the test ends. The test must not be parallel.
func SetCleanupTimeout(t interface{ Cleanup(func()) }, limit time.Duration) {
	before := cleanupTimeout
	cleanupTimeout = limit
	t.Cleanup(func() { cleanupTimeout = before })
}

// FailBulk returns the error of a bulk whose command failed with err.
func FailBulk(err error, partial any) error { return new(bulkOutcome).failed(err, partial) }

// Submit starts an operation that calls fn.
func Submit(ctx context.Context, c *Client, fn func() error) *future.Future[struct{}] {
	return submit(ctx, c, op[struct{}]{run: func(context.Context, *connection) (none struct{}, err error) { return none, fn() }})
}
