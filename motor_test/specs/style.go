package specs

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// style is an API style: the driver itself, futures, or callbacks. Handles are the clients, databases and so on of a
// style. All have motor's method names, so that an operation is the same name and arguments in every style.
type style interface {
	// newClient returns a handle of a new client, and a function that closes it.
	newClient(uri string, opts *options.ClientOptions) (handle any, close func(context.Context) error, err error)
	database(client any, name string, opts *options.DatabaseOptionsBuilder) any
	collection(database any, name string, opts *options.CollectionOptionsBuilder) any
	bucket(database any, opts *options.BucketOptionsBuilder) (any, error)

	// call calls a method of a handle and waits for the outcome. err is not a failure of the operation: it is a
	// [*pending] for a method that does not exist, and another error for invalid arguments.
	call(ctx context.Context, handle any, method string, args, opts []any) (o outcome, err error)

	// withTransaction calls fn in a transaction of a session, on any goroutine, and waits for the outcome.
	withTransaction(ctx context.Context, session any, opts *options.TransactionOptionsBuilder, fn func() error) error

	// partial reports whether an operation can return a result together with an error.
	partial() bool
	// ofMotor reports whether the style belongs to this library, which differs from the files in a few known ways.
	ofMotor() bool
	close()
}

// outcome is the outcome of an operation.
type outcome struct {
	result any
	err    error
}

// The names of the styles.
const (
	Driver   = "driver"
	Future   = "future"
	Callback = "callback"
)

// Styles are the names of all styles. The driver, which is the reference for the others, comes first.
var Styles = []string{Driver, Future, Callback}

func newStyle(name string) (style, error) {
	switch name {
	case Driver:
		return byDriver{}, nil
	case Future:
		return byFutures{}, nil
	case Callback:
		return newByCallbacks(), nil
	}
	return nil, fmt.Errorf("unknown style %q", name)
}

// pending is the error of a test that needs a missing feature.
type pending struct{ name string }

func (p *pending) Error() string { return p.name + " is not supported yet" }

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// methodOf returns the method of a handle.
func methodOf(handle any, name string) (reflect.Value, error) {
	method := reflect.ValueOf(handle).MethodByName(name)
	if !method.IsValid() {
		return method, &pending{shortName(handle) + "." + name}
	}
	return method, nil
}

// shortName returns the name of the handle's type without package and type parameters.
func shortName(handle any) string {
	t := reflect.TypeOf(handle)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}

// inputs returns the arguments for a method: ctx for its context parameter, callback for its function parameter, args
// for the others, and opts for its variadic parameter.
func inputs(method reflect.Value, ctx context.Context, args, opts []any, callback func(reflect.Type) reflect.Value) ([]reflect.Value, error) {
	t := method.Type()
	fixed := t.NumIn()
	if t.IsVariadic() {
		fixed--
	}
	var in []reflect.Value
	for i := range fixed {
		switch p := t.In(i); {
		case p == contextType:
			in = append(in, reflect.ValueOf(ctx))
		case p.Kind() == reflect.Func && callback != nil:
			in = append(in, callback(p))
		case len(args) == 0:
			return nil, fmt.Errorf("too few arguments for %v", t)
		default:
			v, err := assignable(args[0], p)
			if err != nil {
				return nil, err
			}
			in, args = append(in, v), args[1:]
		}
	}
	if len(args) > 0 {
		return nil, fmt.Errorf("too many arguments for %v", t)
	}
	if len(opts) > 0 && !t.IsVariadic() {
		return nil, &pending{fmt.Sprintf("options of %v", t)}
	}
	for _, opt := range opts {
		v, err := assignable(opt, t.In(fixed).Elem())
		if err != nil {
			return nil, err
		}
		in = append(in, v)
	}
	return in, nil
}

func assignable(arg any, to reflect.Type) (reflect.Value, error) {
	v := reflect.ValueOf(arg)
	switch {
	case !v.IsValid():
		return reflect.Zero(to), nil
	case v.Type().AssignableTo(to):
		return v, nil
	case v.CanConvert(to) && (v.Kind() == to.Kind() || v.CanInt() && reflect.Zero(to).CanInt()):
		return v.Convert(to), nil
	}
	return v, fmt.Errorf("%T is not assignable to %v", arg, to)
}

// outcomeOf converts the return values of a method: a result, an error, both, or neither.
func outcomeOf(out []reflect.Value) outcome {
	var o outcome
	for _, v := range out {
		switch {
		case v.Type() == errorType:
			o.err, _ = v.Interface().(error)
		case v.Kind() == reflect.Pointer && v.IsNil():
		default:
			o.result = v.Interface()
		}
	}
	return o
}
