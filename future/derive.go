package future

import "sync/atomic"

// Then returns the future of fn(value of f). If f fails, fn is not called and the returned future fails with the same
// error. It also fails with an error of fn, or with a [*PanicError] if fn panics.
//
// fn runs later, on a new goroutine or on the executor set by [Future.Via]. It may block: no lock and no slot of the
// operation's pool is held meanwhile.
func Then[T, U any](f *Future[T], fn func(T) (U, error)) *Future[U] {
	mustHave(f != nil, "Then", "f")
	mustHave(fn != nil, "Then", "fn")
	n := &child[T, U, func(T) (U, error)]{parent: f, fn: fn}
	derive(&f.cell, &n.future.cell, &n.link, n, n)
	return &n.future
}

// Handle returns the future of fn(outcome of f), whether that is a value or an error.
func Handle[T, U any](f *Future[T], fn func(T, error) (U, error)) *Future[U] {
	mustHave(f != nil, "Handle", "f")
	mustHave(fn != nil, "Handle", "fn")
	n := &child[T, U, func(T, error) (U, error)]{parent: f, fn: fn}
	derive(&f.cell, &n.future.cell, &n.link, n, n)
	return &n.future
}

// child is the future that Then or Handle returns, and its link in the parent's list.
type child[T, U, F any] struct {
	future Future[U]
	link   link
	parent *Future[T]
	fn     F // a func(T) (U, error) or a func(T, error) (U, error)
}

// derive registers l, the link of the derived future n, with the parent. o and c are the same object. Both are parameters
// because converting one interface to the other costs a lookup at run time.
func derive(parent, n *cell, l *link, o owner, c continuation) {
	n.ex = parent.ex
	n.aux = o
	l.c = c
	parent.register(l)
}

func (n *child[T, U, F]) abandon() {
	if n.link.detach() {
		n.parent = nil
	}
}

func (n *child[T, U, F]) userCode() bool { return true }

func (n *child[T, U, F]) fire() batch {
	// The parent and the function are not kept alive after their use.
	parent, fn := n.parent, n.fn
	var none F
	n.parent, n.fn = nil, none
	if n.future.cell.isSettled() {
		return batch{}
	}
	u, err := callStep[T, U](parent, any(fn))
	b, _ := settle(&n.future, u, err)
	return b
}

func callStep[T, U any](parent *Future[T], fn any) (u U, err error) {
	defer recoverAs(&err)
	if then, ok := fn.(func(T) (U, error)); ok {
		if err := parent.cell.failure(); err != nil {
			return u, err
		}
		return then(parent.value)
	}
	return fn.(func(T, error) (U, error))(outcome(parent))
}

func (n *child[T, U, F]) fail(err error) batch { return n.future.cell.reject(err) }

// ThenFuture returns a future with the outcome of the future that fn(value of f) returns. If f fails, fn is not called and
// the returned future fails with the same error. It fails with a [*PanicError] if fn panics, with [ErrNilFuture] if fn
// returns nil, and with [ErrCycle] if fn returns the same future as ThenFuture.
//
// Cancelling it does not cancel the future that fn returned.
func ThenFuture[T, U any](f *Future[T], fn func(T) *Future[U]) *Future[U] {
	mustHave(f != nil, "ThenFuture", "f")
	mustHave(fn != nil, "ThenFuture", "fn")
	n := &thenFuture[T, U, func(T) *Future[U]]{parent: f, fn: fn}
	n.inner.c = &n.inner
	derive(&f.cell, &n.future.cell, &n.link, n, n)
	return &n.future
}

// HandleFuture is [ThenFuture] for a function that also gets the errors of f. It returns a future with the outcome of the
// future that fn(outcome of f) returns. So fn can try again, or somewhere else, after an error:
//
//	user := future.HandleFuture(find("replica"), func(u User, err error) *future.Future[User] {
//		if err != nil {
//			return find("primary")
//		}
//		return future.Resolved(u)
//	})
func HandleFuture[T, U any](f *Future[T], fn func(T, error) *Future[U]) *Future[U] {
	mustHave(f != nil, "HandleFuture", "f")
	mustHave(fn != nil, "HandleFuture", "fn")
	n := &thenFuture[T, U, func(T, error) *Future[U]]{parent: f, fn: fn}
	n.inner.c = &n.inner
	derive(&f.cell, &n.future.cell, &n.link, n, n)
	return &n.future
}

