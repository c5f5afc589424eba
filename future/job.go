package future

import (
	"sync/atomic"
	"time"
)

// job is a task in the hands of a pool.
type job struct {
	next, prev *job // in the pool's queue
	pool       *Pool
	task       task
	state      atomic.Uint32
	slot       slotState     // guarded by pool.mu
	handed     bool          // on the pool's list of that name. Guarded by pool.mu
	since      time.Duration // when it was queued, on the clock of now
}

type slotState uint8

const (
	slotNone slotState = iota // not given one yet, or released
	slotHeld
	slotLent // the task waits, another has the slot meanwhile
)

var epoch = time.Now()

func now() time.Duration { return time.Since(epoch) }

// task is what a job runs.
type task interface {
	// perform runs the task, releases the slot, settles the task's future, and returns what waited for that.
	perform(s slot) batch
	// refuse settles the future of a task that will not run, or whose function ended its goroutine.
	refuse(err error) batch
}

// slot is one of the places of a pool, as the task sees it that runs in it.
type slot interface {
	// release passes the slot on, once the task's function has come to its end.
	release(end taskEnd)
}

// taskEnd says how a task gave up its slot.
type taskEnd uint8

const (
	taskSkipped taskEnd = iota // its function was not called
	taskReturned
	taskPanicked // or called runtime.Goexit
)

// The life of a job. Every step is one compare-and-swap, so that a worker, an Await that would run the task itself,
// a Cancel, and the end of a context can all reach for it, and one gets it.
const (
	jobQueued   uint32 = iota // in the queue, without a slot
	jobAssigned               // has a slot; a worker is on its way to it
	jobRunning                // a worker runs it
	jobInPlace                // an Await runs it, in the slot that it was assigned
	jobDropped                // never to run
)

func (j *job) claim(from, to uint32) bool { return j.state.CompareAndSwap(from, to) }

// drop makes sure that the job does not start, and reports false if it has.
func (j *job) drop() bool {
	if j.claim(jobQueued, jobDropped) {
		if j.pool != nil {
			j.pool.unqueue(j)
		}
		return true
	}
	// The worker that is on its way to an assigned job finds it dropped, and keeps the slot.
	return j.claim(jobAssigned, jobDropped)
}

// jobQueue is the FIFO queue of the tasks that wait for a slot.
type jobQueue struct {
	first, last *job
	length      int
}

func (q *jobQueue) push(j *job) {
	j.prev = q.last
	if q.last == nil {
		q.first = j
	} else {
		q.last.next = j
	}
	q.last = j
	q.length++
}

// remove takes j out; a job that is not in the queue is left as it is.
func (q *jobQueue) remove(j *job) {
	if j.prev == nil && q.first != j {
		return
	}
	if j.prev == nil {
		q.first = j.next
	} else {
		j.prev.next = j.next
	}
	if j.next == nil {
		q.last = j.prev
	} else {
		j.next.prev = j.prev
	}
	j.next, j.prev = nil, nil
	q.length--
}
