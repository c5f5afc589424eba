package contract_test

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
	"github.com/gomotor/gomotor/motor"
)

// everyCall is a call of one asynchronous method of one handle of package callback. Reflection finds the methods, so
// that a new method is tested as soon as it is generated. No call reaches a server: the calls of clients are cancelled,
// and the database of the other handles has an invalid name.
type everyCall struct {
	name     string // "Collection.FindOne"
	method   reflect.Value
	args     []reflect.Value
	callback int   // its index in args
	want     error // the callback's error
}

// everyArgument has the arguments after the context of some methods. The others get the default arguments: empty
// documents, "x" and 1.
var everyArgument = map[string][]any{
	"Collection.InsertMany":       {[]bson.D{{}}},
	"Collection.UpdateOne":        {bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}},
	"Collection.UpdateMany":       {bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}},
	"Collection.CreateIndex":      {"a"},
	"Collection.CreateIndexes":    {[]mongo.IndexModel{{Keys: "a"}}},
	"Collection.DropIndex":        {"a_1"},
	"Collection.FindOneAndUpdate": {bson.D{}, bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}},
	"Database.Command":            {"ping"},
	"Database.CommandAllowing":    {"ping", motor.AllowedErrors{}},
	"Database.CursorCommand":      {"ping"},
	"Database.Dereference":        {motor.DBRef{Collection: "c", ID: 1}},
	"Database.Eval":               {"1"},
	"Collection.BulkWrite":        {[]mongo.WriteModel{mongo.NewInsertOneModel().SetDocument(bson.D{})}},
	"Client.BulkWrite": {[]mongo.ClientBulkWrite{{
		Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.D{}),
	}}},
	"Client.DropDatabase":         {"d"},
	"Database.DropCollection":     {"c"},
	"Database.ValidateCollection": {"c"},
	"Client.KillCursors":          {[]int64{1}},
	"Client.CopyDatabase":         {"from", "to"},

	"Collection.CreateSearchIndex":           {mongo.SearchIndexModel{Definition: bson.D{}}},
	"Collection.CreateSearchIndexes":         {[]mongo.SearchIndexModel{{Definition: bson.D{}}}},
	"Collection.EnsureIndex":                 {"a"},
	"Collection.Group":                       {[]string{"a"}, bson.D{}, bson.D{}, "f"},
	"Collection.MapReduce":                   {"m", "r", "o"},
	"Collection.MapReduceFullResponse":       {"m", "r", "o"},
	"Collection.InlineMapReduce":             {"m", "r"},
	"Collection.InlineMapReduceFullResponse": {"m", "r"},
}

// everyOutcome has the callback's error of methods that fail in another way than the rest of their handle.
var everyOutcome = map[string]error{
	"Session.EndSession":          nil,
	"Cursor.Close":                nil, // an unread cursor has nothing to close
	"CommandCursor.Close":         nil,
	"RawBatchCursor.Close":        nil,
	"RawBatchCommandCursor.Close": nil,
	"ChangeStream.Close":          nil,
	"Client.CloseCursor":          motor.CursorNotFound,
	"Database.Authenticate":       motor.InvalidOperation,
	"Database.Logout":             motor.InvalidOperation,

	"Collection.FindAndModify":             motor.ValueError, // the update is in the options
	"Collection.FindAndModifyFullResponse": motor.ValueError,
}

// everyHandle returns a handle of each type, on loop, and the error of its methods.
func everyHandle(t *testing.T, loop future.Executor) (handles []any, fail []error) {
	client, err := callback.NewClient(loop, "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=20") // the time that Close waits for
	noError(t, err)
	t.Cleanup(func() { noError(t, client.Futures().Close(context.Background())) })
	set, err := callback.NewReplicaSetClient(loop, "mongodb://127.0.0.1:1/?replicaSet=rs")
	noError(t, err)
	t.Cleanup(func() { noError(t, set.Futures().Close(context.Background())) })
	db := client.Database("no database")
	coll := db.Collection("c")
	started, err := client.Futures().StartSession(t.Context()).Await(t.Context()) // does no I/O
	noError(t, err)
	session := callback.WrapSession(loop, started)
	return []any{
			client, set, db, coll, coll.Find(bson.D{}), db.Aggregate(bson.A{}), coll.InitializeOrderedBulkOp(), coll.Watch(nil),
			coll.FindRawBatches(bson.D{}), coll.AggregateRawBatches(bson.A{}), session,
		}, []error{
			context.Canceled, context.Canceled, motor.InvalidName, motor.InvalidName, motor.InvalidName, motor.InvalidName,
			motor.InvalidName, motor.InvalidName, motor.InvalidName, motor.InvalidName, motor.InvalidOperation,
		}
}

