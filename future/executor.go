package future

import (
	"context"
	"sync"
	"time"
)

// Executor runs functions later and elsewhere: on the goroutines of a [Pool], on an event loop, on the main thread of a
// graphical program. Futures can deliver their callbacks on anything that implements it.
type Executor interface {
	// Execute arranges for task to run once and returns without waiting for it. It must not call task itself and must
	// not block. It may be called from any goroutine. An error means that task will never run (the executor is closed, or
	// its queue is full); futures that depended on task then fail with that error.
	Execute(task func()) error
}

// ExecutorFunc makes an [Executor] of a function, for example of one that posts to the main loop of a program.
type ExecutorFunc func(task func()) error

// Execute calls f(task).
func (f ExecutorFunc) Execute(task func()) error { return f(task) }

// Goroutines is an [Executor] that runs each task on a new goroutine. It has no limit, unlike a [Pool].
var Goroutines Executor = ExecutorFunc(func(task func()) error {
	go task()
	return nil
})

// Suspender is a context that can wait without blocking the loop or the slot that it runs on: the context of a coroutine
// suspends the coroutine and not its loop, and the context of a [Pool] task lends its slot to another task.
//
// [Future.Await] checks its context, by a type assertion. It does not check parents: a context derived from a Suspender
// blocks like any other.
type Suspender interface {
	context.Context
	// Suspend returns nil once on is settled, or earlier with the reason why this wait ended.
	Suspend(on Awaitable) error
}

// Awaitable is something that a [Suspender] can wait for. Every [Future] implements it.
type Awaitable interface {
	// IsDone reports whether the future is settled.
	IsDone() bool
	// Done returns a channel that is closed once the future is settled.
	Done() <-chan struct{}
	// Notify arranges for w.Wake to be called once, when the future settles. On a settled future it calls Wake before it
	// returns. Stop of the registration undoes it.
	Notify(w Waker) *Registration
	// NotifyWith is Notify with a registration that the caller provides.
	NotifyWith(r *Registration, w Waker)
}

// Waker is notified when a future settles.
type Waker interface {
	// Wake is called on the stack that settled the future, with no lock held: it must neither block nor run
	// unknown code. It is meant for posting to a loop, or sending on a buffered channel.
	Wake()
}

// execute calls ex.Execute and returns a panic of it as an error: a broken executor must not unwind the stack that
// settles a future.
func execute(ex Executor, task func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return ex.Execute(task)
}

// reject fails the links that an executor refused. It does so on a new goroutine: it calls the handler of unobserved
// errors, which is user code and must not run on the stack that settled the future.
func (b batch) reject(err error) { go b.fail(err) }

func (b batch) fail(err error) {
	defer func() {
		if b.links != nil { // the handler ended this goroutine
			b.reject(err)
		}
	}()
	for b.links != nil {
		l := b.links
		if b.links = l.take(); b.links == nil {
			b.links = b.c.more()
		}
		l.c.fail(err).propagate(false)
	}
}

// runner fires the links of settled futures, one future after another.
type runner struct {
	b       batch
	running *link  // the link being fired; still set after its code has called runtime.Goexit
	start   func() // the method value run, made once, so that starting a runner does not allocate
}

var runners sync.Pool

func newRunner(b batch) *runner {
	r, ok := runners.Get().(*runner)
	if !ok {
		r = new(runner)
		r.start = r.run
	}
	r.b = b
	return r
}

// dispatch starts a runner for b on the executor of b's future.
func (b batch) dispatch() {
	switch ex := b.c.ex.(type) {
	case nil:
		go newRunner(b).start()
	case *Pool:
		t := &callbacks{b: b}
		t.job.body = t
		if err := ex.submit(work{job: &t.job}); err != nil {
			b.reject(err)
		}
	default:
		if err := execute(ex, newRunner(b).start); err != nil {
			b.reject(err)
		}
	}
}

// callbacks is a task that runs a batch on a pool. Unlike a function given to [Pool.Execute], it can fail its links if
// the pool is closed while it is queued.
type callbacks struct {
	job job
	b   batch
}

// do implements body.
func (t *callbacks) do(step jobStep, _ context.Context, _ error) error {
	if step == jobRun {
		b := t.b
		t.b = batch{}
		b.run()
	}
	return nil
}

func (t *callbacks) settles() *cell { return nil }

func (t *callbacks) reject(err error) {
	// After a Goexit there are no links here: the runner passed them on.
	if t.b.links != nil {
		t.b.reject(err)
	}
}

// run fires b on this goroutine, which user code may block.
func (b batch) run() { newRunner(b).run() }

func (r *runner) run() {
	defer r.leave()
	for r.b.links != nil {
		r.b = r.fire(r.b)
	}
}

// fire fires the links of b in order, then those that were registered meanwhile, and returns the next batch to fire.
func (r *runner) fire(b batch) batch {
	foreign := b.c.ex != nil
	for l := b.links; ; {
		next := l.take()
		r.running, r.b.links = l, next
		then := l.c.fire()
		r.running = nil
		if next == nil {
			next = b.c.more()
		}
		// On the user's executor each settlement is posted separately, so that a long chain does not block the other work
		// there.
		kept := then.propagate(next == nil && !foreign)
		if next == nil {
			return kept
		}
		l = next
	}
}

// leave ends a run. If user code called runtime.Goexit, the goroutine is unwinding. Then another runner continues with
// the remaining links, and the future of the link fails.
func (r *runner) leave() {
	l := r.running
	if l == nil {
		r.b = batch{}
		runners.Put(r)
		return
	}
	rest := r.b
	if rest.links == nil {
		rest.links = rest.c.more()
	}
	rest.propagate(false)
	l.c.fail(newGoexitError()).propagate(false)
}

// LoopStats has statistics of an event loop. The loop of package callback returns them.
type LoopStats struct {
	Queued   int // callbacks that wait for a turn
	Timeouts int // timeouts that have not fired

	Turns     uint64
	Callbacks uint64 // callbacks that have run, with those of the present turn
	Fired     uint64 // timeouts that have fired, with those of the present turn
	Panics    uint64 // callbacks that panicked
	Slow      uint64 // callbacks that took longer than a limit, if the loop has one

	Lag    time.Duration // the time that the first callback or timeout of each turn has waited, together
	MaxLag time.Duration // the longest of these times
}
