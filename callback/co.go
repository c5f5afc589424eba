package callback

import (
	"context"
	"errors"
	"time"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/blocking"
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
// A context derived from a Co is an ordinary context, which would block the loop. So an Await of the coroutine with it
// panics. [Co.With] makes a Co of it:
//
//	for doc, err := range coll.Find(filter).All(co.With(s.Context(co))) {
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
func (co *Co) Value(key any) any {
	if key == any(blocking.Key{}) {
		return co.c
	}
	return co.ctx.Value(key)
}

// With returns a Co for the same coroutine with the deadline, the values and the end of ctx, a context derived from co.
// Use [context.WithTimeout] to limit some awaits, and [context.WithoutCancel] to await in a deferred function after the
// coroutine was cancelled. When the loop is closed, the new Co ends too.
func (co *Co) With(ctx context.Context) *Co {
	mustHave(ctx != nil, "With", "ctx")
	return &Co{ctx, co.c}
}

// WithoutCancel returns a Co for the same coroutine that cancellation does not end. Deferred functions of a cancelled
// coroutine await with it. When the loop is closed, it ends too.
func (co *Co) WithoutCancel() *Co { return co.With(context.WithoutCancel(co)) }

// Suspend implements [future.Suspender]; [future.Future.Await] calls it. It suspends the coroutine until the future is
// settled. If co ends first, it returns the reason.
func (co *Co) Suspend(on future.Awaitable) error {
	c := co.c
	co.mustBeCurrent("Co awaited")
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
	co.mustBeCurrent("Co awaited")
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

// MustNotBlock implements [blocking.Guard].
func (c *coroutine) MustNotBlock() {
	if f := c.fiber; currentIdentity() == f.identity() && f.coroutine == c {
		panic("callback: await with a context derived from a Co, which would block the loop: use Co.With")
	}
}

// mustBeCurrent panics unless the caller is the coroutine that co belongs to. what begins the text.
func (co *Co) mustBeCurrent(what string) {
	f := co.c.fiber
	if currentIdentity() != f.identity() {
		panic("callback: " + what + " outside its coroutine: other goroutines, coroutines and callbacks must wait with " +
			"their own contexts")
	}
	if f.coroutine != co.c {
		panic("callback: " + what + " after its coroutine has ended")
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
	return spawn(ctx, loop, fn).promise.Future()
}

func spawn[T any](ctx context.Context, loop *Loop, fn func(co *Co) (T, error)) *spawned[T] {
	s := &spawned[T]{fn: fn, promise: future.NewPromiseOn[T](loop)}
	s.c.start(ctx, loop, s, fn, s.promise.Future())
	return s
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
	blocking.Use()
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
	case bodyReject, bodyUnwound:
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
		b.ended(b.fn(&b.c.co))
	case bodyUnwound:
		b.ended(err)
	case bodyReject:
		if p, ok := errors.AsType[*future.PanicError](err); ok {
			b.c.loop.reportPanic(p)
		}
	}
	return nil
}

// ended logs the error of the coroutine.
func (b *background) ended(err error) {
	if err != nil && !(b.c.closing && errors.Is(err, ErrLoopClosed)) {
		b.c.loop.log().Error("callback: a coroutine failed", "error", err, "name", entryName(b.c.entry))
	}
}

// Gather runs fns as concurrent coroutines and returns their results in the order of fns. It returns the first error at
// once; the other coroutines go on. If co ends, they are cancelled.
//
// For futures, use future.All(fs...).Await(co). asyncio.gather.
func Gather[T any](co *Co, fns ...func(co *Co) (T, error)) ([]T, error) {
	return future.All(spawnAll(co, fns)...).Await(co)
}
