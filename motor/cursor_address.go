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

// whereTo returns the address of the server to which the latest command of a context went that locate has made, or
// the zero Address if it is not known. primary is whether it went to the one server that takes writes.
func (t *topology) whereTo(ctx context.Context, primary bool) Address {
	if at, ok := ctx.Value(addressKey{}).(*Address); ok && *at != (Address{}) {
		return *at
	}
	if s, ok := t.connected(); ok && (primary || len(t.servers()) == 1) {
		return parseAddress(s.Addr.String())
	}
	return Address{}
}

// oneServer reports whether a client was made with one server. It may yet turn out to be a member of a replica set.
func oneServer(opts *options.ClientOptions) bool {
	return opts.Direct != nil && *opts.Direct || len(opts.Hosts) == 1 && opts.ReplicaSet == nil
}

// located returns opts with a monitor by which operations that want to know it learn where they went. The user's own
// monitor, if there is one, is told as before. For a monitor the driver copies every command, so there is none where
// there is one server.
func located(opts options.ClientOptions) *options.ClientOptions {
	if oneServer(&opts) {
		return &opts
	}
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
