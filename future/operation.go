package future

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Op describes an operation for [Start]. Only Run must be set.
type Op[T any] struct {
	// Run is the operation's function. It is given a context that ends with that of Start and with [Future.Cancel].
	Run func(ctx context.Context) (T, error)

	// Undo takes back what Run has done or taken. It is called with the value of Run if Run has succeeded after the
	// future was cancelled: then no one sees that value. It must neither block nor run unknown code.
	Undo func(v T)

	// Ended is called exactly once, when the operation is over: Run has returned, and Undo, or Run will never be called.
	// That is just before the future settles, or after it if the future was cancelled. Ended gives back things that the
	// operation holds, such as a [Ticket]: a caller who sees the outcome finds them free. It must neither block nor run
	// unknown code.
	Ended func()

	// Via is where callbacks and continuations of the future run. nil: each on a goroutine of its own.
	Via Executor
}

// Start runs op.Run on ex and returns the future of its result, as [Go] does. An error means that ex has not accepted
// the operation ([ErrPoolClosed], [ErrQueueFull]); no function of op has been called then, nor will be.
//
// Unlike a failure of Run, such an error is never the future's: the caller knows that nothing was started and can try
// again elsewhere.
func Start[T any](ctx context.Context, ex Executor, op Op[T]) (*Future[T], error) {
	mustHave(ctx != nil, "Start", "ctx")
	mustHave(ex != nil, "Start", "ex")
	mustHave(op.Run != nil, "Start", "op.Run")
	n := &operation[T]{run: op.Run, undo: op.Undo, ended: op.Ended}
	n.job.hooked = op.Undo != nil || op.Ended != nil
	if err := n.job.start(ctx, ex, op.Via, &n.future.cell, n); err != nil {
		return nil, err
	}
	return &n.future, nil
}

// Go runs fn on ex and returns the future of its result. It never waits: fn starts when ex gets to it.
//
// fn is given a context that ends with ctx and with [Future.Cancel]. A task that ctx or Cancel ends before it has
// started never starts; its future fails with ctx.Err() or [ErrCancelled] at once. If ex refuses the task, the
// future fails with ex's error ([ErrQueueFull], [ErrPoolClosed]): see [Start] for an error of its own. A panic of fn is
// its future's [*PanicError].
//
// On a [Pool], fn holds one slot, and so must not block on anything that itself needs a slot of the same pool, but
// for this: Await given exactly the context that fn was given lends the slot to others until it returns. Only fn's
// own goroutine may do that.
func Go[T any](ctx context.Context, ex Executor, fn func(context.Context) (T, error)) *Future[T] {
	mustHave(ctx != nil, "Go", "ctx")
	mustHave(ex != nil, "Go", "ex")
	mustHave(fn != nil, "Go", "fn")
	n := &operation[T]{run: fn}
	if err := n.job.start(ctx, ex, nil, &n.future.cell, n); err != nil {
		n.future.cell.reject(err)
	}
	return &n.future
}

// GoVia is [Go] followed by [Future.Via], in one allocation: fn runs on ex; callbacks and continuations run on
// via, or, if that is nil, on goroutines of their own.
func GoVia[T any](ctx context.Context, ex, via Executor, fn func(context.Context) (T, error)) *Future[T] {
	mustHave(ctx != nil, "GoVia", "ctx")
	mustHave(ex != nil, "GoVia", "ex")
	mustHave(fn != nil, "GoVia", "fn")
	n := &operation[T]{run: fn}
	if err := n.job.start(ctx, ex, via, &n.future.cell, n); err != nil {
		n.future.cell.reject(err)
	}
	return &n.future
}

// operation is the future of a function that an executor runs.
type operation[T any] struct {
	future Future[T]
	job    job
	run    func(context.Context) (T, error)
	undo   func(T)
	ended  func()
}

// body is the part of a job that depends on the type of its result.
type body interface {
	// do performs one step of the job. The error is that of the function, for jobRun.
	do(step jobStep, ctx context.Context) error
}

type jobStep uint8

const (
	jobRun    jobStep = iota // calls the function
	jobForget                // forgets the function, which will not run
	jobUndo                  // takes back the value of the function
	jobEnded                 // calls the hook that the operation is over
)

