package future

import "context"

// Future is the outcome of something that may still be going on: a value, or an error, or (as of a bulk write that
// failed half way) both. It is made by a [Promise], by [Go], or from other futures, and is safe for any number of
// goroutines.
type Future[T any] struct {
	core
	value T
}

// Await waits until the future is settled and returns its outcome.
//
// ctx ends this wait only, with ctx.Err(): the future, and the operation behind it, go on, and a later Await may
// succeed. To stop the operation, use [Future.Cancel]. If ctx is a [Suspender], Await suspends instead of blocking.
func (f *Future[T]) Await(ctx context.Context) (T, error) {
	mustHave(f != nil, "Await", "the future")
	if !f.isSettled() {
		if err := f.wait(ctx); err != nil {
			var zero T
			return zero, err
		}
	}
	f.observe()
	return f.value, f.failure()
}

// wait returns nil once c is settled.
func (c *core) wait(ctx context.Context) error {
	mustHave(ctx != nil, "Await", "ctx")
	if s, ok := ctx.(Suspender); ok {
		if err := s.Suspend(waited{c}); err != nil && !c.isSettled() {
			return c.giveUp(err)
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
		return c.giveUp(ctx.Err())
	}
}

// Result returns the outcome, or [ErrNotDone] while the future is pending. It never waits.
func (f *Future[T]) Result() (T, error) {
	mustHave(f != nil, "Result", "the future")
	if !f.isSettled() {
		var zero T
		return zero, ErrNotDone
	}
	f.observe()
	return f.value, f.failure()
}

// Err returns the error of a settled future, or nil. It returns [ErrNotDone] while the future is pending.
func (f *Future[T]) Err() error {
	mustHave(f != nil, "Err", "the future")
	if !f.isSettled() {
		return ErrNotDone
	}
	f.observe()
	return f.failure()
}

// Done returns a channel that is closed once the future is settled. It is made at the first call; Await, which
// needs it only for a future that is pending, is the cheaper way to wait.
func (f *Future[T]) Done() <-chan struct{} {
	mustHave(f != nil, "Done", "the future")
	return f.doneChan()
}

// IsDone reports whether the future is settled: with a value, with an error, or by Cancel.
func (f *Future[T]) IsDone() bool {
	mustHave(f != nil, "IsDone", "the future")
	return f.isSettled()
}

// Cancelled reports whether the future was settled by Cancel.
func (f *Future[T]) Cancelled() bool {
	mustHave(f != nil, "Cancelled", "the future")
	return f.state.Load()&cancelled != 0
}

// Cancel settles a pending future with [ErrCancelled], joined with the cause if one is given, and reports whether
// it did. The context of the operation behind the future, if it has one, ends; a task that is queued never starts.
// What has been sent cannot be called back: an operation that was running may still have had its effect.
//
// Cancel ends what was derived from this future (it sees ErrCancelled as its outcome) and unregisters it from what
// it was derived from, which goes on: others may be waiting for that.
func (f *Future[T]) Cancel(cause ...error) bool {
	mustHave(f != nil, "Cancel", "the future")
	err := ErrCancelled
	for _, c := range cause {
		if c != nil {
			err = &cancelError{c}
			break
		}
	}
	return f.cancel(err)
}

func (c *core) cancel(err error) bool {
	c.mu.Lock()
	if c.isSettled() {
		c.mu.Unlock()
		return false
	}
	b, who := c.publish(err, cancelled)
	if who != nil {
		who.abandon()
	}
	b.spread(false)
	return true
}

// giveUp ends a wait with err, or returns nil if the outcome is there: a handover is either awaited to the end or
// cancelled.
func (c *core) giveUp(err error) error {
	if c.state.Load()&handover != 0 && !c.cancel(&cancelError{err}) {
		return nil
	}
	return err
}

// settle publishes the outcome, if there is none yet, and returns what waited for it.
func (f *Future[T]) settle(v T, err error) (batch, bool) {
	f.mu.Lock()
	if f.isSettled() {
		f.mu.Unlock()
		return batch{}, false
	}
	f.value = v
	b, _ := f.publish(err, 0)
	return b, true
}

// waited is a core as an Awaitable: what a Suspender sees of a future. It marks nothing as observed; the Await
// that reads the outcome does.
type waited struct{ c *core }

func (w waited) IsDone() bool                  { return w.c.isSettled() }
func (w waited) Done() <-chan struct{}         { return w.c.doneChan() }
func (w waited) Notify(on Waker) *Registration { return w.c.notify(new(Registration), on) }

func (w waited) NotifyWith(r *Registration, on Waker) { w.c.notify(r, on) }

// Notify arranges for w.Wake to be called once, on the stack that settles the future (or before Notify returns, if
// it is settled): see [Waker]. It is what schedulers are built with; for results, use [Future.OnComplete].
func (f *Future[T]) Notify(w Waker) *Registration {
	mustHave(f != nil, "Notify", "the future")
	mustHave(w != nil, "Notify", "w")
	return f.notify(new(Registration), w)
}

// NotifyWith is Notify with a registration that the caller provides: a zero one, or one that may be used again,
// since its Wake has been called or its Stop has returned true.
func (f *Future[T]) NotifyWith(r *Registration, w Waker) {
	mustHave(w != nil, "NotifyWith", "w")
	f.notify(r, w)
}

// Registration is what [Future.Notify] returns.
type Registration struct {
	link
	w Waker
}

func (c *core) notify(r *Registration, w Waker) *Registration {
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
