package seams_test

import (
	"fmt"
	"time"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
)

// await returns the error of a future that settles soon.
func await[T any](s *scene, f *future.Future[T]) error {
	_, err := f.Await(patience(s.t))
	return err
}

func onLock(s *scene) *waiting {
	lock := callback.NewLock(s.loop)
	release := succeed(s.t, lock.Acquire())
	return &waiting{startOnLoop(s, func() *future.Future[func()] { return lock.Acquire() }), release, nil,
		func(outcome error) error {
			if outcome == nil {
				lock.Release()
			}
			if lock.Locked() {
				return fmt.Errorf("got a locked lock, want it free")
			}
			return await(s, lock.Acquire())
		}}
}

func onSemaphore(s *scene) *waiting {
	semaphore := callback.NewSemaphore(s.loop, 1)
	release := succeed(s.t, semaphore.Acquire())
	return &waiting{startOnLoop(s, func() *future.Future[func()] { return semaphore.Acquire() }), release, nil,
		func(outcome error) error {
			if outcome == nil {
				semaphore.Release()
			}
			return await(s, semaphore.Acquire())
		}}
}

func onEvent(s *scene) *waiting {
	event := callback.NewEvent(s.loop)
	return &waiting{startOnLoop(s, func() *future.Future[struct{}] { return event.Wait() }), event.Set, nil,
		func(error) error { return await(s, event.Wait()) }}
}

func onCondition(s *scene) *waiting {
	condition := callback.NewCondition(s.loop)
	return &waiting{startOnLoop(s, func() *future.Future[bool] { return condition.Wait() }), func() { condition.Notify(1) }, nil,
		func(error) error {
			again := condition.Wait()
			condition.Notify(1)
			return await(s, again)
		}}
}

func onGet(s *scene) *waiting {
	queue, n := callback.NewQueue[int](s.loop, 0), 0
	put := func() {
		n++
		if err := queue.PutNowait(n); err != nil {
			s.t.Error(err)
		}
	}
	return &waiting{startOnLoop(s, func() *future.Future[int] { return queue.Get() }), put, nil, func(outcome error) error {
		want := 1
		if outcome == nil {
			want = 2
			put()
		}
		if got, err := queue.GetNowait(); got != want || err != nil {
			return fmt.Errorf("got %d, %v from the queue, want %d", got, err, want)
		}
		return nil
	}}
}

func onPut(s *scene) *waiting {
	queue := callback.NewQueue[int](s.loop, 1)
	succeed(s.t, queue.Put(1))
	get := func() {
		if got, err := queue.GetNowait(); got != 1 || err != nil {
			s.t.Errorf("got %d, %v from the queue, want 1", got, err)
		}
	}
	return &waiting{startOnLoop(s, func() *future.Future[struct{}] { return queue.Put(2) }), get, nil, func(outcome error) error {
		want := 0
		if outcome == nil {
			want = 1
		}
		if got := queue.QSize(); got != want {
			return fmt.Errorf("got %d items in the queue, want %d", got, want)
		}
		return nil
	}}
}

func onTimer(s *scene) *waiting {
	return &waiting{startOnLoop(s, func() *future.Future[struct{}] { return future.Sleep(time.Hour) }), nil, nil, nil}
}

func coroutine(s *scene) *waiting {
	event := callback.NewEvent(s.loop)
	started := make(chan struct{})
	p := startOnLoop(s, func() *future.Future[int] {
		return callback.SpawnContext(s.ctx, s.loop, func(co *callback.Co) (int, error) {
			close(started)
			_, err := event.Wait().Await(co)
			if s.codePanics {
				panic("the user's coroutine")
			}
			return 1, err
		})
	})
	<-started
	s.onLoop(func() {}) // the coroutine waits now
	return &waiting{p, event.Set, nil, func(error) error { return await(s, event.Wait()) }}
}
