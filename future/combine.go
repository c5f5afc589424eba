package future

import "strconv"

// inputs are the links by which a future made from several waits for those.
type inputs []input

// input is the link to one of them.
type input struct {
	link
	index int
	of    combination
}

// combination is what stands behind a future made from several. It is an object apart from that future, which
// therefore does not keep what it was made from alive.
type combination interface {
	// arrive is called once for every input that has settled, by any number of goroutines at once, and returns
	// what waited for the combined future if that settles it.
	arrive(index int) batch
	// settled reports whether the combined future waits no more.
	settled() bool
}

// gather makes n links to of, which are still to be registered.
func gather(n int, of combination) inputs {
	in := make(inputs, n)
	for i := range in {
		in[i] = input{index: i, of: of}
		in[i].c = &in[i]
	}
	return in
}

// waitAll registers the links with fs, whose outcomes count as seen from now on.
func waitAll[T any](in inputs, fs []*Future[T]) {
	for i, f := range fs {
		f.register(&in[i].link)
	}
	in.leaveIfSettled()
}

// leaveIfSettled is called after registering: whoever settled the combined future meanwhile could only unregister
// what had been registered by then.
func (in inputs) leaveIfSettled() {
	if len(in) > 0 && in[0].of.settled() {
		in.leave()
	}
}

// leave unregisters the links that have not been fired, so that a long-lived future does not collect the links of
// what no longer waits for it.
func (in inputs) leave() {
	for i := range in {
		in[i].detach()
	}
}

func (in *input) userCode() bool   { return false }
func (in *input) fire() batch      { return in.of.arrive(in.index) }
func (in *input) fail(error) batch { return batch{} }

// mustHaveAll panics when one of fs is nil, naming which.
func mustHaveAll[T any](function string, fs []*Future[T]) {
	for i, f := range fs {
		if f == nil {
			panicNil(function, "future "+strconv.Itoa(i))
		}
	}
}

// executorOf returns where the continuations of a future made from fs run: where those of the first do.
func executorOf[T any](fs []*Future[T]) Executor {
	if len(fs) == 0 {
		return nil
	}
	return fs[0].ex
}
