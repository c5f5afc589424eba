// Package ahead fetches values before their reader asks for them.
//
// The package knows neither cursors nor servers. It bounds how many values wait.
//
// # Cost
//
// A reader needs one goroutine while it fetches. A value costs one operation on a channel.
package ahead

import (
	"context"
	"errors"
)

// ErrEnded is the error of a read after the last value.
var ErrEnded = errors.New("ahead: no more values")

// Reader has the values that [Reader.Run] fetches, in order.
type Reader[T any] struct {
	fetch  func(ctx context.Context) (T, bool)
	values chan T
	done   chan struct{} // closed when Run has ended
	ctx    context.Context
	cancel context.CancelFunc
}

// New returns a reader. Run calls fetch until it returns more == false. At most n fetched values wait for the reader. n
// must be at least 1. The context of fetch has the values of ctx. It ends with [Reader.Cancel], not with ctx. fetch must
// not panic.
func New[T any](ctx context.Context, n int, fetch func(ctx context.Context) (v T, more bool)) *Reader[T] {
	// One more value waits in Run.
	r := &Reader[T]{fetch: fetch, values: make(chan T, n-1), done: make(chan struct{})}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

// Run fetches the values. It must be called once, on a goroutine of the reader.
func (r *Reader[T]) Run() {
	defer close(r.done)
	defer close(r.values)
	defer r.cancel()
	for more := true; more && r.ctx.Err() == nil; {
		var v T
		v, more = r.fetch(r.ctx)
		select {
		case r.values <- v:
		case <-r.ctx.Done():
		}
	}
}

// Cancel ends the context of fetch, and Run. It does not wait.
func (r *Reader[T]) Cancel() { r.cancel() }

// Next waits for the next value. If ctx ends first, it returns the error of ctx, and the value is left for the next
// call. After the last value it returns [ErrEnded]. It must not be called by two goroutines at the same time.
func (r *Reader[T]) Next(ctx context.Context) (v T, err error) {
	select { // a value that waits comes first
	case v, ok := <-r.values:
		return v, ended(ok)
	default:
	}
	select {
	case v, ok := <-r.values:
		return v, ended(ok)
	case <-ctx.Done():
		return v, ctx.Err()
	}
}

func ended(ok bool) error {
	if ok {
		return nil
	}
	return ErrEnded
}

// Stop is Cancel that waits until Run has ended. The values that wait are dropped.
func (r *Reader[T]) Stop() {
	r.cancel()
	<-r.done
}
