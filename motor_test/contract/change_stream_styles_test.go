package contract_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
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

// watchIn returns a function that opens change streams of a collection in the style of ops.
func watchIn(ops operations) func(pipeline any, opts ...options.Lister[options.ChangeStreamOptions]) streamer {
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
