package contract_test

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// operations has the operations that most tests use, in one style. Each waits for its outcome.
type operations interface {
	InsertOne(doc any) (*motor.InsertOneResult, error)
	InsertMany(docs any) (*motor.InsertManyResult, error)
	FindOne(filter any) (bson.M, error)
	UpdateOne(filter, update any) (*motor.UpdateResult, error)
	UpdateMany(filter, update any) (*motor.UpdateResult, error)
	ReplaceOne(filter, replacement any) (*motor.UpdateResult, error)
	DeleteOne(filter any) (*motor.DeleteResult, error)
	DeleteMany(filter any) (*motor.DeleteResult, error)
	CountDocuments(filter any) (int64, error)
	Drop() error
	Command(command any) (bson.M, error)
	ServerInfo() (bson.M, error)
	Find(filter any) queryReader[bson.M]
}

// inBothStyles runs test on an empty collection with futures, and again with callbacks on a loop.
func inBothStyles(t *testing.T, test func(t *testing.T, ops operations), opts ...motor.ClientOption) {
	inBothStylesOf(t, func(t *testing.T) *motor.Collection[bson.M] { return newCollection(t, opts...) }, test)
}

// inBothStylesOf runs test in both styles on a collection that collection makes for each.
func inBothStylesOf(t *testing.T, collection func(*testing.T) *motor.Collection[bson.M], test func(*testing.T, operations)) {
	t.Run("futures", func(t *testing.T) {
		test(t, byFutures{t.Context(), collection(t)})
	})
	t.Run("callbacks", func(t *testing.T) {
		loop := runningLoop(t)
		test(t, byCallbacks{t.Context(), loop, callback.WrapCollection(loop, collection(t))})
	})
}

// runningLoop returns a loop that runs until the end of the test.
func runningLoop(t *testing.T) *callback.Loop {
	loop := callback.NewLoop()
	ended := make(chan struct{})
	go func() { defer close(ended); loop.Start() }()
	t.Cleanup(func() {
		loop.Stop()
		<-ended
		loop.Close()
	})
	return loop
}

// newClient returns a client of the package's server. The client is closed at the end of the test.
func newClient(t *testing.T, opts ...motor.ClientOption) *motor.Client {
	t.Helper()
	client, err := motor.NewClient(mongotest.URI(t), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return client
}

// newCollection returns an empty collection in a database of the test. The database is dropped at the end of the test.
func newCollection(t *testing.T, opts ...motor.ClientOption) *motor.Collection[bson.M] {
	t.Helper()
	db := newClient(t, opts...).Database(mongotest.DatabaseName(t))
	t.Cleanup(func() {
		if _, err := db.Command(context.Background(), "dropDatabase").Await(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return db.Collection("documents")
}

// fill inserts n documents {_id: "0000"..., i: 0...}.
func fill(t *testing.T, coll *motor.Collection[bson.M], n int) {
	t.Helper()
	if _, err := coll.InsertMany(t.Context(), numbered(n)).Await(t.Context()); err != nil {
		t.Fatal(err)
	}
}

type byFutures struct {
	ctx  context.Context
	coll *motor.Collection[bson.M]
}

func (s byFutures) InsertOne(doc any) (*motor.InsertOneResult, error) {
	return s.coll.InsertOne(s.ctx, doc).Await(s.ctx)
}

func (s byFutures) InsertMany(docs any) (*motor.InsertManyResult, error) {
	return s.coll.InsertMany(s.ctx, docs).Await(s.ctx)
}

func (s byFutures) FindOne(filter any) (bson.M, error) {
	return s.coll.FindOne(s.ctx, filter).Await(s.ctx)
}

func (s byFutures) UpdateOne(filter, update any) (*motor.UpdateResult, error) {
	return s.coll.UpdateOne(s.ctx, filter, update).Await(s.ctx)
}

func (s byFutures) UpdateMany(filter, update any) (*motor.UpdateResult, error) {
	return s.coll.UpdateMany(s.ctx, filter, update).Await(s.ctx)
}

func (s byFutures) ReplaceOne(filter, replacement any) (*motor.UpdateResult, error) {
	return s.coll.ReplaceOne(s.ctx, filter, replacement).Await(s.ctx)
}

func (s byFutures) DeleteOne(filter any) (*motor.DeleteResult, error) {
	return s.coll.DeleteOne(s.ctx, filter).Await(s.ctx)
}

func (s byFutures) DeleteMany(filter any) (*motor.DeleteResult, error) {
	return s.coll.DeleteMany(s.ctx, filter).Await(s.ctx)
}

func (s byFutures) CountDocuments(filter any) (int64, error) {
	return s.coll.CountDocuments(s.ctx, filter).Await(s.ctx)
}

func (s byFutures) Drop() error {
	_, err := s.coll.Drop(s.ctx).Await(s.ctx)
	return err
}

func (s byFutures) Command(command any) (bson.M, error) {
	return s.coll.Database().Command(s.ctx, command).Await(s.ctx)
}

func (s byFutures) ServerInfo() (bson.M, error) {
	return s.coll.Database().Client().ServerInfo(s.ctx).Await(s.ctx)
}

func (s byFutures) Find(filter any) queryReader[bson.M] { return queryOf(s, s.coll.Find(filter)) }

type byCallbacks struct {
	ctx  context.Context
	loop *callback.Loop
	coll *callback.Collection[bson.M]
}

func (s byCallbacks) InsertOne(doc any) (*motor.InsertOneResult, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*motor.InsertOneResult]) { s.coll.InsertOne(s.ctx, doc, done) })
}

func (s byCallbacks) InsertMany(docs any) (*motor.InsertManyResult, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*motor.InsertManyResult]) { s.coll.InsertMany(s.ctx, docs, done) })
}

