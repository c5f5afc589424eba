package future

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Op describes an operation for [Start], with a result of type T. Only Run must be set.
type Op[T any] struct {
	// Run is the operation's function. Its context ends with the context of Start and with [Future.Cancel].
	Run func(ctx context.Context) (T, error)

	// Undo reverses the effect of Run. It is called with the results of Run if Run returns after the future was cancelled,
	// since no caller gets them. A Run that failed may have an effect too: a value beside the error, or an error that is
	// told once. Undo must neither block nor run unknown code.
	Undo func(v T, err error)

	// Ended is called exactly once, when the operation is over: Run and Undo have returned, or Run will never be called.
	// Unless the future was cancelled, that is just before it settles. Ended releases what the operation holds, such as a
	// [Ticket], so that it is free when a caller sees the outcome. It must neither block nor run unknown code.
	Ended func()

	// Via is the executor for callbacks and continuations of the future. If it is nil, they run on new goroutines.
	Via Executor
}

// Start runs op.Run on ex and returns the future of its result, as [Go] does. It returns an error if ex does not accept
// the operation ([ErrPoolClosed], [ErrQueueFull]); then no function of op is ever called.
//
// A failure of Run is an error of the future, never of Start. So after an error of Start the caller can safely try again
// elsewhere.
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

// Go runs fn on ex and returns the future of its result. It never blocks.
//
// The context of fn ends with ctx and with [Future.Cancel]. If ctx ends or Cancel is called before fn has started, fn
// never starts, and the future fails at once with ctx.Err() or [ErrCancelled]. If ex refuses the task, the future fails
// with the error of ex ([ErrQueueFull], [ErrPoolClosed]); [Start] returns that error instead. If fn panics, the future
// fails with a [*PanicError].
//
// On a [Pool], fn holds one slot. It must not block on anything that itself needs a slot of the same pool, with one
// exception: Await with exactly the context of fn lends the slot to other tasks until it returns. Only the goroutine of fn
// may do that.
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
// via, or on new goroutines if via is nil.
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
	undo   func(T, error)
	ended  func()
}

// body is the part of a job that depends on the type of its result.
type body interface {
	// do performs one step of the job. For jobRun it returns the error of the function, which is the argument for jobUndo.
	do(step jobStep, ctx context.Context, err error) error
	// settles returns the future of the job, or nil for a batch of callbacks, which has none.
	settles() *cell
}

type jobStep uint8

const (
	jobRun    jobStep = iota // calls the function
	jobForget                // releases the function, which will not run
	jobUndo                  // calls Undo with the results of the function
	jobEnded                 // calls Ended
)

