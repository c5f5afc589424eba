package callback

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