// do implements body. The result of the function is stored where only a reader of a settled future that was not
// cancelled looks for it; so it needs no room of its own between the end of the function and the settlement.
func (n *operation[T]) do(step jobStep, ctx context.Context) (err error) {
	switch step {
	case jobRun:
		run := n.run
		n.run = nil // what it holds is not kept alive once it has run
		n.future.value, err = run(ctx)
	case jobForget:
		n.run = nil
	case jobUndo:
		v := n.future.value
		var zero T
		n.future.value = zero
		if n.undo != nil {
			n.undo(v)
		}
	case jobEnded:
		ended := n.ended
		n.undo, n.ended = nil, nil
		if ended != nil {
			ended()
		}
	}
	return err
}

// job is an operation in the hands of an executor, and the context that its function is given: the one that it was
// submitted with, which here ends with Future.Cancel too. On a pool, waiting with it lends the slot to other tasks.
//
// The context proper is made when something is asked of it that only that can tell. A function that never does saves
// two allocations.
type job struct {
	body   body
	cell   *cell           // of the future; nil for a batch of callbacks, which has none
	parent context.Context // nil for a batch of callbacks
	pool   *Pool           // nil: on an executor without slots
	state  atomic.Uint32

	// Guarded by pool.mu.
	slot  slotState
	place jobPlace

	hooked  bool // there are Undo or Ended to be called
	over    bool // guarded by mu: the function has returned, or is not to run: inner, if it is made, has ended
	mu      sync.Mutex
	inner   context.Context
	stop    func()        // ends inner
	watched *contextWatch // of the parent, while the job is queued

	before, after *job // on the list of that watch, and guarded by its lock
}

type slotState uint8

const (
	slotNone slotState = iota // not given one yet, or released
	slotHeld
	slotLent // the task waits, another has the slot meanwhile
)

// jobPlace says which list of a pool a job is in.
type jobPlace uint8

const (
	placeNone  jobPlace = iota // in none, or dropped
	placeQueue                 // in the queue
	placeReady                 // in ready
	placeDone                  // in ready, but an Await has run it
)

var epoch = time.Now()

func now() time.Duration { return time.Since(epoch) }

// slot is one of the places of a pool, as the task sees it that runs in it.
type slot interface {
	// release passes the slot on, once the task's function has come to its end.
	release(end taskEnd)
}

// taskEnd says how a task gave up its slot.
type taskEnd uint8

const (
	taskSkipped taskEnd = iota // its function was not called
	taskReturned
	taskPanicked // or called runtime.Goexit
)

// The life of a job. Every step is one compare-and-swap, so that a worker, an Await that would run the task itself,
// a Cancel, and the end of a context can all reach for it, and one gets it.
const (
	jobQueued   uint32 = iota // in the queue, without a slot
	jobAssigned               // has a slot; a worker is on its way to it
	jobRunning                // a worker runs it
	jobInPlace                // an Await runs it, in the slot that it was assigned
	jobDropped                // never to run
)

func (j *job) claim(from, to uint32) bool { return j.state.CompareAndSwap(from, to) }

// start submits the job. An error means that it will not run, and that its future is pending.
func (j *job) start(ctx context.Context, ex, via Executor, c *cell, n body) error {
	j.body, j.cell, j.parent = n, c, ctx
	c.ex = via
	c.aux = owner(j)
	var err error
	if p, ok := ex.(*Pool); ok {
		if p.inPlace {
			c.state.Store(inPlace)
		}
		err = p.submit(work{job: j})
	} else {
		err = execute(ex, j.runAlone)
	}
	if err == nil {
		j.watch()
		return nil
	}
	if !j.claim(jobQueued, jobDropped) {
		return nil // the executor has panicked after it started the job
	}
	j.forget()
	return err
}

// finish settles the future of a job that is over. ran says whether its function has returned.
//
// Undo must be called if the function has succeeded and the future is cancelled, and never otherwise; and Ended must be
// called before the outcome can be seen. So the future is closed to Cancel first: from then on it is known which it is.
func (j *job) finish(ran bool, err error) batch {
	c := j.cell
	if !j.hooked {
		return c.reject(err)
	}
	closed := c.close()
	if ran && err == nil && !closed {
		j.hook(jobUndo)
	}
	j.hook(jobEnded)
	if !closed {
		return batch{}
	}
	return c.reject(err)
}

// hook calls one of the hooks. A panic of it has no future that it could fail.
func (j *job) hook(step jobStep) {
	defer func() {
		if v := recover(); v != nil {
			ReportUnobserved(newPanicError(v))
		}
	}()
	_ = j.body.do(step, nil)
}

// isCallbacks reports whether the job is a batch of callbacks.
func (j *job) isCallbacks() bool { return j.parent == nil }

// forget ends a job that is not to run.
func (j *job) forget() {
	_ = j.body.do(jobForget, nil)
	j.end()
}

