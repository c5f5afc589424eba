package future

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/sourcegraph/conc/panics"
)

var (
	// ErrCancelled is the error of a future that was cancelled. errors.Is(ErrCancelled, context.Canceled) holds.
	ErrCancelled error = &kindError{"future: cancelled", context.Canceled}

	// ErrTimeout is the error of a future that was not settled in time. errors.Is(ErrTimeout, context.DeadlineExceeded) holds.
	ErrTimeout error = &kindError{"future: timed out", context.DeadlineExceeded}

	// ErrNotDone is the error of [Future.Result] while the future is pending.
	ErrNotDone = errors.New("future: not done")

	// ErrCycle is the error of a future that would have to wait for itself.
	ErrCycle = errors.New("future: a future cannot be its own outcome")

	// ErrNilFuture is the error of a future whose function returned a nil future.
	ErrNilFuture = errors.New("future: the function returned a nil future")

	// ErrNoFutures is the error of [Race] without futures.
	ErrNoFutures = errors.New("future: no futures given")

	// ErrNoMore is the error of [WaitIterator.Next] after the last result.
	ErrNoMore = errors.New("future: no more results")

	// ErrGroupDone is the error of a task that was added to a [Group] that has ended.
	ErrGroupDone = errors.New("future: the group has ended")

	// ErrQueueFull is the error of a task submitted while as many tasks were queued as [WithMaxQueue] allows.
	ErrQueueFull = errors.New("future: the pool's queue is full")

	// ErrQueueTimeout is the error of a task that was queued longer than [WithMaxQueueWait] allows.
	ErrQueueTimeout error = &kindError{"future: the task was queued for too long", context.DeadlineExceeded}

	// ErrPoolClosed is the error of a task submitted to a closed [Pool], or still queued when the pool was closed.
	ErrPoolClosed = errors.New("future: the pool is closed")

	// ErrInvalidOption is the error of an option or argument that is out of range.
	ErrInvalidOption = errors.New("future: invalid option")
)

// kindError is an error that errors.Is also matches with an error of package context.
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

// isCancel reports whether err is the error of Cancel, called on this future or on one that it was derived from. It
// calls no method of err, since that may be user code.
func isCancel(err error) bool {
	_, caused := err.(*cancelError)
	return caused || err == ErrCancelled
}

// PanicError is the error of a future whose function panicked or called [runtime.Goexit].
type PanicError struct {
	Value any    // the argument of panic; for Goexit, an error that says so
	Stack []byte // of the goroutine that panicked
}

var errGoexit = errors.New("runtime.Goexit was called")

// Error names the value of the panic. The stack is in Stack.
func (e *PanicError) Error() string { return fmt.Sprintf("future: panic: %v", e.Value) }

// Where names the functions that led to the panic, the innermost first, in one line: "main.parse (parse.go:12) <
// main.main (main.go:40)". It leaves out those of the runtime and of this library, and all after the fifth.
func (e *PanicError) Where() string {
	var frames []string
	lines := strings.Split(string(e.Stack), "\n")
	for i := 1; i+1 < len(lines) && len(frames) < 5; i++ {
		file, isFile := strings.CutPrefix(lines[i+1], "\t")
		if !isFile {
			continue
		}
		call, created := strings.CutPrefix(lines[i], "created by ")
		if created { // without arguments: the last parenthesis may be that of a receiver
			call, _, _ = strings.Cut(call, " in goroutine ")
		} else if end := strings.LastIndexByte(call, '('); end > 0 {
			call = call[:end]
		}
		if call == "panic" || strings.HasPrefix(call, "runtime.") || strings.HasPrefix(call, "runtime/") || isOwn(call) {
			continue
		}
		file, _, _ = strings.Cut(file, " +0x")
		frames = append(frames, fmt.Sprintf("%s (%s)", path.Base(call), path.Base(file)))
	}
	return strings.Join(frames, " < ")
}

// isOwn reports whether a function is part of this library, or of a package that it uses for panics.
func isOwn(function string) bool {
	for _, prefix := range []string{"future.", "callback.", "motor.", "motor/web.", "internal/"} {
		if strings.HasPrefix(function, ownPath+prefix) {
			return true
		}
	}
	return strings.HasPrefix(function, "github.com/sourcegraph/conc")
}

var ownPath = strings.TrimSuffix(reflect.TypeFor[PanicError]().PkgPath(), "future")

