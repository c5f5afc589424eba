package callback

import (
	"log/slog"
	"time"

	"github.com/gomotor/gomotor/future"
)

// LoopOption is an option of [NewLoop].
type LoopOption func(*Loop)

// WithLogger makes the loop log to logger. The default is [slog.Default] at the time of each message.
func WithLogger(logger *slog.Logger) LoopOption {
	return func(l *Loop) { l.logger = logger }
}

// WithPanicHandler makes the loop call fn, on the loop, when a callback panics, with the panic's value and stack.
// The default logs an error. A panic of fn itself is logged.
//
// Tornado: IOLoop.handle_callback_exception. asyncio: loop.set_exception_handler.
func WithPanicHandler(fn func(p *future.PanicError)) LoopOption {
	return func(l *Loop) { l.onPanic = fn }
}

// WithSlowCallback makes the loop call report, on the loop, after each callback that held it up for longer than
// threshold. A nil report logs a warning. It costs two readings of the clock per callback.
//
// asyncio: loop.slow_callback_duration.
func WithSlowCallback(threshold time.Duration, report func(SlowCallback)) LoopOption {
	return func(l *Loop) { l.slow = &slowCallbacks{threshold, report} }
}

// WithHost embeds the loop in a main loop of another kind: whenever the loop has something to do, it asks host to
// run one turn of it. No goroutine is needed; host decides where turns run, and they never overlap, even on a host
// that runs its tasks on several goroutines. Start, Poll and RunSync cannot be used on such a loop.
//
// If host refuses a turn, an error is logged, and the next call that adds work asks again.
func WithHost(host future.Executor) LoopOption {
	return func(l *Loop) { l.host = host }
}

// log returns the logger.
func (l *Loop) log() *slog.Logger {
	if l.logger != nil {
		return l.logger
	}
	return slog.Default()
}
