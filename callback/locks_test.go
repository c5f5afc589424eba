package callback_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// tornado.locks.Event.
func TestEvent(t *testing.T) {
	t.Run("Set ends all waits and later ones", func(t *testing.T) {
		loop := newLoop(t)
		e := callback.NewEvent(loop)
		a, b := e.Wait(), e.Wait()
		equal(t, e.IsSet(), false)
		equal(t, a.IsDone(), false)
		e.Set()
		e.Set()
		equal(t, a.IsDone() && b.IsDone() && e.Wait().IsDone() && e.IsSet(), true)
		e.Clear()
		equal(t, e.Wait().IsDone(), false)
	})
	t.Run("times out", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			e := callback.NewEvent(loop)
			run(t, loop, func(co *callback.Co) error {
				began := time.Now()
				_, err := e.Wait(time.Second).Await(co)
				wantError(t, err, future.ErrTimeout)
				equal(t, time.Since(began), time.Second)
				loop.CallLater(time.Second, e.Set)
				_, err = e.Wait(time.Hour).Await(co)
				return err
			})
		})
	})
	t.Run("callbacks run in a later turn", func(t *testing.T) {
		loop := newLoop(t)
		e := callback.NewEvent(loop)
		e.Set()
		ran := false
		e.Wait().OnComplete(func(none, error) { ran = true })
		equal(t, ran, false)
		loop.Poll()
		equal(t, ran, true)
	})
}

// tornado.locks.Condition: after a timeout the result of wait is False. It is not an error.
func TestCondition(t *testing.T) {
	results := func(fs ...*future.Future[bool]) (done int) {
		for _, f := range fs {
			if v, err := f.Result(); err == nil && v {
				done++
			}
		}
		return done
	}
	t.Run("notifies in the order of the waits", func(t *testing.T) {
		c := callback.NewCondition(newLoop(t))
		a, b, d := c.Wait(), c.Wait(), c.Wait()
		c.Notify(1)
		equal(t, results(a), 1)
		equal(t, results(b, d), 0)
		c.NotifyAll()
		equal(t, results(a, b, d), 3)
		c.Notify(5) // has no effect, because nothing waits
		equal(t, c.Wait().IsDone(), false)
	})
	t.Run("skips cancelled waits", func(t *testing.T) {
		c := callback.NewCondition(newLoop(t))
		a, b := c.Wait(), c.Wait()
		a.Cancel()
		c.Notify(1)
		equal(t, results(b), 1)
	})
	t.Run("is false after the timeout", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			c := callback.NewCondition(loop)
			run(t, loop, func(co *callback.Co) error {
				v, err := c.Wait(time.Second).Await(co)
				equal(t, v, false)
				return err
			})
		})
	})
}

// tornado.locks.Semaphore.
func TestSemaphore(t *testing.T) {
	t.Run("limits holders and serves waits in order", func(t *testing.T) {
		loop := newLoop(t)
		sem := callback.NewSemaphore(loop, 2)
		inside, most := 0, 0
		var order []int
		run(t, loop, func(co *callback.Co) error {
			var fs []*future.Future[none]
			for i := range 20 {
				fs = append(fs, callback.Spawn(loop, func(co *callback.Co) (none, error) {
					release, err := sem.Acquire().Await(co)
					if err != nil {
						return none{}, err
					}
					defer release()
					order = append(order, i)
					inside++
					most = max(most, inside)
					err = co.Sleep(0)
					inside--
					return none{}, err
				}))
			}
			_, err := future.All(fs...).Await(co)
			return err
		})
		equal(t, most, 2)
		equal(t, len(order), 20)
		equal(t, slices.IsSorted(order), true)
	})
	t.Run("a wait that timed out gets no permit", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			sem := callback.NewSemaphore(loop, 0)
			run(t, loop, func(co *callback.Co) error {
				_, err := sem.Acquire(time.Second).Await(co)
				wantError(t, err, future.ErrTimeout)
				last := sem.Acquire(time.Minute)
				sem.Release()
				_, err = last.Await(co)
				return err
			})
		})
	})
	t.Run("removes cancelled waits", func(t *testing.T) {
		sem := callback.NewSemaphore(newLoop(t), 0)
		for range 1000 {
			sem.Acquire().Cancel()
		}
		equal(t, callback.Waiting(sem), 0)
		sem.Release()
		equal(t, sem.Acquire().IsDone(), true)
	})
	t.Run("more releases than acquires", func(t *testing.T) {
		sem := callback.NewSemaphore(newLoop(t), 0)
		sem.Release()
		sem.Release()
		for _, free := range []bool{true, true, false} {
			equal(t, sem.Acquire().IsDone(), free)
		}
	})
	t.Run("bounded rejects extra releases", func(t *testing.T) {
		sem := callback.NewBoundedSemaphore(newLoop(t), 1)
		equal(t, panicOf(sem.Release), any(callback.ErrReleased))
		equal(t, sem.Acquire().IsDone(), true)
		sem.Release()
		equal(t, panicOf(sem.Release), any(callback.ErrReleased))
	})
}

func panicOf(fn func()) (v any) {
	defer func() { v = recover() }()
	fn()
	return nil
}

// tornado.locks.Lock.
func TestLock(t *testing.T) {
	t.Run("has one holder at a time", func(t *testing.T) {
		loop := newLoop(t)
		lock := callback.NewLock(loop)
		inside := false
		entered := 0
		enter := func(co *callback.Co) (none, error) {
			release, err := lock.Acquire().Await(co)
			if err != nil {
				return none{}, err
			}
			defer release()
			equal(t, inside, false)
			inside = true
			entered++
			err = co.Sleep(0)
			inside = false
			return none{}, err
		}
		run(t, loop, func(co *callback.Co) error {
			_, err := callback.Gather(co, slices.Repeat([]func(*callback.Co) (none, error){enter}, 50)...)
			return err
		})
		equal(t, entered, 50)
		equal(t, lock.Locked(), false)
		equal(t, panicOf(lock.Release), any(callback.ErrReleased))
	})
	t.Run("returns from a cancelled coroutine", func(t *testing.T) {
		loop := newLoop(t)
		lock := callback.NewLock(loop)
		lock.Acquire()
		f := callback.Spawn(loop, func(co *callback.Co) (none, error) {
			release, err := lock.Acquire().Await(co)
			if err == nil {
				release()
			}
			return none{}, err
		})
		loop.Poll()
		lock.Release() // the coroutine gets the lock
		f.Cancel()
		for loop.Poll() {
		}
		equal(t, lock.Locked(), false)
	})
}

func TestLockFromManyGoroutines(t *testing.T) {
	loop := newLoop(t)
	lock := callback.NewLock(loop)
	ctx, stop := context.WithTimeout(t.Context(), hang)
	defer stop()
	unlocked := 0
	done := make(chan none)
	for range 8 {
		go func() {
			defer func() { done <- none{} }()
			for range 500 {
				acquire := lock.Acquire()
				if acquire.Cancel() { // the lock was not free
					continue
				}
				release, err := acquire.Await(ctx)
				if err != nil {
					t.Errorf("Acquire() error = %v, want <nil>", err)
					return
				}
				unlocked++
				release()
			}
		}()
	}
	for range 8 {
		<-done
	}
	equal(t, lock.Locked(), false)
	equal(t, unlocked > 0, true)
}