// Unwrap returns the value of the panic if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError must be called by the deferred function that recovered v, so that the stack is the right one.
func newPanicError(v any) *PanicError {
	r := panics.NewRecovered(2, v)
	return &PanicError{Value: v, Stack: r.Stack}
}

func newGoexitError() *PanicError { return newPanicError(errGoexit) }

// recoverAs, deferred, stores a panic in err, the named result of the function.
func recoverAs(err *error) {
	if v := recover(); v != nil {
		*err = newPanicError(v)
	}
}

// unobservedError is an error that has not been retrieved. It is reported when the future is garbage collected.
type unobservedError struct {
	err     error
	cleanup runtime.Cleanup
}

var unobservedHandler atomic.Pointer[func(error)]

// SetUnobservedHandler sets the function that receives errors that no caller can retrieve, and returns the previous one.
// fn is called once for
//   - the error of a future that was garbage collected before it was awaited or read and without a callback or
//     continuation;
//   - a panic of a callback, as a [*PanicError], since a callback has no future that could fail;
//   - a callback that its [Executor] refused, as an [*UndeliveredError];
//   - each error of [Multi] other than the one that it returns.
//
// It is not called for [ErrCancelled] and [context.Canceled]: a program that cancels does so on purpose.
//
// fn must neither block nor call [runtime.Goexit]. A nil fn restores the default, which logs a warning with
// [slog.Default].
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

// ReportUnobserved passes err to the function set by [SetUnobservedHandler]. It is for code that delivers results itself
// and has no receiver for an error. It ignores nil, [ErrCancelled] and [context.Canceled].
func ReportUnobserved(err error) {
	if err == nil {
		return
	}
	// A panic of the handler, or of a method of the error, can only be logged.
	defer func() {
		if v := recover(); v != nil {
			logUnobserved(newPanicError(v))
		}
	}()
	if isDeliberate(err) {
		return
	}
	if fn := unobservedHandler.Load(); fn != nil {
		(*fn)(err)
		return
	}
	logUnobserved(err)
}

// reportLater reports errs on a new goroutine: the handler is user code and must not run on a stack that settles futures.
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
		slog.Warn("future: a callback panicked", "panic", fmt.Sprint(p.Value), "where", p.Where())
		return
	}
	slog.Warn("future: error was never retrieved", "error", err)
}

// isDeliberate reports whether err says that the program has cancelled. The outermost error that knows decides: an error
// of a callback that did not run, and a panic, say more than what they wrap. So does Cancel: its cause is a reason only. Of
// errors that were joined, each must say so.
func isDeliberate(err error) bool {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if known, ok := e.(interface{ deliberate() bool }); ok {
			return known.deliberate()
		}
		if reflect.TypeOf(e) == typeOfJoin {
			return allDeliberate(e.(interface{ Unwrap() []error }).Unwrap())
		}
	}
	var known interface{ deliberate() bool }
	if errors.As(err, &known) {
		return known.deliberate()
	}
	return errors.Is(err, context.Canceled) // also true for ErrCancelled
}

// typeOfJoin is the type of the errors that errors.Join returns.
var typeOfJoin = reflect.TypeOf(errors.Join(ErrCancelled))

func allDeliberate(errs []error) bool {
	return len(errs) > 0 && !slices.ContainsFunc(errs, func(err error) bool { return !isDeliberate(err) })
}

func (e *AggregateError) deliberate() bool { return allDeliberate(e.Errors) }
func (*cancelError) deliberate() bool      { return true }
func (*PanicError) deliberate() bool       { return false }
func (*UndeliveredError) deliberate() bool { return false }

// UndeliveredError reports that a registered callback will not run, because its executor refused it.
type UndeliveredError struct {
	Reason  error // the error of the executor: future.ErrPoolClosed, callback.ErrLoopClosed, ...
	Outcome error // the error that the callback would have received, or nil
}

// Error gives the reason, and the error that the callback would have received.
func (e *UndeliveredError) Error() string {
	if e.Outcome == nil {
		return "future: callback not delivered: " + e.Reason.Error()
	}
	return "future: callback not delivered: " + e.Reason.Error() + "; undelivered error: " + e.Outcome.Error()
}

// Unwrap returns Reason and, if there is one, Outcome.
func (e *UndeliveredError) Unwrap() []error {
	if e.Outcome == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Outcome}
}

// watch arranges for err to be reported if the future is garbage collected before err was retrieved.
func (c *cell) watch(err error) *unobservedError {
	// A cleanup that refers to the future would keep it from being collected.
	return &unobservedError{err, runtime.AddCleanup(c, ReportUnobserved, err)}
}
