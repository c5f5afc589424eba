package callback

import (
	"fmt"
	"iter"
	"math/bits"
	"sync"
	"time"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/ring"
	"github.com/gomotor/gomotor/internal/usercode"
)

// Queue passes items of type T between coroutines and callbacks, first in, first out. Waits of Put and Get are served in the order
// in which they began. tornado.queues.Queue. Safe from any goroutine.
//
// When the loop is closed, pending waits fail with [ErrLoopClosed], and so do later ones that would have to wait. Get still
// returns items that are in the queue.
type Queue[T any] struct {
	queue
	items store[T]
	check func(item T) error // returns the error for which Push would panic; nil: there is none
}

// queue is the part of a [Queue] that does not depend on the type of its items.
type queue struct {
	_    [0]func() // no comparison has to be compiled for every type of items
	loop *Loop
	max  int

	mu         sync.Mutex
	length     int      // of items
	getters    waitList // of *wait[T]
	putters    waitList // of *putWait[T]
	joiners    waitList // of *wait[none]
	unfinished int      // items put and not yet reported by TaskDone
}

// store is the order of a queue: a [ring.Ring] for first in, first out.
type store[T any] interface {
	Push(item T)
	Pop() T // of a store that is not empty
}

// putWait is a wait for room for an item.
type putWait[T any] struct {
	waiter  waiter
	promise *future.Promise[none]
	item    T
}

// NewQueue returns a queue with room for max items; 0 stands for any number. It panics if max is negative.
// Callbacks on its futures run on loop.
func NewQueue[T any](loop *Loop, max int) *Queue[T] {
	q := &Queue[T]{items: new(ring.Ring[T])}
	q.queue.init(loop, max)
	return q
}

func (q *queue) init(loop *Loop, max int) {
	mustHave(loop != nil, "NewQueue", "loop")
	if max < 0 {
		panic(fmt.Sprintf("callback: NewQueue: size %d must not be negative", max))
	}
	q.loop, q.max = loop, max
	q.getters = waitList{loop: loop, mu: &q.mu}
	q.putters = waitList{loop: loop, mu: &q.mu}
	q.joiners = waitList{loop: loop, mu: &q.mu}
}

// MaxSize returns the maximum number of items; 0 means no limit.
func (q *queue) MaxSize() int { return q.max }

// QSize returns how many items are in the queue.
func (q *queue) QSize() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.length
}

// Empty reports whether there is nothing to get.
func (q *queue) Empty() bool { return q.QSize() == 0 }

// Full reports whether there is no room.
func (q *queue) Full() bool { return q.max > 0 && q.QSize() >= q.max }

// Put returns a future that resolves once item is in the queue: at once while there is room. With a timeout, it
// fails after that with [future.ErrTimeout]. If it fails or is cancelled, item is not put.
func (q *Queue[T]) Put(item T, timeout ...time.Duration) *future.Future[struct{}] {
	limit := limitOf(timeout)
	ok, w := q.put(item, true)
	if ok {
		return future.ResolvedOn(q.loop, none{})
	}
	f := w.promise.Future()
	w.waiter.start(f, limit, nil)
	return f
}

// PutNowait puts item, or returns [ErrQueueFull].
func (q *Queue[T]) PutNowait(item T) error {
	if ok, _ := q.put(item, false); !ok {
		return ErrQueueFull
	}
	return nil
}

