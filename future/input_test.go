package future_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gomotor/gomotor/future"
)

func TestNilArguments(t *testing.T) {
	var none *future.Future[int]
	one := future.Resolved(1)
	pool := newPool(t, 1)
	ctx := t.Context()
	var noCtx context.Context
	g := future.NewGroup(ctx, pool)
	defer g.Wait()
	op := func(context.Context) (int, error) { return 1, nil }
	for _, c := range []struct {
		text string // the prefix of the text of the panic
		do   func()
	}{
		{"Then: f is nil", func() { future.Then(none, func(int) (int, error) { return 0, nil }) }},
		{"Then: fn is nil", func() { future.Then[int, int](one, nil) }},
		{"ThenFuture: f is nil", func() { future.ThenFuture(none, future.Resolved[int]) }},
		{"ThenFuture: fn is nil", func() { future.ThenFuture[int, int](one, nil) }},
		{"HandleFuture: f is nil", func() { future.HandleFuture(none, future.Settled[int]) }},
		{"HandleFuture: fn is nil", func() { future.HandleFuture[int, int](one, nil) }},
		{"Handle: f is nil", func() { future.Handle(none, func(int, error) (int, error) { return 0, nil }) }},
		{"Handle: fn is nil", func() { future.Handle[int, int](one, nil) }},
		{"Catch: the future is nil", func() { none.Catch(func(error) (int, error) { return 0, nil }) }},
		{"Catch: fn is nil", func() { one.Catch(nil) }},
		{"Finally: the future is nil", func() { none.Finally(func() {}) }},
		{"Finally: fn is nil", func() { one.Finally(nil) }},
		{"OnComplete: the future is nil", func() { none.OnComplete(func(int, error) {}) }},
		{"OnComplete: fn is nil", func() { one.OnComplete(nil) }},
		{"AddDoneCallback: the future", func() { none.AddDoneCallback(func(*future.Future[int]) {}) }},
		{"AddDoneCallback: fn is nil", func() { one.AddDoneCallback(nil) }},
		{"Via: the future is nil", func() { none.Via(pool) }},
		{"Via: ex is nil", func() { one.Via(nil) }},
		{"Notify: w is nil", func() { one.Notify(nil) }},
		{"Await: ctx is nil", func() { future.NewPromise[int]().Future().Await(noCtx) }},
		{"Await: the future is nil", func() { none.Await(ctx) }},
		{"Result: the future is nil", func() { none.Result() }},
		{"Rejected: err is nil", func() { future.Rejected[int](nil) }},
		{"Reject: err is nil", func() { future.NewPromise[int]().Reject(nil) }},
		{"Go: ctx is nil", func() { future.Go(noCtx, pool, op) }},
		{"Go: ex is nil", func() { future.Go(ctx, nil, op) }},
		{"Go: fn is nil", func() { future.Go[int](ctx, pool, nil) }},
		{"GoVia: ctx is nil", func() { future.GoVia(noCtx, pool, nil, op) }},
		{"GoVia: ex is nil", func() { future.GoVia(ctx, nil, nil, op) }},
		{"GoVia: fn is nil", func() { future.GoVia[int](ctx, pool, nil, nil) }},
		{"Execute: task is nil", func() { _ = pool.Execute(nil) }},
		{"All: future 1 is nil", func() { future.All(one, none) }},
		{"AllSettled: future 1 is nil", func() { future.AllSettled(one, none) }},
		{"Any: future 0 is nil", func() { future.Any(none) }},
		{"Race: future 0 is nil", func() { future.Race(none) }},
		{"Multi: future 0 is nil", func() { future.Multi(none) }},
		{"MultiMap: a future in fs is nil", func() { future.MultiMap(map[int]*future.Future[int]{1: nil}) }},
		{"Join2: a is nil", func() { future.Join2(none, one) }},
		{"Join2: b is nil", func() { future.Join2(one, none) }},
		{"Join3: a is nil", func() { future.Join3(none, one, one) }},
		{"Join3: b is nil", func() { future.Join3(one, none, one) }},
		{"Join3: c is nil", func() { future.Join3(one, one, none) }},
		{"Wait: future 0 is nil", func() { future.Wait(future.AllCompleted, none) }},
		{"AsCompleted: future 0 is nil", func() { future.AsCompleted(ctx, none) }},
		{"AsCompleted: ctx is nil", func() { future.AsCompleted(noCtx, one) }},
		{"NewWaitIterator: future 0 is nil", func() { future.NewWaitIterator(none) }},
		{"NewWaitIteratorMap: a future in", func() { future.NewWaitIteratorMap(map[int]*future.Future[int]{1: nil}) }},
		{"Map: ctx is nil", func() { future.Map(noCtx, 1, []int{1}, func(context.Context, int) (int, error) { return 0, nil }) }},
		{"Map: fn is nil", func() { future.Map[int, int](ctx, 1, nil, nil) }},
		{"WithTimeout: f is nil", func() { future.WithTimeout(none, time.Second) }},
		{"WaitFor: f is nil", func() { future.WaitFor(none, time.Second) }},
		{"Shield: f is nil", func() { future.Shield(none) }},
		{"Chain: f is nil", func() { future.Chain(none, future.NewPromise[int]()) }},
		{"Chain: p is nil", func() { future.Chain(one, nil) }},
		{"NewGroup: ctx is nil", func() { future.NewGroup(noCtx, pool) }},
		{"NewGroup: ex is nil", func() { future.NewGroup(ctx, nil) }},
		{"Group.Go: fn is nil", func() { g.Go(nil) }},
		{"GroupGo: g is nil", func() { future.GroupGo(nil, op) }},
		{"GroupGo: fn is nil", func() { future.GroupGo[int](g, nil) }},
		{"GroupAdd: g is nil", func() { future.GroupAdd(nil, one) }},
		{"GroupAdd: f is nil", func() { future.GroupAdd(g, none) }},
	} {
		t.Run(c.text, func(t *testing.T) {
			defer func() {
				got, _ := recover().(string)
				if !strings.HasPrefix(got, "future: "+c.text) || !strings.HasSuffix(got, " is nil") {
					t.Errorf("panic = %q, want \"future: %s\" ... \" is nil\"", got, c.text)
				}
			}()
			c.do()
		})
	}
}

// Methods without a type parameter are promoted from a struct in the future. They panic with a runtime error.
func TestNilFuturePanics(t *testing.T) {
	var none *future.Future[int]
	for _, c := range []struct {
		name string
		call func()
	}{
		{"Notify", func() { none.Notify(waker(func() {})) }},
		{"Err", func() { none.Err() }},
		{"Done", func() { none.Done() }},
		{"IsDone", func() { none.IsDone() }},
		{"Cancelled", func() { none.Cancelled() }},
		{"Cancel", func() { none.Cancel() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if _, ok := recover().(runtime.Error); !ok {
					t.Error("the call of a nil future did not panic, want a runtime error")
				}
			}()
			c.call()
		})
	}
}
