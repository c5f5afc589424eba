package contract_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/callback"
)

// For every method, the future has the outcome that the callback gets.
func TestFutureAndCallbackOutcomesMatch(t *testing.T) {
	handles, fail := everyHandle(t, callback.NewLoop()) // never started
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
					t.Fatalf("%v has no method of that name", futures.Type())
				}
				f := method.Call(slices.Delete(slices.Clone(c.args), c.callback, c.callback+1))[0]
				outcome := f.MethodByName("Await").Call([]reflect.Value{reflect.ValueOf(t.Context())})
				err, _ := outcome[1].Interface().(error)
				if !c.isWanted(err) {
					t.Errorf("got error %v, want %v (see everyArgument, everyOutcome)", err, c.want)
				}
				if err != nil && !outcome[0].IsZero() {
					t.Errorf("got result %v with an error, want its zero value", outcome[0])
				}
			})
		}
	}
}
