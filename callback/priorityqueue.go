package callback

import "container/heap"

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