// Get returns a future that resolves to the next item, once there is one. With a timeout, it fails after that with
// [future.ErrTimeout]. An Await that ends early gives up its place: the item goes to the next wait, or stays in the queue.
// Code that uses the future without Await and no longer wants an item must cancel the future. If Cancel returns false, the
// future has got an item or has failed.
func (q *Queue[T]) Get(timeout ...time.Duration) *future.Future[T] {
	limit := limitOf(timeout)
	item, ok, w := q.get(true)
	if ok {
		return future.ResolvedOn(q.loop, item)
	}
	f := w.promise.Future()
	w.waiter.start(f, limit, nil)
	return f
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

// put puts item if there is a wait for one, or room. Otherwise, if mayWait is set, it adds a wait for room.
func (q *Queue[T]) put(item T, mayWait bool) (ok bool, w *putWait[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// Counted before the item is delivered, since the receiver may call TaskDone before this function continues.
	q.unfinished++
	// There are getters only while the queue is empty. One that is cancelled between shift and Resolve does not get
	// the item; the next one does.
	for g := q.shiftGetter(); g != nil; g = q.shiftGetter() {
		q.mu.Unlock()
		served := g.promise.Resolve(item)
		q.mu.Lock()
		if served {
			return true, nil
		}
	}
	// The item is not in yet, and Push may panic. This cannot end a Join: a full queue has unfinished items, and so has one
	// whose Push panics, because it has compared them.
	q.unfinished--
	if q.max == 0 || q.length < q.max {
		q.items.Push(item)
		q.length++
		q.unfinished++
		return true, nil
	}
	if mayWait {
		w = &putWait[T]{promise: future.NewPromiseCancelledOnGiveUp[none](q.loop), item: item}
		q.putters.add(&w.waiter, w.promise, w)
	}
	return false, w
}

func (q *Queue[T]) shiftGetter() *wait[T] {
	g, _ := q.getters.shift().(*wait[T])
	return g
}

// get takes the next item if there is one. Otherwise, if mayWait is set, it adds a wait for one.
func (q *Queue[T]) get(mayWait bool) (item T, ok bool, w *wait[T]) {
	q.mu.Lock()
	defer q.mu.Unlock()
	// There are putters only while the queue is full. The item of the first goes in, which makes one too many for a
	// moment, and then the first item comes out. The future of the Put says first that its item is in: if that one has
	// been cancelled in between, the item must not go in.
	for p := q.shiftPutter(); p != nil; p = q.shiftPutter() {
		if bad := q.refused(p.item); bad != nil {
			q.mu.Unlock()
			p.promise.Reject(bad)
			q.mu.Lock()
			continue
		}
		q.unfinished++
		q.mu.Unlock()
		accepted := p.promise.Resolve(none{})
		if !accepted {
			q.TaskDone()
		}
		q.mu.Lock()
		if accepted {
			q.items.Push(p.item)
			q.length++
			break
		}
	}
	if q.length > 0 {
		item = q.items.Pop()
		q.length--
		return item, true, nil
	}
	if mayWait {
		w = newWait[T](&q.getters)
	}
	return item, false, w
}

// refused returns the error for which an item cannot be put, or nil.
func (q *Queue[T]) refused(item T) error {
	if q.check == nil {
		return nil
	}
	return q.check(item)
}

func (q *Queue[T]) shiftPutter() *putWait[T] {
	p, _ := q.putters.shift().(*putWait[T])
	return p
}

// TaskDone marks one item of Get as done. It panics with [ErrTaskDone] if it is called more often than items were put.
func (q *queue) TaskDone() {
	q.mu.Lock()
	if q.unfinished == 0 {
		q.mu.Unlock()
		panic(ErrTaskDone)
	}
	q.unfinished--
	var joiners []any
	if q.unfinished == 0 {
		joiners = q.joiners.shiftAll()
	}
	q.mu.Unlock()
	for _, w := range joiners {
		w.(*wait[none]).promise.Resolve(none{})
	}
}

// Join returns a future that resolves once TaskDone was called for every item that was put. With a timeout, it
// fails after that with [future.ErrTimeout].
func (q *queue) Join(timeout ...time.Duration) *future.Future[struct{}] {
	limit := limitOf(timeout)
	q.mu.Lock()
	if q.unfinished == 0 {
		q.mu.Unlock()
		return future.ResolvedOn(q.loop, none{})
	}
	w := newWait[none](&q.joiners)
	q.mu.Unlock()
	f := w.promise.Future()
	w.waiter.start(f, limit, nil)
	return f
}

// LifoQueue is a [Queue] of items of type T whose last item comes out first. tornado.queues.LifoQueue.
type LifoQueue[T any] struct{ Queue[T] }

// NewLifoQueue is [NewQueue] for a LifoQueue.
func NewLifoQueue[T any](loop *Loop, max int) *LifoQueue[T] {
	q := &LifoQueue[T]{Queue[T]{items: new(lifo[T])}}
	q.queue.init(loop, max)
	return q
}

// Put is [Queue.Put].
func (q *LifoQueue[T]) Put(item T, timeout ...time.Duration) *future.Future[struct{}] {
	return q.Queue.Put(item, timeout...)
}

// PutNowait is [Queue.PutNowait].
func (q *LifoQueue[T]) PutNowait(item T) error { return q.Queue.PutNowait(item) }

// Get is [Queue.Get].
func (q *LifoQueue[T]) Get(timeout ...time.Duration) *future.Future[T] {
	return q.Queue.Get(timeout...)
}

// GetNowait is [Queue.GetNowait].
func (q *LifoQueue[T]) GetNowait() (T, error) { return q.Queue.GetNowait() }

// All is [Queue.All].
func (q *LifoQueue[T]) All(co *Co) iter.Seq2[T, error] { return q.Queue.All(co) }

type lifo[T any] []T

func (s *lifo[T]) Push(item T) { *s = append(*s, item) }

func (s *lifo[T]) Pop() T {
	var zero T
	last := len(*s) - 1
	item := (*s)[last]
	(*s)[last] = zero
	*s = (*s)[:last]
	return item
}

// PriorityQueue is a [Queue] of items of type T whose least item comes out first; of equal ones, the one that was put first.
// tornado.queues.PriorityQueue.
type PriorityQueue[T any] struct{ Queue[T] }

// NewPriorityQueue is [NewQueue] for a PriorityQueue. compare is negative if a comes out before b, as that of
// [slices.SortFunc] and [cmp.Compare]. If compare panics, so does the Put, PutNowait, Get or GetNowait that has called
// it, and the queue stays unchanged. compare must not use the queue: it would wait for itself. A Put that waits for
// room fails with a [*future.PanicError] if its item cannot be compared.
func NewPriorityQueue[T any](loop *Loop, max int, compare func(a, b T) int) *PriorityQueue[T] {
	mustHave(compare != nil, "NewPriorityQueue", "compare")
	items := &byPriority[T]{compare: compare}
	q := &PriorityQueue[T]{Queue[T]{items: items, check: items.check}}
	q.queue.init(loop, max)
	return q
}

// Put is [Queue.Put].
func (q *PriorityQueue[T]) Put(item T, timeout ...time.Duration) *future.Future[struct{}] {
	return q.Queue.Put(item, timeout...)
}

// PutNowait is [Queue.PutNowait].
func (q *PriorityQueue[T]) PutNowait(item T) error { return q.Queue.PutNowait(item) }

// Get is [Queue.Get].
func (q *PriorityQueue[T]) Get(timeout ...time.Duration) *future.Future[T] {
	return q.Queue.Get(timeout...)
}

// GetNowait is [Queue.GetNowait].
func (q *PriorityQueue[T]) GetNowait() (T, error) { return q.Queue.GetNowait() }

// All is [Queue.All].
func (q *PriorityQueue[T]) All(co *Co) iter.Seq2[T, error] { return q.Queue.All(co) }

// byPriority is a heap. It calls compare before it changes anything: if compare panics, all items stay where they are.
type byPriority[T any] struct {
	compare func(a, b T) int
	items   []prioritized[T]
	seq     uint64
}

type prioritized[T any] struct {
	item T
	seq  uint64
}

func (s *byPriority[T]) before(a, b prioritized[T]) bool {
	c := s.compare(a.item, b.item)
	return c < 0 || c == 0 && a.seq < b.seq
}

// place returns the index at which e belongs when it is added.
func (s *byPriority[T]) place(e prioritized[T]) int {
	i := len(s.items)
	for i > 0 && s.before(e, s.items[(i-1)/2]) {
		i = (i - 1) / 2
	}
	return i
}

func (s *byPriority[T]) next(item T) prioritized[T] { return prioritized[T]{item, s.seq + 1} }

// check returns the panic of compare for an item to add, or nil.
func (s *byPriority[T]) check(item T) error {
	return usercode.Try(func() { s.place(s.next(item)) })
}

func (s *byPriority[T]) Push(item T) {
	e := s.next(item)
	to := s.place(e)
	s.seq++
	s.items = append(s.items, e)
	for i := len(s.items) - 1; i != to; i = (i - 1) / 2 {
		s.items[i] = s.items[(i-1)/2]
	}
	s.items[to] = e
}

func (s *byPriority[T]) Pop() T {
	last := len(s.items) - 1
	moved := s.items[last]
	var path [bits.UintSize]int // the items that move up, each into the place of the one before; the first place is 0
	n := 1
	for child := 1; child < last; child = 2*child + 1 {
		if child+1 < last && s.before(s.items[child+1], s.items[child]) {
			child++
		}
		if !s.before(s.items[child], moved) {
			break
		}
		path[n] = child
		n++
	}
	item := s.items[0].item
	for i := 1; i < n; i++ {
		s.items[path[i-1]] = s.items[path[i]]
	}
	s.items[path[n-1]] = moved
	s.items[last] = prioritized[T]{}
	s.items = s.items[:last]
	return item
}
