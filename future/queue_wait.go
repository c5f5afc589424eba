package future

import (
	"fmt"
	"time"
)

// WithMaxQueueWait bounds how long a task may be queued. One that gets no slot in that time fails with err, or, if err is
// nil, with [ErrQueueTimeout]. Without it a task waits as long as it has to.
func WithMaxQueueWait(limit time.Duration, err error) PoolOption {
	return func(p *Pool) error {
		if limit <= 0 {
			return fmt.Errorf("%w: WithMaxQueueWait(%v): a time must be longer than 0", ErrInvalidOption, limit)
		}
		p.maxWait, p.tooLate, p.queue.clock.everything = limit, err, true
		if err == nil {
			p.tooLate = ErrQueueTimeout
		}
		return nil
	}
}

// limitWaitLocked sets the timer for the first of the queue, if tasks may be queued for some time only. As all of them
// may be for the same time, the first is the first to be too late, and one timer will do.
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

// firstIsOverdue returns when the first of the queue will be too late.
func (p *Pool) firstIsOverdue() time.Duration { return *p.queue.clock.at(p.queue.head) + p.maxWait }

// rejectOverdue fails what has been queued for too long.
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