// thenFuture is a future with the outcome of another, which is known only after the parent has settled.
type thenFuture[T, U, F any] struct {
	future Future[U]
	link   link  // in the parent's list
	inner  relay // in the list of the future that fn returned
	parent *Future[T]
	fn     F // a func(T) *Future[U] or a func(T, error) *Future[U]
}

func (n *thenFuture[T, U, F]) abandon() {
	if n.link.detach() {
		var none F
		n.parent, n.fn = nil, none
	}
	n.inner.detach()
}

func (n *thenFuture[T, U, F]) userCode() bool { return true }

func (n *thenFuture[T, U, F]) fire() batch {
	parent, fn := n.parent, n.fn
	var none F
	n.parent, n.fn = nil, none
	c := &n.future.cell
	if c.isSettled() {
		return batch{}
	}
	f, err := callForFuture[T, U](parent, any(fn))
	switch {
	case err != nil:
		return c.reject(err)
	case f == nil:
		return c.reject(ErrNilFuture)
	case f == &n.future:
		return c.reject(ErrCycle)
	}
	n.inner.child, n.inner.parent = &n.future, f
	if f.cell.isSettled() {
		return n.inner.fire()
	}
	f.cell.register(&n.inner.link)
	// A Cancel before the registration of inner could not unregister it.
	if c.isSettled() {
		n.inner.detach()
	}
	return batch{}
}

func callForFuture[T, U any](parent *Future[T], fn any) (f *Future[U], err error) {
	defer recoverAs(&err)
	if then, ok := fn.(func(T) *Future[U]); ok {
		if err := parent.cell.failure(); err != nil {
			return nil, err
		}
		return then(parent.value), nil
	}
	return fn.(func(T, error) *Future[U])(outcome(parent)), nil
}

func (n *thenFuture[T, U, F]) fail(err error) batch { return n.future.cell.reject(err) }

// Catch returns the future of fn(error of f). If f succeeds, fn is not called and the returned future has the value of f.
func (f *Future[T]) Catch(fn func(error) (T, error)) *Future[T] {
	n := new(afterFuture[T])
	n.node.start("Catch", f, &n.future, fn, fn != nil)
	return &n.future
}

// Finally returns a future with the outcome of f, which settles after fn was called. If fn panics, the future fails with a
// [*PanicError] instead.
func (f *Future[T]) Finally(fn func()) *Future[T] {
	n := new(afterFuture[T])
	n.node.start("Finally", f, &n.future, fn, fn != nil)
	return &n.future
}

// stepper is a *Future[T] for code that does not know T.
type stepper interface {
	// step does the part that needs T, by the type of fn:
	//
	//	func(T, error), func(*Future[T])  calls fn with the outcome, or with the future, and settles nothing
	//	func(error) (T, error)            settles with the result of fn if the parent has failed, else as the parent
	//	nil                               settles with the outcome of the parent
	//
	// It returns the links that waited for the future. With neither parent nor fn it does nothing and returns a batch with
	// the cell only, or an empty batch if the future is nil.
	step(parent stepper, fn any) batch
}

// step is compiled for each T, so the parts that do not need T are functions that are not inlined.
func (f *Future[T]) step(parent stepper, fn any) batch {
	if f == nil {
		return batch{}
	}
	p, derived := parent.(*Future[T])
	if !derived {
		if fn == nil {
			return batch{c: &f.cell}
		}
		p = f
	}
	has, err := p.cell.outcome()
	var v T
	if has {
		v = p.value
	}
	switch fn := fn.(type) {
	case func(T, error):
		fn(v, err)
		return batch{}
	case func(*Future[T]):
		fn(f)
		return batch{}
	case func(error) (T, error):
		if err != nil {
			v, err = fn(err)
		}
	}
	aux := f.cell.toStore(err)
	state, ok := f.cell.lockPending(aux)
	if !ok {
		return batch{}
	}
	f.value = v
	return f.cell.publishFrom(&p.cell, state, aux)
}

// outcome returns the outcome of a settled future, except its value.
//
//go:noinline
func (c *cell) outcome() (has bool, err error) { return c.hasValue(), c.failure() }