// everyCallOn returns a call of every asynchronous method of every handle on loop.
func everyCallOn(t *testing.T, loop future.Executor) []everyCall {
	t.Helper()
	var calls []everyCall
	handles, fail := everyHandle(t, loop)
	have, reached := make(map[string]bool), make(map[string]bool)
	for i, h := range handles {
		handle := reflect.ValueOf(h)
		have[handleName(handle.Type())] = true
		maps.Copy(reached, handlesFrom(handle.Type()))
		for m := range handle.NumMethod() {
			if c, ok := newEveryCall(t, handle, m, fail[i]); ok {
				calls = append(calls, c)
			}
		}
	}
	for name := range reached {
		if !have[name] {
			t.Errorf("everyHandle has no handle of type %s", name)
		}
	}
	if len(calls) < 15 {
		t.Errorf("found %d asynchronous methods, want at least 15", len(calls))
	}
	return calls
}

// handleName returns the name of a handle type without its type arguments, or "" if t is not a handle type.
func handleName(t reflect.Type) string {
	if _, ok := t.MethodByName("Futures"); !ok || t.Kind() != reflect.Pointer {
		return ""
	}
	name, _, _ := strings.Cut(t.Elem().Name(), "[")
	return name
}

// handlesFrom returns the handle types that the methods of t return or give to their callbacks.
func handlesFrom(t reflect.Type) map[string]bool {
	found := make(map[string]bool)
	for m := range t.Methods() {
		var types []reflect.Type
		for r := range m.Type.Outs() {
			types = append(types, r)
		}
		for p := range m.Type.Ins() {
			if isCallback(p) {
				types = append(types, p.In(0))
			}
		}
		for _, r := range types {
			if name := handleName(r); name != "" {
				found[name] = true
			}
		}
	}
	return found
}

// isCallback reports whether t is a callback.Func.
func isCallback(t reflect.Type) bool {
	return t.Kind() == reflect.Func && t.NumIn() == 2 && t.NumOut() == 0 && t.In(1) == reflect.TypeFor[error]()
}

// newEveryCall makes a call of a method. It reports false for a method without a callback.
func newEveryCall(t *testing.T, handle reflect.Value, method int, want error) (c everyCall, ok bool) {
	c = everyCall{
		name:     handleName(handle.Type()) + "." + handle.Type().Method(method).Name,
		method:   handle.Method(method),
		callback: -1,
		want:     want,
	}
	like := strings.Replace(c.name, "ReplicaSetClient.", "Client.", 1) // which embeds Client
	if err, special := everyOutcome[like]; special {
		c.want = err
	}
	given := everyArgument[like]
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	typ := c.method.Type()
	for i := range typ.NumIn() {
		in := typ.In(i)
		arg := reflect.New(in).Elem()
		switch {
		case typ.IsVariadic() && i == typ.NumIn()-1:
			continue
		case in == reflect.TypeFor[context.Context]():
			arg.Set(reflect.ValueOf(cancelled))
		case isCallback(in):
			c.callback = i
		case len(given) > 0:
			arg.Set(reflect.ValueOf(given[0]))
			given = given[1:]
		case in.Kind() == reflect.Interface:
			arg.Set(reflect.ValueOf(bson.D{}))
		case in.Kind() == reflect.String:
			arg.SetString("x")
		case arg.CanInt():
			arg.SetInt(1)
		}
		c.args = append(c.args, arg)
	}
	return c, c.callback >= 0
}

// call calls the method with fn as its callback. A nil fn stands for no callback.
func (c everyCall) call(fn func(result reflect.Value, err error)) {
	if fn != nil {
		typ := c.method.Type().In(c.callback)
		c.args[c.callback] = reflect.MakeFunc(typ, func(args []reflect.Value) []reflect.Value {
			err, _ := args[1].Interface().(error)
			fn(args[0], err)
			return nil
		})
	}
	c.method.Call(c.args)
}

