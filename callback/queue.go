package callback

import (
	"container/heap"
	"iter"
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
)

// Queue passes items from coroutines and callbacks that make them to others that use them, first in, first out;
// those who wait, on either side, are served in the order in which they came. tornado.queues.Queue. Safe from any
// goroutine: others than the loop's may feed it.
type Queue[T any] struct {
	loop *Loop
	max  int

	mu         sync.Mutex
	items      store[T]
	getters    waiters[T, none]
	putters    waiters[none, T]
	joiners    waiters[none, none]
	unfinished int // items put and not yet reported by TaskDone
}

// store is the order of a queue.
type store[T any] interface {
	push(item T)
	pop() T // of a store that is not empty
	len() int
}

// NewQueue returns a queue with room for max items; 0 stands for any number. It panics if max is negative.
// Callbacks on its futures run on loop.
func NewQueue[T any](loop *Loop, max int) *Queue[T] {
	q := new(Queue[T])
	q.init(loop, max, new(fifo[T]))
	return q
}

func (q *Queue[T]) init(loop *Loop, max int, items store[T]) {
	mustHave(loop != nil, "NewQueue", "loop")
	if max < 0 {
		panic("callback: NewQueue: a negative size")
	}
	q.loop, q.max, q.items = loop, max, items
	q.getters = waiters[T, none]{loop: loop, mu: &q.mu}
	q.putters = waiters[none, T]{loop: loop, mu: &q.mu}
	q.joiners = waiters[none, none]{loop: loop, mu: &q.mu}
}

// MaxSize returns for how many items there is room; 0 stands for any number.
func (q *Queue[T]) MaxSize() int { return q.max }

// QSize returns how many items are in the queue.
func (q *Queue[T]) QSize() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.items.len()
}

// Empty reports whether there is nothing to get.
func (q *Queue[T]) Empty() bool { return q.QSize() == 0 }

// Full reports whether there is no room.
func (q *Queue[T]) Full() bool { return q.max > 0 && q.QSize() >= q.max }

// Put returns a future that resolves once item is in the queue: at once while there is room. With a timeout, it
// fails after that with [future.ErrTimeout]; then, and if the future is cancelled, item is not put.
func (q *Queue[T]) Put(item T, timeout ...time.Duration) *future.Future[struct{}] {
	if ok, w := q.put(item, true); !ok {
		return w.wait(timeout, timedOut[none, T])
	}
	return resolvedOn(q.loop, none{})
}

// PutNowait puts item, or returns [ErrQueueFull].
func (q *Queue[T]) PutNowait(item T) error {
	if ok, _ := q.put(item, false); !ok {
		return ErrQueueFull
	}
	return nil
}

// Get returns a future that resolves to the next item, once there is one. With a timeout, it fails after that with
// [future.ErrTimeout]. Who no longer wants an item has to cancel the future; if Cancel returns false, it has one.
func (q *Queue[T]) Get(timeout ...time.Duration) *future.Future[T] {
	item, ok, w := q.get(true)
	if ok {
		return resolvedOn(q.loop, item)
	}
	return w.wait(timeout, timedOut[T, none])
}

// GetNowait returns the next item, or [ErrQueueEmpty].
func (q *Queue[T]) GetNowait() (T, error) {
	item, ok, _ := q.get(false)
	if !ok {
		return item, ErrQueueEmpty
	}
	return item, nil
}

// All returns the items as they come, for a coroutine to range over. It never ends by itself: the last pair is the
// error for which co has ended. Python: async for item in queue.
func (q *Queue[T]) All(co *Co) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			item, err := q.Get().Await(co)
			if !yield(item, err) || err != nil {
				return
			}
		}
	}
}

// TaskDone says that the work on one item that was got is done. It panics with [ErrTaskDone] if it is called more
// often than there were items.
func (q *Queue[T]) TaskDone() {
	q.mu.Lock()
	if q.unfinished == 0 {
		q.mu.Unlock()
		panic(ErrTaskDone)
	}
	q.unfinished--
	var joiners []*waiter[none, none]
	if q.unfinished == 0 {
		joiners = q.joiners.takeAll()
	}
	q.mu.Unlock()
	for _, w := range joiners {
		w.promise.Resolve(none{})
	}
}

// Join returns a future that resolves once TaskDone was called for every item that was put. With a timeout, it
// fails after that with [future.ErrTimeout].
func (q *Queue[T]) Join(timeout ...time.Duration) *future.Future[struct{}] {
	q.mu.Lock()
	if q.unfinished == 0 {
		q.mu.Unlock()
		return resolvedOn(q.loop, none{})
	}
	w := q.joiners.add(none{})
	q.mu.Unlock()
	return w.wait(timeout, timedOut[none, none])
}

