package future

import (
	"slices"
	"sync/atomic"
)

// All resolves to the values of fs, in the order of fs, once the last of them is there. The first that fails fails
// it at once, with that error; the errors of the others count as seen.
//
// All of nothing is resolved with an empty slice at once. The inputs are never cancelled: they go on, whether All
// fails or is cancelled. For the first error by order and a report of the others, see [Multi].
//
// JavaScript: Promise.all. asyncio: gather, which would cancel its inputs.
func All[T any](fs ...*Future[T]) *Future[[]T] {
	mustHaveAll("All", fs)
	if len(fs) == 0 {
		return Resolved([]T{})
	}
	a := &all[T]{f: &Future[[]T]{}, fs: slices.Clone(fs)}
	a.f.ex = executorOf(fs)
	a.f.aux = owner(a)
	a.pending.Store(int64(len(fs)))
	a.in = gather(len(fs), a)
	waitAll(a.in, fs)
	return a.f
}

type all[T any] struct {
	f       *Future[[]T]
	fs      []*Future[T]
	in      inputs
	pending atomic.Int64
}

func (a *all[T]) settled() bool { return a.f.isSettled() }
func (a *all[T]) abandon()      { a.in.leave() }

func (a *all[T]) arrive(i int) batch {
	if err := a.fs[i].failure(); err != nil {
		b, first := a.f.settle(nil, err)
		if first {
			a.in.leave()
		}
		return b
	}
	if a.pending.Add(-1) > 0 {
		return batch{}
	}
	b, _ := a.f.settle(valuesOf(a.fs), nil)
	return b
}

// valuesOf returns the values of fs, all of which are settled.
func valuesOf[T any](fs []*Future[T]) []T {
	vs := make([]T, len(fs))
	for i, f := range fs {
		vs[i] = f.value
	}
	return vs
}
