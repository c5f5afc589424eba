package contract_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// operations are what a rule is tested with, in one style or the other. Each waits for its outcome.
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
	Find(filter any) reader
}

// reader is a cursor in one style or the other.
type reader interface {
	FetchNext() (bool, error)
	Next() (bson.M, error)
	ToList(length ...int) ([]bson.M, error)
	Each(fn func(bson.M, error) bool)
	Close() error
	Count(withLimitAndSkip bool) (int64, error)
	Distinct(key string) ([]any, error)
	Explain() (bson.M, error)
	Cursor() *motor.Cursor[bson.M] // for what is the same in both styles
}

// inBothStyles runs test on an empty collection, by futures and by callbacks on a loop.
func inBothStyles(t *testing.T, test func(t *testing.T, ops operations), opts ...motor.ClientOption) {
	t.Run("futures", func(t *testing.T) {
		test(t, byFutures{t.Context(), newCollection(t, opts...)})
	})
	t.Run("callbacks", func(t *testing.T) {
		loop := callback.NewLoop()
		ended := make(chan struct{})
		go func() { defer close(ended); loop.Start() }()
		t.Cleanup(func() {
			loop.Stop()
			<-ended
			loop.Close()
		})
		test(t, byCallbacks{t.Context(), loop, callback.WrapCollection(loop, newCollection(t, opts...))})
	})
}

// newClient returns a client of the package's server, closed at the end of the test.
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

// newCollection returns an empty collection in a database of the test's own, which is dropped at its end.
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

func (s byFutures) Find(filter any) reader { return futureReader{s.ctx, s.coll.Find(filter)} }

type futureReader struct {
	ctx    context.Context
	cursor *motor.Cursor[bson.M]
}

func (r futureReader) FetchNext() (bool, error) { return r.cursor.FetchNext(r.ctx).Await(r.ctx) }
func (r futureReader) Next() (bson.M, error)    { return r.cursor.Next(r.ctx).Await(r.ctx) }
func (r futureReader) ToList(length ...int) ([]bson.M, error) {
	return r.cursor.ToList(r.ctx, length...).Await(r.ctx)
}
func (r futureReader) Each(fn func(bson.M, error) bool) { r.cursor.Each(r.ctx, fn) }
func (r futureReader) Cursor() *motor.Cursor[bson.M]    { return r.cursor }
func (r futureReader) Close() error {
	_, err := r.cursor.Close(r.ctx).Await(r.ctx)
	return err
}

func (r futureReader) Count(withLimitAndSkip bool) (int64, error) {
	return r.cursor.Count(r.ctx, withLimitAndSkip).Await(r.ctx)
}
func (r futureReader) Distinct(key string) ([]any, error) {
	return r.cursor.Distinct(r.ctx, key).Await(r.ctx)
}
func (r futureReader) Explain() (bson.M, error) { return r.cursor.Explain(r.ctx).Await(r.ctx) }

type byCallbacks struct {
	ctx  context.Context
	loop *callback.Loop
	coll *callback.Collection[bson.M]
}

// called starts an operation on the loop, as event-loop code does, and waits for its callback.
func called[T any](ctx context.Context, loop *callback.Loop, start func(callback.Func[T])) (T, error) {
	p := future.NewPromise[T]()
	loop.AddCallback(func() {
		start(func(v T, err error) { p.Settle(v, err) })
	})
	return p.Future().Await(ctx)
}

func (s byCallbacks) InsertOne(doc any) (*motor.InsertOneResult, error) {
	return called(s.ctx, s.loop, func(done callback.Func[*motor.InsertOneResult]) { s.coll.InsertOne(s.ctx, doc, done) })
}

func (s byCallbacks) InsertMany(docs any) (*motor.InsertManyResult, error) {
	return called(s.ctx, s.loop, func(done callback.Func[*motor.InsertManyResult]) { s.coll.InsertMany(s.ctx, docs, done) })
}

func (s byCallbacks) FindOne(filter any) (bson.M, error) {
	return called(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.FindOne(s.ctx, filter, done) })
}

