package future_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestMaxQueueWaitFailsTasks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pool, err := future.NewPool(1, future.WithMaxQueueWait(10*time.Second, nil))
		if err != nil {
			t.Fatal(err)
		}
		defer pool.Close()
		sleep := func(seconds int) *future.Future[int] {
			return future.Go(t.Context(), pool, func(context.Context) (int, error) {
				time.Sleep(time.Duration(seconds) * time.Second)
				return seconds, nil
			})
		}
		runs := sleep(15) // starts at once; the others wait for it
		late, cancelled := sleep(1), sleep(1)
		time.Sleep(6 * time.Second)
		inTime := sleep(2)
		cancelled.Cancel()
		began := time.Now()
		wantError(t, late, future.ErrQueueTimeout)
		if waited := time.Since(began).Round(time.Millisecond); waited != 4*time.Second {
			t.Errorf("refused after %v more, want 4s", waited)
		}
		if !errors.Is(late.Err(), context.DeadlineExceeded) {
			t.Errorf("Err() = %v, want context.DeadlineExceeded", late.Err())
		}
		wantValue(t, runs, 15)
		wantValue(t, inTime, 2) // it has waited for nine seconds
		if s := pool.Stats(); s.Rejected != 1 || s.Queued != 0 || s.Completed != 2 {
			t.Errorf("Stats() = %+v, want Rejected 1, Queued 0 and Completed 2", s)
		}
		// The timer has expired. A later task starts it again.
		time.Sleep(time.Minute)
		runs, late = sleep(11), sleep(1)
		wantError(t, late, future.ErrQueueTimeout)
		wantValue(t, runs, 11)
	})
}

func TestMaxQueueWaitReportsFunctions(t *testing.T) {
	reported := unobserved(t)
	late := errors.New("late")
	pool, _ := blocked(t, future.WithMaxQueueWait(time.Millisecond, late))
	if err := pool.Execute(func() { t.Error("the function was called, want it refused") }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the refused function was not reported", func() bool { return reports(reported, late) == 1 })
}

func TestMaxQueueWaitIsPositive(t *testing.T) {
	for _, limit := range []time.Duration{0, -1} {
		if _, err := future.NewPool(1, future.WithMaxQueueWait(limit, nil)); !errors.Is(err, future.ErrInvalidOption) {
			t.Errorf("WithMaxQueueWait(%v) error = %v, want ErrInvalidOption", limit, err)
		}
	}
}
