package callback

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
