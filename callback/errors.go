package callback

import (
	"errors"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/future"
)

var (
	// ErrLoopClosed is the error of everything that would have run on a loop that has been closed, and of the waits
	// that are left when a loop is closed: the awaits of its coroutines, and the waits for its locks and queues.
	ErrLoopClosed = errors.New("callback: the loop is closed")

	// ErrLoopRunning means that the loop is driven already: by another goroutine, or by the caller of this callback.
	// [RunSync] returns it; [Loop.Start] and [Loop.Poll] panic with it.
	ErrLoopRunning = errors.New("callback: the loop is already running")

	// ErrLoopStopped is the error of [RunSync] if [Loop.Stop] ended the loop before there was a result.
	ErrLoopStopped = errors.New("callback: the loop was stopped before the result was there")

	// ErrWrongThread means that the loop's coroutines belong to another OS thread. Driving the loop panics with it: see
	// [Loop.Start].
	ErrWrongThread = errors.New("callback: the loop's coroutines were started under another runtime.LockOSThread state")

	// ErrQueueEmpty is the error of GetNowait if there is nothing to get. tornado.queues.QueueEmpty.
	ErrQueueEmpty = errors.New("callback: the queue is empty")

	// ErrQueueFull is the error of PutNowait if there is no room. tornado.queues.QueueFull.
	ErrQueueFull = errors.New("callback: the queue is full")

	// ErrReleased means that a [Lock] was released that is not locked, or a [BoundedSemaphore] beyond its initial value.
	// Release panics with it.
	ErrReleased = errors.New("callback: released more often than acquired")

	// ErrTaskDone means that TaskDone was called more often than there were items. TaskDone panics with it.
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
