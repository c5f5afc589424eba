package future

import "time"

// PoolStats says what a [Pool] is doing and has done.
type PoolStats struct {
	Running int // tasks that hold a slot
	Idle    int // goroutines that wait for a task
	Queued  int // tasks that wait for a slot

	Completed uint64 // tasks whose function has returned, or panicked; not those that were cancelled before
	Panics    uint64 // of these, the ones that panicked
	Rejected  uint64 // tasks that failed with ErrQueueFull, ErrQueueTimeout or ErrPoolClosed

	Waited       uint64        // tasks that had to wait for a slot and got one
	QueueWait    time.Duration // how long they waited, all together; after the first tasks, by a sample
	MaxQueueWait time.Duration // how long the one waited that waited longest, of those measured
}

// queueClock measures how long tasks are queued. Reading the clock costs as much as all the rest of queueing, so only
// the first tasks of a pool are all measured, and then one of many, which stands for its neighbours: they have waited
// about as long.
type queueClock struct {
	tick   uint          // tasks that were queued
	waited time.Duration // by those that got a slot, all together
}

const (
	firstTasks = 64
	everyNth   = 16
)

// stamp is when a task was queued, on the clock of now, to two nanoseconds: the last bit says that it stands for
// everyNth tasks. 0 means that the task is not measured.
type stamp int64

// time returns when that was.
func (s stamp) time() time.Duration { return time.Duration(s &^ 1) }

func (p *Pool) clockIn() stamp {
	p.clock.tick++
	switch {
	case p.clock.tick <= firstTasks, p.maxWait > 0:
		return stamp(now()) &^ 1
	case p.clock.tick%everyNth == 0:
		return stamp(now()) | 1
	}
	return 0
}

func (p *Pool) clockOut(since stamp) {
	p.stats.Waited++
	if since == 0 {
		return
	}
	wait := now() - since.time()
	p.stats.MaxQueueWait = max(p.stats.MaxQueueWait, wait)
	if since&1 != 0 {
		wait *= everyNth
	}
	p.clock.waited += wait
}

// Stats returns a snapshot. Right after the Await of a pool's only task it shows that task as completed.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.QueueWait = p.clock.waited
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
