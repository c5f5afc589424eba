package contract_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/callback"
)

// What a callback of any method is given is what its future resolves to: of all methods that there are.
func TestFutureAndCallbackOutcomesMatch(t *testing.T) {
	handles, fail := everyHandle(t, callback.NewLoop()) // which is not needed
	for i, h := range handles {
		handle := reflect.ValueOf(h)
		futures := handle.MethodByName("Futures").Call(nil)[0]
		for m := range handle.NumMethod() {
			c, ok := newEveryCall(t, handle, m, fail[i])
			if !ok {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				_, name, _ := strings.Cut(c.name, ".")
				method := futures.MethodByName(name)
				if !method.IsValid() {
					t.Fatalf("%v has no such method", futures.Type())
				}
				f := method.Call(slices.Delete(slices.Clone(c.args), c.callback, c.callback+1))[0]
				outcome := f.MethodByName("Await").Call([]reflect.Value{reflect.ValueOf(t.Context())})
				err, _ := outcome[1].Interface().(error)
				if !c.isWanted(err) {
					t.Errorf("the error is %v, want %v (see everyArgument, everyOutcome)", err, c.want)
				}
				if err != nil && !outcome[0].IsZero() {
					t.Errorf("beside the error stands %v", outcome[0])
				}
			})
		}
	}
}
