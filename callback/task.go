package callback

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/gomotor/gomotor/future"
)

// Proc makes a function without a value one that [Spawn], [CreateTask], [Gather], [RunSync] and [WaitFor] take:
//
//	callback.Gather(co, callback.Proc(produce), callback.Proc(consume))
func Proc[F func(co *Co) | func(co *Co) error](fn F) func(co *Co) (struct{}, error) {
	switch fn := any(fn).(type) {
	case func(co *Co):
		mustHave(fn != nil, "Proc", "fn")
		return func(co *Co) (none, error) {
			fn(co)
			return none{}, nil
		}
	case func(co *Co) error:
		mustHave(fn != nil, "Proc", "fn")
		return func(co *Co) (none, error) { return none{}, fn(co) }
	}
	return nil // the constraint has no other types
}

// Value makes a function that returns no error, because it unwinds with [Must], one that [Spawn], [CreateTask], [Gather],
// [RunSync] and [WaitFor] take.
func Value[T any](fn func(co *Co) T) func(co *Co) (T, error) {
	mustHave(fn != nil, "Value", "fn")
	return func(co *Co) (T, error) { return fn(co), nil }
}

// Task is a coroutine and the future of its result, which is of type T. Cancelling the future settles it at once, while the coroutine still
// ends. [Task.Cancel] cancels the coroutine, and the future settles when the coroutine has ended. asyncio.Task.
type Task[T any] struct {
	*future.Future[T]
	c *coroutine
}

// CreateTask starts fn as a coroutine on the loop of co, in a later turn. The task goes on when co ends: for one that is
// cancelled together with co, use [SpawnContext].
//
//	task := callback.CreateTask(co, work)
//	task.Cancel()
//	_, err := task.Await(co) // work has ended, with its deferred functions
//
// asyncio.create_task.
func CreateTask[T any](co *Co, fn func(co *Co) (T, error)) *Task[T] {
	mustHave(co != nil, "CreateTask", "co")
	mustHave(fn != nil, "CreateTask", "fn")
	s := spawn(context.Background(), co.Loop(), fn)
	return &Task[T]{s.promise.Future(), &s.c}
}

// Cancel cancels the coroutine and reports whether the task was pending. The current await of the coroutine, and every
// later one that has to wait, fails with [future.ErrCancelled], joined with the cause if one is given. The future settles
// with the result of the coroutine, once it has ended. A coroutine that has not begun does not begin. Safe from any
// goroutine.
//
// asyncio: Task.cancel.
func (t *Task[T]) Cancel(cause ...error) bool {
	if t.IsDone() {
		return false
	}
	t.c.askToEnd(cause)
	return true
}

// Cancelled reports whether the task has ended with [future.ErrCancelled]. asyncio: Task.cancelled.
func (t *Task[T]) Cancelled() bool {
	return t.Future.Cancelled() || t.IsDone() && errors.Is(t.Err(), future.ErrCancelled)
}

// The methods below are those of the embedded Future. They are declared because go doc does not show methods that a type
// gets by embedding an exported type.

// Await is [future.Future.Await].
func (t *Task[T]) Await(ctx context.Context) (v T, err error) { return t.Future.Await(ctx) }

// IsDone is [future.Future.IsDone].
func (t *Task[T]) IsDone() bool { return t.Future.IsDone() }

// Done is [future.Future.Done].
func (t *Task[T]) Done() <-chan struct{} { return t.Future.Done() }

// Result is [future.Future.Result].
func (t *Task[T]) Result() (v T, err error) { return t.Future.Result() }

// Err is [future.Future.Err].
func (t *Task[T]) Err() error { return t.Future.Err() }

// AddDoneCallback is [future.Future.AddDoneCallback].
func (t *Task[T]) AddDoneCallback(fn func(*future.Future[T])) { t.Future.AddDoneCallback(fn) }

// OnComplete is [future.Future.OnComplete].
func (t *Task[T]) OnComplete(fn func(v T, err error)) (stop func() bool) {
	return t.Future.OnComplete(fn)
}

// Catch is [future.Future.Catch].
func (t *Task[T]) Catch(fn func(error) (T, error)) *future.Future[T] { return t.Future.Catch(fn) }

// Finally is [future.Future.Finally].
func (t *Task[T]) Finally(fn func()) *future.Future[T] { return t.Future.Finally(fn) }

// Via is [future.Future.Via].
func (t *Task[T]) Via(ex future.Executor) *future.Future[T] { return t.Future.Via(ex) }

// Notify is [future.Future.Notify].
func (t *Task[T]) Notify(w future.Waker) *future.Registration { return t.Future.Notify(w) }

// NotifyWith is [future.Future.NotifyWith].
func (t *Task[T]) NotifyWith(r *future.Registration, w future.Waker) { t.Future.NotifyWith(r, w) }

func (c *coroutine) askToEnd(cause []error) {
	err := future.ErrCancelled
	for _, reason := range cause {
		if reason != nil {
			err = fmt.Errorf("%w: %w", err, reason)
			break
		}
	}
	c.cancel(err)
	c.loop.post(c.step)
}

