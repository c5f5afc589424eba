package future

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"

	"github.com/sourcegraph/conc/panics"
)

var (
	// ErrCancelled is the error of a future that was cancelled. errors.Is(ErrCancelled, context.Canceled) holds.
	ErrCancelled error = &kindError{"future: cancelled", context.Canceled}

	// ErrTimeout is the error of a wait that took too long. errors.Is(ErrTimeout, context.DeadlineExceeded) holds.
	ErrTimeout error = &kindError{"future: timed out", context.DeadlineExceeded}

	// ErrNotDone is the error of [Future.Result] while the future is pending.
	ErrNotDone = errors.New("future: not done")

	// ErrCycle is the error of a future that was to be its own outcome.
	ErrCycle = errors.New("future: a future cannot be its own outcome")

	// ErrNilFuture is the error of a future that was to have the outcome of a nil future.
	ErrNilFuture = errors.New("future: the function returned a nil future")

	// ErrNoFutures is the error of [Race] when there is nothing to race.
	ErrNoFutures = errors.New("future: no futures given")

	// ErrNoMore is the error of [WaitIterator.Next] after the last result.
	ErrNoMore = errors.New("future: no more results")

	// ErrGroupDone is the error of a task that was given to a [Group] after everything in it had ended.
	ErrGroupDone = errors.New("future: the group has ended")

	// ErrQueueFull is the error of a task that found as many tasks queued as [WithMaxQueue] allows.
	ErrQueueFull = errors.New("future: the pool's queue is full")

	// ErrQueueTimeout is the error of a task that was queued for longer than [WithMaxQueueWait] allows.
	ErrQueueTimeout error = &kindError{"future: the task was queued for too long", context.DeadlineExceeded}

	// ErrPoolClosed is the error of a task that was submitted to a closed [Pool], or queued when it was closed.
	ErrPoolClosed = errors.New("future: the pool is closed")

	// ErrInvalidOption is the error of a limit or size that is out of range.
	ErrInvalidOption = errors.New("future: invalid option")
)

// kindError is an error that is also one of the context package's.
type kindError struct {
	text string
	is   error
}

func (e *kindError) Error() string { return e.text }

func (e *kindError) Is(target error) bool { return target == e.is }

// cancelError is ErrCancelled with the reason given to Cancel.
type cancelError struct{ cause error }

func (e *cancelError) Error() string { return ErrCancelled.Error() + ": " + e.cause.Error() }

func (e *cancelError) Unwrap() []error { return []error{ErrCancelled, e.cause} }

// isCancel reports whether err is the outcome of Cancel, here or in a future that this one was derived from. It
// calls no method of err, whose code is not known.
func isCancel(err error) bool {
	_, caused := err.(*cancelError)
	return caused || err == ErrCancelled
}

// PanicError is the error of a future whose function panicked, or ended its goroutine with [runtime.Goexit].
type PanicError struct {
	Value any    // what was passed to panic; an error that says so for Goexit
	Stack []byte // of the goroutine that panicked
}

var errGoexit = errors.New("runtime.Goexit was called")

// Error names the value of the panic. The stack is in Stack.
func (e *PanicError) Error() string { return fmt.Sprintf("future: panic: %v", e.Value) }

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError is to be called by the deferred function that recovered v.
func newPanicError(v any) *PanicError {
	r := panics.NewRecovered(2, v)
	return &PanicError{Value: v, Stack: r.Stack}
}

func newGoexitError() *PanicError { return newPanicError(errGoexit) }

// recoverAs is deferred to make a panic the error of the function that returns err.
func recoverAs(err *error) {
	if v := recover(); v != nil {
		*err = newPanicError(v)
	}
}

// unobservedError is a failure that nothing has asked for. It is reported when the future is collected.
type unobservedError struct {
	err     error
	cleanup runtime.Cleanup
}

var unobservedHandler atomic.Pointer[func(error)]

// SetUnobservedHandler makes fn the function that is told of failures which can no longer be seen, and returns
// the function that was it before. fn is called once for
//   - the error of a future that was collected before it was awaited or read, or was given a callback or a
//     continuation (a cancelled future is not reported);
//   - a panic of a callback, as a [*PanicError]: there is no future that it could fail;
//   - a callback that could not be delivered because its [Executor] refused it, as an [*UndeliveredError];
//   - the errors that [Multi] has no room for.
//
// fn must not block, nor end its goroutine. nil means the default, which logs a warning with [slog.Default].
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
// themselves and have no one to deliver a failure to. A nil err is ignored.
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