func (s byCallbacks) UpdateOne(filter, update any) (*motor.UpdateResult, error) {
	return called(s.ctx, s.loop, func(done callback.Func[*motor.UpdateResult]) { s.coll.UpdateOne(s.ctx, filter, update, done) })
}

func (s byCallbacks) UpdateMany(filter, update any) (*motor.UpdateResult, error) {
	return called(s.ctx, s.loop, func(done callback.Func[*motor.UpdateResult]) { s.coll.UpdateMany(s.ctx, filter, update, done) })
}

func (s byCallbacks) ReplaceOne(filter, replacement any) (*motor.UpdateResult, error) {
	return called(s.ctx, s.loop, func(done callback.Func[*motor.UpdateResult]) {
		s.coll.ReplaceOne(s.ctx, filter, replacement, done)
	})
}

func (s byCallbacks) DeleteOne(filter any) (*motor.DeleteResult, error) {
	return called(s.ctx, s.loop, func(done callback.Func[*motor.DeleteResult]) { s.coll.DeleteOne(s.ctx, filter, done) })
}

func (s byCallbacks) DeleteMany(filter any) (*motor.DeleteResult, error) {
	return called(s.ctx, s.loop, func(done callback.Func[*motor.DeleteResult]) { s.coll.DeleteMany(s.ctx, filter, done) })
}

func (s byCallbacks) CountDocuments(filter any) (int64, error) {
	return called(s.ctx, s.loop, func(done callback.Func[int64]) { s.coll.CountDocuments(s.ctx, filter, done) })
}

func (s byCallbacks) Drop() error {
	_, err := called(s.ctx, s.loop, func(done callback.Func[struct{}]) { s.coll.Drop(s.ctx, done) })
	return err
}

func (s byCallbacks) Command(command any) (bson.M, error) {
	return called(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.Database().Command(s.ctx, command, done) })
}

func (s byCallbacks) ServerInfo() (bson.M, error) {
	return called(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.coll.Database().Client().ServerInfo(s.ctx, done) })
}

func (s byCallbacks) Find(filter any) reader {
	return callbackReader{s.ctx, s.loop, s.coll.Find(filter)}
}

type callbackReader struct {
	ctx    context.Context
	loop   *callback.Loop
	cursor *callback.Cursor[bson.M]
}

func (r callbackReader) FetchNext() (bool, error) {
	return called(r.ctx, r.loop, func(done callback.Func[bool]) { r.cursor.FetchNext(r.ctx, done) })
}

func (r callbackReader) Next() (bson.M, error) {
	return called(r.ctx, r.loop, func(done callback.Func[bson.M]) { r.cursor.Next(r.ctx, done) })
}

func (r callbackReader) ToList(length ...int) ([]bson.M, error) {
	return called(r.ctx, r.loop, func(done callback.Func[[]bson.M]) { r.cursor.ToList(r.ctx, done, length...) })
}
func (r callbackReader) Each(fn func(bson.M, error) bool) { r.cursor.Each(r.ctx, fn) }
func (r callbackReader) Cursor() *motor.Cursor[bson.M]    { return r.cursor.Futures() }
func (r callbackReader) Close() error {
	_, err := called(r.ctx, r.loop, func(done callback.Func[struct{}]) { r.cursor.Close(r.ctx, done) })
	return err
}

func (r callbackReader) Count(withLimitAndSkip bool) (int64, error) {
	return called(r.ctx, r.loop, func(done callback.Func[int64]) { r.cursor.Count(r.ctx, withLimitAndSkip, done) })
}

func (r callbackReader) Distinct(key string) ([]any, error) {
	return called(r.ctx, r.loop, func(done callback.Func[[]any]) { r.cursor.Distinct(r.ctx, key, done) })
}

func (r callbackReader) Explain() (bson.M, error) {
	return called(r.ctx, r.loop, func(done callback.Func[bson.M]) { r.cursor.Explain(r.ctx, done) })
}
