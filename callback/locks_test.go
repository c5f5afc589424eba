package callback_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// tornado.locks.Event.
func TestEvent(t *testing.T) {
	t.Run("lets all who wait go on, and later ones at once", func(t *testing.T) {
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
				equal(t, errors.Is(err, future.ErrTimeout), true)
				equal(t, time.Since(began), time.Second)
				loop.CallLater(time.Second, e.Set)
				_, err = e.Wait(time.Hour).Await(co)
				return err
			})
		})
	})
	t.Run("delivers callbacks on the loop, deferred", func(t *testing.T) {
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

// tornado.locks.Condition: wait resolves to False after a timeout, it does not fail.
func TestCondition(t *testing.T) {
	results := func(fs ...*future.Future[bool]) (done int) {
		for _, f := range fs {
			if v, err := f.Result(); err == nil && v {
				done++
			}
		}
		return done
	}
	t.Run("notifies in the order of waiting", func(t *testing.T) {
		c := callback.NewCondition(newLoop(t))
		a, b, d := c.Wait(), c.Wait(), c.Wait()
		c.Notify(1)
		equal(t, results(a), 1)
		equal(t, results(b, d), 0)
		c.NotifyAll()
		equal(t, results(a, b, d), 3)
		c.Notify(5) // nobody: not remembered
		equal(t, c.Wait().IsDone(), false)
	})
	t.Run("does not waste a notification on one that was cancelled", func(t *testing.T) {
		c := callback.NewCondition(newLoop(t))
		a, b := c.Wait(), c.Wait()
		a.Cancel()
		c.Notify(1)
		equal(t, results(b), 1)
	})
	t.Run("resolves to false after the timeout", func(t *testing.T) {
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
	t.Run("lets so many in, then serves first come first", func(t *testing.T) {
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
	t.Run("times out, and who timed out gets no permit", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			sem := callback.NewSemaphore(loop, 0)
			run(t, loop, func(co *callback.Co) error {
				_, err := sem.Acquire(time.Second).Await(co)
				equal(t, errors.Is(err, future.ErrTimeout), true)
				last := sem.Acquire(time.Minute)
				sem.Release()
				_, err = last.Await(co)
				return err
			})
		})
	})
	t.Run("purges those who gave up", func(t *testing.T) {
		sem := callback.NewSemaphore(newLoop(t), 0)
		for range 1000 {
			sem.Acquire().Cancel()
		}
		equal(t, callback.Waiting(sem), 0)
		sem.Release()
		equal(t, sem.Acquire().IsDone(), true)
	})
	t.Run("can be released more often than acquired", func(t *testing.T) {
		sem := callback.NewSemaphore(newLoop(t), 0)
		sem.Release()
		sem.Release()
		for _, free := range []bool{true, true, false} {
			equal(t, sem.Acquire().IsDone(), free)
		}
	})
	t.Run("bounded cannot", func(t *testing.T) {
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
	t.Run("lets one in at a time over awaits", func(t *testing.T) {
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
	t.Run("is not lost to a coroutine that was cancelled when it got it", func(t *testing.T) {
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
		lock.Release() // it is the coroutine's now
		f.Cancel()
		for loop.Poll() {
		}
		equal(t, lock.Locked(), false)
	})
}

func TestLocksFromManyGoroutines(t *testing.T) {
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
				if acquire.Cancel() { // it was not to be had at once
					continue
				}
				release, err := acquire.Await(ctx)
				if err != nil {
					t.Error(err)
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
