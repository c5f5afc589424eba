package future

import (
	"slices"
	"sync/atomic"
)

// Outcome is how a future ended.
type Outcome[T any] struct {
	Value T
	Err   error
}

// AllSettled resolves to the outcomes of fs, in the order of fs, once the last of them is settled. It never fails.
//
// AllSettled of nothing is resolved with an empty slice at once. The inputs are never cancelled.
//
// JavaScript: Promise.allSettled. asyncio: gather(return_exceptions=True).
func AllSettled[T any](fs ...*Future[T]) *Future[[]Outcome[T]] {
	mustHaveAll("AllSettled", fs)
	return afterAll(fs, func(fs []*Future[T]) ([]Outcome[T], error) {
		outcomes := make([]Outcome[T], len(fs))
		for i, f := range fs {
			outcomes[i] = Outcome[T]{f.value, f.failure()}
		}
		return outcomes, nil
	})
}

// afterAll returns the future of finish(fs), called once all of fs are settled. finish must not be user code.
func afterAll[T, U any](fs []*Future[T], finish func([]*Future[T]) (U, error)) *Future[U] {
	a := &after[T, U]{f: &Future[U]{}, fs: slices.Clone(fs), finish: finish}
	a.f.ex = executorOf(fs)
	a.f.aux = owner(a)
	a.pending.Store(int64(len(fs)) + 1)
	a.in = gather(len(fs), a)
	waitAll(a.in, fs)
	a.arrive(-1).spread(false) // for there may be no other
	return a.f
}

type after[T, U any] struct {
	f       *Future[U]
	fs      []*Future[T]
	in      inputs
	finish  func([]*Future[T]) (U, error)
	pending atomic.Int64
}

func (a *after[T, U]) settled() bool { return a.f.isSettled() }
func (a *after[T, U]) abandon()      { a.in.leave() }

func (a *after[T, U]) arrive(int) batch {
	if a.pending.Add(-1) > 0 || a.f.isSettled() {
		return batch{}
	}
	u, err := a.finish(a.fs)
	b, _ := a.f.settle(u, err)
	return b
}
