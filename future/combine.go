package future

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync/atomic"
)

// All returns a future of the values of fs, in the order of fs. When one of fs fails, it fails at once with that error.
// The errors of the others count as observed and are not reported.
//
// All without futures is resolved with an empty slice at once. Neither a failure nor a Cancel of All cancels the inputs.
// [Multi] fails with the first error in the order of fs and reports the others.
//
// JavaScript: Promise.all. asyncio: gather, which would cancel its inputs.
func All[T any](fs ...*Future[T]) *Future[[]T] {
	mustHaveAll("All", fs)
	if len(fs) == 0 {
		return Resolved([]T{})
	}
	a := &all[T]{f: &Future[[]T]{}, fs: slices.Clone(fs)}
	a.c.init(&a.f.cell, allSucceed, len(fs), a)
	waitAll(&a.c, fs)
	return a.f
}

type all[T any] struct {
	c  combined
	f  *Future[[]T]
	fs []*Future[T]
}

func (a *all[T]) finish(int) batch {
	b, _ := settle(a.f, valuesOf(a.fs), nil)
	return b
}

// valuesOf returns the values of fs, which have all succeeded.
func valuesOf[T any](fs []*Future[T]) []T {
	vs := make([]T, len(fs))
	for i, f := range fs {
		vs[i] = f.value
	}
	return vs
}

// Any returns a future of the value of the first of fs that succeeds. If all fail, it fails with an [*AggregateError]
// with their errors in the order of fs. In both cases the errors of fs count as observed.
//
// Any without futures fails at once with an AggregateError that has no errors. The inputs are never cancelled. Any
// unregisters from those that have not settled.
//
// JavaScript: Promise.any.
func Any[T any](fs ...*Future[T]) *Future[T] {
	mustHaveAll("Any", fs)
	if len(fs) == 0 {
		return Rejected[T](&AggregateError{})
	}
	return firstOf(firstSuccess, fs)
}

// Race returns a future with the outcome, a value or an error, of the first of fs that is settled. If several are settled
// already, that is the first in the order of fs. The errors of the others count as observed.
//
// Race without futures fails with [ErrNoFutures] at once (JavaScript's would wait for ever). The inputs are never
// cancelled. Race unregisters from those that have not settled.
//
// JavaScript: Promise.race.
func Race[T any](fs ...*Future[T]) *Future[T] {
	mustHaveAll("Race", fs)
	if len(fs) == 0 {
		return Rejected[T](ErrNoFutures)
	}
	return firstOf(firstSettled, fs)
}

func firstOf[T any](rule combineRule, fs []*Future[T]) *Future[T] {
	a := &first[T]{f: &Future[T]{}, fs: slices.Clone(fs)}
	a.c.init(&a.f.cell, rule, len(fs), a)
	waitAll(&a.c, fs)
	return a.f
}

type first[T any] struct {
	c  combined
	f  *Future[T]
	fs []*Future[T]
}

func (a *first[T]) finish(i int) batch {
	v, err := outcome(a.fs[i])
	b, _ := settle(a.f, v, err)
	return b
}

// AggregateError is the error of [Any] when all futures have failed. errors.Is and errors.As search each of Errors.
type AggregateError struct {
	Errors []error // in the order of the futures
}

// Error gives the number of errors and the first error.
func (e *AggregateError) Error() string {
	switch len(e.Errors) {
	case 0:
		return "future: no future succeeded: no futures given"
	case 1:
		return "future: no future succeeded: " + e.Errors[0].Error()
	}
	return fmt.Sprintf("future: none of %d futures succeeded, first error: %v", len(e.Errors), e.Errors[0])
}

// Unwrap returns Errors.
func (e *AggregateError) Unwrap() []error { return e.Errors }

// Outcome is the value, of type T, and the error of a settled future.
type Outcome[T any] struct {
	Value T
	Err   error
}

// AllSettled returns a future of the outcomes of fs, in the order of fs, settled when all of fs are. It never fails.
//
// AllSettled without futures is resolved with an empty slice at once. The inputs are never cancelled.
//
// JavaScript: Promise.allSettled. asyncio: gather(return_exceptions=True).
func AllSettled[T any](fs ...*Future[T]) *Future[[]Outcome[T]] {
	mustHaveAll("AllSettled", fs)
	return afterAll(fs, func(fs []*Future[T]) ([]Outcome[T], error) {
		outcomes := make([]Outcome[T], len(fs))
		for i, f := range fs {
			outcomes[i].Value, outcomes[i].Err = outcome(f)
		}
		return outcomes, nil
	})
}

