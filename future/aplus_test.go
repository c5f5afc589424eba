package future_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/gomotor/gomotor/future"
)

// TestPromisesAPlus checks the clauses of https://promisesaplus.com that make sense in Go. Some clauses are left out,
// because the compiler checks them: callbacks that are not functions, thenables that are not futures, the value of this.
// Then is the method then of A+ without onRejected, Catch without onFulfilled, and Handle with both.
func TestPromisesAPlus(t *testing.T) {
	identity := func(i int) (int, error) { return i, nil }
	both := func(i int, err error) (int, error) { return i, err }
	for _, clause := range []struct {
		number, says string
		check        func(t *testing.T)
	}{
		{"2.1.2", "a fulfilled promise neither changes its state nor its value", func(t *testing.T) {
			p := future.NewPromise[int]()
			p.Resolve(1)
			if p.Resolve(2) || p.Reject(errBoom) || p.Future().Cancel() {
				t.Error("a second settlement returned true, want false")
			}
			wantValue(t, p.Future(), 1)
		}},
		{"2.1.3", "a rejected promise neither changes its state nor its reason", func(t *testing.T) {
			p := future.NewPromise[int]()
			p.Reject(errBoom)
			if p.Resolve(2) || p.Reject(errBang) || p.Future().Cancel() {
				t.Error("a second settlement returned true, want false")
			}
			wantError(t, p.Future(), errBoom)
		}},
		{"2.2.1.1", "onFulfilled is optional", func(t *testing.T) {
			wantValue(t, future.Resolved(1).Catch(func(error) (int, error) { return 2, nil }), 1)
		}},
		{"2.2.1.2", "onRejected is optional", func(t *testing.T) {
			wantError(t, future.Then(future.Rejected[int](errBoom), identity), errBoom)
		}},
		{"2.2.2.1", "onFulfilled is called after fulfilment with the value", func(t *testing.T) {
			p := future.NewPromise[int]()
			var got record[int]
			child := future.Then(p.Future(), func(i int) (int, error) { got.add(i); return i, nil })
			if len(got.all()) > 0 {
				t.Error("the callback was called before the promise was fulfilled")
			}
			p.Resolve(4)
			await(t, child)
			if !slices.Equal(got.all(), []int{4}) {
				t.Errorf("callback calls = %v, want one", got.all())
			}
		}},
		{"2.2.2.3", "onFulfilled is called at most once", func(t *testing.T) {
			p := future.NewPromise[int]()
			var got record[int]
			child := future.Then(p.Future(), func(i int) (int, error) { got.add(i); return i, nil })
			for i := range 3 {
				p.Resolve(i)
			}
			await(t, child)
			await(t, future.Then(p.Future(), identity))
			if len(got.all()) != 1 {
				t.Errorf("callback calls = %v, want one", got.all())
			}
		}},
		{"2.2.3.1", "onRejected is called after rejection with the reason", func(t *testing.T) {
			p := future.NewPromise[int]()
			var got record[error]
			child := p.Future().Catch(func(err error) (int, error) { got.add(err); return 1, nil })
			p.Reject(errBoom)
			await(t, child)
			if !slices.Equal(got.all(), []error{errBoom}) {
				t.Errorf("callback calls = %v, want one", got.all())
			}
		}},
		{"2.2.3.3", "onRejected is called at most once", func(t *testing.T) {
			p := future.NewPromise[int]()
			var got record[error]
			child := p.Future().Catch(func(err error) (int, error) { got.add(err); return 1, nil })
			for range 3 {
				p.Reject(errBoom)
			}
			await(t, child)
			if len(got.all()) != 1 {
				t.Errorf("callback calls = %v, want one", got.all())
			}
		}},
		{"2.2.4", "callbacks do not run on the stack of the caller", func(t *testing.T) {
			q := new(queue)
			p := future.NewPromiseOn[int](q)
			var got record[string]
			future.Then(p.Future(), func(int) (int, error) { got.add("callback"); return 0, nil })
			p.Resolve(1)
			future.Then(p.Future(), func(int) (int, error) { got.add("callback"); return 0, nil })
			got.add("caller")
			q.turn()
			if !slices.Equal(got.all(), []string{"caller", "callback", "callback"}) {
				t.Errorf("order = %v, want the order of registration", got.all())
			}
		}},
		{"2.2.6.1", "callbacks of fulfilment run in the order of their then calls", func(t *testing.T) {
			p := future.NewPromise[int]()
			var got record[int]
			var last *future.Future[int]
			for i := range 20 {
				last = future.Then(p.Future(), func(int) (int, error) { got.add(i); return 0, nil })
			}
			p.Resolve(1)
			await(t, last)
			if !slices.IsSorted(got.all()) || len(got.all()) != 20 {
				t.Errorf("order = %v, want the order of registration", got.all())
			}
		}},
		{"2.2.6.2", "callbacks of rejection run in the order of their then calls", func(t *testing.T) {
			p := future.NewPromise[int]()
			var got record[int]
			var last *future.Future[int]
			for i := range 20 {
				last = p.Future().Catch(func(error) (int, error) { got.add(i); return 0, nil })
			}
			p.Reject(errBoom)
			await(t, last)
			if !slices.IsSorted(got.all()) || len(got.all()) != 20 {
				t.Errorf("order = %v, want the order of registration", got.all())
			}
		}},
		{"2.2.7.1", "the result of a callback resolves the child", func(t *testing.T) {
			wantValue(t, future.Then(future.Resolved(1), func(i int) (int, error) { return i + 1, nil }), 2)
			wantValue(t, future.Rejected[int](errBoom).Catch(func(error) (int, error) { return 3, nil }), 3)
			wantValue(t, future.HandleFuture(future.Rejected[int](errBoom), func(v int, err error) *future.Future[bool] {
				return future.Resolved(v == 0 && err == errBoom)
			}), true)
		}},
		{"2.2.7.2", "a callback that throws rejects the child", func(t *testing.T) {
			wantError(t, future.Then(future.Resolved(1), func(int) (int, error) { return 0, errBoom }), errBoom)
			wantError(t, future.Rejected[int](errBang).Catch(func(error) (int, error) { return 0, errBoom }), errBoom)
			wantPanic(t, future.Then(future.Resolved(1), func(int) (int, error) { panic("x") }), "x")
		}},
		{"2.2.7.3", "without onFulfilled the child gets the value", func(t *testing.T) {
			wantValue(t, future.Resolved(1).Catch(func(error) (int, error) { return 2, nil }), 1)
		}},
		{"2.2.7.4", "without onRejected the child gets the reason", func(t *testing.T) {
			wantError(t, future.ThenFuture(future.Rejected[int](errBoom), future.Resolved[int]), errBoom)
		}},
		{"2.3.1", "a promise resolved with itself is rejected with ErrCycle", func(t *testing.T) {
			var child *future.Future[int]
			p := future.NewPromise[int]()
			child = future.ThenFuture(p.Future(), func(int) *future.Future[int] { return child })
			p.Resolve(1)
			wantError(t, child, future.ErrCycle)

			self := future.NewPromise[int]()
			future.Chain(self.Future(), self)
			wantError(t, self.Future(), future.ErrCycle)
		}},
		{"2.3.2.1", "a child that adopts a pending promise stays pending", func(t *testing.T) {
			inner := future.NewPromise[int]()
			child := future.ThenFuture(future.Resolved(1), func(int) *future.Future[int] { return inner.Future() })
			eventually(t, "the child has not adopted the promise", func() bool { return future.Links(inner.Future()) == 1 })
			if child.IsDone() {
				t.Error("the child is settled before the adopted promise, want it pending")
			}
			inner.Resolve(5)
			wantValue(t, child, 5)
		}},
		{"2.3.2.2", "the child gets the value of a fulfilled promise", func(t *testing.T) {
			wantValue(t, future.ThenFuture(future.Resolved(1), future.Resolved[int]), 1)
		}},
		{"2.3.2.3", "the child gets the reason of a rejected promise", func(t *testing.T) {
			wantError(t, future.ThenFuture(future.Resolved(1), func(int) *future.Future[int] {
				return future.Rejected[int](errBoom)
			}), errBoom)
		}},
		{"2.3.3.2", "an error while it gets the promise rejects the child", func(t *testing.T) {
			wantPanic(t, future.ThenFuture(future.Resolved(1), func(int) *future.Future[int] { panic("x") }), "x")
			wantError(t, future.ThenFuture(future.Resolved(1), func(int) *future.Future[int] { return nil }), future.ErrNilFuture)
			wantError(t, future.HandleFuture(future.Resolved(1), func(int, error) *future.Future[int] { return nil }), future.ErrNilFuture)
		}},
		{"2.3.3.3.3", "the first settlement counts, the others are ignored", func(t *testing.T) {
			p := future.NewPromise[int]()
			from := future.NewPromise[int]()
			future.Chain(from.Future(), p)
			p.Resolve(1)
			from.Resolve(2)
			wantValue(t, p.Future(), 1)
		}},
		{"2.3.4", "a value that is not a promise fulfils the child", func(t *testing.T) {
			// TestValueOfTypeError checks a value that is an error.
			f := future.Then(future.Resolved(1), func(int) (error, error) { return errBoom, nil })
			if v, err := await(t, f); v != errBoom || err != nil {
				t.Errorf("Await() = %v, %v; want a value and no error", v, err)
			}
		}},
		{"2.2.7", "then returns a promise, to any depth", func(t *testing.T) {
			f := future.Rejected[int](errBoom)
			for range 10 {
				f = future.Handle(f, both)
			}
			if _, err := await(t, f); !errors.Is(err, errBoom) {
				t.Errorf("Await() error = %v, want <nil>", err)
			}
		}},
	} {
		t.Run(clause.number+" "+clause.says, clause.check)
	}
}
