package contract_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// streamer is a change stream in either style.
type streamer interface {
	Open() error
	Next() (bson.M, error)
	TryNext() (bson.M, error)
	Each(fn func(bson.M, error) bool)
	Close() error
	Stream() *motor.ChangeStream[bson.M] // the part common to both styles
}

// watchFunc returns a function that opens change streams of a collection in the style of ops.
func watchFunc(ops operations) func(pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) streamer {
	return func(pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) streamer {
		if s, ok := ops.(byCallbacks); ok {
			return callbackStream{s.ctx, s.loop, s.coll.Watch(pipeline, opts...)}
		}
		s := ops.(byFutures)
		return futureStream{s.ctx, s.coll.Watch(pipeline, opts...)}
	}
}

// onStreams runs test in both styles. It skips a server without change streams.
func onStreams(t *testing.T, test func(t *testing.T, ops operations)) {
	mongotest.SkipIfEmbedded(t, "change streams")
	inBothStyles(t, func(t *testing.T, ops operations) {
		hello, err := ops.Command("hello")
		noError(t, err)
		if hello["setName"] == nil && hello["msg"] != "isdbgrid" {
			t.Skip("change streams need a replica set or a sharded cluster")
		}
		test(t, ops)
	})
}

// onScriptedStreams runs test in both styles on a collection of a scripted peer.
func onScriptedStreams(t *testing.T, test func(t *testing.T, peer *wiretest.Peer, ops operations)) {
	open := func(t *testing.T) (*wiretest.Peer, *motor.Collection[bson.M]) {
		peer := wiretest.Start(t, wiretest.Primary)
		client, err := motor.NewClient(peer.URI())
		noError(t, err)
		t.Cleanup(func() { noError(t, client.Close(context.Background())) })
		return peer, client.Database("d").Collection("c")
	}
	t.Run("futures", func(t *testing.T) {
		peer, coll := open(t)
		test(t, peer, byFutures{t.Context(), coll})
	})
	t.Run("callbacks", func(t *testing.T) {
		peer, coll := open(t)
		loop := callback.NewLoop()
		ended := make(chan struct{})
		go func() { defer close(ended); loop.Start() }()
		t.Cleanup(func() {
			loop.Stop()
			<-ended
			loop.Close()
		})
		test(t, peer, byCallbacks{t.Context(), loop, callback.WrapCollection(loop, coll)})
	})
}

type futureStream struct {
	ctx    context.Context
	stream *motor.ChangeStream[bson.M]
}

func (s futureStream) Open() error                         { _, err := s.stream.Open(s.ctx).Await(s.ctx); return err }
func (s futureStream) Next() (bson.M, error)               { return s.stream.Next(s.ctx).Await(s.ctx) }
func (s futureStream) TryNext() (bson.M, error)            { return s.stream.TryNext(s.ctx).Await(s.ctx) }
func (s futureStream) Each(fn func(bson.M, error) bool)    { s.stream.Each(s.ctx, fn) }
func (s futureStream) Close() error                        { _, err := s.stream.Close(s.ctx).Await(s.ctx); return err }
func (s futureStream) Stream() *motor.ChangeStream[bson.M] { return s.stream }

type callbackStream struct {
	ctx    context.Context
	loop   *callback.Loop
	stream *callback.ChangeStream[bson.M]
}

func (s callbackStream) Open() error {
	opened, err := awaitOnLoop(s.ctx, s.loop, func(done callback.Func[*callback.ChangeStream[bson.M]]) { s.stream.Open(s.ctx, done) })
	if err == nil && opened != s.stream {
		panic("Open gave its callback another handle")
	}
	return err
}

func (s callbackStream) Next() (bson.M, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.stream.Next(s.ctx, done) })
}

func (s callbackStream) TryNext() (bson.M, error) {
	return awaitOnLoop(s.ctx, s.loop, func(done callback.Func[bson.M]) { s.stream.TryNext(s.ctx, done) })
}

func (s callbackStream) Each(fn func(bson.M, error) bool)    { s.stream.Each(s.ctx, fn) }
func (s callbackStream) Stream() *motor.ChangeStream[bson.M] { return s.stream.Futures() }
func (s callbackStream) Close() error {
	_, err := awaitOnLoop(s.ctx, s.loop, func(done callback.Func[struct{}]) { s.stream.Close(s.ctx, done) })
	return err
}

