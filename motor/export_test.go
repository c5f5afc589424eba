package motor

import (
	"context"
	"io"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// VersionIn exposes versionIn.
var VersionIn = versionIn

// StartDriverSession starts a driver session on the client's connection.
func StartDriverSession(ctx context.Context, c *Client, opts ...options.Lister[options.SessionOptions]) (*mongo.Session, error) {
	conn, err := c.connect(ctx)
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

// HasLabel exposes hasLabel.
var HasLabel = hasLabel

// RetryPauses exposes retryPauses.
type RetryPauses = retryPauses

// The pauses of WithTransaction.
var (
	TransactionPauses = transactionPauses
	CommitPauses      = commitPauses
)

// Pause exposes pause.
func (p *retryPauses) Pause(ctx context.Context, limit time.Time, failure error) error {
	return p.pause(ctx, limit, failure)
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

// Driver returns the driver's client of c, for tests that start a driver session.
func Driver(ctx context.Context, c *Client) *future.Future[*mongo.Client] {
	return submit(ctx, c, driverOp(func(_ context.Context, d *mongo.Client) (*mongo.Client, error) { return d, nil }))
}

// NewPollContext returns the context of a poll, and a function that sets the context of the read that waits, or none.
func NewPollContext(ends context.Context) (poll context.Context, lendTo func(context.Context)) {
	reader := lend(context.Background())
	return newPollContext(ends, reader), func(ctx context.Context) {
		if ctx == nil {
			reader.takeBack()
		} else {
			reader.lend(ctx)
		}
	}
}

// ChunkOf returns the last chunk that a reader of a GridOut has fetched.
func ChunkOf(reader io.Reader) []byte { return reader.(*gridReader).chunk }
