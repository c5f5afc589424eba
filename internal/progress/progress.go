// Package progress tells a function of the user how far a long operation has come.
//
// The operation updates a [Report]. The report passes its numbers to the function, in one call at a time, and without
// making the operation wait. A function that is slower than the operation misses updates, but never the last one.
//
// # Cost
//
// An update locks a mutex. There is at most one posted call, whatever the number of updates. A nil Report costs nothing.
package progress

import "sync"

// Progress is the progress of an operation. Done and Collections never decrease.
type Progress struct {
	Done, Total                   int64 // Total is 0 while it is unknown
	Collections, CollectionsTotal int
}

// Report is the progress of one operation. It is safe for concurrent use. A nil Report does nothing.
type Report struct {
	tell func(Progress)
	post func(func())

	mu     sync.Mutex
	now    Progress
	due    bool          // tell has not been called with now yet
	told   bool          // tell has been called or will be
	called bool          // a call is posted or running; there is at most one
	broken bool          // tell has panicked, and is not called again
	closed bool          // now does not change again
	idle   chan struct{} // closed when the report is closed and no call is posted or running
}

// New returns a report that calls tell. post must run its argument later, on another stack, and must not block. If tell
// panics, or exits its goroutine, it is not called again. The same is true if post never runs its argument.
func New(tell func(Progress), post func(func())) *Report {
	return &Report{tell: tell, post: post, idle: make(chan struct{})}
}

// Start records that the operation starts. total is how much there is to do, or 0 if that is unknown.
func (r *Report) Start(total int64) {
	r.Update(func(now *Progress) { now.Total = total })
}

// Add records that n more is done. If that exceeds a known total, the total grows.
func (r *Report) Add(n int64) {
	r.Update(func(now *Progress) { now.done(now.Done + n) })
}

// Set records how much is done. A number that is not larger than before changes nothing.
func (r *Report) Set(done int64) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if done > r.now.Done {
		r.now.done(done)
		r.changed()
	}
}

func (p *Progress) done(n int64) {
	if p.Done = n; p.Total > 0 {
		p.Total = max(p.Total, n)
	}
}

// Update changes the progress. change must not block.
func (r *Report) Update(change func(*Progress)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.now)
	r.changed()
}

// changed makes a call due. The caller holds mu.
func (r *Report) changed() {
	r.due, r.told = true, true
	if !r.called && !r.broken {
		r.called = true
		r.post(r.call)
	}
}

// Close records the end of the operation, once, after all updates. After a success, everything is done, so the total is
// what was done. Without an update before, Close calls nothing. Close returns a channel that is closed when the last call
// has returned.
func (r *Report) Close(success bool) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if success && r.told && r.now.Total != r.now.Done {
		r.now.Total = r.now.Done
		r.changed()
	}
	r.closed = true
	if !r.called || r.broken {
		close(r.idle)
	}
	return r.idle
}

// call passes the current progress to tell. Several updates may have been made since the call was posted.
//
// An update during tell finds called set and leaves the next call to this one. Usually this call posts it, so that
// other callbacks can run in between. The exception is a report that was closed meanwhile. After Close, the operation's
// outcome is posted to the same loop. It comes after every call that was posted before Close, and would come before a
// call that is posted now. So after Close this call makes the last one directly. mu decides which of the two cases
// applies.
func (r *Report) call() {
	returned := false
	defer func() {
		if !returned {
			r.abandon()
		}
	}()
	for more := true; more; {
		r.mu.Lock()
		now := r.now
		r.due = false
		r.mu.Unlock()

		r.tell(now)

		r.mu.Lock()
		more = r.due && r.closed
		switch r.called = r.due; {
		case r.due && !r.closed:
			r.post(r.call)
		case !r.due && r.closed:
			close(r.idle)
		}
		r.mu.Unlock()
	}
	returned = true
}

// abandon records that tell did not return.
func (r *Report) abandon() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.broken = true
	if r.closed {
		close(r.idle)
	}
}