func (s byCallbacks) FindOne(filter any) (bson.M, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.FindOne(s.ctx, filter, done) })
}

func (s byCallbacks) UpdateOne(filter, update any) (*motor.UpdateResult, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*motor.UpdateResult]) { s.coll.UpdateOne(s.ctx, filter, update, done) })
}

func (s byCallbacks) UpdateMany(filter, update any) (*motor.UpdateResult, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*motor.UpdateResult]) { s.coll.UpdateMany(s.ctx, filter, update, done) })
}

func (s byCallbacks) ReplaceOne(filter, replacement any) (*motor.UpdateResult, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*motor.UpdateResult]) {
		s.coll.ReplaceOne(s.ctx, filter, replacement, done)
	})
}

func (s byCallbacks) DeleteOne(filter any) (*motor.DeleteResult, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*motor.DeleteResult]) { s.coll.DeleteOne(s.ctx, filter, done) })
}

func (s byCallbacks) DeleteMany(filter any) (*motor.DeleteResult, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*motor.DeleteResult]) { s.coll.DeleteMany(s.ctx, filter, done) })
}

func (s byCallbacks) CountDocuments(filter any) (int64, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[int64]) { s.coll.CountDocuments(s.ctx, filter, done) })
}

func (s byCallbacks) Drop() error {
	_, err := awaitOnLoop(s.ctx, s.loop, func(done callback.Func[struct{}]) { s.coll.Drop(s.ctx, done) })
	return err
}

func (s byCallbacks) Command(command any) (bson.M, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.Database().Command(s.ctx, command, done) })
}

func (s byCallbacks) ServerInfo() (bson.M, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.Database().Client().ServerInfo(s.ctx, done) })
}

func (s byCallbacks) Find(filter any) queryReader[bson.M] {
	return calledQueryOf(s, s.coll.Find(filter))
}

type (
	futureOfDocument   = *future.Future[bson.M]
	callbackOfDocument = callback.Func[bson.M]
	futures            = *motor.Collection[bson.M]
	callbacks          = *callback.Collection[bson.M]
)

// awaitInStyle calls a method in the style of ops and waits for its outcome. byFuture and byCallback call the two forms
// of the method.
func awaitInStyle[T any](
	ops operations,
	byFuture func(context.Context, futures) *future.Future[T],
	byCallback func(context.Context, callbacks, callback.Func[T]),
) (T, error) {
	return startInStyle(ops, byFuture, byCallback).Await(contextOf(ops))
}

