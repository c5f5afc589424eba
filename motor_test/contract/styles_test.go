package contract_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
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
