// Package usercode calls functions of the user and recovers from their panics. The driver calls its monitors, log sinks
// and dialers on its own goroutines, where a panic would end the process.
package usercode

import (
	"context"
	"errors"
	"net"

	"github.com/sourcegraph/conc/panics"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// Guard returns a copy of the options in which a panic of a monitor, a log sink or a dialer does not leave it. The
// handler of [future.SetUnobservedHandler] gets the panics of monitors and log sinks, as a [*future.PanicError]. A panic
// of a dialer is the error of the connection.
func Guard(opts *options.ClientOptions) *options.ClientOptions {
	own := *opts
	if m := own.Monitor; m != nil {
		own.Monitor = &event.CommandMonitor{Started: withContext(m.Started), Succeeded: withContext(m.Succeeded), Failed: withContext(m.Failed)}
	}
	if m := own.PoolMonitor; m != nil {
		own.PoolMonitor = &event.PoolMonitor{Event: guarded(m.Event)}
	}
	if m := own.ServerMonitor; m != nil {
		own.ServerMonitor = &event.ServerMonitor{
			ServerDescriptionChanged:   guarded(m.ServerDescriptionChanged),
			ServerOpening:              guarded(m.ServerOpening),
			ServerClosed:               guarded(m.ServerClosed),
			TopologyDescriptionChanged: guarded(m.TopologyDescriptionChanged),
			TopologyOpening:            guarded(m.TopologyOpening),
			TopologyClosed:             guarded(m.TopologyClosed),
			ServerHeartbeatStarted:     guarded(m.ServerHeartbeatStarted),
			ServerHeartbeatSucceeded:   guarded(m.ServerHeartbeatSucceeded),
			ServerHeartbeatFailed:      guarded(m.ServerHeartbeatFailed),
		}
	}
	if l := own.LoggerOptions; l != nil && l.Sink != nil {
		logger := *l
		logger.Sink = sink{l.Sink}
		own.LoggerOptions = &logger
	}
	if own.Dialer != nil {
		own.Dialer = dialer{own.Dialer}
	}
	return &own
}

// Try calls fn and returns its panic as a [*future.PanicError], or nil.
func Try(fn func()) error {
	if p := panics.Try(fn); p != nil {
		return &future.PanicError{Value: p.Value, Stack: p.Stack}
	}
	return nil
}

// ContextErr returns the error of a context, or the panic of its method as a [*future.PanicError]. It allocates nothing.
func ContextErr(ctx context.Context) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p := panics.NewRecovered(1, v)
			err = &future.PanicError{Value: p.Value, Stack: p.Stack}
		}
	}()
	return ctx.Err()
}

// call calls fn and reports its panic.
func call(fn func()) {
	if p := Try(fn); p != nil {
		future.ReportUnobserved(p)
	}
}

func guarded[E any](fn func(E)) func(E) {
	if fn == nil {
		return nil
	}
	return func(e E) { call(func() { fn(e) }) }
}

func withContext[E any](fn func(context.Context, E)) func(context.Context, E) {
	if fn == nil {
		return nil
	}
	return func(ctx context.Context, e E) { call(func() { fn(ctx, e) }) }
}

type sink struct{ inner options.LogSink }

func (s sink) Info(level int, message string, keysAndValues ...any) {
	call(func() { s.inner.Info(level, message, keysAndValues...) })
}

func (s sink) Error(err error, message string, keysAndValues ...any) {
	call(func() { s.inner.Error(err, message, keysAndValues...) })
}

type dialer struct{ inner options.ContextDialer }

var errNoConnection = errors.New("the dialer returned neither a connection nor an error")

func (d dialer) DialContext(ctx context.Context, network, address string) (c net.Conn, err error) {
	if p := Try(func() { c, err = d.inner.DialContext(ctx, network, address) }); p != nil {
		return nil, p
	}
	if c == nil && err == nil {
		return nil, errNoConnection
	}
	return c, err
}
