package callback_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// Tornado: IOLoop.run_sync.
func TestRunSync(t *testing.T) {
	hour := func(co *callback.Co) (int, error) { return 1, co.Sleep(time.Hour) }
	t.Run("returns the coroutine's result", func(t *testing.T) {
		v, err := callback.RunSync(newLoop(t), func(*callback.Co) (int, error) { return 5, nil }, time.Second)
		equal(t, v, 5)
		equal(t, err, nil)
	})
	t.Run("returns the future's result, value and error", func(t *testing.T) {
		loop, failure := newLoop(t), errors.New("failure")
		v, err := callback.RunSyncFuture(loop, func() *future.Future[int] {
			p, f := pending[int]()
			loop.AddCallback(func() { p.Settle(6, failure) })
			return f
		})
		equal(t, v, 6)
		equal(t, err, failure)
	})
	t.Run("returns a panic of the function", func(t *testing.T) {
		_, err := callback.RunSyncFuture(newLoop(t), func() *future.Future[int] { panic("boom") })
		p, ok := errors.AsType[*future.PanicError](err)
		equal(t, ok && p.Value == "boom", true)
	})
	t.Run("with a timeout cancels the coroutine and says after what", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			began := time.Now()
			var seen error
			_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
				seen = co.Sleep(time.Hour)
				return 0, seen
			}, 3*time.Second)
			equal(t, time.Since(began), 3*time.Second)
			equal(t, errors.Is(err, future.ErrTimeout), true)
			equal(t, err.Error(), "callback: operation timed out after 3s")
			equal(t, errors.Is(seen, future.ErrCancelled) && errors.Is(seen, future.ErrTimeout), true)
		})
	})
	t.Run("with a timeout cancels the future", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			_, f := pending[int]()
			_, err := callback.RunSyncFuture(loop, func() *future.Future[int] { return f }, time.Second)
			equal(t, errors.Is(err, future.ErrTimeout), true)
			equal(t, f.Cancelled(), true)
		})
	})
	t.Run("leaves no timeout behind", func(t *testing.T) {
		log := newLogRecorder()
		loop := callback.NewLoop(callback.WithLogger(log.logger()))
		_, err := callback.RunSync(loop, func(*callback.Co) (int, error) { return 0, nil }, time.Hour)
		equal(t, err, nil)
		loop.Close()
		equal(t, log.contains("timeouts"), false)
	})
	t.Run("says that the loop was stopped, and the coroutine can go on", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			done := false
			loop.CallLater(time.Second, loop.Stop)
			_, err := callback.RunSync(loop, func(co *callback.Co) (int, error) {
				err := co.Sleep(2 * time.Second)
				done = true
				return 0, err
			})
			equal(t, err, callback.ErrLoopStopped)
			loop.CallLater(2*time.Second, loop.Stop)
			loop.Start()
			equal(t, done, true)
		})
	})
	t.Run("says that the loop was closed", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			loop.CallLater(time.Second, loop.Close)
			_, err := callback.RunSync(loop, hour)
			equal(t, errors.Is(err, callback.ErrLoopClosed), true)
			_, err = callback.RunSync(loop, hour)
			equal(t, err, callback.ErrLoopClosed)
		})
	})
	t.Run("can be called again", func(t *testing.T) {
		loop := newLoop(t)
		for i := range 100 {
			v, err := callback.RunSync(loop, func(co *callback.Co) (int, error) { return i, co.Sleep(0) })
			equal(t, v, i)
			equal(t, err, nil)
		}
	})
}
