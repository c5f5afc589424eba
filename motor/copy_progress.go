package motor

import (
	"sync"

	"github.com/gomotor/gomotor/future"
)

// copyReport tells a function of the progress. A nil one tells nobody.
type copyReport struct {
	fn   func(CopyProgress)
	loop future.Executor

	mu     sync.Mutex
	now    CopyProgress
	due    bool // fn has not been told of now
	called bool // a call of fn is on its way: there is one at most
	over   bool // now is final
}

// begin tells the totals.
func (r *copyReport) begin(parts []*copyPart) {
	r.update(func(now *CopyProgress) {
		now.CollectionsTotal = len(parts)
		for _, p := range parts {
			now.DocumentsTotal += p.expected
		}
	})
}

// documents tells of n more documents of p, of which more may come than were expected.
func (r *copyReport) documents(p *copyPart, n int64) {
	r.update(func(now *CopyProgress) {
		now.Documents += n
		if more := p.copied.Documents - p.expected; more > 0 {
			now.DocumentsTotal += more
			p.expected += more
		}
	})
}

// done tells that p is complete.
func (r *copyReport) done(p *copyPart) {
	r.update(func(now *CopyProgress) {
		now.Collections++
		now.DocumentsTotal += p.copied.Documents - p.expected
	})
}

// end is called when nothing more can happen.
func (r *copyReport) end() {
	if r == nil {
		return
	}
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
}

func (r *copyReport) update(change func(*CopyProgress)) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.now)
	r.due = true
	if !r.called {
		r.called = true
		r.post()
	}
}

// post arranges for a call as the callbacks of futures are called: its panic is reported, and so is a loop that takes
// no more. Both leave called as it is, so that no other call is tried. mu is held: posting waits for nothing.
func (r *copyReport) post() {
	p := future.NewPromiseOn[struct{}](r.loop)
	p.Future().OnComplete(func(struct{}, error) { r.call() })
	p.Resolve(struct{}{})
}

// call tells fn where the copy is now, which may be several updates further than when the call was posted.
//
// An update that comes while fn runs finds called set and leaves the next call to this one, which posts it, so that
// the loop has its turn between. The future of the copy is settled after end, so that its callbacks are queued behind
// a call that was posted before end: mu makes sure that it was. When end has been here, they may be queued already,
// and a call that was posted now would come after them. So the last one is made at once.
func (r *copyReport) call() {
	for more := true; more; {
		r.mu.Lock()
		now := r.now
		r.due = false
		r.mu.Unlock()

		r.fn(now)

		r.mu.Lock()
		more = r.due && r.over
		r.called = r.due
		if r.due && !r.over {
			r.post()
		}
		r.mu.Unlock()
	}
}
