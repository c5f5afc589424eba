package future_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestSettled(t *testing.T) {
	if v, err := future.Settled(1, errBang).Result(); v != 1 || err != errBang {
		t.Errorf("Result() = %v, %v; want 1, %v", v, err, errBang)
	}
}

func TestErase(t *testing.T) {
	p := future.NewPromise[int]()
	f := future.Erase(p.Future())
	p.Settle(3, errBang)
	if v, err := f.Result(); v != any(3) || err != errBang {
		t.Errorf("Result() = %v, %v; want 3, %v", v, err, errBang)
	}

	p = future.NewPromise[int]()
	f = future.Erase(p.Future())
	f.Cancel()
	if p.Future().IsDone() || future.Links(p.Future()) != 0 {
		t.Error("the cancelled future left its parent settled or with a link, want neither")
	}

	p = future.NewPromise[int]()
	f = future.Erase(p.Future())
	p.Future().Cancel()
	if v, err := f.Result(); v != nil || !errors.Is(err, future.ErrCancelled) {
		t.Errorf("Result() = %v, %v; want <nil>, %v", v, err, future.ErrCancelled)
	}
}

func TestErasePassesObservation(t *testing.T) {
	reported := unobserved(t)
	func() {
		await(t, future.Erase(future.Rejected[int](errBang)))
		future.Erase(future.Rejected[int](errBoom))
	}()
	eventually(t, "an erased failure was not reported", func() bool { return reports(reported, errBoom) == 1 })
	if n := reports(reported, errBang); n != 0 {
		t.Errorf("an awaited failure was reported %d times, want 0", n)
	}
}

func TestWaitTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		p, q := future.NewPromise[int](), future.NewPromise[int]()
		time.AfterFunc(time.Second, func() { p.Resolve(1) })
		sets, err := future.WaitTimeout(time.Minute, future.AllCompleted, q.Future(), p.Future()).Await(t.Context())
		if err != nil || len(sets.Done) != 1 || sets.Done[0] != p.Future() || len(sets.Pending) != 1 ||
			time.Since(began) != time.Minute {
			t.Errorf("sets = %v, %v after %v; want p in Done and q in Pending after 1m", sets, err, time.Since(began))
		}
		if n := future.Links(q.Future()); n != 0 {
			t.Errorf("the pending future has %d links, want 0", n)
		}

		// The condition is met before the time is over, and the timer is stopped.
		f := future.WaitTimeout(time.Hour, future.FirstCompleted, q.Future())
		q.Resolve(2)
		if sets, err := f.Result(); err != nil || len(sets.Done) != 1 {
			t.Errorf("Result() = %v, %v; want one future in Done", sets, err)
		}
		sets, err = future.WaitTimeout(0, future.AllCompleted, future.NewPromise[int]().Future()).Result()
		if err != nil || len(sets.Pending) != 1 {
			t.Errorf("Result() without time = %v, %v; want one future in Pending", sets, err)
		}
	})
}