// drop makes sure that the job does not start, and reports false if it has.
func (j *job) drop() bool {
	if j.claim(jobQueued, jobDropped) {
		if j.pool != nil {
			j.pool.dropQueued(j)
		}
		return true
	}
	// The worker that is on its way to an assigned job finds it dropped, and keeps the slot.
	return j.claim(jobAssigned, jobDropped)
}

// perform runs the job in a slot of a pool, releases the slot, settles the future, and returns what waited for that.
func (j *job) perform(s slot) batch {
	end, err := j.call()
	s.release(end)
	if j.isCallbacks() {
		return batch{}
	}
	return j.finish(end == taskReturned, err)
}

// runAlone runs the job on an executor that is not a pool and has no slots to lend.
func (j *job) runAlone() {
	if !j.claim(jobQueued, jobRunning) {
		return
	}
	returned := false
	defer func() {
		if !returned {
			j.reject(newGoexitError()).propagate(false)
		}
	}()
	end, err := j.call()
	returned = true
	j.finish(end == taskReturned, err).propagate(false)
}

// call runs the function.
func (j *job) call() (end taskEnd, err error) {
	defer func() {
		if r := recover(); r != nil {
			end, err = taskPanicked, newPanicError(r)
		}
		j.end()
	}()
	if !j.begin() {
		_ = j.body.do(jobForget, nil)
		return taskSkipped, j.parent.Err()
	}
	err = j.body.do(jobRun, j)
	return taskReturned, err
}

// abandon is called when the operation was cancelled: before its start, it takes it off the queue; later, it ends
// its context.
func (j *job) abandon() {
	if j.drop() {
		j.forget()
		if j.hooked { // otherwise finish has nothing to do: the future is settled
			j.finish(false, nil)
		}
		return
	}
	j.end()
}

// reject settles the future of a job that will not run, or whose function ended its goroutine.
func (j *job) reject(err error) batch {
	if j.isCallbacks() {
		j.body.(*callbacks).reject(err)
		return batch{}
	}
	j.forget()
	return j.finish(false, err)
}

// Deadline implements [context.Context].
func (j *job) Deadline() (time.Time, bool) { return j.parent.Deadline() }

// Done implements [context.Context].
func (j *job) Done() <-chan struct{} { return j.made().Done() }

// Err implements [context.Context].
func (j *job) Err() error {
	j.mu.Lock()
	inner, over := j.inner, j.over
	j.mu.Unlock()
	switch {
	case inner != nil:
		return inner.Err()
	case over:
		return j.made().Err()
	}
	return j.parent.Err()
}

// Value implements [context.Context]. Through it the context package finds the context proper, so that contexts
// derived from this one need no goroutine.
func (j *job) Value(key any) any {
	j.mu.Lock()
	inner, over := j.inner, j.over
	j.mu.Unlock()
	switch {
	case inner != nil:
		return inner.Value(key)
	case over:
		return j.made().Value(key)
	}
	return j.parent.Value(key)
}

// made returns the context proper.
func (j *job) made() context.Context {
	j.mu.Lock()
	inner := j.inner
	j.mu.Unlock()
	if inner != nil {
		return inner
	}
	// The parent's code is not known and is not called under the lock, so two goroutines may get here.
	return j.adopt(context.WithCancel(j.parent))
}

// adopt makes inner of ctx, or ends ctx if another goroutine was faster, and returns inner.
func (j *job) adopt(ctx context.Context, cancel context.CancelFunc) context.Context {
	j.mu.Lock()
	if j.inner == nil {
		j.inner = ctx
		if !j.over {
			j.stop, cancel = cancel, nil
		}
	}
	ctx = j.inner
	j.mu.Unlock()
	if cancel != nil {
		cancel()
	}
	return ctx
}

// begin is called before the function is, and reports false if the function is not to run any more.
func (j *job) begin() bool {
	return !j.unwatch() && (j.isCallbacks() || j.parent.Err() == nil)
}

// end ends the context.
func (j *job) end() {
	j.mu.Lock()
	stop, w := j.stop, j.watched
	j.stop, j.over, j.watched = nil, true, nil
	j.mu.Unlock()
	if w != nil {
		w.leave(j)
	}
	if stop != nil {
		stop()
	}
}

// Suspend implements [Suspender]. A task that goes on comes before all that have not begun.
func (j *job) Suspend(on Awaitable) error { return j.suspend(on, j.Done()) }

