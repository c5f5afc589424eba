// Package reporttest has tests see what is told to the handler of unobserved failures because of them.
package reporttest

import (
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

// Reports returns what the handler is told until the end of the test: outcomes that could not be delivered, panics, and
// errors that are one of mine. Other tests' failures that nobody has read may be told at any time, whenever the garbage
// collector finds them, and are left out.
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

// LeaveOthers has the handler be told now of what other tests have left behind, which is theirs: it is told of a failure
// that comes last, twice, since it may be told of two at a time.
func LeaveOthers(t testing.TB) {
	t.Helper()
	for range 2 {
		last := errors.New("the last of what other tests have left behind")
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
