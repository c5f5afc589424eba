package callback_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// inBubble calls fn with a loop in a synctest bubble, where time is fake.
func inBubble(t *testing.T, fn func(t *testing.T, loop *callback.Loop)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { fn(t, newLoop(t)) })
}

// Tornado: IOLoop.call_later. A timeout is never early.
func TestTimeoutsFireOnTime(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		began := time.Now()
		var got []time.Duration
		note := func() { got = append(got, time.Since(began)) }
		loop.CallLater(3*time.Second, note)
		loop.CallLater(time.Second, note)
		loop.CallAt(loop.Time().Add(2*time.Second), note)
		loop.CallAt(loop.Time().Add(2*time.Second).Round(0), note) // a time without monotonic clock reading
		loop.CallAt(loop.Time().Add(-time.Hour), note)
		loop.CallLater(-time.Second, note)
		loop.CallLater(4*time.Second, loop.Stop)
		loop.Start()
		equalSlices(t, got, []time.Duration{0, 0, time.Second, 2 * time.Second, 2 * time.Second, 3 * time.Second})
		equal(t, time.Since(began), 4*time.Second)
	})
}

// In asyncio, the order of callbacks with the same deadline is undefined. Here it is the order of the calls.
func TestTimeoutsOfSameDeadline(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		var got []int
		for i := range 100 {
			loop.CallLater(time.Second, func() { got = append(got, i) })
		}
		loop.CallLater(time.Second, loop.Stop)
		loop.Start()
		equal(t, len(got), 100)
		equal(t, slices.IsSorted(got), true)
	})
}

func TestTimeoutOrderWithRemovals(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		type armed struct {
			d       time.Duration
			timeout *callback.Timeout
		}
		r := rand.New(rand.NewPCG(1, 2))
		var all []armed
		var got []time.Duration
		removed := 0
		for range 5000 {
			d := time.Duration(r.IntN(1000)) * time.Millisecond
			all = append(all, armed{d, loop.CallLater(d, func() { got = append(got, d) })})
			if r.IntN(3) == 0 {
				i := r.IntN(len(all))
				if loop.RemoveTimeout(all[i].timeout) {
					removed++
				}
				equal(t, loop.RemoveTimeout(all[i].timeout), false)
			}
		}
		loop.CallLater(time.Second, loop.Stop)
		loop.Start()
		equal(t, len(got), 5000-removed)
		equal(t, slices.IsSorted(got), true)
	})
}

func TestRemoveTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		var second *callback.Timeout
		loop.CallLater(time.Second, func() { equal(t, loop.RemoveTimeout(second), true) })
		second = loop.CallLater(time.Second, func() { t.Error("a timeout fired that was removed in the same turn") })
		fired := loop.CallLater(time.Second, func() {})
		loop.CallLater(2*time.Second, loop.Stop)
		loop.Start()
		equal(t, loop.RemoveTimeout(fired), false)
		equal(t, loop.RemoveTimeout(nil), false)
	})
}

func TestEarlierTimeoutWakesLoop(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		began := time.Now()
		loop.CallLater(time.Hour, func() { t.Error("the later timeout fired, want the earlier one first") })
		wait := background(loop)
		synctest.Wait() // the loop sleeps
		loop.CallLater(time.Second, loop.Stop)
		wait()
		equal(t, time.Since(began), time.Second)
	})
}

// A loop that always has ready callbacks checks its timers in every turn.
func TestTimeoutOrderOnBusyLoop(t *testing.T) {
	loop := newLoop(t)
	var got []int
	began := loop.Time()
	for i := range 20 {
		loop.CallAt(began.Add(time.Duration(20-i)*time.Millisecond), func() {
			got = append(got, 20-i)
			if len(got) == 20 {
				loop.Stop()
			}
		})
	}
	var busy func()
	busy = func() { loop.AddCallback(busy) }
	busy()
	loop.Start()
	equal(t, slices.IsSorted(got), true)
}

func TestTimeoutAddedByTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, loop *callback.Loop) {
		var got []string
		loop.CallLater(0, func() {
			loop.CallLater(0, func() { got = append(got, "timeout") })
			loop.AddCallback(func() { got = append(got, "callback") })
		})
		loop.Poll()
		equal(t, len(got), 0)
		loop.Poll()
		equalSlices(t, got, []string{"callback", "timeout"})
	})
}

