package callback_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// asyncio: Task.cancel.
func TestCancelOfACoroutine(t *testing.T) {
	t.Run("ends the await that it is in and runs its deferred functions", func(t *testing.T) {
		loop := newLoop(t)
		_, never := pending[int]()
		var seen, inDefer error
		cause := errors.New("no longer wanted")
		f := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			defer func() { inDefer = co.Err() }()
			_, seen = never.Await(co)
			return 0, seen
		})
		loop.Poll()
		equal(t, f.Cancel(cause), true)
		equal(t, f.Cancelled(), true) // at once
		equal(t, seen, nil)           // the coroutine learns it on the loop
		loop.Poll()
		equal(t, errors.Is(seen, future.ErrCancelled), true)
		equal(t, errors.Is(seen, cause), true)
		equal(t, inDefer, context.Canceled)
		equal(t, never.IsDone(), false) // a wait that ends leaves the future alone
	})
	t.Run("before its beginning lets it begin with an ended Co", func(t *testing.T) {
		loop := newLoop(t)
		var err error
		f := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			err = co.Sleep(time.Hour)
			return 0, err
		})
		f.Cancel()
		for loop.Poll() {
		}
		equal(t, errors.Is(err, context.Canceled), true)
	})
	t.Run("does not take back an outcome that is there", func(t *testing.T) {
		loop := newLoop(t)
		p, f := pending[int]()
		var got int
		c := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			var err error
			got, err = f.Await(co)
			return got, err
		})
		loop.Poll()
		p.Resolve(3)
		c.Cancel()
		for loop.Poll() {
		}
		equal(t, got, 3)
	})
	t.Run("ends every further await", func(t *testing.T) {
		loop := newLoop(t)
		_, never := pending[int]()
		awaits := 0
		f := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			for range 10 {
				if _, err := never.Await(co); err != nil {
					awaits++
				}
			}
			return 0, nil
		})
		loop.Poll()
		f.Cancel()
		loop.Poll()
		equal(t, awaits, 10)
	})
	t.Run("ends one that takes no notice", func(t *testing.T) {
		log := newLogRecorder()
		loop := callback.NewLoop(callback.WithLogger(log.logger()))
		deferred := false
		f := callback.Spawn(loop, func(co *callback.Co) (int, error) {
			defer func() {
				_ = co.Sleep(time.Second)
				deferred = true
			}()
			defer func() { deferred = true }()
			for {
				_ = co.Sleep(time.Second)
			}
		})
		loop.Poll()
		f.Cancel()
		loop.Poll()
		equal(t, deferred, true)
		equal(t, log.contains("ignores the errors of its awaits"), true)
		loop.Close()
	})
	t.Run("leaves operations that it did not wait for", func(t *testing.T) {
		loop := newLoop(t)
		var kept *callback.Co
		run(t, loop, func(co *callback.Co) error {
			kept = co
			return nil
		})
		equal(t, kept.Err(), nil)
	})
}
