package future

import (
	"context"
	"reflect"
	"sync"

	"github.com/gomotor/gomotor/internal/blocking"
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
	blocking.Check(ctx)
	if c.state.load()&inPlace != 0 && c.runInPlace(ctx) {
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
		// Both channels may be ready. An outcome takes precedence.
		if c.isSettled() {
			return nil
		}
		return c.giveUp(ctx, ctx.Err())
	}
}

// giveUp ends a wait with err, or returns nil if the future is settled. A future with cancelOnGiveUp, or of an operation
// that is awaited with its own context, is either settled or cancelled here: otherwise the value that it gets could be
// lost.
func (c *cell) giveUp(ctx context.Context, err error) error {
	if c.state.load()&cancelOnGiveUp == 0 && !c.isOperationOf(ctx) {
		if c.isSettled() { // since the caller checked; the owner is then no longer known to isOperationOf
			return nil
		}
		return err
	}
	if c.cancel(&cancelError{err}) {
		return err
	}
	c.block() // it is settled, or is about to be
	return nil
}

// isOperationOf reports whether c is the future of an operation that was called with ctx.
func (c *cell) isOperationOf(ctx context.Context) bool {
	j := c.pendingJob()
	return j != nil && sameContext(j.parent, ctx)
}

// pendingJob returns the job whose future c is, or nil if the future is settled or has no job.
func (c *cell) pendingJob() *job {
	state := c.state.lock()
	j, _ := c.aux.(*job)
	c.state.unlock(state)
	return j
}

// waited implements Awaitable for a Suspender. It does not mark the outcome as observed; the Await that reads the outcome
// does.
type waited struct{ c *cell }

func (w waited) IsDone() bool { return w.c.isSettled() }

func (w waited) Done() <-chan struct{} { return w.c.doneChan() }

func (w waited) Notify(on Waker) *Registration { return w.c.notify(new(Registration), on) }

func (w waited) NotifyWith(r *Registration, on Waker) { w.c.notify(r, on) }

// waiter is an Await that only the outcome can end. It needs no channel, so it can be reused. Unlike a channel, a
// sync.Cond may be used by one synctest bubble after another.
type waiter struct {
	link
	woken    sync.Cond
	unlocked uint32 // the state of the future it waits for, once that is unlocked
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
	state := c.state.lock()
	if state&settled != 0 {
		c.state.unlock(state)
		waiters.Put(w)
		return
	}
	// Wait unlocks the cell (see Unlock) only after Signal can find this goroutine, so the settlement comes later. The
	// settlement signals every link of its list once. So Wait returns once, and the waiter can then be reused.
	w.on.Store(c)
	w.unlocked = state
	c.links = c.links.append(&w.link)
	w.woken.Wait()
	// The goroutine that settled the future stored nil as its last use of the link: see link.take. This load
	// synchronizes with that store. So reading the outcome and reusing the waiter are safe.
	if w.on.Load() != nil {
		panic("future: a waiter was woken before its future was settled")
	}
	waiters.Put(w)
}

// Unlock is called by Cond.Wait when Signal can find the goroutine. Wait then calls Lock, which does nothing: an outcome
// does not change.
func (w *waiter) Unlock() { w.on.Load().state.unlock(w.unlocked) }

// Lock does nothing: see Unlock.
func (w *waiter) Lock() {}

func (w *waiter) userCode() bool { return false }

func (w *waiter) fire() batch {
	w.woken.Signal()
	return batch{}
}

func (w *waiter) fail(error) batch { return batch{} }

// inPlaceSlot is the slot of a job that an Await runs.
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

// runInPlace runs the operation of c on this goroutine if it has a slot, no worker has started it, and ctx is the context
// that it was submitted with. It reports whether c is settled.
//
// The worker that the job was assigned to may wake up at any moment. Both then try to change the state from jobAssigned.
// The one that succeeds owns the job and its slot; the other has neither.
func (c *cell) runInPlace(ctx context.Context) bool {
	j := c.pendingJob()
	if j == nil {
		return c.isSettled()
	}
	if !sameContext(j.parent, ctx) || !j.claim(jobAssigned, jobInPlace) {
		return false
	}
	p := j.pool
	done := false
	defer func() {
		if !done { // runtime.Goexit, which ends the awaiting goroutine: see WithInPlaceAwait
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

// sameContext reports whether a and b are the same context. Contexts that are not pointers may be incomparable, so they
// count as different, except the background context.
func sameContext(a, b context.Context) bool {
	if reflect.TypeOf(b).Kind() != reflect.Pointer {
		return b == context.Background() && a == context.Background()
	}
	return a == b
}