// startInStyle starts a method like awaitInStyle, and returns its outcome as a future. In callback style the future has
// the result that the callback got.
func startInStyle[T any](
	ops operations,
	byFuture func(context.Context, futures) *future.Future[T],
	byCallback func(context.Context, callbacks, callback.Func[T]),
) *future.Future[T] {
	switch s := ops.(type) {
	case byFutures:
		return byFuture(s.ctx, s.coll)
	case byCallbacks:
		return startOnLoop(s.loop, func(done callback.Func[T]) { byCallback(s.ctx, s.coll, done) })
	}
	panic(unknownStyle(ops))
}

// startOnLoop runs start on the loop and returns a future of what its callback gets.
func startOnLoop[T any](loop *callback.Loop, start func(callback.Func[T])) *future.Future[T] {
	p := future.NewPromise[T]()
	loop.AddCallback(func() {
		start(func(v T, err error) { p.Settle(v, err) })
	})
	return p.Future()
}

// awaitOnLoop runs start like startOnLoop and waits for the outcome.
func awaitOnLoop[T any](ctx context.Context, loop *callback.Loop, start func(callback.Func[T])) (T, error) {
	return startOnLoop(loop, start).Await(ctx)
}

// collectionOf returns the collection of ops.
func collectionOf(ops operations) *motor.Collection[bson.M] {
	switch s := ops.(type) {
	case byFutures:
		return s.coll
	case byCallbacks:
		return s.coll.Futures()
	}
	panic(unknownStyle(ops))
}

// contextOf returns the context of ops.
func contextOf(ops operations) context.Context {
	switch s := ops.(type) {
	case byFutures:
		return s.ctx
	case byCallbacks:
		return s.ctx
	}
	panic(unknownStyle(ops))
}

// withContext returns ops with another context for its operations.
func withContext(ctx context.Context, ops operations) operations {
	switch s := ops.(type) {
	case byFutures:
		return byFutures{ctx, s.coll}
	case byCallbacks:
		return byCallbacks{ctx, s.loop, s.coll}
	}
	panic(unknownStyle(ops))
}

func unknownStyle(ops operations) string { return fmt.Sprintf("a third style, %T", ops) }

// startMethod starts a method in the style of ops and returns its outcome as a future. name is "Collection.FindOne" or
// a method of the Database or the Client of ops. args are the arguments after the context, in the order of the future
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