// inserted reports whether change is the insert of the document with this _id.
func inserted(change bson.M, id any) bool {
	key, _ := change["documentKey"].(bson.M)
	return change["operationType"] == "insert" && key["_id"] == id
}

func insert(t *testing.T, ops operations, ids ...any) {
	t.Helper()
	for _, id := range ids {
		_, err := ops.InsertOne(bson.M{"_id": id})
		noError(t, err)
	}
}

func TestChangeStreamReadsLaterChanges(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		insert(t, ops, "before")
		stream := watchFunc(ops)(nil)
		if !stream.Stream().Alive() || stream.Stream().ResumeToken() != nil {
			t.Error("before Open: got a dead stream or a resume token")
		}
		noError(t, stream.Open())
		insert(t, ops, "a", "b")
		for _, id := range []any{"a", "b"} {
			if change, err := stream.Next(); !inserted(change, id) || err != nil {
				t.Errorf("Next() = %v, %v; want the insert of %v", change, err, id)
			}
		}
		if change, err := stream.TryNext(); change != nil || err != nil || !stream.Stream().Alive() {
			t.Errorf("TryNext() without a change = %v, %v; want nil, nil and a living stream", change, err)
		}
		noError(t, stream.Close())
		if _, err := stream.Next(); !errors.Is(err, motor.StopAsyncIteration) || stream.Stream().Alive() {
			t.Errorf("Next() after Close: %v, want StopAsyncIteration", err)
		}
		noError(t, stream.Close())
	})
}

func TestChangeStreamResumeAfter(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		stream := watchFunc(ops)(nil)
		noError(t, stream.Open())
		insert(t, ops, "a", "b", "c")
		_, err := stream.Next()
		noError(t, err)
		token := stream.Stream().ResumeToken()
		noError(t, stream.Close())
		again := watchFunc(ops)(nil, options.ChangeStream().SetResumeAfter(token))
		for _, id := range []any{"b", "c"} {
			if change, err := again.Next(); !inserted(change, id) || err != nil {
				t.Errorf("Next() = %v, %v; want the insert of %v", change, err, id)
			}
		}
		noError(t, again.Close())
	})
}

func TestChangeStreamPipelineAndOptions(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		match := bson.D{{Key: "$match", Value: bson.M{"operationType": "update"}}}
		stream := watchFunc(ops)(mongo.Pipeline{match}, options.ChangeStream().SetFullDocument(options.UpdateLookup).SetBatchSize(1))
		noError(t, stream.Open())
		insert(t, ops, "a")
		_, err := ops.UpdateOne(bson.M{"_id": "a"}, bson.M{"$set": bson.M{"n": 1}})
		noError(t, err)
		change, err := stream.Next()
		noError(t, err)
		if full, _ := change["fullDocument"].(bson.M); full["n"] != int32(1) || change["operationType"] != "update" {
			t.Errorf("got change %v, want an update with the full document", change)
		}
		noError(t, stream.Close())
	})
}

// A $project stage removes the _id of the change.
func TestChangeStreamChangeWithoutID(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		stream := watchFunc(ops)(mongo.Pipeline{{{Key: "$project", Value: bson.M{"_id": 0}}}})
		noError(t, stream.Open())
		insert(t, ops, "a")
		// Recent servers reject the pipeline themselves.
		if _, err := stream.Next(); !errors.Is(err, motor.InvalidOperation) && !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want InvalidOperation or OperationFailure", err)
		}
		if stream.Stream().Alive() {
			t.Error("Alive() = true after the error, want false")
		}
	})
}