// do implements body. It stores the value of the function in the future before the settlement, which needs no extra
// memory: callers read the value only after the future has settled, and never if it was cancelled.
func (n *operation[T]) do(step jobStep, ctx context.Context, err error) error {
	switch step {
	case jobRun:
		run := n.run
		n.run = nil // so that its captured variables are not kept alive
		n.future.value, err = run(ctx)
	case jobForget:
		n.run = nil
	case jobUndo:
		v := n.future.value
		var zero T
		n.future.value = zero
		if n.undo != nil {
			n.undo(v, err)
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

func (n *operation[T]) settles() *cell { return &n.future.cell }

// job is an operation on an executor. It is also the context of the operation's function: it has the values of the context
// that the operation was submitted with, and ends with that one and with Future.Cancel. On a pool, waiting with it lends
// the slot to other tasks.
//
// The inner context, with its Done channel, is made on first use. A function that does not need it saves two
// allocations.
type job struct {
	body   body
	parent context.Context // nil for a batch of callbacks
	pool   *Pool           // nil: on an executor without slots
	state  atomic.Uint32
	flags  state // its lock guards inner, stop and watched

	// Guarded by pool.mu.
	slot  slotState
	place jobPlace

	hooked  bool            // has Undo or Ended
	inner   context.Context // does not change once the flag jobMade is set
	stop    func()          // ends inner
	watched *contextWatch   // of the parent, while the job is queued

	before, after *job // on the list of that watch, and guarded by its lock
}

// The bits of job.flags.
const (
	jobOver    uint32 = 1 << iota // the function has returned or will not run; inner, if made, has ended
	jobMade                       // inner is set
	jobWatched                    // watched is set
)

type slotState uint8

const (
	slotNone slotState = iota // has none yet, or has released it
	slotHeld
	slotLent // the task waits, and another task has the slot meanwhile
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

// slot is the slot of a running task.
type slot interface {
	// release passes the slot to the next task, after the function of this one has ended.
	release(end taskEnd)
}

// taskEnd says how a task ended.
type taskEnd uint8

const (
	taskSkipped taskEnd = iota // its function was not called
	taskReturned
	taskPanicked // or called runtime.Goexit
)

// The states of a job. Every transition is one compare-and-swap. A worker, an Await that runs the task in place, a Cancel
// and the end of a context may all try one at the same time, and exactly one of them succeeds.
const (
	jobQueued   uint32 = iota // in the queue, without a slot
	jobAssigned               // has a slot; a worker is waking up to run it
	jobRunning                // a worker runs it
	jobInPlace                // an Await runs it, in its assigned slot
	jobDropped                // will never run
)

func (j *job) claim(from, to uint32) bool { return j.state.CompareAndSwap(from, to) }

// start submits the job. After an error the job will not run, and its future is still pending.
func (j *job) start(ctx context.Context, ex, via Executor, c *cell, n body) error {
	j.body, j.parent = n, ctx
	if via != nil { // writes of pointers are slow while the garbage collector is marking
		c.ex = via
	}
	c.aux = owner(j)
	var err error
	if p, ok := ex.(*Pool); ok {
		if p.inPlace {
			c.state.init(inPlace)
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
// Undo must be called if and only if the function has returned and the future is cancelled, and Ended must be called
// before a caller can see the outcome. So finish first closes the future to Cancel. After that it is certain whether the
// future is cancelled.
func (j *job) finish(ran bool, err error) batch {
	c := j.body.settles()
	if !j.hooked {
		return c.reject(err)
	}
	closed := c.close()
	if ran && !closed {
		j.hook(jobUndo, err)
	}
	j.hook(jobEnded, nil)
	if !closed {
		return batch{}
	}
	return c.reject(err)
}

// hook calls Undo or Ended. A panic is reported, since there is no future that it could fail.
func (j *job) hook(step jobStep, err error) {
	defer func() {
		if v := recover(); v != nil {
			ReportUnobserved(newPanicError(v))
		}
	}()
	_ = j.body.do(step, nil, err)
}

// isCallbacks reports whether the job is a batch of callbacks.
func (j *job) isCallbacks() bool { return j.parent == nil }

// forget ends a job that will not run.
func (j *job) forget() {
	_ = j.body.do(jobForget, nil, nil)
	j.end()
}

// drop prevents the job from starting. It returns false if the job has started.
func (j *job) drop() bool {
	if j.claim(jobQueued, jobDropped) {
		if j.pool != nil {
			j.pool.dropQueued(j)
		}
		return true
	}
	// The worker of an assigned job finds it dropped and uses the slot for the next one.
	return j.claim(jobAssigned, jobDropped)
}

// perform runs the job in a slot of a pool, releases the slot, settles the future, and returns its links.
func (j *job) perform(s slot) batch {
	end, err := j.call()
	s.release(end)
	if j.isCallbacks() {
		return batch{}
	}
	return j.finish(end == taskReturned, err)
}

// runAlone runs the job on an executor that is not a pool, so has no slots.
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
		_ = j.body.do(jobForget, nil, nil)
		return taskSkipped, j.parent.Err()
	}
	err = j.body.do(jobRun, j, nil)
	return taskReturned, err
}

// abandon is called when the future was cancelled. It removes a queued job from the queue and ends the context of one that
// has started.
func (j *job) abandon() {
	if j.drop() {
		j.forget()
		if j.hooked { // otherwise there is nothing to finish: the future is settled
			j.finish(false, nil)
		}
		return
	}
	j.end()
}

// reject settles the future of a job that will not run, or whose function called runtime.Goexit.
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
func (j *job) Err() error { return j.current().Err() }

// Value implements [context.Context]. Package context uses it to find the inner context, so that contexts derived from
// this one need no goroutine.
func (j *job) Value(key any) any { return j.current().Value(key) }

// current returns the inner context if there is one or the job is over. Otherwise the parent says the same.
func (j *job) current() context.Context {
	switch flags := j.flags.load(); {
	case flags&jobMade != 0:
		return j.inner
	case flags&jobOver != 0:
		return j.made()
	}
	return j.parent
}

// made returns the inner context, and makes it if needed.
func (j *job) made() context.Context {
	if j.flags.load()&jobMade != 0 {
		return j.inner
	}
	// The parent may be user code and must not be called under the lock. So two goroutines may get here.
	return j.adopt(context.WithCancel(j.parent))
}

// adopt stores ctx as inner, or ends ctx if another goroutine has stored one first, and returns inner.
func (j *job) adopt(ctx context.Context, cancel context.CancelFunc) context.Context {
	flags := j.flags.lock()
	if flags&jobMade == 0 {
		j.inner = ctx
		if flags&jobOver == 0 {
			j.stop, cancel = cancel, nil
		}
	}
	j.flags.unlock(flags | jobMade)
	if cancel != nil {
		cancel()
	}
	return j.inner
}

// begin is called before the function. It returns false if the function must no longer run.
func (j *job) begin() bool {
	j.unwatch()
	return j.flags.load()&jobOver == 0 && (j.isCallbacks() || j.parent.Err() == nil)
}

// end ends the context.
func (j *job) end() {
	if j.flags.change(0, jobOver) { // the usual case of a function that does not use its context
		return
	}
	flags := j.flags.lock()
	stop, w := j.stop, j.watched
	j.stop, j.watched = nil, nil
	j.flags.unlock(flags&^jobWatched | jobOver)
	if w != nil {
		w.leave(j)
	}
	if stop != nil {
		stop()
	}
}

// Suspend implements [Suspender]. A task that resumes gets a slot before all tasks that have not started.
func (j *job) Suspend(on Awaitable) error { return j.suspend(on, j.Done()) }

// suspend waits until on is settled or end is closed, and lends the slot meanwhile.
func (j *job) suspend(on Awaitable, end <-chan struct{}) error {
	if q, ok := on.(quitter); ok {
		defer j.onCancel(q)()
	}
	// Goroutines that the task has started may get here too. If the slot is lent or released, they just wait.
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

// onCancel calls q.gaveUp when the job is cancelled, on the stack of Cancel, until undo is called.
func (j *job) onCancel(q quitter) (undo func()) {
	j.made()
	var stop func()
	both := func() { q.gaveUp(); stop() }
	flags := j.flags.lock()
	stop = j.stop
	if flags&jobOver == 0 {
		j.stop = both
	}
	j.flags.unlock(flags)
	if flags&jobOver != 0 {
		q.gaveUp()
	}
	return func() {
		flags := j.flags.lock()
		if flags&jobOver == 0 {
			j.stop = stop
		}
		j.flags.unlock(flags)
	}
}

// contextWatch fails queued tasks when the context that they were submitted with ends. Consecutive tasks of a pool with the
// same context share one, so that a thousand operations of one request register with its context once.
type contextWatch struct {
	done <-chan struct{} // of the context

	mu    sync.Mutex
	first *job        // a list of the tasks
	over  bool        // the context has ended, or the list has become empty; no task can join
	stop  func() bool // the stop function of context.AfterFunc; nil until AfterFunc has returned
}

// watch makes a queued job fail when its context ends. Jobs that get a slot at once do not need it.
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
	// The job may have got its slot or been cancelled meanwhile. Then begin or end was too early to unwatch it.
	if c.state.Load() != jobQueued {
		c.unwatch()
	}
}

// unwatch undoes watch.
func (c *job) unwatch() {
	if c.flags.load()&jobWatched == 0 {
		return
	}
	flags := c.flags.lock()
	w := c.watched
	c.watched = nil
	c.flags.unlock(flags &^ jobWatched)
	if w != nil {
		w.leave(c)
	}
}

// join adds c to the list. It returns false if the watch is over.
func (w *contextWatch) join(c *job) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return false
	}
	if w.first != nil {
		w.first.before = c
	}
	c.after, w.first = w.first, c
	flags := c.flags.lock()
	c.watched = w
	c.flags.unlock(flags | jobWatched)
	return true
}

// begin registers with the context of c. The watch may be over already.
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

// forget makes the pool stop sharing this watch.
func (w *contextWatch) forget(p *Pool) {
	if p != nil {
		p.watch.CompareAndSwap(w, nil)
	}
}

// leave removes c from the list, if it is still there. The last job ends the watch, so that a context which outlives its
// tasks does not keep them in memory.
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

// end is called when the context has ended. It fails the jobs of the list that have not started.
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

// expire fails the job if it has not started.
func (c *job) expire() {
	if c.drop() {
		c.reject(c.parent.Err()).propagate(false)
	}
}
