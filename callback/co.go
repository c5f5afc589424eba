package callback

import (
	"context"
	"errors"
	"time"

	"github.com/sourcegraph/conc/panics"

	"github.com/gomotor/gomotor/future"
)

// Co is the context of a coroutine. Pass it to operations as their context. Given to [future.Future.Await], it suspends
// the coroutine without blocking the loop:
//
//	doc, err := coll.FindOne(co, filter).Await(co)
//
// Only the coroutine itself may await with its Co: an Await in another goroutine, another coroutine or a callback panics.
// As a context it may be passed anywhere.
//
// It ends when the coroutine's future is cancelled, when the context given to [SpawnContext] ends, and when the loop
// is closed. From then on every await that would have to wait fails with the cause. A coroutine that ignores a thousand
// such errors is ended with [runtime.Goexit]. The Co does not end when the function returns: operations that were started
// with it and not awaited go on.
//
// A context derived from a Co is an ordinary context: waiting with it blocks the loop. [Co.With] makes a Co of it.
type Co struct {
	ctx context.Context
	c   *coroutine
}

var _ future.Suspender = (*Co)(nil)

// Loop returns the loop that the coroutine runs on.
//
// Motor: frameworks.get_event_loop.
func (co *Co) Loop() *Loop { return co.c.loop }

// Deadline implements [context.Context].
func (co *Co) Deadline() (deadline time.Time, ok bool) {
	if co == &co.c.co {
		return co.c.parent.Deadline()
	}
	return co.ctx.Deadline()
}

// Done implements [context.Context].
func (co *Co) Done() <-chan struct{} { return co.ctx.Done() }

// Err implements [context.Context].
func (co *Co) Err() error { return co.ctx.Err() }

// Value implements [context.Context].
func (co *Co) Value(key any) any { return co.ctx.Value(key) }

// With returns a Co for the same coroutine with the deadline, the values and the end of ctx, a context derived from co.
// Use [context.WithTimeout] to limit some awaits, and [context.WithoutCancel] to await in a deferred function after the
// coroutine was cancelled. When the loop is closed, the new Co ends too.
func (co *Co) With(ctx context.Context) *Co {
	mustHave(ctx != nil, "With", "ctx")
	return &Co{ctx, co.c}
}

// Suspend implements [future.Suspender]; [future.Future.Await] calls it. It suspends the coroutine until the future is
// settled. If co ends first, it returns the reason.
func (co *Co) Suspend(on future.Awaitable) error {
	c := co.c
	co.mustBeCurrent()
	if err := co.ended(); err != nil {
		c.countRefusal()
		return err
	}
	c.watch(on)
	defer c.unwatch()
	if co != &c.co && co.ctx.Done() != nil {
		defer context.AfterFunc(co.ctx, func() { c.loop.post(c.step) })()
	}
	for {
		c.wait()
		if on.IsDone() {
			return nil
		}
		if err := co.ended(); err != nil {
			return err
		}
	}
}

// Sleep suspends the coroutine for d. Sleep(0) runs the other callbacks that are ready first. If co ends, Sleep returns
// early with the reason.
//
// asyncio.sleep, tornado.gen.sleep; Sleep(0) is tornado.gen.moment.
func (co *Co) Sleep(d time.Duration) error {
	c := co.c
	co.mustBeCurrent()
	if err := co.ended(); err != nil {
		c.countRefusal()
		return err
	}
	over := false
	wake := func() {
		over = true
		c.resume()
	}
	if d <= 0 {
		c.loop.post(wake)
	} else {
		c.timer.fn, c.timer.quiet = wake, true
		c.loop.arm(&c.timer, c.loop.after(d))
		defer c.loop.RemoveTimeout(&c.timer)
	}
	if co != &c.co && co.ctx.Done() != nil {
		defer context.AfterFunc(co.ctx, func() { c.loop.post(c.step) })()
	}
	for {
		c.wait()
		if over {
			return nil
		}
		if err := co.ended(); err != nil {
			return err
		}
	}
}

// ended returns the reason why awaits of co can no longer wait, or nil.
func (co *Co) ended() error {
	if co.c.closing {
		return ErrLoopClosed
	}
	if co.ctx.Err() != nil {
		return context.Cause(co.ctx)
	}
	return nil
}