func TestChangeStreamOfDatabaseAndClient(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		coll := collectionOf(ops)
		for _, c := range []struct {
			name   string
			target motor.WatchTarget
		}{{"database", coll.Database()}, {"client", coll.Database().Client()}} {
			ns := bson.D{{Key: "$match", Value: bson.M{"ns.db": coll.Database().Name()}}}
			stream := motor.WatchOf[bson.M](c.target, mongo.Pipeline{ns})
			_, err := stream.Open(t.Context()).Await(t.Context())
			noError(t, err)
			insert(t, ops, c.name)
			if change, err := stream.Next(t.Context()).Await(t.Context()); !inserted(change, c.name) || err != nil {
				t.Errorf("%s: %v, %v; want the insert of %[1]s", c.name, change, err)
			}
			_, err = stream.Close(t.Context()).Await(t.Context())
			noError(t, err)
		}
	})
}

func TestChangeStreamEndsWithInvalidate(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		insert(t, ops, "a")
		stream := watchFunc(ops)(nil)
		noError(t, stream.Open())
		noError(t, ops.Drop())
		for _, operation := range []string{"drop", "invalidate"} {
			if change, err := stream.Next(); change["operationType"] != operation || err != nil {
				t.Errorf("Next() = %v, %v; want operation %s", change, err, operation)
			}
		}
		if _, err := stream.Next(); !errors.Is(err, motor.StopAsyncIteration) || stream.Stream().Alive() {
			t.Errorf("Next() after invalidate: %v, want StopAsyncIteration", err)
		}
	})
}

// The peer is scripted, since a real server does not fail on demand.
func TestChangeStreamResumesAfterError(t *testing.T) {
	onScriptedStreams(t, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		stream := watchFunc(ops)(nil)
		token := func(n int) bson.M { return bson.M{"_data": n} }
		answers := make(chan func(*wiretest.Request), 10)
		batch := func(name string, id int64, docs ...any) func(*wiretest.Request) {
			return func(r *wiretest.Request) {
				r.OK(bson.M{"cursor": bson.M{
					"id": id, "ns": "d.c", name: append(bson.A{}, docs...), "postBatchResumeToken": token(9)}})
			}
		}
		answer := func(r *wiretest.Request) { (<-answers)(r) }
		peer.Handle("aggregate", answer)
		peer.Handle("getMore", answer)
		answers <- batch("firstBatch", 7, bson.M{"_id": token(1), "n": 1}, bson.M{"_id": token(2), "n": 2})
		answers <- func(r *wiretest.Request) { r.HangUp() }
		answers <- batch("firstBatch", 8)
		answers <- batch("nextBatch", 8, bson.M{"_id": token(3), "n": 3})
		answers <- func(r *wiretest.Request) { r.Fail(1, "InternalError", "this is only a test") }
		for n := 1; n <= 3; n++ {
			if change, err := stream.Next(); change["n"] != int32(n) || err != nil {
				t.Errorf("Next() = %v, %v; want change %d", change, err, n)
			}
		}
		if at := peer.Seen("aggregate")[1].Lookup("pipeline", "0", "$changeStream", "resumeAfter", "_data"); at.Int32() != 9 {
			t.Errorf("resumed at %v, want 9", at)
		}
		if _, err := stream.TryNext(); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("TryNext: %v, want OperationFailure", err)
		}
		ended := make(chan error, 10)
		stream.Each(func(change bson.M, err error) bool { ended <- err; return true })
		if err := <-ended; err != nil {
			t.Errorf("last call of Each: error %v, want none", err)
		}
		noError(t, stream.Close())
	})
}

func TestChangeStreamWrappers(t *testing.T) {
	onScriptedStreams(t, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		s, ok := ops.(byCallbacks)
		if !ok {
			return
		}
		peer.Handle("aggregate", func(r *wiretest.Request) {
			r.Cursor("d.c", 0, bson.M{"_id": bson.M{"_data": 1}, "operationType": "insert"})
		})
		type event struct {
			OperationType string `bson:"operationType"`
		}
		targets := map[string]callback.WatchTarget{
			"collection": s.coll, "database": s.coll.Database(), "client": s.coll.Database().Client(),
		}
		for name, target := range targets {
			stream := callback.WatchOf[event](target, nil)
			change, err := awaitOnLoop(s.ctx, s.loop, func(done callback.Func[event]) { stream.Next(s.ctx, done) })
			if change.OperationType != "insert" || err != nil || stream.IOLoop() != s.loop {
				t.Errorf("%s: %v, %v; want an insert on the handle's loop", name, change, err)
			}
		}
	})
}
