// Package reporttest has tests see what is told to the handler of unobserved failures because of them.
package reporttest

import (
	"errors"
	"testing"

	"github.com/gomotor/gomotor/future"
)

// Reports returns what the handler is told until the end of the test: outcomes that could not be delivered, panics, and
// errors that are one of mine. Other tests' failures that nobody has read are told at any time, whenever the garbage
// collector finds them, and are left out.
func Reports(t testing.TB, mine ...error) <-chan error {
	t.Helper()
	told := make(chan error, 100)
	previous := future.SetUnobservedHandler(func(err error) {
		if isOf(err, mine) {
			told <- err
		}
	})
	t.Cleanup(func() { future.SetUnobservedHandler(previous) })
	return told
}

func isOf(err error, mine []error) bool {
	var undelivered *future.UndeliveredError
	var panicked *future.PanicError
	if errors.As(err, &undelivered) || errors.As(err, &panicked) {
		return true
	}
	for _, m := range mine {
		if errors.Is(err, m) {
			return true
		}
	}
	return false
}