// withPeer runs test in both styles with a scripted peer, for features that the embedded server lacks and for what only
// the wire shows. The collection of ops is d.c.
func withPeer(
	t *testing.T, role wiretest.Role, test func(t *testing.T, peer *wiretest.Peer, ops operations), opts ...motor.ClientOption,
) {
	var peer *wiretest.Peer
	inBothStylesOf(t, func(t *testing.T) *motor.Collection[bson.M] {
		peer = wiretest.Start(t, role)
		client, err := motor.NewClient(peer.URI(), opts...)
		noError(t, err)
		t.Cleanup(func() {
			if err := client.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return client.Database("d").Collection("c")
	}, func(t *testing.T, ops operations) { test(t, peer, ops) })
}

// cursorState has the methods that all cursors share and that are the same in both styles.
type cursorState[D any] interface {
	NextObject() D
	Alive() bool
	Started() bool
	Closed() bool
	CursorID() int64
	Err() error
	Address() (motor.Address, bool)
	Each(ctx context.Context, fn func(D, error) bool)
	All(ctx context.Context) iter.Seq2[D, error]
}

// anyCursor is a cursor of either style whose reads return futures. In callback style it is a calledCursor.
type anyCursor[D any] interface {
	cursorState[D]
	Session() *motor.Session
	FetchNext(ctx context.Context) *future.Future[bool]
	Next(ctx context.Context) *future.Future[D]
	TryNext(ctx context.Context) *future.Future[D]
	ToList(ctx context.Context, length ...int) *future.Future[[]D]
	Close(ctx context.Context) *future.Future[struct{}]
}

// anyQuery is a cursor of a query whose reads return futures.
type anyQuery[D any] interface {
	anyCursor[D]
	Tail(ctx context.Context, fn func(D, error) bool)
	Count(ctx context.Context, withLimitAndSkip bool) *future.Future[int64]
	Distinct(ctx context.Context, key string) *future.Future[[]any]
	Explain(ctx context.Context) *future.Future[bson.M]
}

// callbackCursor is a cursor in callback style.
type callbackCursor[D any] interface {
	cursorState[D]
	Session() *callback.Session
	FetchNext(ctx context.Context, done callback.Func[bool])
	Next(ctx context.Context, done callback.Func[D])
	TryNext(ctx context.Context, done callback.Func[D])
	ToList(ctx context.Context, done callback.Func[[]D], length ...int)
	Close(ctx context.Context, done callback.Func[struct{}])
}

// calledCursor reads a cursor in callback style. Its futures have the outcomes that the callbacks get.
type calledCursor[D any] struct {
	cursorState[D]
	loop *callback.Loop
	c    callbackCursor[D]
}

func calledBy[D any](loop *callback.Loop, c callbackCursor[D]) calledCursor[D] {
	return calledCursor[D]{c, loop, c}
}

func (c calledCursor[D]) FetchNext(ctx context.Context) *future.Future[bool] {
	return startOnLoop(c.loop, func(done callback.Func[bool]) { c.c.FetchNext(ctx, done) })
}

func (c calledCursor[D]) Next(ctx context.Context) *future.Future[D] {
	return startOnLoop(c.loop, func(done callback.Func[D]) { c.c.Next(ctx, done) })
}

func (c calledCursor[D]) TryNext(ctx context.Context) *future.Future[D] {
	return startOnLoop(c.loop, func(done callback.Func[D]) { c.c.TryNext(ctx, done) })
}

func (c calledCursor[D]) ToList(ctx context.Context, length ...int) *future.Future[[]D] {
	return startOnLoop(c.loop, func(done callback.Func[[]D]) { c.c.ToList(ctx, done, length...) })
}

func (c calledCursor[D]) Close(ctx context.Context) *future.Future[struct{}] {
	return startOnLoop(c.loop, func(done callback.Func[struct{}]) { c.c.Close(ctx, done) })
}

func (c calledCursor[D]) Session() *motor.Session {
	if s := c.c.Session(); s != nil {
		return s.Futures()
	}
	return nil
}

// closeNow closes the cursor from a callback, which runs on the loop already.
func (c calledCursor[D]) closeNow(ctx context.Context) { c.c.Close(ctx, nil) }

type calledQuery[D any] struct {
	calledCursor[D]
	c *callback.Cursor[D]
}

func (c calledQuery[D]) Tail(ctx context.Context, fn func(D, error) bool) { c.c.Tail(ctx, fn) }

func (c calledQuery[D]) Count(ctx context.Context, withLimitAndSkip bool) *future.Future[int64] {
	return startOnLoop(c.loop, func(done callback.Func[int64]) { c.c.Count(ctx, withLimitAndSkip, done) })
}

func (c calledQuery[D]) Distinct(ctx context.Context, key string) *future.Future[[]any] {
	return startOnLoop(c.loop, func(done callback.Func[[]any]) { c.c.Distinct(ctx, key, done) })
}

func (c calledQuery[D]) Explain(ctx context.Context) *future.Future[bson.M] {
	return startOnLoop(c.loop, func(done callback.Func[bson.M]) { c.c.Explain(ctx, done) })
}

// reader reads a cursor in either style and waits for each outcome.
type reader[D any] struct {
	anyCursor[D]
	ctx context.Context
}

func (r reader[D]) FetchNext() (bool, error) { return r.anyCursor.FetchNext(r.ctx).Await(r.ctx) }
func (r reader[D]) Next() (D, error)         { return r.anyCursor.Next(r.ctx).Await(r.ctx) }
func (r reader[D]) TryNext() (D, error)      { return r.anyCursor.TryNext(r.ctx).Await(r.ctx) }
func (r reader[D]) ToList(length ...int) ([]D, error) {
	return r.anyCursor.ToList(r.ctx, length...).Await(r.ctx)
}
func (r reader[D]) Each(fn func(D, error) bool) { r.anyCursor.Each(r.ctx, fn) }
func (r reader[D]) All() iter.Seq2[D, error]    { return r.anyCursor.All(r.ctx) }
func (r reader[D]) Close() error {
	_, err := r.anyCursor.Close(r.ctx).Await(r.ctx)
	return err
}

// closeInCallback closes the cursor from one of its callbacks. It does not wait.
func (r reader[D]) closeInCallback() {
	if c, ok := r.anyCursor.(interface{ closeNow(context.Context) }); ok {
		c.closeNow(r.ctx)
	} else {
		r.anyCursor.Close(r.ctx)
	}
}

// started returns the cursor, for tests that do not wait for a read at once.
func (r reader[D]) started() anyCursor[D] { return r.anyCursor }

// commandReader reads the cursor of a command.
type commandReader[D any] struct {
	reader[D]
	cursor *motor.CommandCursor[D] // the part common to both styles
}

// queryReader reads the cursor of a query.
type queryReader[D any] struct {
	reader[D]
	query  anyQuery[D]
	cursor *motor.Cursor[D] // the part common to both styles
}

func (r queryReader[D]) Tail(fn func(D, error) bool) { r.query.Tail(r.ctx, fn) }

func (r queryReader[D]) Count(withLimitAndSkip bool) (int64, error) {
	return r.query.Count(r.ctx, withLimitAndSkip).Await(r.ctx)
}

func (r queryReader[D]) Distinct(key string) ([]any, error) {
	return r.query.Distinct(r.ctx, key).Await(r.ctx)
}

func (r queryReader[D]) Explain() (bson.M, error) { return r.query.Explain(r.ctx).Await(r.ctx) }

// queryOf reads the cursor of a query in the style of ops.
func queryOf[D any](ops operations, c *motor.Cursor[D]) queryReader[D] {
	switch s := ops.(type) {
	case byFutures:
		return queryReader[D]{reader[D]{c, s.ctx}, c, c}
	case byCallbacks:
		return calledQueryOf(s, callback.WrapCursor(s.loop, c))
	}
	panic(unknownStyle(ops))
}

func calledQueryOf[D any](s byCallbacks, c *callback.Cursor[D]) queryReader[D] {
	q := calledQuery[D]{calledBy(s.loop, c), c}
	return queryReader[D]{reader[D]{q, s.ctx}, q, c.Futures()}
}

func calledCommandOf[D any](s byCallbacks, c *callback.CommandCursor[D]) commandReader[D] {
	return commandReader[D]{reader[D]{calledBy(s.loop, c), s.ctx}, c.Futures()}
}

// commandOf makes a cursor of the collection in the style of ops and reads it.
func commandOf[D any](
	ops operations, byFuture func(futures) *motor.CommandCursor[D], byCallback func(callbacks) *callback.CommandCursor[D],
) commandReader[D] {
	switch s := ops.(type) {
	case byFutures:
		c := byFuture(s.coll)
		return commandReader[D]{reader[D]{c, s.ctx}, c}
	case byCallbacks:
		return calledCommandOf(s, byCallback(s.coll))
	}
	panic(unknownStyle(ops))
}

// sentCommandOf reads a cursor like commandOf, for a cursor that exists only after a reply to its command.
func sentCommandOf[D any](
	ops operations,
	byFuture func(context.Context, futures) *future.Future[*motor.CommandCursor[D]],
	byCallback func(context.Context, callbacks, callback.Func[*callback.CommandCursor[D]]),
) (r commandReader[D], err error) {
	switch s := ops.(type) {
	case byFutures:
		c, err := byFuture(s.ctx, s.coll).Await(s.ctx)
		if err != nil {
			return r, err
		}
		return commandReader[D]{reader[D]{c, s.ctx}, c}, nil
	case byCallbacks:
		c, err := startOnLoop(s.loop, func(done callback.Func[*callback.CommandCursor[D]]) { byCallback(s.ctx, s.coll, done) }).Await(s.ctx)
		if err != nil {
			return r, err
		}
		return calledCommandOf(s, c), nil
	}
	panic(unknownStyle(ops))
}

// cursorKinds has functions that return cursors over all documents of a collection, sorted, in batches of ten.
var cursorKinds = []struct {
	name   string
	cursor func(t *testing.T, ops operations) reader[bson.M]
}{
	{"of a query", func(_ *testing.T, ops operations) reader[bson.M] {
		r := ops.Find(bson.D{})
		r.cursor.Sort("_id").BatchSize(10)
		return r.reader
	}},
	{"of a pipeline", func(_ *testing.T, ops operations) reader[bson.M] {
		return aggregate(ops, bson.A{bson.M{"$sort": bson.M{"_id": 1}}}, options.Aggregate().SetBatchSize(10)).reader
	}},
	{"of a command", func(t *testing.T, ops operations) reader[bson.M] { return cursorOfFind(t, ops).reader }},
}

// withEveryCursor runs test in both styles on each kind of cursor over n documents.
func withEveryCursor(t *testing.T, n int, test func(t *testing.T, r reader[bson.M]), opts ...motor.ClientOption) {
	for _, kind := range cursorKinds {
		t.Run(kind.name, func(t *testing.T) {
			withDocuments(t, n, func(t *testing.T, ops operations) {
				r := kind.cursor(t, ops)
				t.Cleanup(func() { _ = r.Close() })
				test(t, r)
			}, opts...)
		})
	}
}

// withCursor runs test in both styles on the cursor of a query over n sorted documents, in batches of ten.
func withCursor(t *testing.T, n int, test func(t *testing.T, r queryReader[bson.M]), opts ...motor.ClientOption) {
	withDocuments(t, n, func(t *testing.T, ops operations) {
		r := ops.Find(bson.D{})
		r.cursor.Sort("_id").BatchSize(10)
		t.Cleanup(func() { _ = r.Close() })
		test(t, r)
	}, opts...)
}

// withCommandCursor runs test in both styles on the cursor of a command over n documents, in batches of ten.
func withCommandCursor(t *testing.T, n int, test func(t *testing.T, r commandReader[bson.M])) {
	withDocuments(t, n, func(t *testing.T, ops operations) {
		r := cursorOfFind(t, ops)
		t.Cleanup(func() { _ = r.Close() })
		test(t, r)
	})
}

// withDocuments runs test in both styles on a collection of n numbered documents.
func withDocuments(t *testing.T, n int, test func(t *testing.T, ops operations), opts ...motor.ClientOption) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		if n > 0 {
			_, err := ops.InsertMany(numbered(n))
			noError(t, err)
		}
		test(t, ops)
	}, opts...)
}

