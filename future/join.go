package future

import "sync/atomic"

// Pair is what [Join2] resolves to.
type Pair[A, B any] struct {
	First  A
	Second B
}

// Triple is what [Join3] resolves to.
type Triple[A, B, C any] struct {
	First  A
	Second B
	Third  C
}

// Join2 is [All] for two futures of different types.
func Join2[A, B any](a *Future[A], b *Future[B]) *Future[Pair[A, B]] {
	mustHave(a != nil, "Join2", "a")
	mustHave(b != nil, "Join2", "b")
	return join(func() Pair[A, B] { return Pair[A, B]{a.value, b.value} }, &a.core, &b.core)
}

// Join3 is [All] for three futures of different types.
func Join3[A, B, C any](a *Future[A], b *Future[B], c *Future[C]) *Future[Triple[A, B, C]] {
	mustHave(a != nil, "Join3", "a")
	mustHave(b != nil, "Join3", "b")
	mustHave(c != nil, "Join3", "c")
	return join(func() Triple[A, B, C] { return Triple[A, B, C]{a.value, b.value, c.value} },
		&a.core, &b.core, &c.core)
}

// join returns the future of values(), called once all parts have succeeded.
func join[R any](values func() R, parts ...*core) *Future[R] {
	j := &joint[R]{f: &Future[R]{}, parts: parts, values: values}
	j.f.ex = parts[0].ex
	j.f.aux = owner(j)
	j.pending.Store(int64(len(parts)))
	j.in = gather(len(parts), j)
	for i, part := range parts {
		part.register(&j.in[i].link)
	}
	j.in.leaveIfSettled()
	return j.f
}

type joint[R any] struct {
	f       *Future[R]
	parts   []*core
	in      inputs
	values  func() R
	pending atomic.Int64
}

func (j *joint[R]) settled() bool { return j.f.isSettled() }
func (j *joint[R]) abandon()      { j.in.leave() }

func (j *joint[R]) arrive(i int) batch {
	if err := j.parts[i].failure(); err != nil {
		var zero R
		b, first := j.f.settle(zero, err)
		if first {
			j.in.leave()
		}
		return b
	}
	if j.pending.Add(-1) > 0 {
		return batch{}
	}
	b, _ := j.f.settle(j.values(), nil)
	return b
}
