package contract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// gridStyle calls the operations of GridFS with futures, or with callbacks on a loop.
type gridStyle struct {
	ctx  context.Context
	db   *motor.Database
	loop *callback.Loop // nil for futures
}

// inGridStyles runs test in both styles on an empty database.
func inGridStyles(t *testing.T, test func(t *testing.T, s gridStyle), opts ...motor.ClientOption) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		s := gridStyle{ctx: t.Context(), db: collectionOf(ops).Database()}
		if by, ok := ops.(byCallbacks); ok {
			s.loop = by.loop
		}
		test(t, s)
	}, opts...)
}

// bucket returns a bucket of s's database.
func (s gridStyle) bucket(t *testing.T) *motor.GridFSBucket {
	t.Helper()
	b, err := motor.NewGridFSBucket(s.db)
	noError(t, err)
	return b
}

// driver returns a bucket of the driver on s's database.
func (s gridStyle) driver(t *testing.T) *mongo.GridFSBucket {
	t.Helper()
	db, err := s.db.Delegate(s.ctx).Await(s.ctx)
	noError(t, err)
	return db.GridFSBucket()
}

// callAndAwait calls a method of a handle of package motor in the style of s, with s's context before args. It waits for the
// outcome.
func callAndAwait[T any](s gridStyle, handle any, method string, args ...any) (result T, err error) {
	v, err := s.start(handle, method, args...).Await(s.ctx)
	if v != nil {
		result = v.(T)
	}
	return result, err
}

// start calls a method like callAndAwait, and returns its outcome as a future.
func (s gridStyle) start(handle any, method string, args ...any) *future.Future[any] {
	return s.startWith(s.ctx, handle, method, args...)
}

func (s gridStyle) startWith(ctx context.Context, handle any, method string, args ...any) *future.Future[any] {
	p := future.NewPromise[any]()
	if s.loop == nil {
		out := call(handle, method, ctx, reflect.Value{}, args)[0]
		out.MethodByName("OnComplete").Call([]reflect.Value{settlingCallback(out.MethodByName("OnComplete").Type().In(0), p)})
		return p.Future()
	}
	s.loop.AddCallback(func() {
		h := s.byCallback(handle)
		m := reflect.ValueOf(h).MethodByName(method)
		for i := range m.Type().NumIn() {
			if in := m.Type().In(i); in.Kind() == reflect.Func {
				call(h, method, ctx, settlingCallback(in, p), args)
				return
			}
		}
		panic(method + " has no callback")
	})
	return p.Future()
}

// call calls a method with ctx, args, and done if the method takes a callback.
func call(handle any, method string, ctx context.Context, done reflect.Value, args []any) []reflect.Value {
	m := reflect.ValueOf(handle).MethodByName(method)
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for _, arg := range args {
		t := m.Type().In(len(in))
		if t.Kind() == reflect.Func && done.IsValid() {
			in = append(in, done)
			done, t = reflect.Value{}, m.Type().In(len(in)-1)
		}
		v := reflect.ValueOf(arg)
		if !v.IsValid() {
			v = reflect.Zero(t)
		}
		in = append(in, v)
	}
	if done.IsValid() {
		in = append(in, done)
	}
	return m.Call(in)
}

// settlingCallback returns a callback of type t that settles p. It unwraps handles in callback style.
func settlingCallback(t reflect.Type, p *future.Promise[any]) reflect.Value {
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		err, _ := in[1].Interface().(error)
		switch f := in[0].MethodByName("Futures"); {
		case f.IsValid() && in[0].IsNil():
			p.Settle(nil, err)
		case f.IsValid():
			p.Settle(f.Call(nil)[0].Interface(), err)
		default:
			p.Settle(in[0].Interface(), err)
		}
		return nil
	})
}

func (s gridStyle) byCallback(handle any) any {
	switch h := handle.(type) {
	case *motor.GridFSBucket:
		return callback.WrapGridFSBucket(s.loop, h)
	case *motor.GridFS:
		return callback.WrapGridFS(s.loop, h)
	case *motor.GridIn:
		return callback.WrapGridIn(s.loop, h)
	case *motor.GridOut:
		return callback.WrapGridOut(s.loop, h)
	case *motor.GridOutCursor:
		return callback.WrapGridOutCursor(s.loop, h)
	}
	panic(fmt.Sprintf("byCallback: a %T", handle))
}

// mustCall calls a method like callAndAwait. An error ends the test.
func mustCall[T any](t *testing.T, s gridStyle, handle any, method string, args ...any) T {
	t.Helper()
	v, err := callAndAwait[T](s, handle, method, args...)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return v
}

// failsWith checks that a call fails with an error of class want.
func failsWith(t *testing.T, want *motor.ErrorClass, s gridStyle, handle any, method string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	if _, err := s.startWith(ctx, handle, method, args...).Await(ctx); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %s", method, err, want.Name())
	}
}

// patterned returns n bytes. No two chunks of them are equal.
func patterned(n int) []byte {
	data := make([]byte, n)
	x := uint32(2463534242)
	for i := range data {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		data[i] = byte(x)
	}
	return data
}

// checkEqualBytes checks that two long slices are equal.
func checkEqualBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes that differ from the %d wanted", what, len(got), len(want))
	}
}
