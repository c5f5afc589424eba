package motor

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// VersionIn is what Version finds in a program.
var VersionIn = versionIn

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

// IsOpen reports whether the client has a connection, which may not be connected to anything yet.
func IsOpen(c *Client) bool { return c.opened() != nil }

// WrapError gives a driver's error its class.
var WrapError = wrapError

// SetTransactionClock has now tell for how long WithTransaction has tried, until the end of the test, which no other may
// run beside.
func SetTransactionClock(t interface{ Cleanup(func()) }, now func() time.Time) {
	before := transactionClock
	transactionClock = now
	t.Cleanup(func() { transactionClock = before })
}

// KnownSessions is how many of the driver's sessions are known.
func KnownSessions() int {
	sessions.mu.Lock()
	defer sessions.mu.Unlock()
	return len(sessions.states)
}

// SetCleanupTimeout sets the time limit of a cleanup until the end of the test, which no other may run beside.
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
