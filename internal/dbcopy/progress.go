package dbcopy

import "sync"

// Progress says how far a copy is. Its numbers never fall, except DocumentsTotal: that is the server's estimate at the
// beginning, and is corrected when a collection is complete.
type Progress struct {
	Collections, CollectionsTotal int // with the views
	Documents, DocumentsTotal     int64
}

// Report tells a function of the progress, in one call at a time. If the function is slower than the copy, it misses
// updates between, but never the last one. A nil Report does nothing.
type Report struct {
	tell func(Progress)
	post func(func())

	mu     sync.Mutex
	now    Progress
	due    bool // tell has not been called with now
	called bool // a call is posted, or runs: there is at most one
	closed bool // now is final
}

// NewReport returns a report that calls tell. post runs a function later, on another stack, and does not wait. If the
// function panics, or is never run, tell is not called again.
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

// documents adds n documents of p. There may be more of them than expected.
func (r *Report) documents(p *part, n int64) {
	r.update(func(now *Progress) {
		now.Documents += n
		if more := p.copied.Documents - p.expected; more > 0 {
			now.DocumentsTotal += more
			p.expected += more
		}
	})
}

// done notes that p is complete.
func (r *Report) done(p *part) {
	r.update(func(now *Progress) {
		now.Collections++
		now.DocumentsTotal += p.copied.Documents - p.expected
	})
}

// Close notes that there will be no more updates. The copy has ended.
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

// call tells the present progress. Several updates may have come since it was posted.
//
// An update during tell finds called set, and leaves the next call to this one. Usually this one posts it, so that other
// callbacks can run between. The exception is a Report that was closed meanwhile. The outcome of the copy is delivered
// after Close, to the same place: behind every call that was posted before Close, and before one that would be posted
// now. mu decides which of the two holds. So after Close the last call is made at once.
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
