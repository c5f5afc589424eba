package future

// ThenFuture returns a future with the outcome of the future that fn(value of f) returns. An error of f goes past
// fn; a panic of fn becomes a [*PanicError]. It fails with [ErrNilFuture] if fn returns nil, and with [ErrCycle] if
// fn returns the very future that ThenFuture did.
//
// Cancelling it does not cancel what fn returned.
func ThenFuture[T, U any](f *Future[T], fn func(T) *Future[U]) *Future[U] {
	mustHave(f != nil, "ThenFuture", "f")
	mustHave(fn != nil, "ThenFuture", "fn")
	n := &adopter[T, U]{parent: f, fn: fn}
	n.link.c = n
	n.inner.c = (*adoption[T, U])(n)
	n.ex = f.ex
	n.aux = owner(n)
	f.register(&n.link)
	return &n.Future
}

// adopter is a child whose outcome is that of a future which is known only once the parent's is.
type adopter[T, U any] struct {
	Future[U]
	link   link // in the parent's list
	inner  link // in the list of adopted
	parent *Future[T]
	fn     func(T) *Future[U]
	// adopted is written by the runner before inner is registered, and read when inner is fired.
	adopted *Future[U]
}

func (n *adopter[T, U]) abandon() {
	if n.link.detach() {
		n.parent, n.fn = nil, nil
	}
	n.inner.detach()
}

func (n *adopter[T, U]) userCode() bool { return true }

func (n *adopter[T, U]) fire() batch {
	parent, fn := n.parent, n.fn
	n.parent, n.fn = nil, nil
	if n.isSettled() {
		return batch{}
	}
	if parent.failure() != nil {
		return n.fail(parent.failure())
	}
	f, err := callForFuture(fn, parent.value)
	switch {
	case err != nil:
		return n.fail(err)
	case f == nil:
		return n.fail(ErrNilFuture)
	case f == &n.Future:
		return n.fail(ErrCycle)
	}
	n.adopted = f
	if f.isSettled() {
		f.observe()
		return (*adoption[T, U])(n).fire()
	}
	f.register(&n.inner)
	// A Cancel that came before inner was registered could not unregister it.
	if n.isSettled() {
		n.inner.detach()
	}
	return batch{}
}

func callForFuture[T, U any](fn func(T) *Future[U], v T) (f *Future[U], err error) {
	defer recoverAs(&err)
	return fn(v), nil
}

func (n *adopter[T, U]) fail(err error) batch {
	var zero U
	b, _ := n.settle(zero, err)
	return b
}

// adoption is an adopter as the continuation of what it adopted.
type adoption[T, U any] adopter[T, U]

func (n *adoption[T, U]) userCode() bool { return false }

func (n *adoption[T, U]) fire() batch {
	f := n.adopted
	n.adopted = nil
	b, _ := n.settle(f.value, f.failure())
	return b
}

func (n *adoption[T, U]) fail(error) batch { return batch{} }