// Multi waits until all of fs are settled and returns a future of their values, in the order of fs. If some failed, it
// fails with the first error in the order of fs. The other errors are reported to the function of
// [SetUnobservedHandler], except those of cancelled futures.
//
// Multi without futures is resolved with an empty slice at once. Cancelling it does not cancel fs.
//
// Tornado: gen.multi of a list, and yield of a list.
func Multi[T any](fs ...*Future[T]) *Future[[]T] {
	mustHaveAll("Multi", fs)
	return afterAll(fs, func(fs []*Future[T]) ([]T, error) {
		if err := firstError(fs); err != nil {
			return nil, err
		}
		return valuesOf(fs), nil
	})
}

// MultiMap is [Multi] for a map of futures. The result is a map of the values under the same keys. If some failed, it
// fails with one of their errors, in no particular order, and the others are reported.
//
// Tornado: gen.multi of a dict, and yield of a dict.
func MultiMap[K comparable, T any](fs map[K]*Future[T]) *Future[map[K]T] {
	keys := make([]K, 0, len(fs))
	list := make([]*Future[T], 0, len(fs))
	for k, f := range maps.All(fs) {
		mustHave(f != nil, "MultiMap", "a future in fs")
		keys = append(keys, k)
		list = append(list, f)
	}
	return afterAll(list, func(list []*Future[T]) (map[K]T, error) {
		if err := firstError(list); err != nil {
			return nil, err
		}
		values := make(map[K]T, len(keys))
		for i, f := range list {
			values[keys[i]] = f.value
		}
		return values, nil
	})
}

// firstError returns the first error of fs and reports the others.
func firstError[T any](fs []*Future[T]) error {
	cells := make([]*cell, len(fs))
	for i, f := range fs {
		cells[i] = &f.cell
	}
	return firstFailure(cells)
}

func firstFailure(cells []*cell) (first error) {
	var others []error
	seen := make(map[*cell]bool)
	for _, c := range cells {
		switch {
		case c.failure() == nil || seen[c]:
			continue
		case first == nil:
			first = c.failure()
		case !isCancel(c.failure()):
			others = append(others, c.failure())
		}
		seen[c] = true
	}
	reportLater(others)
	return first
}

// afterAll returns the future of result(fs), called once all of fs are settled. result must not be user code.
func afterAll[T, U any](fs []*Future[T], result func([]*Future[T]) (U, error)) *Future[U] {
	a := &after[T, U]{f: &Future[U]{}, fs: slices.Clone(fs), result: result}
	a.c.init(&a.f.cell, allSettled, len(fs), a)
	waitAll(&a.c, fs)
	if len(fs) == 0 {
		a.finish(0).propagate(false)
	}
	return a.f
}

type after[T, U any] struct {
	c      combined
	f      *Future[U]
	fs     []*Future[T]
	result func([]*Future[T]) (U, error)
}

func (a *after[T, U]) finish(int) batch {
	u, err := a.result(a.fs)
	b, _ := settle(a.f, u, err)
	return b
}

// Pair is the result of [Join2] for futures with values of the types A and B.
type Pair[A, B any] struct {
	First  A
	Second B
}

// Triple is the result of [Join3] for futures with values of the types A, B and C.
type Triple[A, B, C any] struct {
	First  A
	Second B
	Third  C
}

// Join2 is [All] for two futures of different types.
func Join2[A, B any](a *Future[A], b *Future[B]) *Future[Pair[A, B]] {
	mustHave(a != nil, "Join2", "a")
	mustHave(b != nil, "Join2", "b")
	return join(func() Pair[A, B] { return Pair[A, B]{a.value, b.value} }, &a.cell, &b.cell)
}

// Join3 is [All] for three futures of different types.
func Join3[A, B, C any](a *Future[A], b *Future[B], c *Future[C]) *Future[Triple[A, B, C]] {
	mustHave(a != nil, "Join3", "a")
	mustHave(b != nil, "Join3", "b")
	mustHave(c != nil, "Join3", "c")
	return join(func() Triple[A, B, C] { return Triple[A, B, C]{a.value, b.value, c.value} },
		&a.cell, &b.cell, &c.cell)
}

