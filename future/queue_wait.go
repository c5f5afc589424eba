package future

import (
	"fmt"
	"time"
)

// WithMaxQueueWait bounds how long a task may be queued. A task that gets no slot in that time fails with err, or with
// [ErrQueueTimeout] if err is nil. Without this option there is no bound.
func WithMaxQueueWait(limit time.Duration, err error) PoolOption {
	return func(p *Pool) error {
		if limit <= 0 {
			return fmt.Errorf("%w: WithMaxQueueWait(%v): the limit must be positive", ErrInvalidOption, limit)
		}
		p.maxWait, p.tooLate, p.queue.clock.everything = limit, err, true
		if err == nil {
			p.tooLate = ErrQueueTimeout
		}
		return nil
	}
}

// limitWaitLocked sets the timer for the first of the queue, if the wait is bounded. The bound is the same for all tasks,
// so the first is the first to expire, and one timer is enough.
func (p *Pool) limitWaitLocked() {
	if p.maxWait == 0 || p.watchingWait || !p.queue.any() {
		return
	}
	p.watchingWait = true
	left := p.firstIsOverdue() - now()
	if p.overdue == nil {
		p.overdue = time.AfterFunc(left, p.rejectOverdue)
	} else {
		p.overdue.Reset(left)
	}
}

// firstIsOverdue returns the time at which the first of the queue expires.
func (p *Pool) firstIsOverdue() time.Duration { return *p.queue.clock.at(p.queue.head) + p.maxWait }

// rejectOverdue fails the tasks that were queued for too long.
func (p *Pool) rejectOverdue() {
	p.mu.Lock()
	p.watchingWait = false
	var late []work
	for p.queue.any() && p.firstIsOverdue() <= now() {
		if oldest := p.queue.pop(); oldest.fn != nil || oldest.job.claim(jobQueued, jobDropped) {
			late = append(late, oldest)
		}
	}
	p.stats.Rejected += uint64(len(late))
	if !p.closed {
		p.limitWaitLocked()
	}
	p.mu.Unlock()
	rejectAll(late, p.tooLate)
}

// queueClock measures how long work is queued. Reading the clock costs as much as the rest of queueing. So it measures all
// of the first positions of a queue, and then a sample, since neighbours wait about equally long.
type queueClock struct {
	everything bool            // measure each position
	since      []time.Duration // a ring parallel to the queue's: when the work at a measured position was queued; 0: unknown
	waited     time.Duration   // total wait of all work that got a slot, estimated from the sample
	longest    time.Duration   // longest measured wait
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

// out adds the wait of the work at a measured position, which gets a slot now.
func (c *queueClock) out(position uint) {
	since := *c.at(position)
	if since == 0 {
		return // moved here by resize from a position that is not measured
	}
	wait := now() - since
	c.longest = max(c.longest, wait)
	if position >= firstPositions && !c.everything {
		wait *= everyNth
	}
	c.waited += wait
}
