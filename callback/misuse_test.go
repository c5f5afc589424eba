package callback_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

func TestAwaitWithForeignCoPanics(t *testing.T) {
	mustPanic := func(t *testing.T, want string, fn func()) {
		t.Helper()
		defer func() {
			v := recover()
			text, _ := v.(string)
			if !containsString(text, want) {
				t.Errorf("panic = %v, want a text with %q", v, want)
			}
		}()
		fn()
	}
	const outside = "awaited outside its coroutine"
	t.Run("in another goroutine", func(t *testing.T) {
		loop := newLoop(t)
		_, never := pending[int]()
		run(t, loop, func(co *callback.Co) error {
			for range 100 { // the coroutine runs in some rounds and waits in others
				done := future.NewPromise[none]()
				go func() {
					defer done.Resolve(none{})
					mustPanic(t, outside, func() { _, _ = never.Await(co) })
					mustPanic(t, outside, func() { _ = co.Sleep(0) })
				}()
				runtime.Gosched()
				if _, err := done.Future().Await(co); err != nil {
					return err
				}
			}
			return nil
		})
	})
	t.Run("in another coroutine", func(t *testing.T) {
		loop := newLoop(t)
		run(t, loop, func(co *callback.Co) error {
			_, err := callback.Spawn(loop, func(*callback.Co) (int, error) {
				mustPanic(t, outside, func() { _ = co.Sleep(0) })
				return 0, nil
			}).Await(co)
			return err
		})
	})
	t.Run("in a coroutine of another loop", func(t *testing.T) {
		loop, other := newLoop(t), newLoop(t)
		run(t, loop, func(co *callback.Co) error {
			_, err := callback.RunSync(other, func(*callback.Co) (int, error) {
				mustPanic(t, outside, func() { _ = co.Sleep(0) })
				return 0, nil
			})
			return err
		})
	})
	t.Run("in a callback", func(t *testing.T) {
		loop := newLoop(t)
		run(t, loop, func(co *callback.Co) error {
			loop.AddCallback(func() { mustPanic(t, outside, func() { _ = co.Sleep(0) }) })
			return co.Sleep(0)
		})
	})
	t.Run("of a coroutine that has ended", func(t *testing.T) {
		loop := newLoop(t)
		var kept *callback.Co
		run(t, loop, func(co *callback.Co) error {
			_, err := callback.Spawn(loop, func(co *callback.Co) (int, error) { kept = co; return 0, nil }).Await(co)
			if err != nil {
				return err
			}
			_, err = callback.Spawn(loop, func(*callback.Co) (int, error) { // runs on the goroutine of the first coroutine
				mustPanic(t, "after its coroutine has ended", func() { _ = kept.Sleep(0) })
				return 0, nil
			}).Await(co)
			return err
		})
	})
}

// The runtime ends the process if iter.Pull is resumed with another LockOSThread state. The loop checks this first.
func TestCoroutinesStayOnTheirThread(t *testing.T) {
	loop := newLoop(t)
	p, f := pending[int]()
	c := callback.Spawn(loop, func(co *callback.Co) (int, error) { return f.Await(co) })
	loop.Poll()
	p.Resolve(1)
	func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for _, drive := range []func(){loop.Start, func() { loop.Poll() }, loop.Close} {
			func() {
				defer func() { equal(t, recover(), any(callback.ErrWrongThread)) }()
				drive()
			}()
		}
		_, err := callback.RunSync(loop, func(*callback.Co) (int, error) { return 0, nil })
		equal(t, err, callback.ErrWrongThread)
	}()
	for loop.Poll() {
	}
	v, err := c.Result()
	equal(t, v, 1)
	equal(t, err, nil)
}

func TestCoroutinesOnALockedThread(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	loop := newLoop(t)
	run(t, loop, func(co *callback.Co) error {
		_, err := callback.Gather(co,
			func(co *callback.Co) (int, error) { return 1, co.Sleep(0) },
			func(co *callback.Co) (int, error) { return 1, co.Sleep(time.Millisecond) })
		return err
	})
	loop.Close()
}
