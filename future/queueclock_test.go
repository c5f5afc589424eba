package future_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestQueueWaitIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, _ := future.NewPool(1)
		defer pool.Close()
		sleep := func(context.Context) (int, error) { time.Sleep(time.Second); return 1, nil }
		a, b, c := future.Go(t.Context(), pool, sleep), future.Go(t.Context(), pool, sleep), future.Go(t.Context(), pool, sleep)
		future.All(a, b, c).Await(t.Context())
		if s := pool.Stats(); s.Waited != 2 || s.QueueWait.Round(time.Second) != 3*time.Second || s.MaxQueueWait.Round(time.Second) != 2*time.Second {
			t.Errorf("Stats() = %+v, want Waited 2, QueueWait 3s and MaxQueueWait 2s", s)
		}
	})
}

// queueForAnHour queues n tasks behind a task that takes an hour. It cancels those for which keep returns false. It
// returns the sum and the maximum of the waits.
func queueForAnHour(t *testing.T, n int, keep func(i int) bool) (waited, longest time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		pool, err := future.NewPool(1)
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		future.Go(t.Context(), pool, func(context.Context) (int, error) { time.Sleep(time.Hour); return 0, nil })
		var kept, cancelled []*future.Future[int]
		for i := range n {
			f := future.Go(t.Context(), pool, func(context.Context) (int, error) { return i, nil })
			if keep(i) {
				kept = append(kept, f)
			} else {
				cancelled = append(cancelled, f)
			}
		}
		for _, f := range cancelled {
			f.Cancel()
		}
		future.All(kept...).Await(t.Context())
		s := pool.Stats()
		if s.Waited != uint64(len(kept)) {
			t.Errorf("Waited = %d, want %d", s.Waited, len(kept))
		}
		waited, longest = s.QueueWait, s.MaxQueueWait
	})
	return waited, longest
}

func TestQueueWaitOfManyTasks(t *testing.T) {
	waited, longest := queueForAnHour(t, 10_000, func(int) bool { return true })
	if waited < 9_900*time.Hour || waited > 10_100*time.Hour || longest.Round(time.Second) != time.Hour {
		t.Errorf("QueueWait = %v, MaxQueueWait = %v of 10,000 tasks; want about 10,000h and 1h", waited, longest)
	}
}

// Tasks move up in the queue when others are cancelled. They keep their times.
func TestQueueWaitAfterCancels(t *testing.T) {
	waited, longest := queueForAnHour(t, 1_000, func(i int) bool { return i%50 == 0 })
	if waited <= 0 || waited > 64*time.Hour || longest.Round(time.Second) != time.Hour {
		t.Errorf("QueueWait = %v, MaxQueueWait = %v of 20 tasks; want at most 64h and 1h", waited, longest)
	}
}

func TestMaxQueueWaitOfManyTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 1_000 * time.Second
		pool, err := future.NewPool(1, future.WithMaxQueueWait(limit, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		future.Go(t.Context(), pool, func(context.Context) (int, error) { time.Sleep(time.Hour); return 0, nil })
		for i := range 300 {
			queued := time.Now()
			future.Go(t.Context(), pool, func(context.Context) (int, error) { return i, nil }).OnComplete(func(_ int, err error) {
				if after := time.Since(queued).Round(time.Second); err != future.ErrQueueTimeout || after != limit {
					t.Errorf("task %d: error %v after %v, want ErrQueueTimeout after %v", i, err, after, limit)
				}
			})
			time.Sleep(time.Second)
		}
		time.Sleep(limit)
		synctest.Wait()
		if s := pool.Stats(); s.Rejected != 300 || s.Waited != 0 || s.QueueWait != 0 {
			t.Errorf("Stats() = %+v, want Rejected 300, Waited 0 and QueueWait 0", s)
		}
	})
}
