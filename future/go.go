package future

import "context"

// Go runs fn on ex and returns the future of its result. It never waits: fn starts when ex gets to it.
//
// fn is given a context that ends with ctx and with [Future.Cancel]. A task that ctx or Cancel ends before it has
// started never starts; its future fails with ctx.Err() or [ErrCancelled] at once. If ex refuses the task, the
// future fails with ex's error ([ErrQueueFull], [ErrPoolClosed]). A panic of fn is its future's [*PanicError].
//
// On a [Pool], fn holds one slot, and so must not block on anything that itself needs a slot of the same pool, but
// for this: Await given exactly the context that fn was given lends the slot to others until it returns. Only fn's
// own goroutine may do that.
func Go[T any](ctx context.Context, ex Executor, fn func(context.Context) (T, error)) *Future[T] {
	mustHave(ctx != nil, "Go", "ctx")
	mustHave(ex != nil, "Go", "ex")
	mustHave(fn != nil, "Go", "fn")
	return begin(ctx, ex, nil, fn)
}

// GoVia is [Go] followed by [Future.Via], in one allocation: fn runs on ex; callbacks and continuations run on
// via, or, if that is nil, on goroutines of their own.
func GoVia[T any](ctx context.Context, ex, via Executor, fn func(context.Context) (T, error)) *Future[T] {
	mustHave(ctx != nil, "GoVia", "ctx")
	mustHave(ex != nil, "GoVia", "ex")
	mustHave(fn != nil, "GoVia", "fn")
	return begin(ctx, ex, via, fn)
}

// operation is the future of a function that an executor runs.
type operation[T any] struct {
	Future[T]
	run lentContext
	fn  func(context.Context) (T, error)
}

func begin[T any](ctx context.Context, ex, via Executor, fn func(context.Context) (T, error)) *Future[T] {
	n := &operation[T]{fn: fn}
	n.ex = via
	n.aux = owner(n)
	n.run.task = n
	n.run.parent = ctx
	var err error
	if p, ok := ex.(*Pool); ok {
		if p.inPlace {
			n.core.state.Store(inPlace)
		}
		err = p.submit(work{job: &n.run.job})
	} else {
		err = execute(ex, n.runAlone)
	}
	if err != nil {
		if n.run.claim(jobQueued, jobDropped) { // an executor that panics may have started it all the same
			n.refuse(err).spread(false)
		}
	} else {
		n.run.watch()
	}
	return &n.Future
}

// perform runs the operation in a slot of a pool.
func (n *operation[T]) perform(s slot) batch {
	v, end, err := n.call()
	s.release(end)
	b, _ := n.settle(v, err)
	return b
}

// runAlone runs the operation on an executor that is not a pool and has no slots to lend.
func (n *operation[T]) runAlone() {
	if !n.run.claim(jobQueued, jobRunning) {
		return
	}
	returned := false
	defer func() {
		if !returned {
			n.refuse(newGoexitError()).spread(false)
		}
	}()
	v, _, err := n.call()
	returned = true
	b, _ := n.settle(v, err)
	b.spread(false)
}

// call runs the function.
func (n *operation[T]) call() (v T, end taskEnd, err error) {
	fn := n.fn
	n.fn = nil // what it holds is not needed any more once it has run
	defer func() {
		if r := recover(); r != nil {
			end, err = taskPanicked, newPanicError(r)
		}
		n.run.end()
	}()
	if !n.run.begin() {
		return v, taskSkipped, n.run.parent.Err()
	}
	v, err = fn(&n.run)
	return v, taskReturned, err
}

// abandon is called when the operation was cancelled: before its start, it takes it off the queue; later, it ends
// its context.
func (n *operation[T]) abandon() {
	if n.run.drop() {
		n.fn = nil
	}
	n.run.end()
}

func (n *operation[T]) context() *lentContext { return &n.run }

// refuse fails an operation that will not run, or whose function did not return.
func (n *operation[T]) refuse(err error) batch {
	n.fn = nil
	n.run.end()
	var zero T
	b, _ := n.settle(zero, err)
	return b
}
