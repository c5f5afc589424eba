package future

import "context"

// Future is the outcome of something that may still be going on: a value, or an error, or (as of a bulk write that
// failed half way) both. It is made by a [Promise], by [Go], or from other futures, and is safe for any number of
// goroutines.
type Future[T any] struct {
	core
	value T // what a cancelled future has here is not its outcome: see outcome
}

// Await waits until the future is settled and returns its outcome.
//
// ctx ends this wait only, with ctx.Err(): the future, and the operation behind it, go on, and a later Await may
// succeed. To stop the operation, use [Future.Cancel]. If ctx is a [Suspender], Await suspends instead of blocking.
//
// If ctx is the very context that the operation was called with, no one else is expected to wait for it: when ctx ends,
// Await either returns the outcome or has cancelled the operation, in one step. So what an operation has read is never
// lost in a future that is not looked at again: see [Op].Undo.
func (f *Future[T]) Await(ctx context.Context) (v T, err error) {
	mustHave(f != nil, "Await", "the future")
	has, err := f.cell.await(ctx)
	if has {
		v = f.value
	}
	return v, err
}

// Result returns the outcome, or [ErrNotDone] while the future is pending. It never waits.
func (f *Future[T]) Result() (v T, err error) {
	mustHave(f != nil, "Result", "the future")
	has, err := f.cell.result()
	if has {
		v = f.value
	}
	return v, err
}

// Err returns the error of a settled future, or nil. It returns [ErrNotDone] while the future is pending.
func (f *core) Err() error {
	_, err := f.cell.result()
	return err
}

// Done returns a channel that is closed once the future is settled. It is made at the first call; Await, which
// needs it only for a future that is pending, is the cheaper way to wait.
func (f *core) Done() <-chan struct{} {
	return f.cell.doneChan()
}

// IsDone reports whether the future is settled: with a value, with an error, or by Cancel.
func (f *core) IsDone() bool {
	return f.cell.isSettled()
}

// Cancelled reports whether the future was settled by Cancel.
func (f *core) Cancelled() bool {
	return f.cell.state.Load()&cancelled != 0
}

// Cancel settles a pending future with [ErrCancelled], joined with the cause if one is given, and reports whether
// it did. The context of the operation behind the future, if it has one, ends; a task that is queued never starts.
// What has been sent cannot be called back: an operation that was running may still have had its effect.
//
// Cancel ends what was derived from this future (it sees ErrCancelled as its outcome) and unregisters it from what
// it was derived from, which goes on: others may be waiting for that.
func (f *core) Cancel(cause ...error) bool {
	err := ErrCancelled
	for _, c := range cause {
		if c != nil {
			err = &cancelError{c}
			break
		}
	}
	return f.cell.cancel(err)
}

// outcome returns the outcome of a settled future.
func outcome[T any](f *Future[T]) (v T, err error) {
	if f.cell.hasValue() {
		v = f.value
	}
	return v, f.cell.failure()
}

// settle publishes an outcome, if there is none yet, and returns what waited for it.
func settle[T any](f *Future[T], v T, err error) (b batch, ok bool) {
	c := &f.cell
	c.mu.Lock()
	if c.isSettled() {
		c.mu.Unlock()
		return batch{}, false
	}
	f.value = v
	b, _ = c.publish(err, 0)
	return b, true
}

// await waits until c is settled and returns its error. has says whether it was settled with a value.
func (c *cell) await(ctx context.Context) (has bool, err error) {
	if !c.isSettled() {
		if err := c.wait(ctx); err != nil {
			return false, err
		}
	}
	c.observe()
	return c.hasValue(), c.failure()
}

func (c *cell) result() (has bool, err error) {
	if !c.isSettled() {
		return false, ErrNotDone
	}
	c.observe()
	return c.hasValue(), c.failure()
}

// hasValue reports whether the outcome of a settled future includes the value that is stored in it. A cancelled future
// may be given one while it is being read: see operation.
func (c *cell) hasValue() bool { return c.state.Load()&cancelled == 0 }

// wait returns nil once c is settled.
func (c *cell) wait(ctx context.Context) error {
	mustHave(ctx != nil, "Await", "ctx")
	if s, ok := ctx.(Suspender); ok {
		if err := s.Suspend(waited{c}); err != nil && !c.isSettled() {
			return c.giveUp(ctx, err)
		}
		return nil
	}
	if c.state.Load()&inPlace != 0 && c.runInPlace(ctx) {
		return nil
	}
	end := ctx.Done()
	if end == nil {
		c.block()
		return nil
	}
	select {
	case <-c.doneChan():
		return nil
	case <-end:
		// Both may have happened: an outcome that is there is not withheld.
		if c.isSettled() {
			return nil
		}
		return c.giveUp(ctx, ctx.Err())
	}
}

// giveUp ends a wait with err, or returns nil if the outcome is there. A handover is either awaited to the end or
// cancelled; and so is an operation that is awaited with its own context: what it has read would be lost.
func (c *cell) giveUp(ctx context.Context, err error) error {
	if c.state.Load()&handover == 0 && !c.isOperationOf(ctx) {
		return err
	}
	if c.cancel(&cancelError{err}) {
		return err
	}
	c.block() // it is settled, or will be at once
	return nil
}

// isOperationOf reports whether c is the future of an operation that was called with ctx.
func (c *cell) isOperationOf(ctx context.Context) bool {
	c.mu.Lock()
	j, ok := c.aux.(*job)
	c.mu.Unlock()
	return ok && sameContext(j.parent, ctx)
}

// waited is a cell as an Awaitable for a Suspender. It does not mark the outcome as observed; the Await that reads the
// outcome does.
type waited struct{ c *cell }

func (w waited) IsDone() bool                  { return w.c.isSettled() }
func (w waited) Done() <-chan struct{}         { return w.c.doneChan() }
func (w waited) Notify(on Waker) *Registration { return w.c.notify(new(Registration), on) }

func (w waited) NotifyWith(r *Registration, on Waker) { w.c.notify(r, on) }

// Notify arranges for w.Wake to be called once, on the stack that settles the future (or before Notify returns, if
// it is settled): see [Waker]. It is what schedulers are built with; for results, use [Future.OnComplete].
func (f *core) Notify(w Waker) *Registration {
	mustHave(w != nil, "Notify", "w")
	return f.cell.notify(new(Registration), w)
}

// NotifyWith is Notify with a registration that the caller provides: a zero one, or one that may be used again,
// since its Wake has been called or its Stop has returned true.
func (f *core) NotifyWith(r *Registration, w Waker) {
	mustHave(w != nil, "NotifyWith", "w")
	f.cell.notify(r, w)
}

// Registration is what [Future.Notify] returns.
type Registration struct {
	link
	w Waker
}

func (c *cell) notify(r *Registration, w Waker) *Registration {
	r.w, r.c = w, r
	c.mu.Lock()
	if c.isSettled() {
		c.mu.Unlock()
		w.Wake()
		return r
	}
	r.on.Store(c)
	c.links = c.links.append(&r.link)
	c.mu.Unlock()
	return r
}

// Stop takes the registration back and reports whether Wake will not be called because of that.
func (r *Registration) Stop() bool { return r.detach() }

func (r *Registration) userCode() bool { return false }
func (r *Registration) fire() batch    { r.w.Wake(); return batch{} }
func (r *Registration) fail(error) batch {
	return batch{}
}