// join returns the future of values(), called once all parts have succeeded.
func join[R any](values func() R, parts ...*cell) *Future[R] {
	j := &joined[R]{f: &Future[R]{}, values: values}
	j.c.init(&j.f.cell, allSucceed, len(parts), j)
	for i, part := range parts {
		j.c.add(i, part)
	}
	j.c.leaveIfSettled()
	return j.f
}

type joined[R any] struct {
	c      combined
	f      *Future[R]
	values func() R
}

func (j *joined[R]) finish(int) batch {
	b, _ := settle(j.f, j.values(), nil)
	return b
}

// combined is the owner of a future that combines several. It is not part of that future, which therefore does not keep
// its inputs alive.
type combined struct {
	future  *cell // nil for a WaitIterator, which has more than one
	in      []input
	then    finisher
	pending atomic.Int64 // inputs that have not settled or, by the rule, have not succeeded or failed
	left    atomic.Bool  // the links have been taken off the inputs' lists
	rule    combineRule
}

type combineRule uint8

const (
	allSucceed   combineRule = iota // finish when all have succeeded, or fail with the first that fails
	firstSuccess                    // finish with the first that succeeds, or fail when all have failed
	firstSettled                    // finish with the first that is settled
	allSettled                      // finish when all are settled
	eachSettled                     // call finish for each
)

// finisher is the part of a combination that depends on the types of the values.
type finisher interface {
	// finish settles the combined future, with the outcome of input i if the rule takes a single outcome, and returns
	// the links that waited for it.
	finish(i int) batch
}

// input is the link of a combined future in the list of one input.
type input struct {
	link
	cell  *cell
	of    *combined
	index int
}

func (c *combined) init(future *cell, rule combineRule, n int, then finisher) {
	c.future, c.rule, c.then = future, rule, then
	if future != nil {
		future.aux = owner(c)
	}
	c.pending.Store(int64(n))
	c.in = make([]input, n)
	for i := range c.in {
		in := &c.in[i]
		in.of, in.index = c, i
		in.c = in
	}
}

// add registers input i, whose outcome counts as observed from now on. The future inherits the executor of the first
// input.
func (c *combined) add(i int, f *cell) {
	if i == 0 && c.future != nil {
		c.future.ex = f.ex
	}
	c.in[i].cell = f
	f.register(&c.in[i].link)
}

func waitAll[T any](c *combined, fs []*Future[T]) {
	for i, f := range fs {
		c.add(i, &f.cell)
	}
	c.leaveIfSettled()
}

// leaveIfSettled is called after all inputs are registered. If the combined future settled before that, only the inputs
// registered by then were unregistered.
func (c *combined) leaveIfSettled() {
	if c.future != nil && c.future.isSettled() {
		c.leaveAll()
	}
}

func (c *combined) abandon() { c.leave() }

// leave unregisters the links that have not been fired, so that a long-lived future does not accumulate links.
func (c *combined) leave() {
	if c.left.CompareAndSwap(false, true) {
		c.leaveAll()
	}
}

func (c *combined) leaveAll() {
	for i := range c.in {
		c.in[i].detach()
	}
}

// inputSettled is called once for every input that has settled. Calls may be concurrent.
func (c *combined) inputSettled(in *input) (b batch) {
	err := in.cell.failure()
	switch {
	case c.rule == eachSettled:
		return c.then.finish(in.index)
	case c.future.isSettled():
		return batch{}
	case c.rule == firstSettled, c.rule == firstSuccess && err == nil:
		b = c.then.finish(in.index)
	case c.rule == allSucceed && err != nil:
		b = c.future.reject(err)
	case c.pending.Add(-1) > 0:
		return batch{}
	case c.rule == firstSuccess:
		errs := make([]error, len(c.in))
		for i := range c.in {
			errs[i] = c.in[i].cell.failure()
		}
		return c.future.reject(&AggregateError{errs})
	default:
		return c.then.finish(in.index)
	}
	c.leave()
	return b
}

func (in *input) userCode() bool   { return false }
func (in *input) fire() batch      { return in.of.inputSettled(in) }
func (in *input) fail(error) batch { return batch{} }

// mustHaveAll panics if one of fs is nil, with its index.
func mustHaveAll[T any](function string, fs []*Future[T]) {
	for i, f := range fs {
		if f == nil {
			panicNil(function, "future "+strconv.Itoa(i))
		}
	}
}
