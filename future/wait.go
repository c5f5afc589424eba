package future

import (
	"context"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// When says what [Wait] waits for.
type When int

const (
	// FirstCompleted waits until one of the futures is settled.
	FirstCompleted When = iota
	// FirstException waits until one of the futures has failed, or all are settled. A cancelled future does not count
	// as failed.
	FirstException
	// AllCompleted waits until all futures are settled.
	AllCompleted
)

// Sets is the result of [Wait] for futures with values of type T. Each future is in one of the two, in the order of the arguments.
type Sets[T any] struct {
	Done, Pending []*Future[T]
}

// Wait waits for the condition when, and returns a future of the sets of settled and pending futures. It does not fail if
// one of fs fails: errors stay with the futures and do not count as observed. The inputs are never cancelled.
//
// Wait without futures is resolved with empty sets at once. If when is unknown, the future fails with
// [ErrInvalidOption].
//
// asyncio: wait, with FIRST_COMPLETED, FIRST_EXCEPTION and ALL_COMPLETED.
func Wait[T any](when When, fs ...*Future[T]) *Future[Sets[T]] {
	mustHaveAll("Wait", fs)
	return newWaiting(when, fs).f
}

// WaitTimeout is [Wait] that waits at most for d. The result is then the sets at that time: the end of the time is not an
// error.
//
// asyncio: wait with a timeout.
func WaitTimeout[T any](d time.Duration, when When, fs ...*Future[T]) *Future[Sets[T]] {
	mustHaveAll("WaitTimeout", fs)
	w := newWaiting(when, fs)
	switch {
	case w.f.IsDone():
	case d <= 0:
		w.expire()
	default:
		w.f.cell.notify(new(Registration), timerStop{time.AfterFunc(d, w.expire)})
	}
	return w.f
}

// timerStop is a Waker that stops a timer.
type timerStop struct{ t *time.Timer }

func (s timerStop) Wake() { s.t.Stop() }

func newWaiting[T any](when When, fs []*Future[T]) *waiting[T] {
	w := &waiting[T]{f: &Future[Sets[T]]{}, fs: slices.Clone(fs), when: when}
	if when < FirstCompleted || when > AllCompleted {
		w.f = Rejected[Sets[T]](ErrInvalidOption)
		return w
	}
	if len(fs) == 0 {
		w.f = Resolved(Sets[T]{})
		return w
	}
	w.c.init(&w.f.cell, eachSettled, len(fs), w)
	w.f.cell.ex = fs[0].cell.ex
	for i, f := range fs {
		w.c.in[i].cell = &f.cell
		f.cell.registerUnseen(&w.c.in[i].link)
	}
	w.ready.Store(true)
	w.check().propagate(false)
	w.c.leaveIfSettled()
	return w
}

type waiting[T any] struct {
	c     combined
	f     *Future[Sets[T]]
	fs    []*Future[T]
	when  When
	met   atomic.Bool // an input has met the condition
	ready atomic.Bool // all inputs are registered, so that Done has all that were settled at the call
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

// expire is called when the time is over.
func (w *waiting[T]) expire() {
	w.met.Store(true)
	w.check().propagate(false)
}

// check settles the future if its condition is met. It is called by an input that meets the condition and at the end of the
// registration. Each sets its flag before it reads the other one, so at least one of the two calls sees both.
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

// AsCompleted returns an iterator over the outcomes of fs in the order in which they settle. If ctx ends first, the last
// iteration has the error of ctx. Leaving the loop unregisters from the futures and does not cancel them.
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
			if done { // it may have settled after Await gave up
				v, err = next.Result()
			}
			if !yield(v, err) || !done {
				return
			}
		}
	}
}

// WaitIterator returns the outcomes of its futures in the order in which they settle, one for each call of
// [WaitIterator.Next]. CurrentIndex and CurrentFuture tell which future an outcome came from. K is the type of the index:
// int for a list, the type of the key for a map. T is the type of the values.
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
	finished []int        // settled and not yet returned by Next
	left     int          // not yet returned by Next, settled or not
	waiting  []*Future[T] // returned by Next and pending, oldest first
	current  int          // -1: none
	closed   bool
}

// NewWaitIterator returns an iterator over fs, whose outcomes count as observed. CurrentIndex is the index in fs.
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

// Done reports whether Next has returned all outcomes.
func (it *WaitIterator[K, T]) Done() bool {
	it.mu.Lock()
	defer it.mu.Unlock()
	return it.left <= len(it.waiting)
}

// Next returns a future of the next outcome. Several such futures may be pending; they get the outcomes in the order of
// the calls. Cancelling one does not lose an outcome. After the last outcome, the future fails with [ErrNoMore].
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
		n.cell.state.init(settled | observed) // f has counted as observed since the iterator was made
		return n
	}
	n.cell.aux = owner(&pendingNext[K, T]{it, n})
	it.waiting = append(it.waiting, n)
	return n
}

// pendingNext removes a cancelled future of Next from the iterator's list.
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

// CurrentIndex returns the index, or key, of the future whose outcome was returned last, or the zero K.
func (it *WaitIterator[K, T]) CurrentIndex() (k K) {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.current >= 0 {
		k = it.keys[it.current]
	}
	return k
}

// CurrentFuture returns the future whose outcome was returned last, or nil.
func (it *WaitIterator[K, T]) CurrentFuture() *Future[T] {
	it.mu.Lock()
	defer it.mu.Unlock()
	if it.current < 0 {
		return nil
	}
	return it.fs[it.current]
}

// Close ends the iteration. It unregisters from the input futures, cancels the pending futures that Next has returned, and
// makes Done return true.
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

// iteration implements finisher for a WaitIterator.
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
		// n may have just been cancelled and still be on the list. Then the next one gets the outcome.
		was := it.current
		it.current = i // before n settles, since its caller then reads the index
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
