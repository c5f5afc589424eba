package future

import (
	"slices"
	"sync/atomic"
)

// When says what [Wait] waits for.
type When int

const (
	// FirstCompleted is when one of the futures is settled.
	FirstCompleted When = iota
	// FirstException is when one of the futures has failed, or all are settled. A cancelled future does not count
	// as failed.
	FirstException
	// AllCompleted is when all are settled.
	AllCompleted
)

// Sets is what [Wait] resolves to: its futures, each in one of the two, in the order in which they were given.
type Sets[T any] struct {
	Done, Pending []*Future[T]
}

// Wait waits until fs are settled as far as when says, and resolves to those that are and those that are not. It
// never fails: errors stay with the futures, and do not count as seen. The inputs are never cancelled.
//
// Wait for nothing is resolved with empty sets at once. An unknown when is [ErrInvalidOption].
//
// asyncio: wait, with FIRST_COMPLETED, FIRST_EXCEPTION and ALL_COMPLETED.
func Wait[T any](when When, fs ...*Future[T]) *Future[Sets[T]] {
	mustHaveAll("Wait", fs)
	if when < FirstCompleted || when > AllCompleted {
		return Rejected[Sets[T]](ErrInvalidOption)
	}
	w := &waiting[T]{f: &Future[Sets[T]]{}, fs: slices.Clone(fs), when: when}
	if len(fs) == 0 {
		return Resolved(Sets[T]{})
	}
	w.f.ex = executorOf(fs)
	w.f.aux = owner(w)
	w.pending.Store(int64(len(fs)))
	w.in = gather(len(fs), w)
	for i, f := range fs {
		f.registerUnseen(&w.in[i].link)
	}
	w.ready.Store(true)
	w.check().spread(false)
	w.in.leaveIfSettled()
	return w.f
}

type waiting[T any] struct {
	f       *Future[Sets[T]]
	fs      []*Future[T]
	in      inputs
	when    When
	pending atomic.Int64
	met     atomic.Bool // by an input
	ready   atomic.Bool // all inputs are registered: what is settled from the start belongs to Done together
}

func (w *waiting[T]) settled() bool { return w.f.isSettled() }
func (w *waiting[T]) abandon()      { w.in.leave() }

func (w *waiting[T]) arrive(i int) batch {
	f := w.fs[i]
	last := w.pending.Add(-1) == 0
	failed := f.failure() != nil && !f.Cancelled()
	if last || w.when == FirstCompleted || w.when == FirstException && failed {
		w.met.Store(true)
	}
	return w.check()
}

// check settles the future if its condition is met. Both an input that meets it and the end of the registration come
// here; each sets its flag before it reads the other's, so one of them at least sees both.
func (w *waiting[T]) check() batch {
	if !w.met.Load() || !w.ready.Load() || w.f.isSettled() {
		return batch{}
	}
	var sets Sets[T]
	for _, f := range w.fs {
		if f.isSettled() {
			sets.Done = append(sets.Done, f)
		} else {
			sets.Pending = append(sets.Pending, f)
		}
	}
	b, first := w.f.settle(sets, nil)
	if first {
		w.in.leave()
	}
	return b
}
