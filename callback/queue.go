package callback

import (
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
