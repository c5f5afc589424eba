package callback

import (
	"time"

	"github.com/gomotor/gomotor/future"
)

// Stats returns the counters of the loop since it was made. It may be called on any goroutine.
//
// The lag of a turn is how long the first of its callbacks, or the earliest of its timeouts, has waited. A loop whose
// callbacks take long has a large lag. The slow ones among them are counted only with [WithSlowCallback].
func (l *Loop) Stats() future.LoopStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return future.LoopStats{
		Queued: int(l.ready.pushed - l.counts.taken), Timeouts: len(l.timers.heap),
		Turns: l.counts.turns, Callbacks: l.counts.taken, Fired: l.counts.fired,
		Panics: l.panics.Load(), Slow: l.slowOnes.Load(),
		Lag: l.counts.lag, MaxLag: l.counts.maxLag,
	}
}

// counts are the counters of a loop. Its mu guards them.
type counts struct {
	turns, fired uint64
	taken        uint64        // the callbacks that have been taken from the queue for a turn
	since        time.Duration // when the first callback after these was added
	lag, maxLag  time.Duration
}

// turn records the begin of a turn. pushed is the number of callbacks that have been added.
func (c *counts) turn(pushed uint64, due int, lag time.Duration) {
	c.turns++
	c.taken = pushed
	c.fired += uint64(due)
	c.lag += lag
	c.maxLag = max(c.maxLag, lag)
}