// publishFrom is publish for the outcome of parent, whose error then counts as observed.
//
//go:noinline
func (c *cell) publishFrom(parent *cell, state uint32, aux any) batch {
	b := c.publish(state, aux)
	parent.observe()
	return b
}

// runStep calls fn if it is a func(), and then child.step. It returns a panic of fn as an error.
func runStep(child, parent stepper, fn any) (b batch, err error) {
	defer recoverAs(&err)
	if finally, ok := fn.(func()); ok {
		finally()
		fn = nil
	}
	return child.step(parent, fn), nil
}

// cellOf returns the cell of a future, or nil if the future is nil.
func cellOf(s stepper) *cell { return s.step(nil, nil).c }

// parentCell returns the cell of f. It panics if f or the argument fn of its method is nil.
func parentCell(method string, f stepper, has bool) *cell {
	c := cellOf(f)
	mustHave(c != nil, method, "the future")
	mustHave(has, method, "fn")
	return c
}

// afterFuture is the future that Catch or Finally returns.
type afterFuture[T any] struct {
	future Future[T]
	node   afterNode
}

// afterNode is the link of an afterFuture in its parent's list.
type afterNode struct {
	link
	child, parent stepper
	fn            any
}

// start makes child the future of the parent's outcome and fn. has says that fn is not nil.
//
//go:noinline
func (n *afterNode) start(method string, parent, child stepper, fn any, has bool) {
	c := parentCell(method, parent, has)
	n.child, n.parent, n.fn = child, parent, fn
	derive(c, cellOf(child), &n.link, n, n)
}

func (n *afterNode) abandon() {
	if n.detach() {
		n.parent = nil
	}
}

func (n *afterNode) userCode() bool { return true }

func (n *afterNode) fire() batch {
	parent, fn := n.parent, n.fn
	n.parent, n.fn = nil, nil
	if cellOf(n.child).isSettled() {
		return batch{}
	}
	b, err := runStep(n.child, parent, fn)
	if err != nil {
		return cellOf(n.child).reject(err)
	}
	return b
}

func (n *afterNode) fail(err error) batch { return cellOf(n.child).reject(err) }

// Via returns a future with the same outcome whose callbacks and continuations run on ex, and so do those of all futures
// derived from it. Each settlement is posted to ex separately, in order.
//
// If ex refuses (a closed loop, a full queue), continuations fail with its error and callbacks are reported as
// [*UndeliveredError], so no caller waits for ever. On a [Pool] each continuation is a task that holds a slot.
func (f *Future[T]) Via(ex Executor) *Future[T] {
	n := new(relayed[T])
	n.relay.startVia(f, &n.future, ex)
	return &n.future
}

// Shield returns a future with the outcome of f that does not forward a Cancel to f, neither its own nor one by
// [WaitFor] or a [Group].
//
// asyncio: shield.
func Shield[T any](f *Future[T]) *Future[T] {
	mustHave(f != nil, "Shield", "f")
	n := &relayed[T]{}
	n.relay.start(&f.cell, f, &n.future, f.cell.ex)
	return &n.future
}

// Erase returns a future with the outcome of f as an any. [All], [AllSettled] and [Wait] take erased futures of different
// types. A Cancel of the returned future does not cancel f.
func Erase[T any](f *Future[T]) *Future[any] {
	mustHave(f != nil, "Erase", "f")
	n := &erased[T]{parent: f}
	n.link.c = n
	n.future.cell.ex = f.cell.ex
	n.future.cell.aux = owner(n)
	f.cell.registerUnseen(&n.link)
	return &n.future
}

// erased is a future with the outcome of another, without its type.
type erased[T any] struct {
	link
	future Future[any]
	parent *Future[T]
}

func (n *erased[T]) abandon() {
	if n.detach() {
		n.parent = nil
	}
}

func (n *erased[T]) userCode() bool { return false }

func (n *erased[T]) fire() batch {
	parent := n.parent
	n.parent = nil
	has, err := parent.cell.outcome()
	var v any
	if has {
		v = parent.value
	}
	b, _ := settle(&n.future, v, err)
	parent.cell.observe()
	return b
}

func (n *erased[T]) fail(err error) batch { return n.future.cell.reject(err) }

// relayed is a future with the outcome of another.
type relayed[T any] struct {
	future Future[T]
	relay  relay
}

