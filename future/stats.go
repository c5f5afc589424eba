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

// Stats returns a snapshot. Right after the Await of a pool's only task it shows that task as completed.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.QueueWait, s.MaxQueueWait = p.queue.clock.waited, p.queue.clock.longest
	s.Running, s.Idle, s.Queued = p.running, len(p.idle), p.queue.length()
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
