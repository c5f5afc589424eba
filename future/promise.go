package future

// Promise is the write side of a [Future]; the two are one object. Whoever settles it first decides the outcome.
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

// NewHandover is [NewPromiseOn] for a value that somebody has to have: a permit, an item of a queue. An [Future.Await]
// that gives up cancels the future: either its waiter gets the value, or there has not been one.
func NewHandover[T any](ex Executor) *Promise[T] {
	p := NewPromiseOn[T](ex)
	p.f.cell.state.Store(handover)
	return p
}

// Future returns the read side.
func (p *Promise[T]) Future() *Future[T] { return &p.f }

// Resolve settles the future with v and reports whether it was still pending.
func (p *Promise[T]) Resolve(v T) bool { return p.Settle(v, nil) }

// Reject settles the future with err and reports whether it was still pending. A nil err panics: it would pass for
// a success that has no value.
func (p *Promise[T]) Reject(err error) bool {
	mustHave(err != nil, "Reject", "err")
	b, ok := p.f.cell.settle(err)
	b.spread(false)
	return ok
}

// Settle settles the future with a value, an error, or both, and reports whether it was still pending.
func (p *Promise[T]) Settle(v T, err error) bool {
	b, ok := settle(&p.f, v, err)
	b.spread(false)
	return ok
}

// Resolved returns a future that is settled with v.
func Resolved[T any](v T) *Future[T] {
	f := &Future[T]{value: v}
	f.cell.state.Store(settled)
	return f
}

// Rejected returns a future that is settled with err, which must not be nil.
func Rejected[T any](err error) *Future[T] {
	mustHave(err != nil, "Rejected", "err")
	f := new(Future[T])
	f.cell.settle(err)
	return f
}
