package future

// Chain settles p with the outcome of f, unless p is settled or cancelled before that. Neither cancels the other.
// If p is f's own promise, p fails with [ErrCycle].
//
// Tornado: concurrent.chain_future(f, p).
func Chain[T any](f *Future[T], p *Promise[T]) {
	mustHave(f != nil, "Chain", "f")
	mustHave(p != nil, "Chain", "p")
	if f == p.Future() {
		var zero T
		p.Settle(zero, ErrCycle)
		return
	}
	c := &chained[T]{f: f, p: p}
	c.from.c = c
	c.to.c = (*unchain[T])(c)
	p.f.registerUnseen(&c.to)
	if !p.f.isSettled() {
		f.registerUnseen(&c.from)
		if p.f.isSettled() {
			c.from.detach()
		}
	}
}

// chained is one link in the list of the future that it copies from, and one in the list of the promise that it
// copies to, by which it learns that it need not wait any more.
type chained[T any] struct {
	from, to link
	f        *Future[T]
	p        *Promise[T]
}

func (c *chained[T]) userCode() bool { return false }

func (c *chained[T]) fire() batch {
	b, first := c.p.f.settle(c.f.value, c.f.failure())
	if first {
		c.f.observe()
	}
	return b
}

func (c *chained[T]) fail(error) batch { return batch{} }

// unchain is a chained as the continuation of its promise.
type unchain[T any] chained[T]

func (c *unchain[T]) userCode() bool   { return false }
func (c *unchain[T]) fire() batch      { c.from.detach(); return batch{} }
func (c *unchain[T]) fail(error) batch { return batch{} }