// Tornado: PeriodicCallback.
func TestPeriodic(t *testing.T) {
	const second = time.Second
	// calls runs a loop for the given time and returns the times of the calls of fn.
	calls := func(t *testing.T, loop *callback.Loop, interval, during time.Duration, opts []callback.PeriodicOption,
		fn func(n int),
	) (at []time.Duration) {
		began := time.Now()
		p := callback.NewPeriodic(loop, interval, func() {
			at = append(at, time.Since(began))
			fn(len(at))
		}, opts...)
		p.Start()
		p.Start() // has no effect
		loop.CallLater(during, func() { p.Stop(); loop.Stop() })
		loop.Start()
		equal(t, p.IsRunning(), false)
		return at
	}
	t.Run("first call after one interval", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			at := calls(t, loop, second, 3500*time.Millisecond, nil, func(int) {})
			equalSlices(t, at, []time.Duration{second, 2 * second, 3 * second})
		})
	})
	t.Run("interval is from start to start", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			at := calls(t, loop, second, 3500*time.Millisecond, nil, func(int) { time.Sleep(second / 2) })
			equalSlices(t, at, []time.Duration{second, 2 * second, 3 * second})
		})
	})
	t.Run("skips calls missed by an overrun", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			at := calls(t, loop, second, 6500*time.Millisecond, nil, func(n int) {
				if n == 1 {
					time.Sleep(2500 * time.Millisecond)
				}
			})
			equalSlices(t, at, []time.Duration{second, 4 * second, 5 * second, 6 * second})
		})
	})
	t.Run("continues after a panic", func(t *testing.T) {
		inBubble(t, func(t *testing.T, _ *callback.Loop) {
			panics := 0
			loop := newLoop(t, callback.WithPanicHandler(func(*future.PanicError) { panics++ }))
			at := calls(t, loop, second, 3500*time.Millisecond, nil, func(int) { panic("boom") })
			equal(t, len(at), 3)
			equal(t, panics, 3)
		})
	})
	t.Run("jitter varies the interval", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			at := calls(t, loop, second, 100*second, []callback.PeriodicOption{callback.WithJitter(0.2)}, func(int) {})
			varied := false
			last := time.Duration(0)
			for _, now := range at {
				d := now - last
				if d < 900*time.Millisecond || d > 1100*time.Millisecond {
					t.Errorf("interval = %v, want 900ms to 1.1s", d)
				}
				varied = varied || d != second
				last = now
			}
			equal(t, varied, true)
		})
	})
	t.Run("longest interval", func(t *testing.T) {
		jitters := []callback.PeriodicOption{callback.WithJitter(0), callback.WithJitter(0.1), callback.WithJitter(2)}
		for _, jitter := range jitters {
			inBubble(t, func(t *testing.T, loop *callback.Loop) {
				at := calls(t, loop, math.MaxInt64, time.Minute, []callback.PeriodicOption{jitter}, func(n int) {
					if n == 3 {
						loop.Stop()
					}
				})
				equal(t, len(at), 0)
			})
		}
	})
	t.Run("invalid jitter", func(t *testing.T) {
		for _, fraction := range []float64{-0.1, 2.1, math.Inf(1), math.NaN()} {
			equal(t, panicOf(func() { callback.WithJitter(fraction) }),
				any(fmt.Sprintf("callback: WithJitter: invalid fraction %v: need at least 0 and at most 2", fraction)))
		}
	})
	t.Run("does not overlap a waiting coroutine", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			began := time.Now()
			var at []time.Duration
			running := false
			p := callback.NewPeriodic(loop, second, func(co *callback.Co) {
				equal(t, running, false)
				running = true
				at = append(at, time.Since(began))
				_ = co.Sleep(1500 * time.Millisecond)
				running = false
			})
			p.Start()
			loop.CallLater(6500*time.Millisecond, loop.Stop)
			loop.Start()
			equalSlices(t, at, []time.Duration{second, 3 * second, 5 * second})
			equal(t, p.IsRunning(), true)
			loop.Close()
			equal(t, p.IsRunning(), false)
		})
	})
	t.Run("stopped and started in its function", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			began := time.Now()
			var at []time.Duration
			var p *callback.Periodic
			p = callback.NewPeriodic(loop, second, func() {
				at = append(at, time.Since(began))
				p.Stop()
				p.Start()
			})
			p.Start()
			loop.CallLater(3500*time.Millisecond, func() { p.Stop(); loop.Stop() })
			loop.Start()
			equalSlices(t, at, []time.Duration{second, 2 * second, 3 * second})
		})
	})
}