// put puts item if somebody waits for one or there is room, and otherwise, if wait is set, queues a putter.
func (q *Queue[T]) put(item T, wait bool) (ok bool, w *waiter[none, T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Counted before it is handed over: whoever gets it may be done with it before this function goes on.
	q.unfinished++
	// Getters wait only while the queue is empty. One that is cancelled between take and Resolve does not get the
	// item, the next one does.
	for g := q.getters.take(); g != nil; g = q.getters.take() {
		q.mu.Unlock()
		served := g.promise.Resolve(item)
		q.mu.Lock()
		if served {
			return true, nil
		}
	}
	if q.max == 0 || q.items.len() < q.max {
		q.items.push(item)
		return true, nil
	}
	// This does not end a Join: there are items in the queue that are not done.
	q.unfinished--
	if wait {
		w = q.putters.add(item)
	}
	return false, w
}

// get takes the next item if there is one, and otherwise, if wait is set, queues a getter.
func (q *Queue[T]) get(wait bool) (item T, ok bool, w *waiter[T, none]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Putters wait only while the queue is full. The first one's item goes in, which makes one too many for a
	// moment, and then the first item comes out. A putter's future says first that its item is in: if that one is
	// cancelled in between, the item must not be.
	for p := q.putters.take(); p != nil; p = q.putters.take() {
		q.unfinished++
		q.mu.Unlock()
		accepted := p.promise.Resolve(none{})
		if !accepted {
			q.TaskDone()
		}
		q.mu.Lock()
		if accepted {
			q.items.push(p.brought)
			break
		}
	}
	if q.items.len() > 0 {
		return q.items.pop(), true, nil
	}
	if wait {
		w = q.getters.add(none{})
	}
	return item, false, w
}

// fifo is the store of a [Queue]: a ring that grows.
type fifo[T any] struct {
	ring  []T
	first int
	n     int
}

func (s *fifo[T]) len() int { return s.n }

func (s *fifo[T]) push(item T) {
	if s.n == len(s.ring) {
		grown := make([]T, max(8, 2*s.n))
		copied := copy(grown, s.ring[s.first:])
		copy(grown[copied:], s.ring[:s.first])
		s.ring, s.first = grown, 0
	}
	s.ring[(s.first+s.n)%len(s.ring)] = item
	s.n++
}

func (s *fifo[T]) pop() T {
	var zero T
	item := s.ring[s.first]
	s.ring[s.first] = zero
	s.first = (s.first + 1) % len(s.ring)
	s.n--
	if s.n == 0 && len(s.ring) > 1024 {
		s.ring, s.first = nil, 0 // a burst's memory goes back
	}
	return item
}

// LifoQueue is a [Queue] whose last item comes out first. tornado.queues.LifoQueue.
type LifoQueue[T any] struct{ Queue[T] }

// NewLifoQueue is [NewQueue] for a LifoQueue.
func NewLifoQueue[T any](loop *Loop, max int) *LifoQueue[T] {
	q := new(LifoQueue[T])
	q.init(loop, max, new(lifo[T]))
	return q
}

type lifo[T any] []T

func (s *lifo[T]) len() int    { return len(*s) }
func (s *lifo[T]) push(item T) { *s = append(*s, item) }

func (s *lifo[T]) pop() T {
	var zero T
	last := len(*s) - 1
	item := (*s)[last]
	(*s)[last] = zero
	*s = (*s)[:last]
	return item
}

// PriorityQueue is a [Queue] whose least item comes out first; of equal ones, the one that was put first.
// tornado.queues.PriorityQueue.
type PriorityQueue[T any] struct{ Queue[T] }

// NewPriorityQueue is [NewQueue] for a PriorityQueue. compare is negative if a comes out before b, as that of
// [slices.SortFunc] and [cmp.Compare].
func NewPriorityQueue[T any](loop *Loop, max int, compare func(a, b T) int) *PriorityQueue[T] {
	mustHave(compare != nil, "NewPriorityQueue", "compare")
	q := new(PriorityQueue[T])
	q.init(loop, max, &byPriority[T]{heap: priorityHeap[T]{compare: compare}})
	return q
}

type byPriority[T any] struct {
	heap priorityHeap[T]
	seq  uint64
}

func (s *byPriority[T]) len() int { return s.heap.Len() }

func (s *byPriority[T]) push(item T) {
	s.seq++
	heap.Push(&s.heap, prioritized[T]{item, s.seq})
}

func (s *byPriority[T]) pop() T { return heap.Pop(&s.heap).(prioritized[T]).item }

type prioritized[T any] struct {
	item T
	seq  uint64
}

type priorityHeap[T any] struct {
	compare func(a, b T) int
	items   []prioritized[T]
}

func (h *priorityHeap[T]) Len() int { return len(h.items) }

func (h *priorityHeap[T]) Less(i, j int) bool {
	a, b := h.items[i], h.items[j]
	c := h.compare(a.item, b.item)
	return c < 0 || c == 0 && a.seq < b.seq
}

func (h *priorityHeap[T]) Swap(i, j int) { h.items[i], h.items[j] = h.items[j], h.items[i] }
func (h *priorityHeap[T]) Push(x any)    { h.items = append(h.items, x.(prioritized[T])) }

func (h *priorityHeap[T]) Pop() any {
	last := len(h.items) - 1
	x := h.items[last]
	h.items[last] = prioritized[T]{}
	h.items = h.items[:last]
	return x
}
