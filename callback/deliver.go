package callback

import (
	"context"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

//go:generate go run ../internal/handles

// Generic code is compiled in the program that uses it, so there is as little of it as possible here: a function that
// knows T wraps its callback into one that does not, and hands that on. Functions with closures are not inlined: their
// closures would be compiled once more for every call.

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
	// The executor may be a pool, may refuse, or may panic. Futures know what to do then.
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

// reportUndelivered reports that a closed loop has refused the callback of f. The handler is user code, which must not
// run on the stack that settles futures.
func reportUndelivered(f settling) {
	go future.ReportUnobserved(&future.UndeliveredError{Reason: ErrLoopClosed, Outcome: f.Err()})
}

// reportFailure reports a failure of f: of an operation that was started without a callback, as Motor's with
// callback=None.
func reportFailure(f settling) { f.Notify(unheard{f}) }

type unheard struct{ f settling }

// Wake implements [future.Waker].
func (u unheard) Wake() {
	if err := u.f.Err(); err != nil {
		go future.ReportUnobserved(err)
	}
}

// guarded returns fn, which motor calls on loop until it returns false, with the treatment that the loop gives to the
// panics of callbacks.
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

// wrapped makes a callback for motor's handles of one for those of this package.
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

// AddFuture makes loop call fn with f once f is settled: always in a later turn, even when f is settled already. If
// the loop has been closed by then, fn does not run, and [future.SetUnobservedHandler]'s function is told by a
// [*future.UndeliveredError].
//
// Tornado: IOLoop.add_future. Motor: frameworks.add_future.
func AddFuture[T any](loop *Loop, f *future.Future[T], fn func(f *future.Future[T])) {
	mustHave(loop != nil, "AddFuture", "loop")
	mustHave(f != nil, "AddFuture", "f")
	mustHave(fn != nil, "AddFuture", "fn")
	deliverOn(loop, f, func() { fn(f) })
}

// RunInExecutor runs fn on ex, away from the loop, and returns the future of its result, whose callbacks and
// continuations run on loop. It is for what would hold up the loop: file access, computation, clients that block.
// A nil ex runs fn on its own goroutine; a [future.Pool] limits how many run at once. See [future.Go] for what
// ctx does.
//
// Tornado: IOLoop.run_in_executor. asyncio: loop.run_in_executor, asyncio.to_thread. Motor:
// frameworks.run_on_executor.
func RunInExecutor[T any](
	ctx context.Context, loop *Loop, ex future.Executor, fn func(ctx context.Context) (T, error),
) *future.Future[T] {
	mustHave(loop != nil, "RunInExecutor", "loop")
	if ex == nil {
		ex = ownGoroutine
	}
	return future.GoVia(ctx, ex, loop, fn)
}

var ownGoroutine = future.ExecutorFunc(func(task func()) error {
	go task()
	return nil
})
