package future

import (
	"fmt"
	"slices"
	"sync/atomic"
)

// Any resolves to the value of the first of fs that succeeds. If all fail, it fails with an [*AggregateError] that
// has all of their errors, in the order of fs; their errors count as seen either way.
//
// Any of nothing fails with an AggregateError of no errors at once. The inputs are never cancelled, but Any leaves
// no trace in those that lost.
//
// JavaScript: Promise.any.
func Any[T any](fs ...*Future[T]) *Future[T] {
	mustHaveAll("Any", fs)
	if len(fs) == 0 {
		return Rejected[T](&AggregateError{})
	}
	a := &anyOf[T]{f: &Future[T]{}, fs: slices.Clone(fs)}
	a.f.ex = executorOf(fs)
	a.f.aux = owner(a)
	a.pending.Store(int64(len(fs)))
	a.in = gather(len(fs), a)
	waitAll(a.in, fs)
	return a.f
}

type anyOf[T any] struct {
	f       *Future[T]
	fs      []*Future[T]
	in      inputs
	pending atomic.Int64 // that may still succeed
}

func (a *anyOf[T]) settled() bool { return a.f.isSettled() }
func (a *anyOf[T]) abandon()      { a.in.leave() }

func (a *anyOf[T]) arrive(i int) batch {
	if f := a.fs[i]; f.failure() == nil {
		b, first := a.f.settle(f.value, nil)
		if first {
			a.in.leave()
		}
		return b
	}
	if a.pending.Add(-1) > 0 {
		return batch{}
	}
	errs := make([]error, len(a.fs))
	for i, f := range a.fs {
		errs[i] = f.failure()
	}
	var zero T
	b, _ := a.f.settle(zero, &AggregateError{errs})
	return b
}

// AggregateError is the error of [Any] when all have failed. errors.Is and errors.As find each of Errors.
type AggregateError struct {
	Errors []error // in the order of the futures
}

// Error gives the number of the errors and the first of them.
func (e *AggregateError) Error() string {
	switch len(e.Errors) {
	case 0:
		return "future: none succeeded: no futures given"
	case 1:
		return "future: none succeeded: " + e.Errors[0].Error()
	}
	return fmt.Sprintf("future: none of %d succeeded, the first: %v", len(e.Errors), e.Errors[0])
}

// Unwrap returns Errors.
func (e *AggregateError) Unwrap() []error { return e.Errors }
