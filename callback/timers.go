package callback

import "time"

// Timeout is a callback that waits for its time: what [Loop.CallLater] and [Loop.CallAt] return and
// [Loop.RemoveTimeout] takes.
type Timeout struct {
	fn    func()
	index int32        // in the heap while armed. Like all else here, guarded by the loop's mu
	state timeoutState // with the two others, this makes 16 bytes
	quiet bool         // the library's own: no loss if the loop is closed first
}

type timeoutState uint8

const (
	timeoutOff   timeoutState = iota // never armed, fired, or removed
	timeoutArmed                     // in the heap
	timeoutDue                       // part of a turn that has begun
)

// timers is a heap of four children a node, ordered by deadline and, for one deadline, by the order of arming. The
// keys lie in the heap itself, so that sifting does not chase pointers.
type timers struct {
	heap []timerEntry
	seq  uint64
}

type timerEntry struct {
	at  time.Duration // on the loop's clock
	seq uint64
	t   *Timeout
}

func (e timerEntry) before(o timerEntry) bool {
	return e.at < o.at || e.at == o.at && e.seq < o.seq
}

func (h *timers) arm(at time.Duration, t *Timeout) {
	h.seq++
	h.heap = append(h.heap, timerEntry{})
	t.state = timeoutArmed
	h.up(len(h.heap)-1, timerEntry{at, h.seq, t})
}

// disarm takes an armed t off the heap.
func (h *timers) disarm(t *Timeout) {
	i := int(t.index)
	last := len(h.heap) - 1
	moved := h.heap[last]
	h.heap[last] = timerEntry{}
	h.heap = h.heap[:last]
	t.state = timeoutOff
	if i == last {
		return
	}
	if i > 0 && moved.before(h.heap[(i-1)/4]) {
		h.up(i, moved)
	} else {
		h.down(i, moved)
	}
}

// next returns the earliest deadline.
func (h *timers) next() (at time.Duration, ok bool) {
	if len(h.heap) == 0 {
		return 0, false
	}
	return h.heap[0].at, true
}

// up puts e into the hole i or above it.
func (h *timers) up(i int, e timerEntry) {
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(h.heap[parent]) {
			break
		}
		h.place(i, h.heap[parent])
		i = parent
	}
	h.place(i, e)
}

// down puts e into the hole i or below it.
func (h *timers) down(i int, e timerEntry) {
	for {
		first := 4*i + 1
		if first >= len(h.heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+4, len(h.heap)); c++ {
			if h.heap[c].before(h.heap[least]) {
				least = c
			}
		}
		if !h.heap[least].before(e) {
			break
		}
		h.place(i, h.heap[least])
		i = least
	}
	h.place(i, e)
}

func (h *timers) place(i int, e timerEntry) {
	h.heap[i] = e
	e.t.index = int32(i)
}
