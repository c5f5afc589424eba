package future

import "slices"

// Race takes over the outcome of the first of fs that is settled, whether that is a value or an error. Of several
// that are settled already, that is the first in the order of fs. The errors of the others count as seen.
//
// Race of nothing fails with [ErrNoFutures] at once (where JavaScript's would wait for ever). The inputs are never
// cancelled, but Race leaves no trace in those that lost.
//
// JavaScript: Promise.race.
func Race[T any](fs ...*Future[T]) *Future[T] {
	mustHaveAll("Race", fs)
	if len(fs) == 0 {
		return Rejected[T](ErrNoFutures)
	}
	r := &race[T]{f: &Future[T]{}, fs: slices.Clone(fs)}
	r.f.ex = executorOf(fs)
	r.f.aux = owner(r)
	r.in = gather(len(fs), r)
	waitAll(r.in, fs)
	return r.f
}

type race[T any] struct {
	f  *Future[T]
	fs []*Future[T]
	in inputs
}

func (r *race[T]) settled() bool { return r.f.isSettled() }
func (r *race[T]) abandon()      { r.in.leave() }

func (r *race[T]) arrive(i int) batch {
	b, first := r.f.settle(r.fs[i].value, r.fs[i].failure())
	if first {
		r.in.leave()
	}
	return b
}
