package motor_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestChangeStreamTryNext(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	stream := newClient(t, peer.URI()).Database("d").Collection("c").Watch(nil)
	first := stream.TryNext(t.Context())
	changes(peer.Receive("aggregate"), 7, 1)
	changes(peer.Receive("getMore"), 7, 2)
	if doc, err := first.Await(t.Context()); doc != nil || err != nil || !stream.Alive() {
		t.Errorf("TryNext() = %v, %v, alive %t, want nil, nil, alive true", doc, err, stream.Alive())
	}
	resumesAt(t, stream, 2)
	second := stream.TryNext(t.Context())
	changes(peer.Receive("getMore"), 7, 3)
	if doc, err := second.Await(t.Context()); doc != nil || err != nil {
		t.Errorf("second TryNext() = %v, %v, want nil, nil", doc, err)
	}
	resumesAt(t, stream, 3)
	third := stream.TryNext(t.Context())
	changes(peer.Receive("getMore"), 7, 9, changeEvent(4), changeEvent(5))
	for _, n := range []int{4, 5} {
		if doc, err := third.Await(t.Context()); !isChange(doc, n) || err != nil {
			t.Errorf("TryNext() = %v, %v, want change %v, nil", doc, err, n)
		}
		if n == 4 {
			third = stream.TryNext(t.Context())
		}
	}
	if n := len(peer.Seen("getMore")); n != 3 {
		t.Errorf("got %d getMore commands, want 3", n)
	}
}

// If the first batch has changes, the stream returns them without a getMore.
func TestChangeStreamFirstBatch(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	stream := newClient(t, peer.URI()).Database("d").Watch(nil, options.ChangeStream().SetResumeAfter(token(1)))
	opened := stream.Open(t.Context())
	changes(peer.Receive("aggregate"), 7, 9, changeEvent(2), changeEvent(3))
	if _, err := opened.Await(t.Context()); err != nil {
		t.Fatalf("Open() = %v, want nil", err)
	}
	resumesAt(t, stream, 1)
	if doc, err := stream.TryNext(t.Context()).Await(t.Context()); !isChange(doc, 2) || err != nil {
		t.Errorf("TryNext() = %v, %v, want change 2, nil", doc, err)
	}
	resumesAt(t, stream, 2)
	if _, err := stream.Open(t.Context()).Await(t.Context()); err != nil {
		t.Errorf("a second Open: Open() = %v, want nil", err)
	}
	if doc, err := stream.Next(t.Context()).Await(t.Context()); !isChange(doc, 3) || err != nil {
		t.Errorf("Next() = %v, %v, want change 3, nil", doc, err)
	}
	resumesAt(t, stream, 9)
}

func TestResumeTokenAfterEachRead(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	resumesAt(t, stream, 1)
	next := stream.Next(t.Context())
	changes(peer.Receive("getMore"), 7, 2)
	poll := peer.Receive("getMore") // Next polls until a change arrives.
	resumesAt(t, stream, 2)
	changes(poll, 7, 0)
	poll = peer.Receive("getMore")
	resumesAt(t, stream, 2)
	changes(poll, 7, 9, changeEvent(4), changeEvent(5), changeEvent(6))
	if doc, err := next.Await(t.Context()); !isChange(doc, 4) || err != nil {
		t.Errorf("Next() = %v, %v, want change 4, nil", doc, err)
	}
	resumesAt(t, stream, 4)
	clear(stream.ResumeToken()) // The token is a copy.
	for _, n := range []int{5, 6} {
		resumesAt(t, stream, n-1)
		if doc, err := stream.Next(t.Context()).Await(t.Context()); !isChange(doc, n) || err != nil {
			t.Errorf("Next() = %v, %v, want change %v, nil", doc, err, n)
		}
	}
	resumesAt(t, stream, 9)
}

// A change without a resume token ends the stream. The driver does not check the last change of a batch. Motor does.
func TestChangeWithoutID(t *testing.T) {
	for _, test := range []struct {
		name string
		docs []any
	}{
		{"alone", []any{bson.M{"operationType": "insert"}}},
		{"at the end", []any{changeEvent(2), bson.M{"operationType": "insert"}}},
		{"in the middle", []any{changeEvent(2), bson.M{"operationType": "insert"}, changeEvent(3)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer, _, stream := openChangeStream(t)
			next, at := stream.Next(t.Context()), 1
			changes(peer.Receive("getMore"), 7, 9, test.docs...)
			if len(test.docs) > 1 {
				if doc, err := next.Await(t.Context()); !isChange(doc, 2) || err != nil {
					t.Errorf("Next() = %v, %v, want change 2, nil", doc, err)
				}
				next, at = stream.Next(t.Context()), 2
			}
			if _, err := next.Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
				t.Errorf("got %v, want InvalidOperation", err)
			}
			resumesAt(t, stream, at)
			if _, err := stream.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.StopAsyncIteration) || stream.Alive() {
				t.Errorf("Next() after the error = %v, alive %t, want StopAsyncIteration, alive false", err, stream.Alive())
			}
			if n := len(peer.Seen("killCursors")); n != 1 {
				t.Errorf("got %d killCursors commands, want 1", n)
			}
		})
	}
}

