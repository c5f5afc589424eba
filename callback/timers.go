package callback

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"
)

// CallLater runs fn on the loop once d has passed, never earlier. If d is not positive, fn runs in the next turn. Timeouts
// fire in the order of their deadlines and, for the same deadline, in the order of the calls. Safe from any goroutine. On a
// closed loop it returns nil, and fn will not run.
//
// Tornado: IOLoop.call_later. asyncio: loop.call_later.
func (l *Loop) CallLater(d time.Duration, fn func()) *Timeout {
	mustHave(fn != nil, "CallLater", "fn")
	return l.callAt(l.after(d), fn)
}

// CallAt is [Loop.CallLater] for a point in time. If t has passed, fn runs in the next turn. Setting the system's clock
// after the call has no effect.
//
// Tornado: IOLoop.call_at. asyncio: loop.call_at.
func (l *Loop) CallAt(t time.Time, fn func()) *Timeout {
	mustHave(fn != nil, "CallAt", "fn")
	if t == t.Round(0) {
		// t has no monotonic reading, so it is compared with the system's clock as it is now, not when the loop was made.
		return l.callAt(l.after(time.Until(t)), fn)
	}
	return l.callAt(t.Sub(l.epoch), fn)
}

func (l *Loop) callAt(at time.Duration, fn func()) *Timeout {
	t := &Timeout{fn: fn}
	if !l.arm(t, at) {
		return nil
	}
	return t
}

// RemoveTimeout cancels a timeout of [Loop.CallLater] or [Loop.CallAt] and reports whether it prevented the callback. If
// the callback has run, if the timeout was removed before, or if t is nil, it returns false. Safe from any goroutine.
//
// Tornado: IOLoop.remove_timeout. asyncio: TimerHandle.cancel.
func (l *Loop) RemoveTimeout(t *Timeout) bool {
	if t == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch t.state {
	case timeoutArmed:
		l.timers.disarm(t)
	case timeoutDue:
		t.state = timeoutOff // part of the current turn, which skips it
	default:
		return false
	}
	t.fn = nil
	return true
}

// Time returns the current time. Tornado: IOLoop.time.
func (l *Loop) Time() time.Time { return time.Now() }

// after returns the time on the loop's clock at which d will have passed.
func (l *Loop) after(d time.Duration) time.Duration {
	at := l.clock() + max(d, 0)
	if at < 0 {
		return math.MaxInt64
	}
	return at
}

// arm sets t off to fire at a time of the loop's clock. It reports false on a closed loop.
func (l *Loop) arm(t *Timeout, at time.Duration) bool {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return false
	}
	l.timers.arm(at, t)
	wake := l.asleep && at < l.wakeAt
	if wake {
		l.asleep = false
	}
	l.mu.Unlock()
	if wake {
		l.wakeUp()
	}
	return true
}

// fire runs the callback of a timeout that is part of this turn, unless it was removed since the turn began.
func (l *Loop) fire(t *Timeout) {
	l.mu.Lock()
	fn := t.fn
	live := t.state == timeoutDue
	t.state, t.fn = timeoutOff, nil
	l.mu.Unlock()
	if live {
		l.call(fn)
	}
}

// Timeout is a callback that runs at a later time. [Loop.CallLater] and [Loop.CallAt] return it, and [Loop.RemoveTimeout]
// cancels it.
type Timeout struct {
	fn    func()
	index int32        // in the heap while armed. Like all else here, guarded by the loop's mu
	state timeoutState // with the two others, this makes 16 bytes
	quiet bool         // internal: not logged if the loop is closed first
}

type timeoutState uint8

const (
	timeoutOff   timeoutState = iota // never armed, fired, or removed
	timeoutArmed                     // in the heap
	timeoutDue                       // part of a turn that has begun
)

// timers is a heap with four children a node, ordered by deadline and, for equal deadlines, by the order of arming. The
// keys are in the heap itself, so that comparing follows no pointers.
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

// Periodic calls a function on a loop at an interval: Tornado's PeriodicCallback. Make one with [NewPeriodic].
type Periodic struct {
	loop     *Loop
	interval time.Duration
	jitter   float64
	call     func(then func()) // calls the function, and then once it has ended

	mu      sync.Mutex
	run     *periodicRun // nil: not running
	next    time.Duration
	timeout *Timeout
}

