package callback_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func TestLoopStats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := newLoop(t, callback.WithSlowCallback(time.Second, func(callback.SlowCallback) {}), callback.WithPanicHandler(func(*future.PanicError) {}))
		equal(t, loop.Stats(), future.LoopStats{})
		loop.AddCallback(dawdle) // two seconds
		loop.AddCallback(func() { panic("stop") })
		loop.CallLater(time.Second, func() {}) // a second late
		later := loop.CallLater(time.Hour, func() {})
		time.Sleep(500 * time.Millisecond)
		equal(t, loop.Stats(), future.LoopStats{Queued: 2, Timeouts: 2})
		for loop.Poll() {
		}
		equal(t, loop.Stats(), future.LoopStats{
			Timeouts: 1, Turns: 2, Callbacks: 2, Fired: 1, Panics: 1, Slow: 1,
			Lag: 500*time.Millisecond + 1500*time.Millisecond, MaxLag: 1500 * time.Millisecond,
		})
		loop.RemoveTimeout(later)
		loop.AddCallback(func() {
			loop.AddCallback(func() {})
			equal(t, loop.Stats().Queued, 1)
		})
		for loop.Poll() {
		}
		got := loop.Stats()
		equal(t, got.Callbacks, 4)
		equal(t, got.Turns, 4)
		equal(t, got.MaxLag, 1500*time.Millisecond)
	})
}
