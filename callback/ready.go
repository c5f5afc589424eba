package callback

// chunkLen makes a chunk 2 KB, one size class of the allocator.
const chunkLen = 255

// maxSpare is how many chunks a loop keeps for later. A burst's memory goes back to the collector.
const maxSpare = 32

// chunk is a piece of a queue of callbacks. A queue in pieces never copies what it holds in order to grow, and
// costs 8 bytes a callback even at its fullest.
type chunk struct {
	next *chunk
	fns  [chunkLen]func()
}

// ready is a FIFO queue of callbacks: any goroutine pushes, with the loop's mu held; the driver alone pops, without.
//
// They share the chunks, never a place in one. The driver pops no more than what length said while it held mu, so
// that everything it reads, the places and the links to the next chunk alike, was written before that.
type ready struct {
	// For those who push, under mu.
	tail   *chunk
	write  int // the next place in tail
	pushed uint64
	spare  *chunk
	spares int

	// The driver's.
	head    *chunk
	read    int // the next place in head
	popped  uint64
	emptied *chunk // to become spare the next time the driver holds mu
}

func (q *ready) init() {
	q.head = new(chunk)
	q.tail = q.head
}

// length returns how many callbacks are queued. The driver calls it, with mu held.
func (q *ready) length() int { return int(q.pushed - q.popped) }

func (q *ready) push(fn func()) {
	if q.write == chunkLen {
		q.extend()
	}
	q.tail.fns[q.write] = fn
	q.write++
	q.pushed++
}

func (q *ready) extend() {
	c := q.spare
	if c == nil {
		c = new(chunk)
	} else {
		q.spare = c.next
		q.spares--
		c.next = nil
	}
	q.tail.next = c
	q.tail, q.write = c, 0
}

// pop takes the first of the callbacks, of which there must be one.
func (q *ready) pop() func() {
	if q.read == chunkLen {
		c := q.head
		q.head, q.read = c.next, 0
		c.next = q.emptied
		q.emptied = c
	}
	fn := q.head.fns[q.read]
	q.head.fns[q.read] = nil // run once, then the collector's
	q.read++
	q.popped++
	return fn
}

// recycle makes the chunks that the driver has emptied available again. The driver calls it, with mu held.
func (q *ready) recycle() {
	for c := q.emptied; c != nil && q.spares < maxSpare; {
		next := c.next
		c.next = q.spare
		q.spare = c
		q.spares++
		c = next
	}
	q.emptied = nil
}
