package motor

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// addressKey is the key of a context under which an operation has an Address: that of the server to which its command
// was sent last. The driver tells where a command goes only to its monitor, on the way.
type addressKey struct{}

// locate returns a context that knows where its commands went: see whereTo.
func locate(ctx context.Context) context.Context {
	return context.WithValue(ctx, addressKey{}, new(Address))
}

// whereTo returns the address of the server to which the latest command of a context went that locate has made.
func whereTo(ctx context.Context) Address {
	if at, ok := ctx.Value(addressKey{}).(*Address); ok {
		return *at
	}
	return Address{}
}

// located returns opts with a monitor by which operations that want to know it learn where they went. The user's own
// monitor, if there is one, is told as before.
func located(opts options.ClientOptions) *options.ClientOptions {
	var monitor event.CommandMonitor
	if opts.Monitor != nil {
		monitor = *opts.Monitor
	}
	theirs := monitor.Started
	monitor.Started = func(ctx context.Context, e *event.CommandStartedEvent) {
		if at, ok := ctx.Value(addressKey{}).(*Address); ok {
			*at = connectedTo(e.ConnectionID)
		}
		if theirs != nil {
			theirs(ctx, e)
		}
	}
	return opts.SetMonitor(&monitor)
}

// connectedTo returns the address in the driver's name for a connection, "host:port[-7]".
func connectedTo(connection string) Address {
	if i := strings.LastIndex(connection, "[-"); i >= 0 {
		connection = connection[:i]
	}
	return parseAddress(connection)
}
