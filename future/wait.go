package future

import (
	"context"
	"iter"
	"slices"
	"sync"
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

// Sets is the result of [Wait]: its futures, each in one of the two, in the order in which they were given.
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
	if len(fs) == 0 {
		return Resolved(Sets[T]{})
	}
	w := &waiting[T]{f: &Future[Sets[T]]{}, fs: slices.Clone(fs), when: when}
	w.c.init(&w.f.cell, eachSettled, len(fs), w)
	w.f.cell.ex = fs[0].cell.ex
	for i, f := range fs {
		w.c.in[i].cell = &f.cell
		f.cell.registerUnseen(&w.c.in[i].link)
	}
	w.ready.Store(true)
	w.check().propagate(false)
	w.c.leaveIfSettled()
	return w.f
}

type waiting[T any] struct {
	c     combined
	f     *Future[Sets[T]]
	fs    []*Future[T]
	when  When
	met   atomic.Bool // by an input
	ready atomic.Bool // all inputs are registered: what is settled from the start belongs to Done together
}

func (w *waiting[T]) finish(i int) batch {
	f := &w.fs[i].cell
	last := w.c.pending.Add(-1) == 0
	failed := f.failure() != nil && f.hasValue() // not cancelled
	if last || w.when == FirstCompleted || w.when == FirstException && failed {
		w.met.Store(true)
	}
	return w.check()
}

// check settles the future if its condition is met. Both an input that meets it and the end of the registration come
// here; each sets its flag before it reads the other's, so one of them at least sees both.
func (w *waiting[T]) check() batch {
	if !w.met.Load() || !w.ready.Load() || w.f.cell.isSettled() {
		return batch{}
	}
	var sets Sets[T]
	for _, f := range w.fs {
		if f.cell.isSettled() {
			sets.Done = append(sets.Done, f)
		} else {
			sets.Pending = append(sets.Pending, f)
		}
	}
	b, first := settle(w.f, sets, nil)
	if first {
		w.c.leave()
	}
	return b
}

// AsCompleted is a loop over the outcomes of fs in the order in which they are settled. If ctx ends first, the last
// turn has the error of ctx. Leaving the loop leaves the futures as they are, unregistered.
//
//	for v, err := range future.AsCompleted(ctx, fs...) {
//
// To know which future an outcome came from, use [NewWaitIterator].
//
// asyncio: as_completed.
func AsCompleted[T any](ctx context.Context, fs ...*Future[T]) iter.Seq2[T, error] {
	mustHave(ctx != nil, "AsCompleted", "ctx")
	mustHaveAll("AsCompleted", fs)
	return func(yield func(T, error) bool) {
		it := NewWaitIterator(fs...)
		defer it.Close()
		for !it.Done() {
			next := it.Next()
			v, err := next.Await(ctx)
			done := next.IsDone()
			if done { // perhaps since Await gave up
				v, err = next.Result()
			}
			if !yield(v, err) || !done {
				return
			}
		}
	}
}

// WaitIterator gives the outcomes of its futures in the order in which they are settled, one [WaitIterator.Next] at
// a time, and tells which future each came from. K is the type of what CurrentIndex returns: an int for a list, the
// key for a map.
//
//	it := future.NewWaitIterator(a, b, c)
//	for !it.Done() {
//		v, err := it.Next().Await(ctx)
//		fmt.Println(it.CurrentIndex(), v, err)
//	}
//
// Tornado: gen.WaitIterator.
type WaitIterator[K comparable, T any] struct {
	c    combined
	fs   []*Future[T]
	keys []K

	mu       sync.Mutex
	finished []int        // settled and not given out
	left     int          // not given out, settled or not
	waiting  []*Future[T] // handed out and pending, oldest first
	current  int          // -1: none
	closed   bool
}

// NewWaitIterator returns an iterator over fs, whose outcomes count as seen. CurrentIndex is the place in fs.
func NewWaitIterator[T any](fs ...*Future[T]) *WaitIterator[int, T] {
	mustHaveAll("NewWaitIterator", fs)
	keys := make([]int, len(fs))
	for i := range keys {
		keys[i] = i
	}
	return newWaitIterator(keys, slices.Clone(fs))
}

