package future

import (
	"sync/atomic"
	"time"
)

// job is a task in the hands of a pool.
type job struct {
	pool  *Pool
	task  task
	state atomic.Uint32

	// The rest is guarded by pool.mu.
	slot       slotState
	queued     bool // in the pool's queue, and not dropped
	handed     bool // on the pool's list of that name,
	next, prev *job // of which these are the links
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

// jobList is a list of jobs, in the order in which they came.
type jobList struct {
	first, last *job
	length      int
}

func (l *jobList) push(j *job) {
	j.prev = l.last
	if l.last == nil {
		l.first = j
	} else {
		l.last.next = j
	}
	l.last = j
	l.length++
}

// remove takes out j, which must be on the list.
func (l *jobList) remove(j *job) {
	if j.prev == nil {
		l.first = j.next
	} else {
		j.prev.next = j.next
	}
	if j.next == nil {
		l.last = j.prev
	} else {
		j.next.prev = j.prev
	}
	j.next, j.prev = nil, nil
	l.length--
}
