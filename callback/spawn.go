package callback

import (
	"context"
	"errors"

	"github.com/gomotor/gomotor/future"
)

// Spawn starts fn as a coroutine on loop, in a later turn, and returns the future of its result. It may be called
// from any goroutine. Callbacks and continuations of the future run on loop.
//
// A panic of fn, or [runtime.Goexit], is the future's [*future.PanicError]. Cancelling the future settles it at
// once, ends the coroutine's [Co], and so the await that it is in; its deferred functions run. On a loop that has
// been closed, the future fails with [ErrLoopClosed].
//
// asyncio.create_task.
//
// Motor: frameworks.coroutine.
func Spawn[T any](loop *Loop, fn func(co *Co) (T, error)) *future.Future[T] {
	return SpawnContext(context.Background(), loop, fn)
}

// SpawnContext is [Spawn] for a coroutine whose Co has the values and the deadline of ctx, and ends with it. With
// the Co of another coroutine as ctx, the new coroutine is ended when that one ends or is cancelled.
func SpawnContext[T any](ctx context.Context, loop *Loop, fn func(co *Co) (T, error)) *future.Future[T] {
	mustHave(ctx != nil, "SpawnContext", "ctx")
	mustHave(loop != nil, "SpawnContext", "loop")
	mustHave(fn != nil, "SpawnContext", "fn")
	s := &spawned[T]{fn: fn, promise: future.NewPromiseOn[T](loop)}
	s.watch = s.promise.Future().Notify((*cancelOnDone)(&s.coroutine))
	s.start(ctx, loop, s)
	return s.promise.Future()
}

// SpawnCallback starts fn as a coroutine that nobody waits for, and reports whether it will run: not on a loop that
// has been closed. An error of fn is logged, a panic goes to the handler of [WithPanicHandler].
//
// Tornado: IOLoop.spawn_callback.
func (l *Loop) SpawnCallback(fn func(co *Co) error) bool {
	mustHave(fn != nil, "SpawnCallback", "fn")
	b := &background{fn: fn}
	return b.start(context.Background(), l, b)
}

// start makes c a coroutine of loop that will begin in a later turn.
func (c *coroutine) start(ctx context.Context, loop *Loop, b body) bool {
	c.loop, c.body, c.parent = loop, b, ctx
	c.co.c = c
	if ctx.Done() != nil {
		// The Co is not derived from ctx: it would stay with ctx for as long as that lives, or have to end when the
		// function returns. See begin.
		ctx = context.WithoutCancel(ctx)
	}
	c.co.ctx, c.cancel = context.WithCancelCause(ctx)
	c.step = c.resume
	c.waiting = true
	if loop.post(c.step) {
		return true
	}
	b.fail(ErrLoopClosed)
	return false
}

// begin gives the coroutine what it runs on. It is called on the loop.
func (c *coroutine) begin() {
	c.fiber = c.loop.coroutines.fiberFor(c)
	c.loop.coroutines.add(c)
	if c.parent.Done() != nil {
		c.unwatch = context.AfterFunc(c.parent, func() {
			c.cancel(context.Cause(c.parent))
			c.loop.post(c.step)
		})
	}
}

// spawned is a coroutine with a future.
type spawned[T any] struct {
	coroutine
	promise *future.Promise[T]
	watch   *future.Registration // over the future being cancelled
	fn      func(co *Co) (T, error)
}

func (s *spawned[T]) run(co *Co) {
	v, err := s.fn(co)
	s.watch.Stop()
	s.promise.Settle(v, err)
}

func (s *spawned[T]) fail(err error) {
	s.watch.Stop()
	s.promise.Reject(err)
}

func (s *spawned[T]) reason() error { return s.promise.Future().Err() }
func (s *spawned[T]) function() any { return s.fn }

// background is a coroutine without one.
type background struct {
	coroutine
	fn func(co *Co) error
}

func (b *background) run(co *Co) {
	err := b.fn(co)
	if err != nil && !(b.closing && errors.Is(err, ErrLoopClosed)) {
		b.loop.log().Error("callback: a coroutine failed", "error", err, "name", funcName(b.fn))
	}
}

func (b *background) fail(err error) {
	if p, ok := errors.AsType[*future.PanicError](err); ok {
		b.loop.reportPanic(p)
	}
}

func (b *background) reason() error { return nil }
func (b *background) function() any { return b.fn }
