package contract_test

import (
	"errors"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
)

func TestCallbackWaitsForRestartOfLoop(t *testing.T) {
	loop := callback.NewLoop()
	t.Cleanup(loop.Close)
	reports := reporttest.Reports(t)
	for _, c := range everyCallOn(t, loop) {
		t.Run(c.name, func(t *testing.T) {
			calls := 0 // no lock: only the loop's callbacks use it
			loop.AddCallback(func() {
				c.call(func(_ reflect.Value, err error) {
					calls++
					if !c.isWanted(err) {
						t.Errorf("got error %v, want %v", err, c.want)
					}
					loop.Stop()
				})
				loop.Stop()
			})
			loop.Start()
			if calls != 0 {
				t.Error("the callback ran while the loop was stopped")
			}
			loop.Start()
			if calls != 1 {
				t.Errorf("%d calls, want 1", calls)
			}
		})
	}
	if len(reports) != 0 {
		t.Errorf("%d further reports, want 0", len(reports))
	}
}

// The loop is closed before or after the outcome arrives. Either way the outcome goes to exactly one place.
func TestCallbackOfClosingLoopIsNotLost(t *testing.T) {
	loop := new(lateLoop)
	reports := reporttest.Reports(t)
	for _, c := range everyCallOn(t, loop) {
		t.Run(c.name, func(t *testing.T) {
			loop.Loop = callback.NewLoop()
			calls := make(chan error, 2)
			c.call(func(_ reflect.Value, err error) { calls <- err })
			loop.Close()
			select {
			case err := <-calls:
				if !c.isWanted(err) {
					t.Errorf("got error %v, want %v", err, c.want)
				}
			case err := <-reports:
				var undelivered *future.UndeliveredError
				if !errors.As(err, &undelivered) || undelivered.Reason != callback.ErrLoopClosed || !c.isWanted(undelivered.Outcome) {
					t.Errorf("reported %v, want an UndeliveredError with ErrLoopClosed and outcome %v", err, c.want)
				}
			}
			if len(calls) != 0 {
				t.Error("the callback ran after its outcome was delivered or reported")
			}
		})
	}
	if len(reports) != 0 {
		t.Errorf("%d further reports, want 0", len(reports))
	}
}

// lateLoop is an executor whose loop the test replaces.
type lateLoop struct{ *callback.Loop }

// everyWrap has the functions that turn motor's handles into those of package callback.
var everyWrap = []any{
	callback.WrapClient, callback.WrapReplicaSetClient, callback.WrapDatabase, callback.WrapCollection[bson.M],
	callback.WrapCursor[bson.M], callback.WrapCommandCursor[bson.M], callback.WrapBulkOperationBuilder,
	callback.WrapChangeStream[bson.M], callback.WrapRawBatchCursor, callback.WrapRawBatchCommandCursor, callback.WrapSession,
}

func TestHandleUnwrapAndWrap(t *testing.T) {
	here, there := make(taskLoop, 100), make(taskLoop, 100)
	wraps := make(map[reflect.Type]reflect.Value) // by the type of motor's handles
	for _, wrap := range everyWrap {
		wraps[reflect.TypeOf(wrap).In(1)] = reflect.ValueOf(wrap)
	}
	handles, _ := everyHandle(t, here)
	for _, h := range handles {
		handle := reflect.ValueOf(h)
		t.Run(handleName(handle.Type()), func(t *testing.T) {
			futures := handle.MethodByName("Futures").Call(nil)[0]
			if loop := handle.MethodByName("IOLoop").Call(nil)[0]; loop.Interface() != any(here) {
				t.Errorf("IOLoop() = %v, want the loop of the handle", loop)
			}
			wrap, ok := wraps[futures.Type()]
			if !ok {
				t.Fatalf("everyWrap has no function for %v", futures.Type())
			}
			other := wrap.Call([]reflect.Value{reflect.ValueOf(there), futures})[0]
			if other.Type() != handle.Type() {
				t.Errorf("wrapped handle is a %v, want a %v", other.Type(), handle.Type())
			}
			if again := other.MethodByName("Futures").Call(nil)[0]; again.Pointer() != futures.Pointer() {
				t.Error("Futures() of the wrapped handle is another handle")
			}
			if loop := other.MethodByName("IOLoop").Call(nil)[0]; loop.Interface() != any(there) {
				t.Errorf("IOLoop() of the wrapped handle = %v, want the new loop", loop)
			}
			for name, args := range map[string][]reflect.Value{
				"loop":   {reflect.Zero(reflect.TypeFor[future.Executor]()), futures},
				"handle": {reflect.ValueOf(there), reflect.Zero(futures.Type())},
			} {
				if !panics(func() { wrap.Call(args) }) {
					t.Errorf("wrapping a nil %s: got no panic, want one", name)
				}
			}
		})
	}
}

func panics(fn func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	fn()
	return false
}

func TestCallbackOfWrappedHandleRunsOnItsLoop(t *testing.T) {
	here, there := make(taskLoop, 100), make(taskLoop, 100)
	handles, fail := everyHandle(t, here)
	for i, h := range handles {
		futures := reflect.ValueOf(h).MethodByName("Futures").Call(nil)[0]
		for _, wrap := range everyWrap {
			if reflect.TypeOf(wrap).In(1) != futures.Type() {
				continue
			}
			handle := reflect.ValueOf(wrap).Call([]reflect.Value{reflect.ValueOf(there), futures})[0]
			for m := range handle.NumMethod() {
				c, ok := newEveryCall(t, handle, m, fail[i])
				if !ok {
					continue
				}
				t.Run(c.name, func(t *testing.T) {
					calls := 0
					c.call(func(reflect.Value, error) { calls++ })
					there.turn(t)
					if calls != 1 {
						t.Errorf("%d calls, want 1", calls)
					}
				})
			}
		}
	}
	if len(here) != 0 || len(there) != 0 {
		t.Errorf("%d and %d further tasks, want 0", len(here), len(there))
	}
}
