package future

import (
	"context"
	"sync"
)

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
			b.refuse(err)
		}
	default:
		if err := execute(ex, newRunner(b).start); err != nil {
			b.refuse(err)
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
func (t *callbacks) do(step jobStep, _ context.Context) (batch, bool, error) {
	if step == jobRun {
		b := t.b
		t.b = batch{}
		b.run()
	}
	return batch{}, false, nil
}

func (t *callbacks) refuse(err error) {
	// After a Goexit nothing is left here: the runner passed it on.
	if t.b.links != nil {
		t.b.refuse(err)
	}
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
		kept := then.spread(next == nil && !foreign)
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
	rest.spread(false)
	l.c.fail(newGoexitError()).spread(false)
}
