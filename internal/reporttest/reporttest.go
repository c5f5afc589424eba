// Package reporttest collects the failures of a test that go to the handler of unobserved failures.
package reporttest

import (
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

// Reports returns the failures that the handler receives until the end of the test: outcomes that could not be
// delivered, panics, and errors that match one of mine. Other failures are left out. They may come from other tests
// whose futures the garbage collector finds now.
func Reports(t testing.TB, mine ...error) <-chan error {
	t.Helper()
	LeaveOthers(t)
	told := make(chan error, 100)
	previous := future.SetUnobservedHandler(func(err error) {
		if isOf(err, mine) {
			told <- err
		}
	})
	t.Cleanup(func() { future.SetUnobservedHandler(previous) })
	return told
}

// LeaveOthers makes the handler report the unobserved failures of earlier tests now, so that the caller does not get
// them. To know when all are reported, it adds a failure and waits until that is reported. It does so twice, since the
// handler may receive two failures at the same time.
func LeaveOthers(t testing.TB) {
	t.Helper()
	for range 2 {
		last := errors.New("reporttest: last failure of earlier tests")
		told := make(chan struct{})
		previous := future.SetUnobservedHandler(func(err error) {
			if err == last {
				close(told)
			}
		})
		func() { future.Rejected[int](last) }()
		for done := false; !done; {
			runtime.GC()
			select {
			case <-told:
				done = true
			case <-time.After(time.Millisecond):
			}
		}
		future.SetUnobservedHandler(previous)
	}
}

func isOf(err error, mine []error) bool {
	var undelivered *future.UndeliveredError
	var panicked *future.PanicError
	return errors.As(err, &undelivered) || errors.As(err, &panicked) ||
		slices.ContainsFunc(mine, func(m error) bool { return errors.Is(err, m) })
}
