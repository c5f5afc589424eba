package future

import (
	"math/bits"
	"time"
)

// work is run by a pool: the job of a task that has a future, or a plain function.
type work struct {
	job *job
	fn  func()
}

func (w work) isNone() bool { return w.job == nil && w.fn == nil }

// workQueue is the FIFO queue of the work that waits for a slot: a ring, in which plain functions stand as they are.
// Who submits and who works take turns at one lock, so every instruction here is paid for by both.
type workQueue struct {
	ring       []work // as long as a power of two
	head, tail uint   // positions: the places in the ring are their remainders
	dropped    int    // jobs between them that are not to run; they keep their place until their turn comes
	clock      queueClock
}

const shortestRing = 16

func (q *workQueue) at(position uint) *work { return &q.ring[position&uint(len(q.ring)-1)] }

// length is how many wait.
func (q *workQueue) length() int { return int(q.tail-q.head) - q.dropped }

func (q *workQueue) push(w work) {
	if q.tail-q.head == uint(len(q.ring)) {
		q.resize(max(shortestRing, 2*len(q.ring)))
	}
	*q.at(q.tail) = w
	if w.job != nil {
		w.job.queued = true
	}
	if q.clock.measures(q.tail) {
		q.clock.in(q.tail)
	}
	q.tail++
}

// any passes over the jobs that were dropped, and reports whether head is the position of one that waits.
func (q *workQueue) any() bool {
	for ; q.head != q.tail; q.head++ {
		place := q.at(q.head)
		if place.job == nil || place.job.queued {
			return true
		}
		*place = work{}
		q.dropped--
	}
	return false
}

// pop takes the oldest out, or returns none.
func (q *workQueue) pop() (oldest work) {
	if !q.any() {
		return work{}
	}
	place := q.at(q.head)
	oldest, *place = *place, work{}
	if oldest.job != nil {
		oldest.job.queued = false
	}
	q.head++
	return oldest
}

// drop takes out a job that is not to run; one that is not in the queue is left as it is. Where most of the queue has
// been dropped, as when a server hangs and one operation after the other is given up, it is made shorter.
func (q *workQueue) drop(j *job) {
	if !j.queued {
		return
	}
	j.queued = false
	q.dropped++
	if places, length := int(q.tail-q.head), q.length(); places > shortestRing && places > 4*length {
		q.resize(1 << bits.Len(uint(max(shortestRing, 2*length)-1)))
	}
}

// resize moves what is queued to a ring of another length, which it must fit into.
func (q *workQueue) resize(places int) {
	old := *q
	q.ring, q.tail, q.dropped = make([]work, places), q.head, 0
	q.clock.since = make([]time.Duration, places)
	for ; old.head != old.tail; old.head++ {
		if place := old.at(old.head); place.fn != nil || place.job.queued {
			*q.at(q.tail) = *place
			if old.clock.measures(old.head) {
				*q.clock.at(q.tail) = *old.clock.at(old.head)
			}
			q.tail++
		}
	}
}

// trim gives the ring back, if nothing is queued.
func (q *workQueue) trim() {
	if q.length() == 0 {
		q.ring, q.head, q.tail, q.dropped, q.clock.since = nil, 0, 0, 0, nil
	}
}

// queueClock measures how long work is queued. Reading the clock costs as much as all the rest of queueing, so only
// the first positions of a queue are all measured, and then one of many, which represents its neighbours: they have
// waited about as long.
type queueClock struct {
	everything bool            // measure each position
	since      []time.Duration // a ring beside the queue's: when what is at a measured position came; 0 if that is not known
	waited     time.Duration   // by all that got a slot, as far as the sample tells
	longest    time.Duration   // of those measured
}

const (
	firstPositions = 64
	everyNth       = 64
)

func (c *queueClock) measures(position uint) bool {
	return position%everyNth == 0 || position < firstPositions || c.everything
}

func (c *queueClock) at(position uint) *time.Duration {
	return &c.since[position&uint(len(c.since)-1)]
}

func (c *queueClock) in(position uint) { *c.at(position) = now() }

// out counts how long what was at a measured position has waited for the slot that it gets now.
func (c *queueClock) out(position uint) {
	since := *c.at(position)
	if since == 0 {
		return // it has moved up to this position, from one that is not measured
	}
	wait := now() - since
	c.longest = max(c.longest, wait)
	if position >= firstPositions && !c.everything {
		wait *= everyNth
	}
	c.waited += wait
}
