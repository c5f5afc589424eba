package callback

import (
	"context"
	"time"

	"github.com/gomotor/gomotor/future"
)

// Co is what a coroutine is given to wait with. It is the context of the coroutine, so it is what operations take
// as theirs, and given to [future.Future.Await] it suspends the coroutine and not the loop:
//
//	doc, err := coll.FindOne(co, filter).Await(co)
//
// A Co belongs to the function that was given it: awaiting with it anywhere else, in another goroutine, another
// coroutine, or a callback, panics. As a context it may be handed on anywhere.
//
// It ends when the coroutine's future is cancelled, when the context given to [SpawnContext] ends, and when the loop
// is closed. From then on every await that would have to wait fails with the cause. A coroutine that takes no notice
// a thousand times is ended with [runtime.Goexit]. When the function returns, the Co does not end: operations that
// were begun with it and not awaited go on.
//
// A context derived from a Co is an ordinary one: waiting with it would hold up the loop. [Co.With] makes a Co of it.
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

// With returns a Co for the same coroutine whose deadline, values and end are those of ctx, a context derived from
// co: by [context.WithTimeout] to limit some awaits, by [context.WithoutCancel] to await in a deferred function
// after the coroutine was cancelled. It does not survive the loop.
func (co *Co) With(ctx context.Context) *Co {
	mustHave(ctx != nil, "With", "ctx")
	return &Co{ctx, co.c}
}

// Suspend implements [future.Suspender]: [future.Future.Await] calls it. It lets the loop go on until the future is
// settled, or returns the reason for which co has ended.
func (co *Co) Suspend(on future.Awaitable) error {
	c := co.c
	co.mustBeCurrent()
	if err := co.ended(); err != nil {
		c.refuse()
		return err
	}
	c.setAlarm(on)
	defer c.clearAlarm()
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

// Sleep suspends the coroutine for d; 0 lets the other callbacks that are ready run first. It returns early with
// the reason for which co has ended.
//
// asyncio.sleep, tornado.gen.sleep; Sleep(0) is tornado.gen.moment.
func (co *Co) Sleep(d time.Duration) error {
	c := co.c
	co.mustBeCurrent()
	if err := co.ended(); err != nil {
		c.refuse()
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

// ended returns the reason for which no await of co may wait any more, or nil.
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
		panic("callback: a coroutine's Co was awaited outside of the coroutine: another goroutine, coroutine or " +
			"callback must wait with a context of its own")
	}
	if f.coroutine != co.c {
		panic("callback: the Co of a coroutine that has ended was awaited")
	}
}
