package future

import (
	"context"
	"errors"
)

var (
	// ErrCancelled is the error of a future that was cancelled. errors.Is(ErrCancelled, context.Canceled) holds.
	ErrCancelled error = &kindError{"future: cancelled", context.Canceled}

	// ErrTimeout is the error of a wait that took too long. errors.Is(ErrTimeout, context.DeadlineExceeded) holds.
	ErrTimeout error = &kindError{"future: timed out", context.DeadlineExceeded}

	// ErrNotDone is what [Future.Result] returns while the future is pending.
	ErrNotDone = errors.New("future: not done")

	// ErrCycle is the error of a future that was to be its own outcome.
	ErrCycle = errors.New("future: a future cannot be its own outcome")

	// ErrNilFuture is the error of a future that was to have the outcome of a nil future.
	ErrNilFuture = errors.New("future: the function returned a nil future")

	// ErrNoFutures is the error of [Race] when there is nothing to race.
	ErrNoFutures = errors.New("future: no futures given")

	// ErrNoMore is what [WaitIterator.Next] resolves to after the last result.
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

func (e *kindError) Error() string        { return e.text }
func (e *kindError) Is(target error) bool { return target == e.is }

// cancelError is ErrCancelled with the reason given to Cancel.
type cancelError struct{ cause error }

func (e *cancelError) Error() string   { return ErrCancelled.Error() + ": " + e.cause.Error() }
func (e *cancelError) Unwrap() []error { return []error{ErrCancelled, e.cause} }

// isCancel reports whether err is the outcome of Cancel, here or in a future that this one was derived from. It
// calls no method of err, which may be anybody's.
func isCancel(err error) bool {
	_, caused := err.(*cancelError)
	return caused || err == ErrCancelled
}

// mustHave panics when an argument that cannot be nil is.
func mustHave(ok bool, function, argument string) {
	if !ok {
		panicNil(function, argument)
	}
}

func panicNil(function, argument string) { panic("future: " + function + ": " + argument + " is nil") }
