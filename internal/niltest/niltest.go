// Package niltest calls functions with nil arguments. A function must answer with an error of a class, do what it
// documents for nil, or panic with a sentence if it has no other way to answer.
package niltest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
)

// Caller calls functions.
type Caller struct {
	Wait    bool                 // wait for the futures that the functions return
	Typed   func(err error) bool // reports whether an error of a future has a class; needed with Wait
	Samples []any                // the arguments of their types that are not nil
}

// Methods calls each method of a value with nil for one of its arguments, for each in turn, and for all. It gets the
// value of every call from value.
func (c Caller) Methods(t *testing.T, value func() any) {
	t.Helper()
	typ := reflect.TypeOf(value())
	for i := range typ.NumMethod() {
		c.each(t, fmt.Sprintf("%s.%s", typ, typ.Method(i).Name), func() reflect.Value { return reflect.ValueOf(value()).Method(i) })
	}
}

// Func is Methods for one function.
func (c Caller) Func(t *testing.T, name string, fn any) {
	t.Helper()
	c.each(t, name, func() reflect.Value { return reflect.ValueOf(fn) })
}

func (c Caller) each(t *testing.T, name string, fn func() reflect.Value) {
	t.Helper()
	typ := fn().Type()
	for which := -1; which < typ.NumIn(); which++ {
		if which >= 0 && !nillable(typ.In(which)) {
			continue
		}
		if fault := c.call(t.Context(), fn(), which); fault != "" {
			t.Errorf("%s with nil for %s: %s", name, position(which), fault)
		}
	}
}

func position(which int) string {
	if which < 0 {
		return "all arguments"
	}
	return fmt.Sprintf("argument %d", which+1)
}

func nillable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Func, reflect.Map, reflect.Slice:
		return true
	}
	return false
}

// call calls a function with one argument nil, or with all of them if which is negative. It returns what is wrong.
func (c Caller) call(ctx context.Context, fn reflect.Value, which int) (fault string) {
	defer func() {
		p := recover()
		if text := fmt.Sprint(p); p != nil && !isSentence(text) {
			fault = "panic: " + text
		}
	}()
	var args []reflect.Value
	for i := range fn.Type().NumIn() {
		switch in := fn.Type().In(i); {
		case fn.Type().IsVariadic() && i == fn.Type().NumIn()-1:
			if which == i && nillable(in.Elem()) {
				args = append(args, reflect.Zero(in.Elem()))
			}
		case which < 0 || which == i:
			args = append(args, reflect.Zero(in))
		default:
			args = append(args, c.sample(ctx, in))
		}
	}
	for _, result := range fn.Call(args) {
		if !c.Wait || nillable(result.Type()) && result.IsNil() {
			continue
		}
		if await := result.MethodByName("Await"); await.IsValid() {
			fault += c.awaited(await)
		}
	}
	return fault
}

// isSentence reports whether the text of a panic is one of ours.
func isSentence(text string) bool {
	for _, pkg := range []string{"callback: ", "future: ", "motor: "} {
		if strings.HasPrefix(text, pkg) {
			return true
		}
	}
	return false
}

// awaited waits for a future, and returns what is wrong with its outcome.
func (c Caller) awaited(await reflect.Value) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err, _ := await.Call([]reflect.Value{reflect.ValueOf(ctx)})[1].Interface().(error)
	switch {
	case ctx.Err() != nil:
		return "the future does not settle"
	case errors.As(err, new(*future.PanicError)):
		return fmt.Sprintf("PanicError: %v", err)
	case err != nil && !c.Typed(err):
		return fmt.Sprintf("an error without a class: %T: %v", err, err)
	}
	return ""
}

// sample returns a valid argument of a type.
func (c Caller) sample(ctx context.Context, in reflect.Type) reflect.Value {
	for _, s := range c.Samples {
		if v := reflect.ValueOf(s); v.Type().AssignableTo(in) && in != reflect.TypeFor[any]() {
			return v
		}
	}
	switch in {
	case reflect.TypeFor[context.Context]():
		return reflect.ValueOf(ctx)
	case reflect.TypeFor[any]():
		return reflect.ValueOf(bson.D{{Key: "a", Value: 1}})
	case reflect.TypeFor[string]():
		return reflect.ValueOf("a")
	}
	switch in.Kind() {
	case reflect.Func:
		return reflect.MakeFunc(in, func([]reflect.Value) (out []reflect.Value) {
			for i := range in.NumOut() {
				out = append(out, reflect.Zero(in.Out(i)))
			}
			return out
		})
	case reflect.Pointer:
		return reflect.New(in.Elem())
	}
	return reflect.Zero(in)
}