// relay is the link of a future that gets the same outcome as its parent, in the list of the parent.
type relay struct {
	link
	child, parent stepper
}

// start makes the child settle with the outcome of the parent, whose cell is from.
//
//go:noinline
func (n *relay) start(from *cell, parent, child stepper, ex Executor) {
	n.child, n.parent = child, parent
	c := cellOf(child)
	c.ex = ex
	c.aux = owner(n)
	n.link.c = n
	from.registerUnseen(&n.link)
}

//go:noinline
func (n *relay) startVia(parent, child stepper, ex Executor) {
	c := cellOf(parent)
	mustHave(c != nil, "Via", "the future")
	mustHave(ex != nil, "Via", "ex")
	n.start(c, parent, child, ex)
}

func (n *relay) abandon() {
	if n.detach() {
		n.parent = nil
	}
}

func (n *relay) userCode() bool { return false }

func (n *relay) fire() batch {
	parent := n.parent
	n.parent = nil
	return n.child.step(parent, nil)
}

func (n *relay) fail(err error) batch { return cellOf(n.child).reject(err) }

// Chain settles p with the outcome of f, unless p is settled or cancelled first. Neither cancels the other.
// If p is f's own promise, p fails with [ErrCycle].
//
// Tornado: concurrent.chain_future(f, p).
func Chain[T any](f *Future[T], p *Promise[T]) {
	mustHave(f != nil, "Chain", "f")
	mustHave(p != nil, "Chain", "p")
	if f == p.Future() {
		p.f.cell.reject(ErrCycle).propagate(false)
		return
	}
	c := &chain{}
	c.from.child, c.from.parent = &p.f, f
	c.from.c = &c.from
	c.to.c = c
	p.f.cell.registerUnseen(&c.to)
	if !p.f.cell.isSettled() {
		f.cell.registerUnseen(&c.from.link)
		if p.f.cell.isSettled() {
			c.from.detach()
		}
	}
}

// chain is a link in the list of the source future, and one in the list of the target promise. When the promise is
// settled, the second link removes the first from its list.
type chain struct {
	from relay
	to   link
}

func (c *chain) userCode() bool { return false }

func (c *chain) fire() batch { c.from.detach(); return batch{} }

func (c *chain) fail(error) batch { return batch{} }

// OnComplete calls fn with the outcome once the future is settled, after the callbacks that were registered before it.
// fn never runs on the stack of OnComplete, even if the future is settled already. stop unregisters fn and reports whether
// it prevented the call.
//
// A panic of fn is reported to the function of [SetUnobservedHandler], and fn is not called again.
func (f *Future[T]) OnComplete(fn func(v T, err error)) (stop func() bool) {
	return onComplete("OnComplete", f, fn, fn != nil)
}

// AddDoneCallback calls fn with the future itself once it is settled, under the rules of [Future.OnComplete].
//
// asyncio and Tornado: Future.add_done_callback.
func (f *Future[T]) AddDoneCallback(fn func(*Future[T])) {
	onComplete("AddDoneCallback", f, fn, fn != nil)
}

//go:noinline
func onComplete(method string, f stepper, fn any, has bool) (stop func() bool) {
	c := parentCell(method, f, has)
	l := &completion{f: f, fn: fn}
	l.c = l
	c.register(&l.link)
	return l.stop
}

// completion is a callback that waits for f.
type completion struct {
	link
	f     stepper
	fn    any
	taken atomic.Bool // by the runner that calls fn, or by stop
}

func (l *completion) stop() bool {
	if !l.taken.CompareAndSwap(false, true) {
		return false
	}
	l.detach()
	return true
}

func (l *completion) userCode() bool { return true }

func (l *completion) fire() batch {
	if l.taken.CompareAndSwap(false, true) {
		l.call()
	}
	return batch{}
}

func (l *completion) call() {
	defer func() {
		if v := recover(); v != nil {
			ReportUnobserved(newPanicError(v))
		}
	}()
	l.f.step(nil, l.fn)
}

func (l *completion) fail(err error) batch {
	if _, goexit := err.(*PanicError); goexit && l.taken.Load() {
		ReportUnobserved(err)
	} else if l.taken.CompareAndSwap(false, true) {
		ReportUnobserved(&UndeliveredError{Reason: err, Outcome: cellOf(l.f).failure()})
	}
	return batch{}
}
