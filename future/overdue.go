package future

import "time"

// limitWaitLocked sets the timer for the first of the queue, if tasks may be queued for some time only. As all of them
// may be for the same time, the first is the first to be too late, and one timer will do.
func (p *Pool) limitWaitLocked() {
	if p.maxWait == 0 || p.watchingWait || !p.queue.any() {
		return
	}
	p.watchingWait = true
	left := p.firstIsOverdue() - now()
	if p.overdue == nil {
		p.overdue = time.AfterFunc(left, p.refuseOverdue)
	} else {
		p.overdue.Reset(left)
	}
}

// firstIsOverdue returns when the first of the queue will be too late.
func (p *Pool) firstIsOverdue() time.Duration { return *p.queue.clock.at(p.queue.head) + p.maxWait }

// refuseOverdue fails what has been queued for too long.
func (p *Pool) refuseOverdue() {
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
	refuseAll(late, p.tooLate)
}

// refuseAll fails what will not run.
func refuseAll(all []work, err error) {
	for _, w := range all {
		if w.fn != nil {
			ReportUnobserved(&UndeliveredError{Reason: err})
		} else {
			w.job.refuse(err).spread(false)
		}
	}
}
