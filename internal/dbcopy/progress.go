package dbcopy

import "sync"

// Progress is the progress of a copy. Its numbers never decrease, except DocumentsTotal. That is the server's estimate
// at first, and is corrected when a collection is complete.
type Progress struct {
	Collections, CollectionsTotal int // including views
	Documents, DocumentsTotal     int64
}

// Report passes the progress to a function, in one call at a time. A function that is slower than the copy misses
// updates, but never the last one. A nil Report does nothing.
type Report struct {
	tell func(Progress)
	post func(func())

	mu     sync.Mutex
	now    Progress
	due    bool // tell has not been called with now yet
	called bool // a call is posted or running; there is at most one
	closed bool // now does not change again
}

// NewReport returns a report that calls tell. post must run its argument later, on another stack, and must not block.
// If that argument panics or never runs, tell is not called again.
func NewReport(tell func(Progress), post func(func())) *Report {
	return &Report{tell: tell, post: post}
}

// start sets the totals.
func (r *Report) start(parts []*part) {
	r.update(func(now *Progress) {
		now.CollectionsTotal = len(parts)
		for _, p := range parts {
			now.DocumentsTotal += p.expected
		}
	})
}

// documents adds n copied documents of p, which may exceed the estimate.
func (r *Report) documents(p *part, n int64) {
	r.update(func(now *Progress) {
		now.Documents += n
		if more := p.copied.Documents - p.expected; more > 0 {
			now.DocumentsTotal += more
			p.expected += more
		}
	})
}

// done records that p is complete.
func (r *Report) done(p *part) {
	r.update(func(now *Progress) {
		now.Collections++
		now.DocumentsTotal += p.copied.Documents - p.expected
	})
}

// Close records that the copy has ended and that there will be no further updates.
func (r *Report) Close() {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
}

func (r *Report) update(change func(*Progress)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.now)
	r.due = true
	if !r.called {
		r.called = true
		r.post(r.call)
	}
}

// call passes the current progress to tell. Several updates may have been made since the call was posted.
//
// An update during tell finds called set and leaves the next call to this one. Usually this call posts it, so that
// other callbacks can run in between. The exception is a report that was closed meanwhile. After Close, the copy's
// outcome is posted to the same loop. It comes after every call that was posted before Close, and would come before a
// call that is posted now. So after Close this call makes the last one directly. mu decides which of the two cases
// applies.
func (r *Report) call() {
	for more := true; more; {
		r.mu.Lock()
		now := r.now
		r.due = false
		r.mu.Unlock()

		r.tell(now)

		r.mu.Lock()
		more = r.due && r.closed
		r.called = r.due
		if r.due && !r.closed {
			r.post(r.call)
		}
		r.mu.Unlock()
	}
}
