package callback

import (
	"errors"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/future"
)

var (
	// ErrLoopClosed is the error of whatever would have run on a loop that has been closed, and what a coroutine
	// is told that still waits when its loop is closed.
	ErrLoopClosed = errors.New("callback: the loop is closed")

	// ErrLoopRunning is what [RunSync] returns, and what [Loop.Start] and [Loop.Poll] panic with, when the loop is
	// driven already: by another goroutine, or by the callback's own caller.
	ErrLoopRunning = errors.New("callback: the loop is already running")

	// ErrLoopStopped is what [RunSync] returns when [Loop.Stop] ended the loop before there was a result.
	ErrLoopStopped = errors.New("callback: the loop was stopped before the result was there")

	// ErrWrongThread is what driving a loop panics with when its coroutines belong to another OS thread: see
	// [Loop.Start].
	ErrWrongThread = errors.New("callback: the loop's coroutines were started under another runtime.LockOSThread state")

	// ErrQueueEmpty is what GetNowait returns when there is nothing to get. tornado.queues.QueueEmpty.
	ErrQueueEmpty = errors.New("callback: the queue is empty")

	// ErrQueueFull is what PutNowait returns when there is no room. tornado.queues.QueueFull.
	ErrQueueFull = errors.New("callback: the queue is full")

	// ErrReleased is what the release of a [Lock] that is not locked, or of a [BoundedSemaphore] beyond its initial
	// value, panics with.
	ErrReleased = errors.New("callback: released more often than acquired")

	// ErrTaskDone is what TaskDone panics with when it is called more often than there were items.
	ErrTaskDone = errors.New("callback: TaskDone called more often than items were put")
)

// timeoutError is future.ErrTimeout, and says after how long.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("callback: operation timed out after %v", e.after)
}
func (e *timeoutError) Unwrap() error { return future.ErrTimeout }

// Func is a callback: it is given a result, or the error for which there is none. Motor's callback(result, error).
//
// A result may legally be the zero value (nothing found, a collection dropped), so test err, not result.
//
// Motor: frameworks.future_or_callback.
type Func[T any] = func(result T, err error)
