package future

import "math/bits"

// work is what a pool runs: the job of a task that has a future, or a plain function.
type work struct {
	job *job
	fn  func()
}

func (w work) isNone() bool { return w.job == nil && w.fn == nil }

// workQueue is the FIFO queue of the work that waits for a slot: a ring, in which plain functions stand as they are.
// It is the submitter on one processor who writes it and the workers on others who read it, and what they would pay
// for is every cache line that goes over.
type workQueue struct {
	ring       []queued // as long as a power of two
	head, tail uint     // positions: the places in the ring are their remainders
	length     int      // how many wait; jobs that were dropped keep their place until their turn comes
}

type queued struct {
	work
	since stamp
}

const shortestRing = 16

func (q *workQueue) at(position uint) *queued { return &q.ring[position&uint(len(q.ring)-1)] }

func (q *workQueue) push(w work, since stamp) {
	if q.tail-q.head == uint(len(q.ring)) {
		q.resize(max(shortestRing, 2*len(q.ring)))
	}
	*q.at(q.tail) = queued{w, since}
	q.tail++
	q.length++
	if w.job != nil {
		w.job.queued = true
	}
}

// first returns the oldest, or nil if there is none. It is good until the queue is changed.
func (q *workQueue) first() *queued {
	for ; q.head != q.tail; q.head++ {
		place := q.at(q.head)
		if place.job == nil || place.job.queued {
			return place
		}
		*place = queued{}
	}
	return nil
}

// pop takes the oldest out. There is none if the second result is false.
func (q *workQueue) pop() (oldest queued, ok bool) {
	place := q.first()
	if place == nil {
		return queued{}, false
	}
	oldest = *place
	*place = queued{}
	q.head++
	q.length--
	if oldest.job != nil {
		oldest.job.queued = false
	}
	return oldest, true
}

// drop takes out a job that is not to run; one that is not in the queue is left as it is. Where most of the queue has
// been dropped, as when a server hangs and one operation after the other is given up, it is made shorter.
func (q *workQueue) drop(j *job) {
	if !j.queued {
		return
	}
	j.queued = false
	q.length--
	if places := int(q.tail - q.head); places > shortestRing && places > 4*q.length {
		q.resize(1 << bits.Len(uint(max(shortestRing, 2*q.length)-1)))
	}
}

// resize moves what is queued to a ring of another length, which it must fit into.
func (q *workQueue) resize(places int) {
	old := *q
	*q = workQueue{ring: make([]queued, places), length: old.length}
	for ; old.head != old.tail; old.head++ {
		if place := old.at(old.head); place.fn != nil || place.job.queued {
			*q.at(q.tail) = *place
			q.tail++
		}
	}
}

// trim gives the ring back, if nothing is queued.
func (q *workQueue) trim() {
	if q.length == 0 {
		*q = workQueue{}
	}
}
