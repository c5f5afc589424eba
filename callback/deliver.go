package callback

import (
	"context"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

//go:generate go run ../internal/handles

// Generic code is compiled in the program that uses it, so there is little of it here: a generic function wraps its
// callback into a func() and passes that to code that is not generic. Functions with closures are not inlined, since their
// closures would be compiled again for every call.

// deliver arranges for callback to be called with the outcome of f on loop, always later: with the result and nil, or
// with the zero T and the error. Every method that takes a callback comes through here.
func deliver[T any](loop future.Executor, f *future.Future[T], callback Func[T]) {
	if callback == nil {
		reportFailure(f)
		return
	}
	deliverOn(loop, f, func() {
		result, err := f.Result()
		if err != nil {
			var zero T
			result = zero
		}
		callback(result, err)
	})
}

// settling is a future of any type.
type settling interface {
	future.Awaitable
	Err() error
	Cancel(cause ...error) bool
}

// deliverOn arranges for call to be called on loop once f is settled.
func deliverOn(loop future.Executor, f settling, call func()) {
	if l, ok := loop.(*Loop); ok {
		d := &delivery{loop: l, f: f, call: call}
		f.NotifyWith(&d.registration, d)
		return
	}
	// The executor may be a pool, may refuse, or may panic. Package future handles all of these.
	p := future.NewPromiseOn[struct{}](loop)
	p.Future().OnComplete(func(struct{}, error) { call() })
	f.Notify(&foreignDelivery{p, f})
}

// delivery is a callback on its way to a loop.
type delivery struct {
	registration future.Registration
	loop         *Loop
	f            settling
	call         func()
}

// Wake implements [future.Waker].
func (d *delivery) Wake() {
	if !d.loop.post(d.call) {
		reportUndelivered(d.f)
	}
}

// foreignDelivery is a callback on its way to another executor.
type foreignDelivery struct {
	promise *future.Promise[struct{}]
	f       settling
}

// Wake implements [future.Waker].
func (d *foreignDelivery) Wake() { d.promise.Settle(struct{}{}, d.f.Err()) }

// reportUndelivered reports that a closed loop has refused the callback of f. It does so on a new goroutine: the handler is
// user code, which must not run on the stack that settles futures.
func reportUndelivered(f settling) {
	go future.ReportUnobserved(&future.UndeliveredError{Reason: ErrLoopClosed, Outcome: f.Err()})
}

// reportFailure reports an error of f, the future of an operation without a callback (Motor: callback=None).
func reportFailure(f settling) { f.Notify(failureReport{f}) }

type failureReport struct{ f settling }

// Wake implements [future.Waker].
func (u failureReport) Wake() {
	if err := u.f.Err(); err != nil {
		go future.ReportUnobserved(err)
	}
}

// guarded returns fn, which motor calls on loop until it returns false, with panics handled as those of callbacks.
//
//go:noinline
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

// wrapped returns a callback that takes a handle of motor and passes it to callback as a handle of this package.
//
//go:noinline
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

// AddFuture calls fn with f on loop once f is settled, always in a later turn, even if f is settled already. If the loop
// is closed by then, fn does not run, and the function of [future.SetUnobservedHandler] gets a
// [*future.UndeliveredError].
//
// Tornado: IOLoop.add_future. Motor: frameworks.add_future.
func AddFuture[T any](loop *Loop, f *future.Future[T], fn func(f *future.Future[T])) {
	mustHave(loop != nil, "AddFuture", "loop")
	mustHave(f != nil, "AddFuture", "f")
	mustHave(fn != nil, "AddFuture", "fn")
	deliverOn(loop, f, func() { fn(f) })
}

// RunInExecutor runs fn on ex and returns the future of its result. Callbacks and continuations of the future run on loop.
// It is for code that would block the loop: file access, computation, blocking clients. With a nil ex, fn runs on a new
// goroutine; a [future.Pool] limits how many functions run at once. ctx is used as in [future.Go].
//
// Tornado: IOLoop.run_in_executor. asyncio: loop.run_in_executor, asyncio.to_thread. Motor:
// frameworks.run_on_executor.
func RunInExecutor[T any](
	ctx context.Context, loop *Loop, ex future.Executor, fn func(ctx context.Context) (T, error),
) *future.Future[T] {
	mustHave(loop != nil, "RunInExecutor", "loop")
	if ex == nil {
		ex = future.Goroutines
	}
	return future.GoVia(ctx, ex, loop, fn)
}