// NewWaitIteratorMap returns an iterator over the values of fs. CurrentIndex is the key in fs.
func NewWaitIteratorMap[K comparable, T any](fs map[K]*Future[T]) *WaitIterator[K, T] {
	keys := make([]K, 0, len(fs))
	list := make([]*Future[T], 0, len(fs))
	for k, f := range fs {
		mustHave(f != nil, "NewWaitIteratorMap", "a future in fs")
		keys, list = append(keys, k), append(list, f)
	}
	return newWaitIterator(keys, list)
}

func newWaitIterator[K comparable, T any](keys []K, fs []*Future[T]) *WaitIterator[K, T] {
	it := &WaitIterator[K, T]{fs: fs, keys: keys, left: len(fs), current: -1}
	it.c.init(nil, eachSettled, len(fs), (*iteration[K, T])(it))
	waitAll(&it.c, fs)
	return it
}

// Done reports whether Next has nothing more to give.
func (it *WaitIterator[K, T]) Done() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.left <= len(it.waiting)
}

// Next returns a future of the next outcome. Several may be pending; outcomes go to them in their order. One that is
// cancelled takes no outcome along. After the last outcome, Next fails with [ErrNoMore].
func (it *WaitIterator[K, T]) Next() *Future[T] {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.left <= len(it.waiting) {
		return Rejected[T](ErrNoMore)
	}
	n := &Future[T]{}
	n.cell.ex = it.fs[0].cell.ex
	if len(it.finished) > 0 {
		f := it.fs[it.finished[0]]
		it.current, it.finished = it.finished[0], it.finished[1:]
		it.left--
		var err error
		if n.value, err = outcome(f); err != nil {
			n.cell.aux = err
		}
		n.cell.state.Store(settled | observed) // f's error was seen when f was given to the iterator
		return n
	}
	n.cell.aux = owner(&pendingNext[K, T]{it, n})
	it.waiting = append(it.waiting, n)
	return n
}

// pendingNext takes a cancelled result off the iterator's list.
type pendingNext[K comparable, T any] struct {
	it *WaitIterator[K, T]
	n  *Future[T]
}

func (p *pendingNext[K, T]) abandon() {
	p.it.mu.Lock()
	defer p.it.mu.Unlock()
	if i := slices.Index(p.it.waiting, p.n); i >= 0 {
		p.it.waiting = slices.Delete(p.it.waiting, i, i+1)
	}
}

// CurrentIndex returns the index, or key, of the future whose outcome was given out last, or the zero K.
func (it *WaitIterator[K, T]) CurrentIndex() (k K) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.current >= 0 {
		k = it.keys[it.current]
	}
	return k
}

// CurrentFuture returns the future whose outcome was given out last, or nil.
func (it *WaitIterator[K, T]) CurrentFuture() *Future[T] {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.current < 0 {
		return nil
	}
	return it.fs[it.current]
}

// Close ends the iteration: the futures that are pending no longer refer to the iterator, Done is true, and what
// Next has returned and is pending is cancelled.
func (it *WaitIterator[K, T]) Close() {
	it.mu.Lock()
	waiting := it.waiting
	it.closed, it.left, it.waiting, it.finished = true, 0, nil, nil
	it.mu.Unlock()
	it.c.leave()
	for _, n := range waiting {
		n.Cancel()
	}
}

// iteration is a WaitIterator as the finisher of its inputs.
type iteration[K comparable, T any] WaitIterator[K, T]

func (it *iteration[K, T]) finish(i int) batch {
	v, err := outcome(it.fs[i])
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.closed {
		return batch{}
	}
	for len(it.waiting) > 0 {
		n := it.waiting[0]
		it.waiting = it.waiting[1:]
		// A result that is being cancelled at this moment, but is still on the list, does not take it.
		was := it.current
		it.current = i // before the future is settled: who awaits it asks for the index next
		it.left--
		if b, ok := settle(n, v, err); ok {
			return b
		}
		it.current = was
		it.left++
	}
	it.finished = append(it.finished, i)
	return batch{}
}
