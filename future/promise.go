package future

// Promise is the write side of a [Future] with a value of type T; the two are one object. The first settlement decides
// the outcome.
type Promise[T any] struct {
	f Future[T]
}

// NewPromise returns a promise whose future is pending.
func NewPromise[T any]() *Promise[T] { return new(Promise[T]) }

// NewPromiseOn is NewPromise for a future whose callbacks run on ex, as if by [Future.Via].
func NewPromiseOn[T any](ex Executor) *Promise[T] {
	p := new(Promise[T])
	p.f.cell.ex = ex
	return p
}

// NewPromiseCancelledOnGiveUp is [NewPromiseOn] for a value that must not be lost, such as a permit or an item of a queue.
// An [Future.Await] whose context ends cancels the future. So either the caller of Await gets the value, or Settle returns
// false and the value can be given to another caller.
func NewPromiseCancelledOnGiveUp[T any](ex Executor) *Promise[T] {
	p := NewPromiseOn[T](ex)
	p.f.cell.state.init(cancelOnGiveUp)
	return p
}

// Future returns the read side.
func (p *Promise[T]) Future() *Future[T] { return &p.f }

// Resolve settles the future with v and reports whether it was still pending.
func (p *Promise[T]) Resolve(v T) bool { return p.Settle(v, nil) }

// Reject settles the future with err and reports whether it was still pending. It panics if err is nil.
func (p *Promise[T]) Reject(err error) bool {
	mustHave(err != nil, "Reject", "err")
	b, ok := p.f.cell.settle(err)
	b.propagate(false)
	return ok
}

// Settle settles the future with a value, an error, or both, and reports whether it was still pending.
func (p *Promise[T]) Settle(v T, err error) bool {
	b, ok := settle(&p.f, v, err)
	b.propagate(false)
	return ok
}

// Resolved returns a future that is settled with v.
func Resolved[T any](v T) *Future[T] {
	f := &Future[T]{value: v}
	f.cell.state.init(settled)
	return f
}

// ResolvedOn is Resolved for a future whose callbacks run on ex, as if by [Future.Via].
func ResolvedOn[T any](ex Executor, v T) *Future[T] {
	f := &Future[T]{value: v}
	f.cell.ex = ex
	f.cell.state.init(settled)
	return f
}

// Settled returns a future that is settled with v and err. It makes a future of the results of a function:
// Settled(strconv.Atoi(text)).
func Settled[T any](v T, err error) *Future[T] {
	f := &Future[T]{}
	settle(f, v, err)
	return f
}

// Rejected returns a future that is settled with err, which must not be nil.
func Rejected[T any](err error) *Future[T] {
	mustHave(err != nil, "Rejected", "err")
	f := new(Future[T])
	f.cell.settle(err)
	return f
}

// RejectedOn is Rejected for a future whose callbacks run on ex, as if by [Future.Via].
func RejectedOn[T any](ex Executor, err error) *Future[T] {
	mustHave(err != nil, "RejectedOn", "err")
	f := new(Future[T])
	f.cell.ex = ex
	f.cell.settle(err)
	return f
}
