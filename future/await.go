package future

import (
	"context"
	"reflect"
	"sync"
)

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

// giveUp ends a wait with err, or returns nil if the outcome is there. A cancelOnGiveUp is either awaited to the end or
// cancelled; and so is an operation that is awaited with its own context: what it has read would be lost.
func (c *cell) giveUp(ctx context.Context, err error) error {
	if c.state.Load()&cancelOnGiveUp == 0 && !c.isOperationOf(ctx) {
		if c.isSettled() { // since the caller looked; what it is the future of can then not be told any more
			return nil
		}
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

func (w waited) IsDone() bool { return w.c.isSettled() }

func (w waited) Done() <-chan struct{} { return w.c.doneChan() }

func (w waited) Notify(on Waker) *Registration { return w.c.notify(new(Registration), on) }

func (w waited) NotifyWith(r *Registration, on Waker) { w.c.notify(r, on) }

// waiter is an Await that nothing but the outcome can end. It needs no channel, so it can be used again and again;
// and unlike a channel, a sync.Cond may be used by one synctest bubble after the other.
type waiter struct {
	link
	woken  sync.Cond
	onLock *sync.Mutex // of the future it waits for
}

var waiters = sync.Pool{New: func() any {
	w := new(waiter)
	w.c = w
	w.woken.L = w
	return w
}}

// block returns once c is settled.
func (c *cell) block() {
	w := waiters.Get().(*waiter)
	c.mu.Lock()
	if c.isSettled() {
		c.mu.Unlock()
		waiters.Put(w)
		return
	}
	// mu is held until Wait has made this goroutine one that Signal finds, so the settlement comes after that. It
	// signals every link of its list once: Wait returns once, and the waiter is free.
	w.on.Store(c)
	w.onLock = &c.mu
	c.links = c.links.append(&w.link)
	w.woken.Wait()
	// The settler stored nil when it had done all that it does to the link: see link.take. This load comes after
	// that, and so do the next use of the waiter and the reading of the outcome.
	if w.on.Load() != nil {
		panic("future: a waiter was woken before its future was settled")
	}
	w.onLock = nil
	waiters.Put(w)
}

// Unlock and Lock are the waiter as the lock that Wait releases, once the goroutine is one that Signal finds, and
// takes again. That is not needed here: the outcome does not change any more.
func (w *waiter) Unlock() { w.onLock.Unlock() }

// Lock does nothing: see Unlock.
func (w *waiter) Lock() {}

func (w *waiter) userCode() bool { return false }

func (w *waiter) fire() batch {
	w.woken.Signal()
	return batch{}
}

func (w *waiter) fail(error) batch { return batch{} }

// inPlaceSlot is the slot of a job that its own Await runs.
type inPlaceSlot struct{ job *job }

func (s inPlaceSlot) release(end taskEnd) {
	p := s.job.pool
	p.mu.Lock()
	if s.job.place == placeReady {
		s.job.place = placeDone
		p.done++
		p.dropDoneLocked()
	}
	p.countLocked(end)
	p.startLocked(p.releaseLocked(s.job))
	p.mu.Unlock()
}

// runInPlace runs the operation behind c on this goroutine, if it has a slot, no worker has started it, and ctx is the
// context that it would run under. It reports whether c is settled.
//
// The worker that the job was assigned to may wake up at any moment. Both try to move the job on from jobAssigned;
// the one that succeeds owns the job and its slot, the other leaves without either.
func (c *cell) runInPlace(ctx context.Context) bool {
	c.mu.Lock()
	j, ok := c.aux.(*job)
	c.mu.Unlock()
	if !ok {
		return c.isSettled()
	}
	if !sameContext(j.parent, ctx) || !j.claim(jobAssigned, jobInPlace) {
		return false
	}
	p := j.pool
	done := false
	defer func() {
		if !done { // runtime.Goexit, which also ends the goroutine that awaits: see WithInPlaceAwait
			inPlaceSlot{j}.release(taskPanicked)
			j.reject(newGoexitError()).propagate(false)
		}
		p.mu.Lock()
		p.endedLocked(1)
		p.mu.Unlock()
	}()
	b := j.perform(inPlaceSlot{j})
	done = true
	b.propagate(false)
	return true
}

// sameContext reports whether a and b are one context. Contexts that are not pointers may hold what cannot be
// compared. Except for the background context, they count as different.
func sameContext(a, b context.Context) bool {
	if reflect.TypeOf(b).Kind() != reflect.Pointer {
		return b == context.Background() && a == context.Background()
	}
	return a == b
}