// mustBeCurrent panics unless the caller is the coroutine that co belongs to.
func (co *Co) mustBeCurrent() {
	f := co.c.fiber
	if currentIdentity() != f.identity {
		panic("callback: Co awaited outside its coroutine: other goroutines, coroutines and callbacks must wait with " +
			"their own contexts")
	}
	if f.coroutine != co.c {
		panic("callback: Co awaited after its coroutine has ended")
	}
}

// Spawn starts fn as a coroutine on loop, in a later turn, and returns the future of its result. It may be called
// from any goroutine. Callbacks and continuations of the future run on loop.
//
// If fn panics or calls [runtime.Goexit], the future fails with a [*future.PanicError]. Cancelling the future settles it
// at once and ends the coroutine's [Co]. The current await of the coroutine then fails, and its deferred functions run as
// it returns. On a closed loop, the future fails with [ErrLoopClosed].
//
// asyncio.create_task.
//
// Motor: frameworks.coroutine.
func Spawn[T any](loop *Loop, fn func(co *Co) (T, error)) *future.Future[T] {
	return SpawnContext(context.Background(), loop, fn)
}

// SpawnContext is [Spawn] for a coroutine whose Co has the values and the deadline of ctx, and ends with it. If ctx is the
// Co of another coroutine, the new coroutine is cancelled together with that one.
func SpawnContext[T any](ctx context.Context, loop *Loop, fn func(co *Co) (T, error)) *future.Future[T] {
	mustHave(ctx != nil, "SpawnContext", "ctx")
	mustHave(loop != nil, "SpawnContext", "loop")
	mustHave(fn != nil, "SpawnContext", "fn")
	s := &spawned[T]{fn: fn, promise: future.NewPromiseOn[T](loop)}
	f := s.promise.Future()
	s.c.start(ctx, loop, s, fn, f)
	return f
}

// SpawnCallback starts fn as a coroutine without a future. It returns false if the loop is closed; then fn will not run.
// An error of fn is logged, and a panic goes to the handler of [WithPanicHandler].
//
// Tornado: IOLoop.spawn_callback.
func (l *Loop) SpawnCallback(fn func(co *Co) error) bool {
	mustHave(fn != nil, "SpawnCallback", "fn")
	b := &background{fn: fn}
	return b.c.start(context.Background(), l, b, fn, nil)
}

// start makes c a coroutine that will begin in a later turn of loop. b runs function and settles f, which may be nil.
func (c *coroutine) start(ctx context.Context, loop *Loop, b body, function any, f future.Awaitable) bool {
	c.loop, c.body, c.entry, c.parent = loop, b, entryOf(function), ctx
	c.co.c = c
	c.node.Owner = c
	if f != nil {
		f.NotifyWith(&c.onSettled, (*cancelOnDone)(c))
	}
	if ctx.Done() != nil {
		// A Co derived from ctx would have to end when the function returns, or stay registered with ctx. So it is not
		// derived; begin forwards the end of ctx.
		ctx = context.WithoutCancel(ctx)
	}
	c.co.ctx, c.cancel = context.WithCancelCause(ctx)
	c.step = c.resume
	c.waiting = true
	if loop.post(c.step) {
		return true
	}
	c.reject(ErrLoopClosed)
	return false
}

// begin gives the coroutine a goroutine and forwards the end of its parent context. It is called on the loop.
func (c *coroutine) begin() {
	c.fiber = c.loop.coroutines.fiberFor(c)
	c.loop.coroutines.all.Append(&c.node)
	if c.parent.Done() != nil {
		c.stopParent = context.AfterFunc(c.parent, func() {
			c.cancel(context.Cause(c.parent))
			c.loop.post(c.step)
		})
	}
}

// spawned is a coroutine with a future.
type spawned[T any] struct {
	c       coroutine
	promise *future.Promise[T]
	fn      func(co *Co) (T, error)
}

func (s *spawned[T]) do(step bodyStep, err error) error {
	switch step {
	case bodyRun:
		v, err := s.fn(&s.c.co)
		s.c.onSettled.Stop()
		s.promise.Settle(v, err)
	case bodyReject:
		s.promise.Reject(err)
	case bodyReason:
		return s.promise.Future().Err()
	}
	return nil
}

// background is a coroutine without a future.
type background struct {
	c  coroutine
	fn func(co *Co) error
}