// isWanted reports whether err is the error that the callback should get.
func (c everyCall) isWanted(err error) bool {
	return c.want == nil && err == nil || c.want != nil && errors.Is(err, c.want)
}

// taskLoop is a minimal executor. The test receives its tasks and runs them.
type taskLoop chan func()

func (l taskLoop) Execute(task func()) error { l <- task; return nil }

// turn runs the next task of the loop.
func (l taskLoop) turn(t *testing.T) {
	t.Helper()
	select {
	case task := <-l:
		task()
	case <-time.After(30 * time.Second):
		t.Fatal("the loop got no task for 30 seconds")
	}
}

// receive returns the next value from the channel. It ends the test after 30 seconds without one.
func receive[T any](t *testing.T, coming <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-coming:
	case <-time.After(30 * time.Second):
		t.Fatal("received nothing for 30 seconds")
	}
	return v
}

func TestCallbackRunsOnceOnTheLoop(t *testing.T) {
	loop := make(taskLoop, 100)
	reports := reporttest.Reports(t)
	for _, c := range everyCallOn(t, loop) {
		t.Run(c.name, func(t *testing.T) {
			calls := 0 // no lock: only the loop's callbacks use it
			c.call(func(result reflect.Value, err error) {
				calls++
				if !c.isWanted(err) {
					t.Errorf("got error %v, want %v (see everyArgument, everyOutcome)", err, c.want)
				}
				if err != nil && !result.IsZero() {
					t.Errorf("got result %v with an error, want its zero value", result)
				}
			})
			if calls != 0 {
				t.Error("the callback ran before the method returned")
			}
			loop.turn(t)
			if calls != 1 {
				t.Errorf("%d calls, want 1", calls)
			}
		})
	}
	if len(loop) != 0 || len(reports) != 0 {
		t.Errorf("%d further tasks and %d further reports, want 0", len(loop), len(reports))
	}
}

func TestErrorWithoutCallbackIsReported(t *testing.T) {
	loop := make(taskLoop, 100)
	calls := everyCallOn(t, loop)
	var wanted []error
	for _, c := range calls {
		if c.want != nil && !errors.Is(c.want, context.Canceled) { // a cancellation is not reported
			wanted = append(wanted, c.want)
		}
	}
	reports := reporttest.Reports(t, wanted...)
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			c.call(nil)
			if c.want == nil || errors.Is(c.want, context.Canceled) {
				return
			}
			if err := receive(t, reports); !c.isWanted(err) {
				t.Errorf("reported %v, want %v", err, c.want)
			}
		})
	}
	if len(loop) != 0 || len(reports) != 0 {
		t.Errorf("%d further tasks and %d further reports, want 0", len(loop), len(reports))
	}
}

func TestCallbackPanicIsReported(t *testing.T) {
	loop := make(taskLoop, 100)
	reports := reporttest.Reports(t)
	for _, c := range everyCallOn(t, loop) {
		t.Run(c.name, func(t *testing.T) {
			calls := 0
			c.call(func(reflect.Value, error) {
				calls++
				panic(c.name)
			})
			loop.turn(t)
			var p *future.PanicError
			if err := receive(t, reports); !errors.As(err, &p) || p.Value != c.name {
				t.Errorf("reported %v, want a PanicError of %q", err, c.name)
			}
			if calls != 1 {
				t.Errorf("%d calls, want 1", calls)
			}
		})
	}
	if len(loop) != 0 || len(reports) != 0 {
		t.Errorf("%d further tasks and %d further reports, want 0", len(loop), len(reports))
	}
}

func TestCallbackOfClosedLoopIsReported(t *testing.T) {
	loop := callback.NewLoop()
	loop.Close()
	reports := reporttest.Reports(t)
	for _, c := range everyCallOn(t, loop) {
		t.Run(c.name, func(t *testing.T) {
			c.call(func(reflect.Value, error) { t.Error("the callback ran on a closed loop") })
			var undelivered *future.UndeliveredError
			if err := receive(t, reports); !errors.As(err, &undelivered) || undelivered.Reason != callback.ErrLoopClosed {
				t.Errorf("reported %v, want an UndeliveredError with ErrLoopClosed", err)
			} else if !c.isWanted(undelivered.Outcome) {
				t.Errorf("reported outcome %v, want %v", undelivered.Outcome, c.want)
			}
		})
	}
}
