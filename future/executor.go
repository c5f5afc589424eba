package future

import (
	"context"
	"sync"
)

// Executor runs functions somewhere else, later: on the goroutines of a [Pool], on an event loop, on the main
// thread of a graphical program. It is the one thing that a loop has to offer for futures to deliver on it.
type Executor interface {
	// Execute arranges for task to run once and returns without waiting for it. It must not call task itself,
	// must not block, and is called from any goroutine. An error means that task will never run (the executor is
	// closed, or its queue is full); what depended on task then fails with that error.
	Execute(task func()) error
}

// ExecutorFunc makes an [Executor] of one function: the hook by which a program with a main loop of its own
// accepts work.
type ExecutorFunc func(task func()) error

// Execute calls f(task).
func (f ExecutorFunc) Execute(task func()) error { return f(task) }

// Suspender is a context that knows how to wait without holding up what it runs on: the context of a coroutine
// suspends the coroutine and not its loop, the context of a [Pool] task gives its slot to the next task meanwhile.
//
// [Future.Await] looks for it by type assertion on the context that it was given, and nowhere else: a context
// derived from a Suspender blocks like any other.
type Suspender interface {
	context.Context
	// Suspend returns nil once on is settled, or earlier with the reason for which this wait ended.
	Suspend(on Awaitable) error
}

// Awaitable is what a [Suspender] waits for; every [Future] is one.
type Awaitable interface {
	// IsDone reports whether the future is settled.
	IsDone() bool
	// Done returns a channel that is closed once the future is settled.
	Done() <-chan struct{}
	// Notify arranges for w.Wake to be called once, when the future settles, and returns what Stop takes back.
	// On a settled future it calls Wake before it returns.
	Notify(w Waker) *Registration
	// NotifyWith is Notify with a registration that the caller provides.
	NotifyWith(r *Registration, w Waker)
}

// Waker is told that a future has settled.
type Waker interface {
	// Wake is called on the stack that settled the future, with no lock held: it must neither block nor run
	// unknown code. It is meant for posting to a loop, or sending on a buffered channel.
	Wake()
}

// execute calls ex.Execute and makes a panic of it a refusal: a broken executor must not take along the stack that
// settles a future.
func execute(ex Executor, task func()) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = newPanicError(v)
		}
	}()
	return ex.Execute(task)
}

// reject fails what an executor did not take. It calls the handler of undelivered callbacks, which is user code,
// and so must not run on the stack that settled the future.
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

// runner fires the links of one settled future after the other.
type runner struct {
	b       batch
	running *link  // the link being fired: still set when its code ended the goroutine
	start   func() // run, made once, so that starting a runner allocates nothing
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

// dispatch starts a runner for b where b's future wants its callbacks.
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

// callbacks is the task of running a batch on a pool. Unlike a function given to [Pool.Execute], it knows what to
// do if the pool is closed while it is queued.
type callbacks struct {
	job job
	b   batch
}

// do implements body.
func (t *callbacks) do(step jobStep, _ context.Context) error {
	if step == jobRun {
		b := t.b
		t.b = batch{}
		b.run()
	}
	return nil
}

func (t *callbacks) reject(err error) {
	// After a Goexit nothing is left here: the runner passed it on.
	if t.b.links != nil {
		t.b.reject(err)
	}
}

// run fires b on this goroutine, which must be one that user code may hold up.
func (b batch) run() { newRunner(b).run() }

func (r *runner) run() {
	defer r.leave()
	for r.b.links != nil {
		r.b = r.fire(r.b)
	}
}

// fire fires the links of b in their order, and those that were registered meanwhile, and returns the batch to go
// on with.
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
		// On an executor of the user's every settlement is posted anew, so that a long chain takes turns with
		// whatever else runs there.
		kept := then.propagate(next == nil && !foreign)
		if next == nil {
			return kept
		}
		l = next
	}
}

// leave ends a run. If the user's code called runtime.Goexit, the goroutine is unwinding: another runner goes on
// with the rest, and the link's future gets its error.
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