func (b *background) do(step bodyStep, err error) error {
	switch step {
	case bodyRun:
		err := b.fn(&b.c.co)
		if err != nil && !(b.c.closing && errors.Is(err, ErrLoopClosed)) {
			b.c.loop.log().Error("callback: a coroutine failed", "error", err, "name", entryName(b.c.entry))
		}
	case bodyReject:
		if p, ok := errors.AsType[*future.PanicError](err); ok {
			b.c.loop.reportPanic(p)
		}
	}
	return nil
}

// Gather runs fns as concurrent coroutines and returns their results in the order of fns. It returns the first error at
// once; the other coroutines go on. If co ends, they are cancelled.
//
// For futures, use future.All(fs...).Await(co). asyncio.gather.
func Gather[T any](co *Co, fns ...func(co *Co) (T, error)) ([]T, error) {
	fs := make([]*future.Future[T], len(fns))
	for i, fn := range fns {
		fs[i] = SpawnContext(co, co.Loop(), fn)
	}
	return future.All(fs...).Await(co)
}

// RunSync runs fn as a coroutine and drives loop on this goroutine until fn has returned. It is for the main function of a
// program. After the timeout, if one is given, the coroutine is cancelled and the error is [future.ErrTimeout], with the
// text "operation timed out after ...".
//
// Errors: that of fn; [*future.PanicError] if fn panicked; [ErrLoopRunning]; [ErrLoopClosed] if the loop was closed;
// [ErrLoopStopped] if it was stopped: the coroutine then waits until the loop is started again.
//
// Tornado: IOLoop.run_sync. asyncio: asyncio.run, loop.run_until_complete.
func RunSync[T any](loop *Loop, fn func(co *Co) (T, error), timeout ...time.Duration) (T, error) {
	mustHave(loop != nil, "RunSync", "loop")
	mustHave(fn != nil, "RunSync", "fn")
	return RunSyncFuture(loop, func() *future.Future[T] { return Spawn(loop, fn) }, timeout...)
}

// RunSyncFuture is [RunSync] for a function that returns a future. It calls fn on loop and drives loop until the
// future is settled. After the timeout, if one is given, the future is cancelled.
func RunSyncFuture[T any](loop *Loop, fn func() *future.Future[T], timeout ...time.Duration) (T, error) {
	mustHave(loop != nil, "RunSyncFuture", "loop")
	mustHave(fn != nil, "RunSyncFuture", "fn")
	var f *future.Future[T]
	err := runSync(loop, limitOf(timeout), func() settling {
		f = fn()
		mustHave(f != nil, "RunSyncFuture", "the future returned by fn")
		return f
	})
	if err != nil {
		var zero T
		return zero, err
	}
	return f.Result()
}

// runSync drives loop until the future that start returns is settled. It returns an error if start panicked, after the
// timeout, or if the loop ended first.
func runSync(loop *Loop, limit timeLimit, start func() settling) error {
	if err := loop.acquire(); err != nil {
		return err
	}
	var (
		f        settling
		failed   error // start panicked
		done     bool
		timedOut bool
	)
	if limit.set {
		// A cancelled coroutine still gets a turn, in which its await fails.
		t := &Timeout{quiet: true, fn: func() { timedOut = f != nil && f.Cancel(&timeoutError{limit.after}) }}
		loop.arm(t, loop.after(limit.after))
		defer loop.RemoveTimeout(t)
	}
	accepted := loop.post(func() {
		if f, failed = callStart(start); failed != nil {
			done = true
			return
		}
		f.Notify(&runEnd{loop, func() { done = true }})
	})
	func() {
		defer loop.leave()
		loop.drive(&done)
	}()
	switch {
	case failed != nil:
		return failed
	case timedOut:
		return &timeoutError{limit.after}
	case f != nil && f.IsDone():
		return nil
	case !accepted || loop.isClosed():
		return ErrLoopClosed
	default:
		return ErrLoopStopped
	}
}

// runEnd posts tell to the loop when the future of a RunSync is settled.
type runEnd struct {
	loop *Loop
	tell func()
}

// Wake implements [future.Waker].
func (e *runEnd) Wake() { e.loop.post(e.tell) }

// callStart calls start and returns a panic as an error.
func callStart(start func() settling) (f settling, err error) {
	defer func() {
		if v := recover(); v != nil {
			f, err = nil, &future.PanicError{Value: v, Stack: panics.NewRecovered(1, v).Stack}
		}
	}()
	return start(), nil
}
