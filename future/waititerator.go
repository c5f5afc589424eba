package future

import "sync"

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
	fs   []*Future[T]
	keys []K
	in   inputs

	mu       sync.Mutex
	finished []int            // settled and not given out
	left     int              // not given out, settled or not
	waiting  []*nextResult[T] // handed out and pending, oldest first
	current  int              // -1: none
	closed   bool
}

// nextResult is a future that Next returned.
type nextResult[T any] struct{ Future[T] }

// NewWaitIterator returns an iterator over fs, whose outcomes count as seen. CurrentIndex is the place in fs.
func NewWaitIterator[T any](fs ...*Future[T]) *WaitIterator[int, T] {
	mustHaveAll("NewWaitIterator", fs)
	keys := make([]int, len(fs))
	for i := range keys {
		keys[i] = i
	}
	return newWaitIterator(keys, append([]*Future[T](nil), fs...))
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
	it.in = gather(len(fs), it)
	waitAll(it.in, fs)
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
	switch {
	case it.left <= len(it.waiting):
		return Rejected[T](ErrNoMore)
	case len(it.finished) > 0:
		f := it.fs[it.finished[0]]
		it.current, it.finished = it.finished[0], it.finished[1:]
		it.left--
		n := &Future[T]{value: f.value, core: core{aux: f.failure(), ex: executorOf(it.fs)}}
		n.state.Store(settled | observed) // f's error was seen when f was given to the iterator
		return n
	}
	n := &nextResult[T]{}
	n.ex = executorOf(it.fs)
	n.aux = owner(&abandonedNext[K, T]{it, n})
	it.waiting = append(it.waiting, n)
	return &n.Future
}

// abandonedNext takes a cancelled result off the iterator's list.
type abandonedNext[K comparable, T any] struct {
	it *WaitIterator[K, T]
	n  *nextResult[T]
}

func (a *abandonedNext[K, T]) abandon() {
	a.it.mu.Lock()
	defer a.it.mu.Unlock()
	for i, n := range a.it.waiting {
		if n == a.n {
			a.it.waiting = append(a.it.waiting[:i], a.it.waiting[i+1:]...)
			return
		}
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
	it.in.leave()
	for _, n := range waiting {
		n.Cancel()
	}
}

// settled implements combination.
func (it *WaitIterator[K, T]) settled() bool { return false }

// arrive implements combination.
func (it *WaitIterator[K, T]) arrive(i int) batch {
	f := it.fs[i]
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
		if b, ok := n.settle(f.value, f.failure()); ok {
			return b
		}
		it.current = was
		it.left++
	}
	it.finished = append(it.finished, i)
	return batch{}
}
