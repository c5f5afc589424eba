package future

import "time"

// queueClock measures how long work is queued. Reading the clock costs as much as all the rest of queueing, so only
// the first positions of a queue are all measured, and then one of many, which stands for its neighbours: they have
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