// periodicRun stands for the time between a Start and a Stop. A call that outlasts both must not continue the next
// run.
type periodicRun struct{ _ byte }

// PeriodicOption is an option of [NewPeriodic].
type PeriodicOption func(*Periodic)

// WithJitter makes each interval longer or shorter by a random part of it, up to half of fraction either way: 0.1
// stands for 95 % to 105 %. It keeps many programs from all doing something at the same moment. WithJitter panics unless
// fraction is at least 0 and at most 2.
func WithJitter(fraction float64) PeriodicOption {
	if !(fraction >= 0 && fraction <= 2) { // also for NaN
		panic(fmt.Sprintf("callback: WithJitter: invalid fraction %v: need at least 0 and at most 2", fraction))
	}
	return func(p *Periodic) { p.jitter = fraction }
}

// NewPeriodic returns a Periodic that is not started. fn is a plain function, or a coroutine, which may await.
// It is first called after one interval.
//
// The interval is measured from the start of one call to the start of the next. Calls never overlap: one that takes
// longer than the interval makes the loop skip the calls that it has missed, and later calls are still at multiples of the
// interval. A panic of fn is reported like that of any callback, and does not end the series.
//
// NewPeriodic panics if the interval is not positive. Tornado: PeriodicCallback.
func NewPeriodic[F func() | func(co *Co)](
	loop *Loop, interval time.Duration, fn F, opts ...PeriodicOption,
) *Periodic {
	mustHave(loop != nil, "NewPeriodic", "loop")
	if interval <= 0 {
		panic(fmt.Sprintf("callback: NewPeriodic: interval %v must be positive", interval))
	}
	p := &Periodic{loop: loop, interval: interval}
	switch fn := any(fn).(type) {
	case func():
		mustHave(fn != nil, "NewPeriodic", "fn")
		p.call = func(then func()) {
			defer then()
			fn()
		}
	case func(co *Co):
		mustHave(fn != nil, "NewPeriodic", "fn")
		p.call = func(then func()) {
			loop.SpawnCallback(func(co *Co) error {
				defer then()
				fn(co)
				return nil
			})
		}
	}
	for _, o := range opts {
		o(p)
	}
	return p
}

// Start begins the series, unless it runs. Safe from any goroutine.
func (p *Periodic) Start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.run != nil {
		return
	}
	p.run = new(periodicRun)
	p.next = p.loop.clock()
	p.schedule()
}

// Stop ends the series. A call that is going on is not interrupted. Safe from any goroutine.
func (p *Periodic) Stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run = nil
	p.loop.RemoveTimeout(p.timeout)
	p.timeout = nil
}

// IsRunning reports whether the series goes on: Start was called, and neither Stop nor [Loop.Close] since.
func (p *Periodic) IsRunning() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.run != nil && !p.loop.isClosed()
}

// schedule arms the next call. The caller holds mu.
func (p *Periodic) schedule() {
	now := p.loop.clock()
	p.next = nextCall(p.next, now, p.jittered())
	run := p.run
	t := &Timeout{quiet: true, fn: func() { p.tick(run) }}
	if !p.loop.arm(t, p.next) {
		p.run = nil
		return
	}
	p.timeout = t
}

func (p *Periodic) tick(run *periodicRun) {
	p.call(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.run == run {
			p.schedule()
		}
	})
}

func (p *Periodic) jittered() time.Duration {
	if p.jitter == 0 {
		return p.interval
	}
	d := float64(p.interval) * (1 + p.jitter*(rand.Float64()-0.5))
	if d >= math.MaxInt64 {
		return math.MaxInt64
	}
	return max(1, time.Duration(d))
}

// nextCall returns when the call after the one that was due at last is due: one interval later, or, if that has
// passed, at the first multiple of the interval that has not. The times are not negative.
func nextCall(last, now, interval time.Duration) time.Duration {
	next := last + interval
	if now >= last {
		next = now - (now-last)%interval + interval
	}
	if next < 0 { // too late for a Duration
		return math.MaxInt64
	}
	return next
}
