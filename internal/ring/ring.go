// Package ring has the containers that the packages of this module queue things in: a ring that grows, for values, and a
// list whose nodes are part of what is listed, for things that may leave it from the middle. Neither is safe for several
// goroutines: their owners have locks.
//
// A Push or Pop of a ring costs a few nanoseconds and no allocation, except when the ring grows to twice its length.
// Operations on a list allocate nothing.
package ring

// shortest is the length of the first ring.
const shortest = 8

// longestKept is the length up to which an empty ring is kept. A longer one is the memory of a burst.
const longestKept = 1024

// Ring is a queue: first in, first out. Its zero value is empty.
type Ring[T any] struct {
	places []T // as long as a power of two
	head   uint
	tail   uint // positions: the indexes of places are their remainders
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

// First returns the first value and leaves it there. The ring must not be empty.
func (r *Ring[T]) First() T {
	if r.Len() == 0 {
		panic("ring: First of an empty ring")
	}
	return r.places[r.head&uint(len(r.places)-1)]
}

// Pop takes out the first value. The ring must not be empty.
func (r *Ring[T]) Pop() T {
	if r.Len() == 0 {
		panic("ring: Pop of an empty ring")
	}
	place := &r.places[r.head&uint(len(r.places)-1)]
	v := *place
	var zero T
	*place = zero // the collector's, if it was the last reference
	r.head++
	if r.head == r.tail && len(r.places) > longestKept {
		*r = Ring[T]{}
	}
	return v
}

// List is a doubly linked list. Its zero value is empty.
type List struct{ first, last *Node }

// Node is a place in a list.
type Node struct {
	Owner any // what is listed

	next, prev *Node
	in         *List
}

// First returns the first node, or nil.
func (l *List) First() *Node { return l.first }

// Next returns the node after n in its list, or nil.
func (n *Node) Next() *Node { return n.next }

// Append adds n at the end. It must not be in a list.
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

// Remove takes n out of the list and reports whether it was in it.
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

// Shift takes out the first node and returns it, or nil if the list is empty.
func (l *List) Shift() *Node {
	n := l.first
	if n != nil {
		l.Remove(n)
	}
	return n
}
