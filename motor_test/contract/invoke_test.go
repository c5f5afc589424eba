package contract_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/gomotor/gomotor/future"
)

// startMethod starts a method in the style of ops and returns its outcome as a future. name is "Collection.FindOne" or a
// method of the Database or the Client of ops. args are the arguments after the context, in the order of the future
// style. It serves tables of many methods; other tests use startInStyle.
func startMethod(ops operations, name string, args ...any) *future.Future[any] {
	kind, method, _ := strings.Cut(name, ".")
	ctx := contextOf(ops)
	switch s := ops.(type) {
	case byFutures:
		m := handleOf(s.coll, kind).MethodByName(method)
		return outcomeOf(ctx, m.Call(argumentsOf(m.Type(), append([]any{ctx}, args...)))[0])
	case byCallbacks:
		m := handleOf(s.coll, kind).MethodByName(method)
		p := future.NewPromise[any]()
		for i := range m.Type().NumIn() {
			if in := m.Type().In(i); isCallback(in) {
				done := reflect.MakeFunc(in, func(outcome []reflect.Value) []reflect.Value {
					err, _ := outcome[1].Interface().(error)
					p.Settle(outcome[0].Interface(), err)
					return nil
				})
				all := append([]any{ctx}, args[:i-1]...)
				all = append(append(all, done.Interface()), args[i-1:]...)
				s.loop.AddCallback(func() { m.Call(argumentsOf(m.Type(), all)) })
				return p.Future()
			}
		}
		panic(fmt.Sprintf("%s has no callback", name))
	}
	panic(unknownStyle(ops))
}

// handleOf returns a collection, its database or its client, in the style of coll.
func handleOf(coll any, kind string) reflect.Value {
	handle := reflect.ValueOf(coll)
	if kind == "Collection" {
		return handle
	}
	handle = handle.MethodByName("Database").Call(nil)[0]
	if kind == "Client" {
		handle = handle.MethodByName("Client").Call(nil)[0]
	}
	return handle
}

// argumentsOf converts args to the parameter types of a method of type typ.
func argumentsOf(typ reflect.Type, args []any) []reflect.Value {
	in := make([]reflect.Value, len(args))
	for i, arg := range args {
		if arg != nil {
			in[i] = reflect.ValueOf(arg)
		} else {
			in[i] = reflect.Zero(typ.In(i))
		}
	}
	return in
}

// outcomeOf returns the outcome of f, a future of any type.
func outcomeOf(ctx context.Context, f reflect.Value) *future.Future[any] {
	p := future.NewPromise[any]()
	go func() {
		outcome := f.MethodByName("Await").Call([]reflect.Value{reflect.ValueOf(context.WithoutCancel(ctx))})
		err, _ := outcome[1].Interface().(error)
		p.Settle(outcome[0].Interface(), err)
	}()
	return p.Future()
}
