package callback_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
)

// Tornado: IOLoop.add_future, "schedules a callback on the IOLoop when the given Future is finished".
func TestAddFuture(t *testing.T) {
	t.Run("defers even when the future is settled", func(t *testing.T) {
		loop := newLoop(t)
		var got []string
		loop.AddCallback(func() {
			callback.AddFuture(loop, future.Resolved(1), func(f *future.Future[int]) {
				v, err := f.Result()
				equal(t, v, 1)
				equal(t, err, nil)
				got = append(got, "future")
			})
			got = append(got, "callback")
		})
		loop.Poll()
		equal(t, slices.Equal(got, []string{"callback"}), true)
		loop.Poll()
		equal(t, slices.Equal(got, []string{"callback", "future"}), true)
	})
	t.Run("delivers in the order of settlement", func(t *testing.T) {
		loop := newLoop(t)
		var got []int
		var ps []*future.Promise[int]
		for range 100 {
			p, f := pending[int]()
			ps = append(ps, p)
			callback.AddFuture(loop, f, func(f *future.Future[int]) {
				v, _ := f.Result()
				got = append(got, v)
			})
		}
		for i := range ps {
			ps[len(ps)-1-i].Resolve(i)
		}
		loop.Poll()
		equal(t, len(got), 100)
		equal(t, slices.IsSorted(got), true)
	})
	t.Run("of a closed loop is reported, not lost", func(t *testing.T) {
		reports := reporttest.Reports(t)
		loop := newLoop(t)
		p, f := pending[int]()
		callback.AddFuture(loop, f, func(*future.Future[int]) { t.Error("delivered") })
		loop.Close()
		failure := errors.New("failure")
		p.Reject(failure)
		reported := <-reports
		equal(t, errors.Is(reported, callback.ErrLoopClosed) && errors.Is(reported, failure), true)
	})
}

func TestRunInExecutor(t *testing.T) {
	t.Run("runs away from the loop and delivers on it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			loop := newLoop(t)
			hold := make(chan none)
			f := callback.RunInExecutor(t.Context(), loop, nil, func(context.Context) (int, error) {
				<-hold
				return 3, nil
			})
			got := 0
			f.OnComplete(func(v int, _ error) { got = v }) // unlocked: both run on the loop
			loop.Poll()
			equal(t, got, 0)
			close(hold)
			synctest.Wait()
			equal(t, got, 0)
			loop.Poll()
			equal(t, got, 3)
		})
	})
	t.Run("takes any executor", func(t *testing.T) {
		loop := newLoop(t)
		var mu sync.Mutex
		ran := 0
		ex := future.ExecutorFunc(func(task func()) error {
			mu.Lock()
			ran++
			mu.Unlock()
			go task()
			return nil
		})
		run(t, loop, func(co *callback.Co) error {
			v, err := callback.RunInExecutor(co, loop, ex, func(context.Context) (int, error) { return 4, nil }).Await(co)
			equal(t, v, 4)
			return err
		})
		equal(t, ran, 1)
	})
}

// The loop as a future.Executor.
func TestContinuationsRunOnTheLoop(t *testing.T) {
	loop := newLoop(t)
	unlocked := 0
	const n = 1000
	var wg sync.WaitGroup
	for range n {
		p, f := pending[int]()
		wg.Add(1)
		future.Then(f.Via(loop), func(v int) (int, error) {
			unlocked += v
			return v, nil
		}).Finally(func() {
			unlocked++
			wg.Done()
		})
		go p.Resolve(1)
	}
	wait := background(loop)
	wg.Wait()
	loop.Close()
	wait()
	equal(t, unlocked, 2*n)

	p, f := pending[int]()
	child := future.Then(f.Via(loop), func(v int) (int, error) { return v, nil })
	p.Resolve(1)
	_, err := child.Await(t.Context())
	equal(t, errors.Is(err, callback.ErrLoopClosed), true)
}
