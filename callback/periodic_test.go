package callback_test

import (
	"slices"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// Tornado: PeriodicCallback.
func TestPeriodic(t *testing.T) {
	const second = time.Second
	// calls runs a loop for a while and returns when fn was called.
	calls := func(t *testing.T, loop *callback.Loop, interval, during time.Duration, opts []callback.PeriodicOption,
		fn func(n int),
	) (at []time.Duration) {
		began := time.Now()
		p := callback.NewPeriodic(loop, interval, func() {
			at = append(at, time.Since(began))
			fn(len(at))
		}, opts...)
		p.Start()
		p.Start() // does nothing
		loop.CallLater(during, func() { p.Stop(); loop.Stop() })
		loop.Start()
		equal(t, p.IsRunning(), false)
		return at
	}
	t.Run("is first called after one interval, and stops", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			at := calls(t, loop, second, 3500*time.Millisecond, nil, func(int) {})
			equal(t, slices.Equal(at, []time.Duration{second, 2 * second, 3 * second}), true)
		})
	})
	t.Run("measures from start to start", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			at := calls(t, loop, second, 3500*time.Millisecond, nil, func(int) { time.Sleep(second / 2) })
			equal(t, slices.Equal(at, []time.Duration{second, 2 * second, 3 * second}), true)
		})
	})
	t.Run("skips what an overrun has missed", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			at := calls(t, loop, second, 6500*time.Millisecond, nil, func(n int) {
				if n == 1 {
					time.Sleep(2500 * time.Millisecond)
				}
			})
			equal(t, slices.Equal(at, []time.Duration{second, 4 * second, 5 * second, 6 * second}), true)
		})
	})
	t.Run("goes on after a panic", func(t *testing.T) {
		inBubble(t, func(t *testing.T, _ *callback.Loop) {
			panics := 0
			loop := newLoop(t, callback.WithPanicHandler(func(*future.PanicError) { panics++ }))
			at := calls(t, loop, second, 3500*time.Millisecond, nil, func(int) { panic("boom") })
			equal(t, len(at), 3)
			equal(t, panics, 3)
		})
	})
	t.Run("with jitter varies around the interval", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			at := calls(t, loop, second, 100*second, []callback.PeriodicOption{callback.WithJitter(0.2)}, func(int) {})
			varied := false
			last := time.Duration(0)
			for _, now := range at {
				d := now - last
				if d < 900*time.Millisecond || d > 1100*time.Millisecond {
					t.Error("interval of", d)
				}
				varied = varied || d != second
				last = now
			}
			equal(t, varied, true)
		})
	})
	t.Run("never overlaps a coroutine that waits", func(t *testing.T) {
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
			equal(t, slices.Equal(at, []time.Duration{second, 3 * second, 5 * second}), true)
			equal(t, p.IsRunning(), true)
			loop.Close()
			equal(t, p.IsRunning(), false)
		})
	})
	t.Run("can be stopped and started from its own function", func(t *testing.T) {
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
			equal(t, slices.Equal(at, []time.Duration{second, 2 * second, 3 * second}), true)
		})
	})
}
