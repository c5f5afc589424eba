package future

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// Map calls fn for every element of in, at most limit of them at a time, each on a goroutine of Map's, and resolves
// to the results in the order of in. The first error (or panic: a [*PanicError]) ends the context that the others were
// given, nothing more is started, and Map fails with that error once the calls that were running have returned; the
// value is then the results so far.
//
// Map of nothing is resolved with an empty slice at once. A limit below one is [ErrInvalidOption]. Cancelling the
// future ends the context; so does ctx.
func Map[T, U any](ctx context.Context, limit int, in []T, fn func(context.Context, T) (U, error)) *Future[[]U] {
	mustHave(ctx != nil, "Map", "ctx")
	mustHave(fn != nil, "Map", "fn")
	if limit < 1 {
		return Rejected[[]U](fmt.Errorf("%w: Map with a limit of %d, which must be at least 1", ErrInvalidOption, limit))
	}
	if len(in) == 0 {
		return Resolved([]U{})
	}
	m := &mapping[T, U]{in: in, out: make([]U, len(in)), fn: fn, f: &Future[[]U]{}}
	m.ctx, m.cancel = context.WithCancel(ctx)
	m.f.cell.aux = owner(m)
	workers := min(limit, len(in))
	m.working.Store(int64(workers))
	for range workers {
		go m.work()
	}
	return m.f
}

type mapping[T, U any] struct {
	f      *Future[[]U]
	in     []T
	out    []U
	fn     func(context.Context, T) (U, error)
	ctx    context.Context
	cancel context.CancelFunc

	next    atomic.Int64
	working atomic.Int64
	once    sync.Once
	err     error
}

func (m *mapping[T, U]) abandon() { m.cancel() }

func (m *mapping[T, U]) work() {
	returned := false
	defer func() {
		if !returned {
			m.fail(newGoexitError())
		}
		if m.working.Add(-1) == 0 {
			m.finish()
		}
	}()
	for {
		i := int(m.next.Add(1)) - 1
		if i >= len(m.in) {
			break
		}
		if err := m.ctx.Err(); err != nil {
			m.fail(err)
			break
		}
		if err := m.do(i); err != nil {
			m.fail(err)
			break
		}
	}
	returned = true
}

func (m *mapping[T, U]) do(i int) (err error) {
	defer recoverAs(&err)
	m.out[i], err = m.fn(m.ctx, m.in[i])
	return err
}

func (m *mapping[T, U]) fail(err error) {
	m.once.Do(func() { m.err = err })
	m.cancel()
}

func (m *mapping[T, U]) finish() {
	m.cancel()
	b, _ := settle(m.f, m.out, m.err)
	b.spread(false)
}
