package callback_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// asyncio: a task that is cancelled while it waits for a lock leaves the lock's queue.
func TestWaitersThatGiveUpLoseNothing(t *testing.T) {
	gone := func(t *testing.T, loop *callback.Loop, wait func(co *callback.Co) error) {
		t.Helper()
		f := callback.Spawn(loop, func(co *callback.Co) (none, error) { return none{}, wait(co) })
		loop.Poll()
		f.Cancel()
		for loop.Poll() {
		}
		equal(t, errors.Is(f.Err(), future.ErrCancelled), true)
	}
	t.Run("a permit", func(t *testing.T) {
		loop := newLoop(t)
		sem := callback.NewSemaphore(loop, 0)
		gone(t, loop, func(co *callback.Co) error {
			_, err := sem.Acquire().Await(co)
			return err
		})
		equal(t, callback.Waiting(sem), 0)
		sem.Release()
		equal(t, sem.Acquire().IsDone(), true)
	})
	t.Run("an item", func(t *testing.T) {
		loop := newLoop(t)
		q := callback.NewQueue[int](loop, 1)
		gone(t, loop, func(co *callback.Co) error {
			_, err := q.Get().Await(co)
			return err
		})
		q.Put(1)
		gone(t, loop, func(co *callback.Co) error {
			_, err := q.Put(2).Await(co)
			return err
		})
		equal(t, len(drain(q)), 1)
	})
	t.Run("by the deadline of a context", func(t *testing.T) {
		inBubble(t, func(t *testing.T, loop *callback.Loop) {
			sem := callback.NewSemaphore(loop, 0)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := sem.Acquire().Await(ctx)
			equal(t, errors.Is(err, context.DeadlineExceeded), true)
			equal(t, callback.Waiting(sem), 0)
		})
	})
}