// aggregate returns the cursor of a pipeline.
func aggregate(ops operations, pipeline any, opts ...options.Lister[options.AggregateOptions]) commandReader[bson.M] {
	return commandOf(ops, func(c futures) *motor.CommandCursor[bson.M] {
		return c.Aggregate(pipeline, opts...)
	}, func(c callbacks) *callback.CommandCursor[bson.M] {
		return c.Aggregate(pipeline, opts...)
	})
}

// cursorOf returns the cursor of a command of the database.
func cursorOf(ops operations, command any) (commandReader[bson.M], error) {
	return sentCommandOf(ops, func(ctx context.Context, c futures) *future.Future[*motor.CommandCursor[bson.M]] {
		return c.Database().CursorCommand(ctx, command)
	}, func(ctx context.Context, c callbacks, done callback.Func[*callback.CommandCursor[bson.M]]) {
		c.Database().CursorCommand(ctx, command, done)
	})
}

// cursorOfFind sends a find command for the sorted documents, in batches of ten.
func cursorOfFind(t *testing.T, ops operations) commandReader[bson.M] {
	t.Helper()
	r, err := cursorOf(ops, bson.D{
		{Key: "find", Value: collectionOf(ops).Name()}, {Key: "sort", Value: bson.D{{Key: "_id", Value: 1}}},
		{Key: "batchSize", Value: 10},
	})
	noError(t, err)
	r.cursor.BatchSize(10)
	return r
}
