package callback

import (
	"math/rand/v2"
	"sync"
	"time"
)

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

// periodicRun is what happens between a Start and a Stop. A call that outlasts them both must not go on with the
// next run.
type periodicRun struct{ _ byte }

// PeriodicOption is an option of [NewPeriodic].
type PeriodicOption func(*Periodic)

// WithJitter makes each interval longer or shorter by a random part of it, up to half of fraction either way: 0.1
// stands for 95 % to 105 %. It keeps many programs from all doing something at the same moment.
func WithJitter(fraction float64) PeriodicOption {
	return func(p *Periodic) { p.jitter = fraction }
}

// NewPeriodic returns a Periodic that has yet to be started. fn is a plain function, or a coroutine, which may await.
// It is first called after one interval.
//
// The interval is measured from the start of one call to the start of the next. Calls never overlap: one that takes
// longer than the interval makes the loop skip those that it has missed, and the times after that are multiples
// of the interval still. A panic of fn is reported as that of any callback, and does not end the series.
//
// NewPeriodic panics if the interval is not positive. Tornado: PeriodicCallback.
func NewPeriodic[F func() | func(co *Co)](
	loop *Loop, interval time.Duration, fn F, opts ...PeriodicOption,
) *Periodic {
	mustHave(loop != nil, "NewPeriodic", "loop")
	if interval <= 0 {
		panic("callback: NewPeriodic: the interval is not positive")
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

// schedule arms the next call. mu is held.
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
	return max(1, time.Duration(float64(p.interval)*(1+p.jitter*(rand.Float64()-0.5))))
}

// nextCall returns when the call after the one that was due at last is due: one interval later, or, if that has
// passed, at the first multiple of the interval that has not.
func nextCall(last, now, interval time.Duration) time.Duration {
	if now < last {
		return last + interval
	}
	return last + ((now-last)/interval+1)*interval
}