// The watched collection was dropped.
func TestChangeStreamInvalidated(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	next := stream.Next(ctx)
	changes(peer.Receive("getMore"), 0, 9, changeEvent(2), bson.M{"_id": token(3), "operationType": "invalidate"})
	if doc, err := next.Await(t.Context()); !isChange(doc, 2) || err != nil || !stream.Alive() {
		t.Errorf("Next() = %v, %v, alive %t, want change 2, nil, alive true", doc, err, stream.Alive())
	}
	if doc, err := stream.TryNext(t.Context()).Await(t.Context()); doc["operationType"] != "invalidate" || err != nil || stream.Alive() {
		t.Errorf(`TryNext() = %v, %v, alive %t, want operationType = "invalidate", nil, alive false`, doc, err, stream.Alive())
	}
	if doc, err := stream.TryNext(ctx).Await(ctx); doc != nil || err != nil {
		t.Errorf("TryNext() at the end = %v, %v, want nil, nil", doc, err)
	}
	if doc, err := stream.Next(ctx).Await(ctx); doc != nil || !errors.Is(err, motor.StopAsyncIteration) {
		t.Errorf("Next() at the end = %v, %v, want nil, StopAsyncIteration", doc, err)
	}
	for doc, err := range stream.All(ctx) {
		t.Errorf("All() at the end yielded %v, %v, want nothing", doc, err)
	}
	resumesAt(t, stream, 9)
	if _, err := stream.Close(t.Context()).Await(t.Context()); err != nil || len(peer.Seen("killCursors")) != 0 {
		t.Errorf("Close() = %v, %d killCursors commands, want nil, 0", err, len(peer.Seen("killCursors")))
	}
}

func TestChangeStreamAll(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	seen := make(chan any, 10)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for doc, err := range stream.All(t.Context()) {
			seen <- doc["_id"]
			if err != nil || isChange(doc, 3) {
				break
			}
		}
		for doc, err := range stream.All(t.Context()) {
			if err != nil {
				t.Errorf("got error %v, want nil", err)
			}
			seen <- doc["_id"]
		}
	}()
	changes(peer.Receive("getMore"), 7, 1)
	changes(peer.Receive("getMore"), 7, 4, changeEvent(2), changeEvent(3), changeEvent(4))
	changes(peer.Receive("getMore"), 0, 6, changeEvent(5))
	<-ended
	for n := 2; n <= 5; n++ {
		if id := (<-seen).(bson.M); id["_data"] != int32(n) {
			t.Errorf("got %v, want %d", id, n)
		}
	}
}

func TestChangeStreamEach(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	type call struct {
		doc bson.M
		err error
	}
	calls := make(chan call, 10)
	each := func() {
		stream.Each(t.Context(), func(doc bson.M, err error) bool {
			calls <- call{doc, err}
			return !isChange(doc, 3)
		})
	}
	each()
	changes(peer.Receive("getMore"), 7, 1)
	changes(peer.Receive("getMore"), 7, 4, changeEvent(2), changeEvent(3), changeEvent(4))
	for n := 2; n <= 3; n++ {
		if c := <-calls; !isChange(c.doc, n) || c.err != nil {
			t.Errorf("call %d: got %v, want change %v, nil", n, c, n)
		}
	}
	each() // continues after the change at which fn stopped
	if c := <-calls; !isChange(c.doc, 4) {
		t.Errorf("got %v, want change 4", c)
	}
	peer.Receive("getMore").Fail(1, "InternalError", "this is only a test")
	if c := <-calls; c.doc != nil || !errors.Is(c.err, motor.OperationFailure) {
		t.Errorf("got last call %v, want nil, OperationFailure", c)
	}
	each()
	if c := <-calls; c.doc != nil || c.err != nil {
		t.Errorf("got last call %v, want nil, nil", c)
	}
	if len(calls) != 0 {
		t.Errorf("got %d more calls, want 0", len(calls))
	}
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, motor.TypeError) {
			t.Errorf("nil fn: got %v, want TypeError", err)
		}
	}()
	stream.Each(t.Context(), nil)
}

func TestChangeStreamEachDecodeError(t *testing.T) {
	type event struct {
		OperationType int `bson:"operationType"`
	}
	peer := wiretest.Start(t, wiretest.Primary)
	stream := motor.WatchOf[event](newClient(t, peer.URI()).Database("d"), nil)
	errs := make(chan error, 10)
	stream.Each(t.Context(), func(_ event, err error) bool { errs <- err; return true })
	changes(peer.Receive("aggregate"), 7, 4, changeEvent(1), bson.M{"_id": token(3), "operationType": 3})
	if err := <-errs; !errors.Is(err, motor.InvalidBSON) {
		t.Errorf("got %v, want InvalidBSON", err)
	}
	if ch, err := stream.Next(t.Context()).Await(t.Context()); ch.OperationType != 3 || err != nil || len(errs) > 0 {
		t.Errorf("Next() = %v, %v, %d more calls, want change 3, nil, 0", ch, err, len(errs))
	}
}
