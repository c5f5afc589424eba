package motor

import (
	"context"
	"time"

	"github.com/sourcegraph/conc/panics"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/serial"
)

// cleanup ends a cursor or a session on the server that the program has abandoned.
type cleanup struct {
	client *mongo.Client // the driver's client that the cursor or session belongs to
	run    func(context.Context, *connection)
}

// cleanupQueue holds the cleanups of a connection. The garbage collector finds cursors and sessions one after the other,
// on a goroutine that must not wait, so they are only queued there. One goroutine runs them one at a time: however many are
// found at once, they take no slot and one connection.
type cleanupQueue = serial.Queue[cleanup]

// cleanupTimeout is the time limit of one cleanup. It bounds how long a server that does not answer holds up the others.
// The server itself ends what is left after ten minutes (cursors) or thirty (sessions).
var cleanupTimeout = 10 * time.Second

// abandon queues a cleanup, unless its connection has been closed: then the cursor or session has ended too. It never
// waits.
func (c *Client) abandon(work cleanup) {
	conn := c.opened()
	if conn == nil || !conn.has(work.client) {
		return
	}
	if start, _ := conn.cleanups.Push(work, -1); start {
		// If the connection is being closed, what is queued stays there, and goes with it.
		_ = conn.polls.Execute(conn.cleanUp)
	}
}

// cleanUp runs the queued cleanups.
func (conn *connection) cleanUp() {
	for works := conn.cleanups.Next(); works != nil; works = conn.cleanups.Next() {
		for _, work := range works {
			if conn.polls.ctx.Err() == nil {
				conn.cleanUpOne(work)
			}
		}
	}
}

// cleanUpOne runs one cleanup, within its time limit. A panic, of the driver when the server's reply is malformed, is
// reported, and the others go on.
func (conn *connection) cleanUpOne(work cleanup) {
	// Of a deadline the driver would make a maxTimeMS, which not every server takes with these commands.
	ctx, cancel := context.WithCancel(conn.polls.ctx)
	defer cancel()
	defer time.AfterFunc(cleanupTimeout, cancel).Stop()
	if err := panicOf(func() { work.run(ctx, conn) }); err != nil {
		future.ReportUnobserved(err)
	}
}

// panicOf calls fn and returns its panic as a [future.PanicError], or nil.
func panicOf(fn func()) error {
	if p := panics.Try(fn); p != nil {
		return &future.PanicError{Value: p.Value, Stack: p.Stack}
	}
	return nil
}
