package callback

import (
	"errors"
	"fmt"
	"time"

	"github.com/gomotor/gomotor/future"
)

var (
	// ErrLoopClosed is the error of callbacks and coroutines that a closed loop refuses. It is also the error of waits that
	// are pending when a loop is closed: awaits of its coroutines, and waits for its locks and queues.
	ErrLoopClosed = errors.New("callback: the loop is closed")

	// ErrLoopRunning means that the loop is driven already, by another goroutine or by the caller of this callback.
	// [RunSync] returns it; [Loop.Start] and [Loop.Poll] panic with it.
	ErrLoopRunning = errors.New("callback: the loop is already running")

	// ErrLoopStopped is the error of [RunSync] if [Loop.Stop] ended the loop before there was a result.
	ErrLoopStopped = errors.New("callback: the loop was stopped before there was a result")

	// ErrWrongThread means that the loop's coroutines belong to another OS thread. Driving the loop panics with it: see
	// [Loop.Start].
	ErrWrongThread = errors.New("callback: the loop's coroutines were started under another runtime.LockOSThread state")

	// ErrPanicking tells [Manager.AExit] that the function has panicked or called runtime.Goexit.
	ErrPanicking = errors.New("callback: the function has panicked or called runtime.Goexit")

	// ErrQueueEmpty is the error of GetNowait if there is nothing to get. tornado.queues.QueueEmpty.
	ErrQueueEmpty = errors.New("callback: the queue is empty")

	// ErrQueueFull is the error of PutNowait if there is no room. tornado.queues.QueueFull.
	ErrQueueFull = errors.New("callback: the queue is full")

	// ErrReleased means that Release was called for a [Lock] that is not locked, or for a [BoundedSemaphore] that has all
	// of its permits. Release panics with it.
	ErrReleased = errors.New("callback: released more often than acquired")

	// ErrTaskDone means that TaskDone was called more often than items were put. TaskDone panics with it.
	ErrTaskDone = errors.New("callback: TaskDone called more often than items were put")
)

// timeoutError wraps future.ErrTimeout and has the time limit.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("callback: operation timed out after %v", e.after)
}
func (e *timeoutError) Unwrap() error { return future.ErrTimeout }

// Func is a callback. It gets a result of type T and a nil error, or a zero result and an error. Motor's
// callback(result, error).
//
// A result may legally be the zero value (nothing found, a collection dropped), so test err, not result.
//
// Motor: frameworks.future_or_callback.
type Func[T any] = func(result T, err error)
