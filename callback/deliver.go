package callback

import (
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

//go:generate go run ../internal/handles

// deliver has the outcome of f go to callback, on loop, always later: the result and nil, or the zero T and the
// error. All that is called with a callback comes through here.
func deliver[T any](loop future.Executor, f *future.Future[T], callback Func[T]) {
	if callback == nil {
		f.Notify(ignored[T]{f})
		return
	}
	f.Via(loop).OnComplete(func(result T, err error) {
		if l, ok := loop.(*Loop); ok {
			defer l.catch() // a loop with a panic handler of its own
		}
		if err != nil {
			var zero T
			result = zero
		}
		callback(result, err)
	})
}

// ignored is a future that was started without a callback, as Motor's with callback=None.
type ignored[T any] struct{ f *future.Future[T] }

// Wake reports a failure. The handler may be anybody's code, which the stack that settles futures must not run.
func (i ignored[T]) Wake() {
	if err := i.f.Err(); err != nil {
		go future.ReportUnobserved(err)
	}
}

// guarded is deliver's treatment of panics for functions that motor calls on loop again and again, until they return
// false.
func guarded[T any](loop future.Executor, fn func(T, error) bool) func(T, error) bool {
	l, ok := loop.(*Loop)
	if !ok || fn == nil {
		return fn
	}
	return func(v T, err error) (more bool) {
		defer l.catch()
		return fn(v, err)
	}
}

// wrapped makes a callback for motor's handles of one for those of this package.
func wrapped[M, H any](callback Func[H], wrap func(M) H) Func[M] {
	if callback == nil {
		return nil
	}
	return func(m M, err error) {
		var h H
		if err == nil {
			h = wrap(m)
		}
		callback(h, err)
	}
}

// onLoop makes loop the loop of a client, unless opts name another one for its futures.
func onLoop(loop future.Executor, opts []motor.ClientOption) []motor.ClientOption {
	return append([]motor.ClientOption{motor.WithIOLoop(loop)}, opts...)
}
