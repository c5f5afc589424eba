package motor_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// MOTOR-625: Motor froze with more change streams than workers.
func TestThousandIdleChangeStreams(t *testing.T) {
	const n = 1_000
	peer := wiretest.Start(t, wiretest.Primary)
	polls := make(chan *wiretest.Request, n)
	peer.Handle("aggregate", func(r *wiretest.Request) { changes(r, 7, 1) })
	peer.Handle("getMore", func(r *wiretest.Request) { polls <- r })
	client := newClient(t, peer.URI("maxPoolSize=2"), motor.WithMaxWorkers(1))
	coll := client.Database("d").Collection("c")
	waiting := make([]*future.Future[bson.M], n)
	for i := range waiting {
		waiting[i] = coll.Watch(nil).Next(t.Context())
	}
	held := make([]*wiretest.Request, n)
	for i := range held {
		held[i] = <-polls
	}
	for i := range 10 {
		found := coll.FindOne(t.Context(), bson.M{"_id": i})
		peer.Receive("find").Cursor("d.c", 0, bson.M{"_id": i})
		if doc, err := found.Await(t.Context()); doc == nil || err != nil {
			t.Errorf("FindOne() = %v, %v, want not nil, nil", doc, err)
		}
	}
	if s := client.Stats(); s.Running != 0 || s.Queued != 0 {
		t.Errorf("got %d running, %d queued, want 0, 0", s.Running, s.Queued)
	}
	for i, w := range waiting {
		if w.IsDone() {
			t.Errorf("wait %d is done, want it pending", i)
		}
	}
	for _, poll := range held {
		changes(poll, 0, 0, changeEvent(1))
	}
	for _, w := range waiting {
		if doc, err := w.Await(t.Context()); !isChange(doc, 1) || err != nil {
			t.Errorf("got %v, %v, want change 1, nil", doc, err)
		}
	}
}

// A Next that is cancelled or whose context ends leaves the change to the next call.
func TestCancelledNextKeepsChange(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	ctx, cancel := context.WithCancel(t.Context())
	one, two := stream.Next(ctx), stream.TryNext(t.Context())
	poll := peer.Receive("getMore")
	cancel()
	if _, err := one.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Next() = %v, want context.Canceled", err)
	}
	two.Cancel()
	three := stream.Next(t.Context())
	changes(poll, 7, 9, changeEvent(2), changeEvent(3))
	for n := 2; n <= 3; n++ {
		if doc, err := three.Await(t.Context()); !isChange(doc, n) || err != nil {
			t.Errorf("Next() = %v, %v, want change %v, nil", doc, err, n)
		}
		if n == 2 {
			resumesAt(t, stream, 2)
			three = stream.Next(t.Context())
		}
	}
	if n := len(peer.Seen("getMore")); n != 1 {
		t.Errorf("got %d getMore commands, want 1", n)
	}
}

// The change arrives while no read waits. The next read returns it.
func TestUnreadChangeIsKept(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	ctx, cancel := context.WithCancel(t.Context())
	next := stream.Next(ctx)
	poll := peer.Receive("getMore")
	cancel()
	if _, err := next.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Next() = %v, want context.Canceled", err)
	}
	changes(poll, 7, 9, changeEvent(2))
	resumesAt(t, stream, 1)
	if doc, err := stream.TryNext(t.Context()).Await(t.Context()); !isChange(doc, 2) || err != nil {
		t.Errorf("TryNext() = %v, %v, want change 2, nil", doc, err)
	}
	resumesAt(t, stream, 9)
}