// suspend waits until on is settled or end is closed, and lends the slot meanwhile.
func (j *job) suspend(on Awaitable, end <-chan struct{}) error {
	if q, ok := on.(quitter); ok {
		defer j.onCancel(q)()
	}
	// A goroutine that the task has started may come here too. It finds the slot lent or released, and just waits.
	if j.pool != nil && j.pool.lendSlot(j) {
		defer j.pool.reclaimSlot(j)
	}
	select {
	case <-on.Done():
		return nil
	case <-end:
		if q, ok := on.(quitter); ok {
			q.gaveUp()
		}
		return j.Err()
	}
}

// onCancel tells q when the job is cancelled, on the stack of Cancel, until undo is called.
func (j *job) onCancel(q quitter) (undo func()) {
	j.made()
	j.mu.Lock()
	over, stop := j.over, j.stop
	if !over {
		j.stop = func() { q.gaveUp(); stop() }
	}
	j.mu.Unlock()
	if over {
		q.gaveUp()
	}
	return func() {
		j.mu.Lock()
		if !j.over {
			j.stop = stop
		}
		j.mu.Unlock()
	}
}

// contextWatch tells tasks that have to wait for their turn when the context that they were submitted with ends.
// Tasks that come to a pool one after the other with the same context share one, so that a thousand operations of
// one request register with its context once.
type contextWatch struct {
	done <-chan struct{} // of the context

	mu    sync.Mutex
	first *job        // a list of the tasks
	over  bool        // the context has ended, or no task was left: takes no more
	stop  func() bool // of context.AfterFunc; nil until that has returned
}

// watch makes sure that a queued task is refused when its context ends. Only jobs that have to wait for their turn
// pay for this.
func (c *job) watch() {
	done := c.parent.Done()
	if done == nil || c.state.Load() != jobQueued {
		return
	}
	var latest *contextWatch
	if c.pool != nil {
		latest = c.pool.watch.Load()
	}
	if latest == nil || latest.done != done || !latest.join(c) {
		w := &contextWatch{done: done}
		w.join(c)
		if c.pool != nil {
			c.pool.watch.Store(w)
		}
		w.begin(c)
	}
	// The job may have got its slot, or been cancelled, in the meantime; begin or end have then been here before.
	if c.state.Load() != jobQueued {
		c.unwatch()
	}
}

// unwatch ends what watch began, and reports whether the task is over already.
func (c *job) unwatch() (over bool) {
	c.mu.Lock()
	w, over := c.watched, c.over
	c.watched = nil
	c.mu.Unlock()
	if w != nil {
		w.leave(c)
	}
	return over
}

// join puts c on the list, and reports false if it is too late for that.
func (w *contextWatch) join(c *job) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false
	}
	if w.first != nil {
		w.first.before = c
	}
	c.after, w.first, c.watched = w.first, c, w
	return true
}

// begin registers with the context of c. The list may be empty again already.
func (w *contextWatch) begin(c *job) {
	stop := context.AfterFunc(c.parent, w.end)
	w.mu.Lock()
	w.stop = stop
	over := w.over
	w.mu.Unlock()
	if over {
		w.forget(c.pool)
		stop()
	}
}

// forget makes room for another watch.
func (w *contextWatch) forget(p *Pool) {
	if p != nil {
		p.watch.CompareAndSwap(w, nil)
	}
}

// leave takes c off the list, if it is still there. The last ends the watch: a context that outlives its tasks must
// not keep anything of them.
func (w *contextWatch) leave(c *job) {
	w.mu.Lock()
	w.removeLocked(c)
	last := w.first == nil && !w.over
	stop := w.stop
	w.over = w.over || last
	w.mu.Unlock()
	if !last {
		return
	}
	w.forget(c.pool)
	if stop != nil {
		stop()
	}
}

func (w *contextWatch) removeLocked(c *job) {
	if c.before == nil && w.first != c {
		return // removed before
	}
	if c.before == nil {
		w.first = c.after
	} else {
		c.before.after = c.after
	}
	if c.after != nil {
		c.after.before = c.before
	}
	c.before, c.after = nil, nil
}

// end is called when the context has ended: the tasks of the list will not start.
func (w *contextWatch) end() {
	w.mu.Lock()
	w.over = true
	for w.first != nil {
		c := w.first
		w.removeLocked(c)
		w.mu.Unlock()
		w.forget(c.pool)
		c.expire()
		w.mu.Lock()
	}
	w.mu.Unlock()
}

// expire refuses the task, if it has not started.
func (c *job) expire() {
	if c.drop() {
		c.reject(c.parent.Err()).propagate(false)
	}
}
