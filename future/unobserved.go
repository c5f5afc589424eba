package future

import (
	"log/slog"
	"runtime"
	"sync/atomic"
)

// unobservedError stands by for a failure that nobody has looked at. The collector reports it when the future goes.
type unobservedError struct {
	err     error
	cleanup runtime.Cleanup
}

var unobservedHandler atomic.Pointer[func(error)]

// SetUnobservedHandler makes fn the function that is told of failures which nobody can see any more, and returns
// the function that was it before. fn is called once for
//   - the error of a future that was collected before anybody awaited it, read it, or registered a callback or a
//     continuation (a cancelled future is not reported);
//   - a panic of a callback, as a [*PanicError]: there is no future that it could fail;
//   - a callback that could not be delivered because its [Executor] refused it, as an [*UndeliveredError];
//   - the errors that [Multi] has no room for.
//
// fn must not block, nor end its goroutine. nil stands for the default, which logs a warning with [slog.Default].
//
// asyncio: "Future exception was never retrieved". Tornado: the same.
func SetUnobservedHandler(fn func(err error)) (previous func(err error)) {
	var p *func(error)
	if fn != nil {
		p = &fn
	}
	if old := unobservedHandler.Swap(p); old != nil {
		return *old
	}
	return logUnobserved
}

// ReportUnobserved hands err to the function set by [SetUnobservedHandler]: for those who deliver results
// themselves and have nobody to deliver a failure to. A nil err is ignored.
func ReportUnobserved(err error) {
	if err == nil {
		return
	}
	// The handler's panic has nowhere left to go but the log.
	defer func() {
		if v := recover(); v != nil {
			logUnobserved(newPanicError(v))
		}
	}()
	if fn := unobservedHandler.Load(); fn != nil {
		(*fn)(err)
		return
	}
	logUnobserved(err)
}

// reportLater reports errs on a goroutine of its own: on a stack that settles futures, the handler has no place.
func reportLater(errs []error) {
	if len(errs) == 0 {
		return
	}
	go func() {
		for _, err := range errs {
			ReportUnobserved(err)
		}
	}()
}

func logUnobserved(err error) {
	if p, ok := err.(*PanicError); ok {
		slog.Warn("future: a callback panicked", "error", p, "stack", string(p.Stack))
		return
	}
	slog.Warn("future: nobody saw this failure", "error", err)
}

// UndeliveredError tells of a callback that was registered and will not run, because the executor that it should
// have run on refused it.
type UndeliveredError struct {
	Reason  error // the executor's: future.ErrPoolClosed, callback.ErrLoopClosed, ...
	Outcome error // the error that the callback would have been given, or nil
}

// Error gives the reason, and the error that went undelivered with it.
func (e *UndeliveredError) Error() string {
	if e.Outcome == nil {
		return "future: callback not delivered: " + e.Reason.Error()
	}
	return "future: callback not delivered: " + e.Reason.Error() + "; its error was: " + e.Outcome.Error()
}

// Unwrap returns Reason and, if there is one, Outcome.
func (e *UndeliveredError) Unwrap() []error {
	if e.Outcome == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Outcome}
}

// watch arranges for err to be reported if the future is collected unobserved.
func (c *cell) watch(err error) *unobservedError {
	// The cleanup must not refer to the future: it would never be collected.
	return &unobservedError{err, runtime.AddCleanup(c, ReportUnobserved, err)}
}

// observeLocked notes that somebody will see the outcome. mu is held.
func (c *cell) observeLocked() {
	if c.state.Load()&observed != 0 {
		return
	}
	c.state.Or(observed)
	if u, ok := c.aux.(*unobservedError); ok {
		u.cleanup.Stop()
	}
}

// observe is observeLocked for readers of a settled future; a success costs them nothing.
func (c *cell) observe() {
	if c.aux == nil || c.state.Load()&observed != 0 {
		return
	}
	c.mu.Lock()
	c.observeLocked()
	c.mu.Unlock()
}
