package future

import "time"

// PoolStats says what a [Pool] is doing and has done.
type PoolStats struct {
	Running int // tasks that hold a slot
	Idle    int // goroutines that wait for a task
	Queued  int // tasks that wait for a slot

	Completed uint64 // tasks whose function has returned, or panicked; not those that were cancelled before
	Panics    uint64 // of these, the ones that panicked
	Rejected  uint64 // tasks that failed with ErrQueueFull or ErrPoolClosed

	Waited       uint64        // tasks that had to wait for a slot and got one
	QueueWait    time.Duration // how long they waited, all together: of a long queue, a sample is measured
	MaxQueueWait time.Duration // how long the one waited that waited longest, of those measured
}

// queueClock measures how long tasks are queued. Reading the clock costs as much as all the rest of queueing, so of
// a long queue only a part is measured: its neighbours have waited about as long.
type queueClock struct {
	tick     uint          // tasks that were queued
	measured uint64        // of those that got a slot
	waited   time.Duration // all together, by these
}

const (
	shortQueue = 2  // a queue that is shorter than this is measured task by task
	everyNth   = 16 // of a longer one, this part is measured
)

func (p *Pool) clockIn(j *job) {
	j.since = 0
	p.clock.tick++
	if p.queue.length < shortQueue || p.clock.tick%everyNth == 0 {
		j.since = now()
	}
}

func (p *Pool) clockOut(j *job) {
	p.stats.Waited++
	if j.since == 0 {
		return
	}
	wait := now() - j.since
	p.clock.measured++
	p.clock.waited += wait
	p.stats.MaxQueueWait = max(p.stats.MaxQueueWait, wait)
}

// Stats returns a snapshot. Right after the Await of a pool's only task it shows that task as completed.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	if p.clock.measured > 0 {
		s.QueueWait = time.Duration(float64(p.clock.waited) * float64(s.Waited) / float64(p.clock.measured))
	}
	s.Running, s.Idle, s.Queued = p.running, len(p.idle), p.queue.length
	return s
}

// countLocked counts a task that gives up its slot.
func (p *Pool) countLocked(end taskEnd) {
	switch end {
	case taskPanicked:
		p.stats.Panics++
		fallthrough
	case taskReturned:
		p.stats.Completed++
	}
}
