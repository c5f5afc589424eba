package future

import (
	"context"
	"sync"
	"sync/atomic"
)

// link is a place in the list of what waits for a future. It is part of what waits: the child of a Then and its
// link are one object.
type link struct {
	next, prev *link
	on         atomic.Pointer[cell] // the future it waits for, while it is on that one's list
	c          continuation
}

// continuation is the action of a link, once its future is settled.
type continuation interface {
	// userCode tells links that call functions of the user, which only a runner may fire, from those that just
	// pass an outcome on, which are fired on the stack that settled the future. The answer never changes.
	userCode() bool
	// fire is called once. It settles at most one future and returns what waited for that one.
	fire() batch
	// fail is called instead of fire if it cannot run, or after fire if that ended its goroutine.
	fail(err error) batch
}

// detach takes the link off its future's list, so that a long-lived future does not collect what no longer waits.
// It reports whether it did; false means that it is being, or has been, fired.
func (l *link) detach() bool {
	c := l.on.Load()
	return c != nil && c.remove(l)
}

// append adds l at the end of the ring that begins at first and returns the first.
func (first *link) append(l *link) *link {
	if first == nil {
		l.next, l.prev = l, l
		return l
	}
	last := first.prev
	last.next, l.prev = l, last
	l.next, first.prev = first, l
	return first
}

// remove takes l out of the ring that begins at first and returns the first of what is left.
func (first *link) remove(l *link) *link {
	if l.next == l {
		l.next, l.prev = nil, nil
		return nil
	}
	if l == first {
		first = l.next
	}
	l.prev.next, l.next.prev = l.next, l.prev
	l.next, l.prev = nil, nil
	return first
}

// toList makes a list that ends in nil of the ring.
func (first *link) toList() *link {
	if first != nil {
		first.prev.next = nil
	}
	return first
}

func (first *link) anyUserCode() bool {
	for l := first; l != nil; l = l.next {
		if l.c.userCode() {
			return true
		}
	}
	return false
}

// take returns the link after l and cuts l loose: a chain must not keep its beginning alive.
func (l *link) take() (next *link) {
	next = l.next
	l.next, l.prev = nil, nil
	l.on.Store(nil)
	return next
}

// batch is a settled future with the links that are to be fired for it.
type batch struct {
	c     *cell
	links *link
}

// propagate fires the links of b that only pass the outcome on, and theirs in turn, and sends those that call user
// code where they run, each settled future's to a runner of its own: a callback that blocks, or that waits for
// another future, holds up only what was registered behind it on the same future.
//
// A runner that has nothing else to do says keep, and is given back one batch to go on with itself. That is how
// chains are walked: no recursion, and no switch of goroutines from link to link.
func (b batch) propagate(keep bool) (kept batch) {
	if b.links == nil { // most often: small enough to be inlined
		return batch{}
	}
	return b.propagateAll(keep)
}

func (b batch) propagateAll(keep bool) (kept batch) {
	var room [4]batch
	todo := append(room[:0], b)
	for len(todo) > 0 {
		b := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		var first, last *link // user code
		for l := b.links; l != nil; {
			if l.c.userCode() {
				if last == nil {
					first = l
				} else {
					last.next = l
				}
				last, l = l, l.next
				last.next = nil
				continue
			}
			next := l.take()
			if then := l.c.fire(); then.links != nil {
				todo = append(todo, then)
			}
			l = next
		}
		b.links = first
		switch {
		case first == nil:
		case keep && kept.links == nil && b.c.ex == nil:
			kept = b
		default:
			b.dispatch()
		}
	}
	return kept
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
func (t *callbacks) do(step jobStep, _ context.Context) (batch, bool, error) {
	if step == jobRun {
		b := t.b
		t.b = batch{}
		b.run()
	}
	return batch{}, false, nil
}

func (t *callbacks) reject(err error) {
	// After a Goexit nothing is left here: the runner passed it on.
	if t.b.links != nil {
		t.b.reject(err)
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