func TestChangeStreamCloseEndsNext(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	next := stream.Next(t.Context())
	poll := peer.Receive("getMore")
	if _, err := stream.Close(t.Context()).Await(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if doc, err := next.Await(t.Context()); doc != nil || !errors.Is(err, motor.StopAsyncIteration) || stream.Alive() {
		t.Errorf("Next() = %v, %v, alive %t, want nil, StopAsyncIteration, alive false", doc, err, stream.Alive())
	}
	kills := peer.Seen("killCursors")
	if len(kills) != 1 || kills[0].Lookup("cursors", "0").Int64() != 7 || kills[0].Lookup("killCursors").StringValue() != "c" ||
		kills[0].Lookup("$db").StringValue() != "d" {
		t.Errorf("got killCursors %s, want one for cursor 7 of d.c", kills)
	}
	poll.Nothing()
	if _, err := stream.Open(t.Context()).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("Open() of a closed stream = %v, want InvalidOperation", err)
	}
	if _, err := stream.Close(t.Context()).Await(t.Context()); err != nil || len(peer.Seen("killCursors")) != 1 {
		t.Errorf("second Close() = %v, want nil and one killCursors", err)
	}
}

func TestChangeStreamCloseEndsOpen(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	stream := newClient(t, peer.URI()).Database("d").Watch(nil)
	opened, next := stream.Open(t.Context()), stream.Next(t.Context())
	command := peer.Receive("aggregate")
	if _, err := stream.Close(t.Context()).Await(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if _, err := opened.Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("Open() = %v, want InvalidOperation", err)
	}
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.StopAsyncIteration) {
		t.Errorf("Next() = %v, want StopAsyncIteration", err)
	}
	command.Nothing()
}

// Opening a stream holds no slot while the server answers.
func TestChangeStreamOpenTakesNoSlot(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI("maxPoolSize=1"), motor.WithMaxWorkers(1))
	opened := client.Database("d").Watch(nil).Open(t.Context())
	opening := peer.Receive("aggregate")
	found := client.Database("d").Collection("c").FindOne(t.Context(), bson.D{})
	peer.Receive("find").Cursor("d.c", 0)
	succeed(t, found)
	changes(opening, 0, 0)
	succeed(t, opened)
}

// The resume token of a closed stream points before its unread changes.
func TestChangeStreamCloseWithUnread(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	next := stream.Next(t.Context())
	changes(peer.Receive("getMore"), 7, 9, changeEvent(2), changeEvent(3), changeEvent(4))
	if _, err := next.Await(t.Context()); err != nil {
		t.Errorf("Next() = %v, want nil", err)
	}
	if _, err := stream.Close(t.Context()).Await(t.Context()); err != nil || stream.Alive() {
		t.Errorf("Close() = %v, alive %t, want nil, alive false", err, stream.Alive())
	}
	if doc, err := stream.TryNext(t.Context()).Await(t.Context()); doc != nil || err != nil {
		t.Errorf("TryNext() = %v, %v, want nil, nil", doc, err)
	}
	if doc, err := stream.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.StopAsyncIteration) {
		t.Errorf("Next() = %v, %v, want StopAsyncIteration", doc, err)
	}
	resumesAt(t, stream, 2)
	if n := len(peer.Seen("killCursors")); n != 1 {
		t.Errorf("got %d killCursors commands, want 1", n)
	}
}

func TestChangeStreamCloseUnopened(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	stream := newClient(t, peer.URI()).Database("d").Watch(nil)
	if _, err := stream.Close(t.Context()).Await(t.Context()); err != nil || stream.Alive() {
		t.Errorf("Close() = %v, alive %t, want nil, alive false", err, stream.Alive())
	}
	if _, err := stream.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.StopAsyncIteration) {
		t.Errorf("Next() = %v, want StopAsyncIteration", err)
	}
	if n := len(peer.Seen("aggregate")) + len(peer.Seen("killCursors")); n != 0 {
		t.Errorf("got %d commands, want 0", n)
	}
}

func TestClientCloseEndsChangeStreamNext(t *testing.T) {
	peer, client, stream := openChangeStream(t)
	next := stream.Next(t.Context())
	poll := peer.Receive("getMore")
	if err := client.Close(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.InvalidOperation) || stream.Alive() {
		t.Errorf("Next() = %v, alive %t, want InvalidOperation, alive false", err, stream.Alive())
	}
	poll.Nothing()
	resumesAt(t, stream, 1)
	again := stream.Next(t.Context())
	if _, err := again.Await(t.Context()); !errors.Is(err, motor.StopAsyncIteration) {
		t.Errorf("Next() after the client reopened = %v, want StopAsyncIteration", err)
	}
}

