// Package ahead fetches values before their reader asks for them.
//
// The package knows neither cursors nor servers. It bounds how many values wait.
//
// # Cost
//
// A reader needs one goroutine while it fetches, and memory for the values that wait. A value costs one operation on a
// lock and one on a channel.
package ahead

import (
	"context"
	"errors"
	"sync"

	"github.com/gomotor/gomotor/internal/ring"
)

// ErrEnded is the error of a read after the last value.
var ErrEnded = errors.New("ahead: no more values")

// Reader has the values that [Reader.Run] fetches, in order.
type Reader[T any] struct {
	fetch  func(ctx context.Context) (T, bool)
	most   int
	came   chan struct{} // has an element after a value came
	taken  chan struct{} // has an element after a value was taken
	done   chan struct{} // closed when Run has ended
	ctx    context.Context
	cancel context.CancelFunc

	mu     sync.Mutex
	values ring.Ring[T] // fetched but not read
}

// New returns a reader. Run calls fetch until it returns more == false. At most n fetched values wait for the reader. n
// must be at least 1. The context of fetch is derived from ctx. fetch must not panic.
func New[T any](ctx context.Context, n int, fetch func(ctx context.Context) (v T, more bool)) *Reader[T] {
	r := &Reader[T]{fetch: fetch, most: n}
	r.came, r.taken, r.done = make(chan struct{}, 1), make(chan struct{}, 1), make(chan struct{})
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r
}

// Run fetches the values. It must be called once, on a goroutine of the reader. It ends with the context of fetch too.
func (r *Reader[T]) Run() {
	defer close(r.done)
	defer r.cancel()
	for more := true; more && r.ctx.Err() == nil; {
		var v T
		v, more = r.fetch(r.ctx)
		if r.ctx.Err() != nil {
			return // v may be the error of the context
		}
		for full := r.push(v); full && more; full = r.full() {
			select {
			case <-r.taken:
			case <-r.ctx.Done():
				return
			}
		}
	}
}

// push adds a value. It reports whether no further one may wait.
func (r *Reader[T]) push(v T) (full bool) {
	r.mu.Lock()
	r.values.Push(v)
	full = r.values.Len() >= r.most
	r.mu.Unlock()
	signal(r.came)
	return full
}

func (r *Reader[T]) full() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.values.Len() >= r.most
}

// pop removes the first value. ok is false if there is none.
func (r *Reader[T]) pop() (v T, ok bool) {
	r.mu.Lock()
	if ok = r.values.Len() > 0; ok {
		v = r.values.Pop()
	}
	r.mu.Unlock()
	if ok {
		signal(r.taken)
	}
	return v, ok
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Cancel ends the context of fetch, and Run. It does not wait. A value that is being fetched is dropped.
func (r *Reader[T]) Cancel() { r.cancel() }

// Next waits for the next value. If ctx ends first, it returns the error of ctx, and the value is left for the next
// call. After the last value it returns [ErrEnded]. It must not be called by two goroutines at the same time.
func (r *Reader[T]) Next(ctx context.Context) (v T, err error) {
	for {
		ended := r.ended() // before pop, which then finds every value
		if v, ok := r.pop(); ok {
			return v, nil
		}
		if ended {
			return v, ErrEnded
		}
		select {
		case <-r.came:
		case <-r.done:
		case <-ctx.Done():
			return v, ctx.Err()
		}
	}
}

func (r *Reader[T]) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Stop is Cancel that waits until Run has ended. The values that wait are dropped.
func (r *Reader[T]) Stop() {
	r.cancel()
	<-r.done
	r.mu.Lock()
	defer r.mu.Unlock()
	r.values = ring.Ring[T]{}
}