// GatherSettled is [Gather] that waits until all coroutines have ended, and returns the value and the error of each in the
// order of fns. Its error is the reason for which co has ended, or nil.
//
// asyncio: gather(return_exceptions=True).
func GatherSettled[T any](co *Co, fns ...func(co *Co) (T, error)) ([]future.Outcome[T], error) {
	return future.AllSettled(spawnAll(co, fns)...).Await(co)
}

func spawnAll[T any](co *Co, fns []func(co *Co) (T, error)) []*future.Future[T] {
	fs := make([]*future.Future[T], len(fns))
	for i, fn := range fns {
		fs[i] = SpawnContext(co, co.Loop(), fn)
	}
	return fs
}

// WaitFor runs fn in this coroutine, with a Co that ends after d. If fn then returns, or unwinds, with the error that its
// time is over, the error is [future.ErrTimeout]. WaitFor returns after fn has returned, with its deferred functions.
//
// For a future, use [future.WaitFor]. asyncio: wait_for, timeout.
func WaitFor[T any](co *Co, d time.Duration, fn func(co *Co) (T, error)) (v T, err error) {
	mustHave(co != nil, "WaitFor", "co")
	mustHave(fn != nil, "WaitFor", "fn")
	over := &timeoutError{d}
	ctx, cancel := context.WithTimeoutCause(co, d, over)
	defer cancel()
	limited := co.With(ctx)
	unwound := limited.Try(func() { v, err = fn(limited) }, over, context.DeadlineExceeded)
	if unwound != nil {
		err = unwound
	}
	if context.Cause(ctx) == error(over) && (errors.Is(err, over) || errors.Is(err, context.DeadlineExceeded)) {
		return v, over
	}
	if unwound != nil {
		co.unwind(unwound) // a limit of somewhere else
	}
	return v, err
}

// Manager is a resource that [With] uses: a type with __aenter__ and __aexit__ in Python. R is the type that AEnter
// returns, the variable of "as".
type Manager[R any] interface {
	// AEnter acquires the resource.
	AEnter(co *Co) (R, error)
	// AExit releases the resource. err is the error of the function that has used it, or nil, or an error that wraps
	// [ErrPanicking]. AExit returns the error that With continues with: err itself, another one, or nil to handle it.
	// Its Co does not end when the coroutine is cancelled.
	AExit(co *Co, err error) error
}

// With acquires m, calls fn, and releases m: if fn returns, unwinds, panics or calls [runtime.Goexit]. If AEnter fails, With
// returns its error. If fn has returned an error, With returns that of AExit. If fn has unwound, With unwinds with that of
// AExit. For a resource with a function that releases it, use defer.
//
// Python: async with.
func With[R any](co *Co, m Manager[R], fn func(r R) error) error {
	co.mustUnwind("With")
	mustHave(m != nil, "With", "m")
	mustHave(fn != nil, "With", "fn")
	r, err := m.AEnter(co)
	if err != nil {
		return err
	}
	clean, ended := co.WithoutCancel(), false
	defer func() {
		if !ended {
			_ = m.AExit(clean, ErrPanicking)
		}
	}()
	unwound := co.catch(func() { err = fn(r) })
	ended = true
	if unwound == nil {
		return m.AExit(clean, err)
	}
	co.Must(m.AExit(clean, unwound.err))
	return nil
}

// FromCallback calls fn and returns a future of the outcome that fn passes to done, now or later, from any goroutine. Only
// the first call of done counts. Callbacks of the future run on loop.
//
//	body := callback.FromCallback(loop, func(done callback.Func[[]byte]) { fetch(url, done) })
//
// Tornado: gen.Task. Motor: motor.Op.
func FromCallback[T any](loop future.Executor, fn func(done Func[T])) *future.Future[T] {
	mustHave(loop != nil, "FromCallback", "loop")
	mustHave(fn != nil, "FromCallback", "fn")
	p := future.NewPromiseOn[T](loop)
	fn(func(v T, err error) { p.Settle(v, err) })
	return p.Future()
}

// AddSignalHandler runs fn on the loop each time the process gets one of the signals, until remove is called or the loop is
// closed. Without signals it runs fn for every signal. After a remove on the loop, fn is not called for earlier signals
// either. A remove on another goroutine does not wait for a call that has begun.
//
//	stop := callback.NewEvent(loop)
//	defer loop.AddSignalHandler(stop.Set, os.Interrupt)()
//
// asyncio: loop.add_signal_handler, remove_signal_handler.
func (l *Loop) AddSignalHandler(fn func(), signals ...os.Signal) (remove func()) {
	mustHave(fn != nil, "AddSignalHandler", "fn")
	got := make(chan os.Signal, 128) // room for each signal of a system: one that finds none is lost
	removed, cancel := context.WithCancel(context.Background())
	signal.Notify(got, signals...)
	call := func() {
		if removed.Err() == nil {
			fn()
		}
	}
	go func() {
		defer signal.Stop(got)
		for {
			select {
			case <-got:
				l.post(call)
			case <-removed.Done():
				return
			case <-l.gone.Future().Done():
				return
			}
		}
	}()
	return func() {
		signal.Stop(got)
		cancel()
	}
}
