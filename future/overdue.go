package future

import "time"

// limitWaitLocked sets the timer for the first of the queue, if tasks may be queued for some time only. As all of them
// may be for the same time, the first is the first to be too late, and one timer will do.
func (p *Pool) limitWaitLocked() {
	if p.maxWait == 0 || p.watchingWait {
		return
	}
	first := p.queue.first()
	if first == nil {
		return
	}
	p.watchingWait = true
	left := first.since.time() + p.maxWait - now()
	if p.overdue == nil {
		p.overdue = time.AfterFunc(left, p.refuseOverdue)
	} else {
		p.overdue.Reset(left)
	}
}

// refuseOverdue fails what has been queued for too long.
func (p *Pool) refuseOverdue() {
	p.mu.Lock()
	p.watchingWait = false
	var late []work
	for first := p.queue.first(); first != nil && first.since.time()+p.maxWait <= now(); first = p.queue.first() {
		oldest, _ := p.queue.pop()
		if oldest.fn != nil || oldest.job.claim(jobQueued, jobDropped) {
			late = append(late, oldest.work)
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
			w.job.task.refuse(err).spread(false)
		}
	}
}