func TestAbandonedChangeStreamIsKilled(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(1))
	for _, test := range []struct {
		name  string
		leave func() *wiretest.Request
	}{
		{"opened", func() *wiretest.Request {
			opened := client.Database("d").Watch(nil).Open(t.Context())
			changes(peer.Receive("aggregate"), 7, 1)
			if _, err := opened.Await(t.Context()); err != nil {
				t.Errorf("Open() = %v, want nil", err)
			}
			return nil
		}},
		{"waiting", func() *wiretest.Request {
			ctx, cancel := context.WithCancel(t.Context())
			next := client.Database("d").Watch(nil).Next(ctx)
			changes(peer.Receive("aggregate"), 8, 1)
			poll := peer.Receive("getMore")
			cancel()
			if _, err := next.Await(t.Context()); !errors.Is(err, context.Canceled) {
				t.Errorf("Next() = %v, want context.Canceled", err)
			}
			return poll
		}},
		{"waiting, with the stream in its context", func() *wiretest.Request {
			type key struct{}
			stream := client.Database("d").Watch(nil)
			ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, stream))
			next := stream.Next(ctx)
			changes(peer.Receive("aggregate"), 9, 1)
			poll := peer.Receive("getMore")
			cancel()
			if _, err := next.Await(t.Context()); !errors.Is(err, context.Canceled) {
				t.Errorf("Next() = %v, want context.Canceled", err)
			}
			return poll
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := len(peer.Seen("killCursors"))
			poll := test.leave()
			collected(t, "the stream was not ended", func() bool { return len(peer.Seen("killCursors")) > before })
			if poll != nil {
				poll.Nothing()
			}
		})
	}
}

// A stream keeps the session that it was opened in, also after it resumes.
func TestChangeStreamSession(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI("maxPoolSize=2", "retryReads=false"), motor.WithMaxWorkers(1))
	session, err := motor.StartDriverSession(t.Context(), client)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	defer session.EndSession(t.Context())
	lsid := bson.M{"lsid": session.ID()}
	coll := client.Database("d").Collection("c")
	stream := coll.Watch(nil, options.ChangeStream().SetResumeAfter(token(1)))
	next := stream.Next(mongo.NewSessionContext(t.Context(), session))
	changes(peer.Receive("aggregate").Want(lsid), 7, 1)
	poll := peer.Receive("getMore").Want(lsid)
	if stream.Session().Delegate() != session {
		t.Error("Session() is not the stream's session")
	}
	found := coll.FindOne(t.Context(), bson.D{})
	peer.Receive("find").Cursor("d.c", 0)
	if _, err := found.Await(t.Context()); err != nil {
		t.Errorf("FindOne() = %v, want nil", err)
	}
	poll.HangUp()
	peer.Receive("aggregate").Want(lsid).HangUp()
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.AutoReconnect) {
		t.Errorf("Next() = %v, want AutoReconnect", err)
	}
	next = stream.Next(t.Context())
	changes(peer.Receive("aggregate").Want(lsid), 7, 0, changeEvent(2))
	if doc, err := next.Await(t.Context()); !isChange(doc, 2) || err != nil {
		t.Errorf("Next() = %v, %v, want change 2, nil", doc, err)
	}
}

// Concurrent reads of one stream return each change once, in call order.
func TestChangeStreamConcurrentReads(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	var all []*future.Future[bson.M]
	for range 20 {
		all = append(all, stream.Next(t.Context()))
	}
	n := 2
	for range 10 {
		changes(peer.Receive("getMore"), 7, n+1, changeEvent(n), changeEvent(n+1))
		n += 2
	}
	for i, f := range all {
		if doc, err := f.Await(t.Context()); !isChange(doc, i+2) || err != nil {
			t.Errorf("read %d: got %v, %v, want change %v, nil", i, doc, err, i+2)
		}
	}
}
