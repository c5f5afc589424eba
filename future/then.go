package future

// Then returns the future of fn(value of f). An error of f goes past fn to the child; an error or a panic of fn
// ([*PanicError]) becomes the child's.
//
// fn runs later, on a goroutine of its own or where [Future.Via] said, and may block: no lock and no executor slot
// is held meanwhile.
func Then[T, U any](f *Future[T], fn func(T) (U, error)) *Future[U] {
	mustHave(f != nil, "Then", "f")
	mustHave(fn != nil, "Then", "fn")
	return derive(f, thenFn[T, U](fn))
}

// Handle returns the future of fn(outcome of f), whether that is a value or an error.
func Handle[T, U any](f *Future[T], fn func(T, error) (U, error)) *Future[U] {
	mustHave(f != nil, "Handle", "f")
	mustHave(fn != nil, "Handle", "fn")
	return derive(f, handleFn[T, U](fn))
}

// Catch returns the future of fn(error of f); a value of f goes past fn.
func (f *Future[T]) Catch(fn func(error) (T, error)) *Future[T] {
	mustHave(f != nil, "Catch", "the future")
	mustHave(fn != nil, "Catch", "fn")
	return derive(f, catchFn[T](fn))
}

// Finally returns a future with the outcome of f, settled after fn was called. A panic of fn replaces the outcome.
func (f *Future[T]) Finally(fn func()) *Future[T] {
	mustHave(f != nil, "Finally", "the future")
	mustHave(fn != nil, "Finally", "fn")
	return derive(f, finallyFn[T](fn))
}

// A step makes the outcome of a child of that of its parent, by calling the user's function. Each kind of function
// is its own step, so that no closure has to be made around it.
type step[T, U any] interface{ apply(T, error) (U, error) }

type (
	thenFn[T, U any]   func(T) (U, error)
	handleFn[T, U any] func(T, error) (U, error)
	catchFn[T any]     func(error) (T, error)
	finallyFn[T any]   func()
)

func (fn thenFn[T, U]) apply(v T, err error) (u U, _ error) {
	if err != nil {
		return u, err
	}
	return fn(v)
}

func (fn handleFn[T, U]) apply(v T, err error) (U, error) { return fn(v, err) }

func (fn catchFn[T]) apply(v T, err error) (T, error) {
	if err == nil {
		return v, nil
	}
	return fn(err)
}

func (fn finallyFn[T]) apply(v T, err error) (T, error) {
	fn()
	return v, err
}

// child is the future of a step and its link in the parent's list.
type child[T, U any, S step[T, U]] struct {
	Future[U]
	link   link
	parent *Future[T]
	step   S
}

func derive[T, U any, S step[T, U]](f *Future[T], s S) *Future[U] {
	n := &child[T, U, S]{parent: f, step: s}
	n.link.c = n
	n.ex = f.ex
	n.aux = owner(n)
	f.register(&n.link)
	return &n.Future
}

func (n *child[T, U, S]) abandon() {
	if n.link.detach() {
		n.parent = nil
	}
}

func (n *child[T, U, S]) userCode() bool { return true }

func (n *child[T, U, S]) fire() batch {
	// Neither a chain's beginning nor the function is kept alive by what came of them.
	parent, do := n.parent, n.step
	var none S
	n.parent, n.step = nil, none
	if n.isSettled() {
		return batch{}
	}
	u, err := applyStep(do, parent)
	b, _ := n.settle(u, err)
	return b
}

func applyStep[T, U any, S step[T, U]](do S, parent *Future[T]) (u U, err error) {
	defer recoverAs(&err)
	return do.apply(parent.value, parent.failure())
}

func (n *child[T, U, S]) fail(err error) batch {
	var zero U
	b, _ := n.settle(zero, err)
	return b
}
