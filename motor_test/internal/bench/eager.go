package bench

import (
	"context"
	"sync"
)

// eager is the future that most people write first: a channel that is created at once and closed at settlement, a
// slice of callbacks, and a goroutine for each operation.
type eager[T any] struct {
	mu        sync.Mutex
	done      chan struct{}
	callbacks []func(T, error)
	settled   bool
	value     T
	err       error
}

func newEager[T any]() *eager[T] { return &eager[T]{done: make(chan struct{})} }

func (f *eager[T]) settle(v T, err error) {
	f.mu.Lock()
	if f.settled {
		f.mu.Unlock()
		return
	}
	f.value, f.err, f.settled = v, err, true
	callbacks := f.callbacks
	f.callbacks = nil
	f.mu.Unlock()
	close(f.done)
	for _, fn := range callbacks {
		go fn(v, err)
	}
}

func (f *eager[T]) await(ctx context.Context) (T, error) {
	select {
	case <-f.done:
		return f.value, f.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

func (f *eager[T]) onComplete(fn func(T, error)) {
	f.mu.Lock()
	if !f.settled {
		f.callbacks = append(f.callbacks, fn)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	go fn(f.value, f.err)
}

func eagerThen[T, U any](f *eager[T], fn func(T) (U, error)) *eager[U] {
	child := newEager[U]()
	f.onComplete(func(v T, err error) {
		if err != nil {
			var zero U
			child.settle(zero, err)
			return
		}
		child.settle(fn(v))
	})
	return child
}
