// Package ring provides the containers that this module queues things in. [Ring] is a growing ring of values. [List]
// is an intrusive linked list, for things that may be removed from the middle. Neither is safe for concurrent use:
// their owners have locks.
//
// Push and Pop of a ring cost a few nanoseconds and do not allocate, except when the ring grows to twice its length.
// Operations on a list do not allocate.
package ring

// shortest is the length of the first allocated ring.
const shortest = 8

// longestKept is the longest ring that is kept when it becomes empty. A longer one is released: it is the memory of a
// burst.
const longestKept = 1024

// Ring is a first-in, first-out queue. Its zero value is empty.
type Ring[T any] struct {
	places []T // its length is a power of two
	head   uint
	tail   uint // positions; the index in places is the position modulo the length
}

// Len returns the number of values.
func (r *Ring[T]) Len() int { return int(r.tail - r.head) }

// Push adds v at the end.
func (r *Ring[T]) Push(v T) {
	if r.Len() == len(r.places) {
		r.grow()
	}
	r.places[r.tail&uint(len(r.places)-1)] = v
	r.tail++
}

func (r *Ring[T]) grow() {
	places := make([]T, max(shortest, 2*len(r.places)))
	if len(r.places) > 0 {
		first := r.head & uint(len(r.places)-1)
		n := copy(places, r.places[first:])
		copy(places[n:], r.places[:first])
	}
	r.places, r.head, r.tail = places, 0, r.tail-r.head
}

// First returns the first value without removing it. The ring must not be empty.
func (r *Ring[T]) First() T {
	if r.Len() == 0 {
		panic("ring: First of an empty ring")
	}
	return r.places[r.head&uint(len(r.places)-1)]
}

// Pop removes the first value and returns it. The ring must not be empty.
func (r *Ring[T]) Pop() T {
	if r.Len() == 0 {
		panic("ring: Pop of an empty ring")
	}
	place := &r.places[r.head&uint(len(r.places)-1)]
	v := *place
	var zero T
	*place = zero // so that the garbage collector can free what v refers to
	r.head++
	if r.head == r.tail && len(r.places) > longestKept {
		*r = Ring[T]{}
	}
	return v
}

// List is a doubly linked list. Its zero value is empty.
type List struct{ first, last *Node }

// Node is an element of a list.
type Node struct {
	Owner any // the value that contains the node

	next, prev *Node
	in         *List
}

// First returns the first node, or nil.
func (l *List) First() *Node { return l.first }

// Next returns the node after n in its list, or nil.
func (n *Node) Next() *Node { return n.next }

// Append adds n at the end. n must not be in a list.
func (l *List) Append(n *Node) {
	if n.in != nil {
		panic("ring: Append of a node that is in a list")
	}
	n.in, n.prev = l, l.last
	if l.last == nil {
		l.first = n
	} else {
		l.last.next = n
	}
	l.last = n
}

// Remove removes n from the list and reports whether it was in it.
func (l *List) Remove(n *Node) bool {
	if n.in != l {
		return false
	}
	if n.prev == nil {
		l.first = n.next
	} else {
		n.prev.next = n.next
	}
	if n.next == nil {
		l.last = n.prev
	} else {
		n.next.prev = n.prev
	}
	n.in, n.next, n.prev = nil, nil, nil
	return true
}

// Shift removes the first node and returns it, or nil if the list is empty.
func (l *List) Shift() *Node {
	n := l.first
	if n != nil {
		l.Remove(n)
	}
	return n
}
