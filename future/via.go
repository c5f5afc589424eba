package future

// Via returns a future with the same outcome whose callbacks and continuations run on ex, as do those of everything
// derived from it. Each settlement is posted to ex on its own, in order.
//
// If ex refuses (a closed loop, a full queue), continuations fail with its error, and callbacks are reported as
// [*UndeliveredError]: nothing waits for ever. A [Pool] as ex makes the continuations tasks, each holding a slot.
func (f *Future[T]) Via(ex Executor) *Future[T] {
	mustHave(f != nil, "Via", "the future")
	mustHave(ex != nil, "Via", "ex")
	n := &relay[T]{}
	n.ex = ex
	n.follow(f)
	return &n.Future
}

// relay is a future that takes over the outcome of another as it is.
type relay[T any] struct {
	Future[T]
	link   link
	parent *Future[T]
}

// follow makes f's outcome that of n.
func (n *relay[T]) follow(f *Future[T]) {
	n.parent = f
	n.link.c = n
	n.aux = owner(n)
	f.registerUnseen(&n.link)
}

func (n *relay[T]) abandon() {
	if n.link.detach() {
		n.parent = nil
	}
}

func (n *relay[T]) userCode() bool { return false }

func (n *relay[T]) fire() batch {
	parent := n.parent
	n.parent = nil
	b, first := n.settle(parent.value, parent.failure())
	if first {
		parent.observe()
	}
	return b
}

func (n *relay[T]) fail(err error) batch {
	var zero T
	b, _ := n.settle(zero, err)
	return b
}
