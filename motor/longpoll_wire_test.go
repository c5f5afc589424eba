package motor_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// openTailable returns a tailable cursor that has read one document and waits for more. Its client has one worker and
// one connection.
func openTailable(t *testing.T, opts ...string) (*wiretest.Peer, *motor.Client, *motor.Cursor[bson.M]) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI(append(opts, "maxPoolSize=1")...), motor.WithMaxWorkers(1))
	cursor := client.Database("d").Collection("c").Find(bson.D{}, options.Find().SetCursorType(options.TailableAwait)).
		MaxAwaitTimeMS(5000)
	first := cursor.Next(t.Context())
	peer.Receive("find").Want(bson.M{"tailable": true, "awaitData": true, "maxTimeMS": wiretest.Absent}).
		Cursor("d.c", 7, bson.M{"i": 0})
	if doc, err := first.Await(t.Context()); doc["i"] != int32(0) || err != nil {
		t.Fatalf("Next() = %v, %v, want i = 0, nil", doc, err)
	}
	return peer, client, cursor
}

// Waiting cursors take no slots or connections from other operations, however many wait.
func TestTailableWaitTakesNoSlot(t *testing.T) {
	peer, client, cursor := openTailable(t)
	coll := cursor.Collection()
	others := []*motor.Cursor[bson.M]{cursor}
	for i := range 3 {
		c := cursor.Clone()
		others = append(others, c)
		more := c.FetchNext(t.Context())
		peer.Receive("find").Cursor("d.c", int64(100+i))
		if ok, err := more.Await(t.Context()); ok || err != nil || !c.Alive() {
			t.Fatalf("FetchNext() = %t, %v, alive %t, want false, nil, alive true", ok, err, c.Alive())
		}
	}
	var waiting []interface{ IsDone() bool }
	var polls []*wiretest.Request
	for _, c := range others {
		waiting = append(waiting, c.FetchNext(t.Context()))
		polls = append(polls, peer.Receive("getMore").Want(bson.M{"maxTimeMS": 5000}))
	}
	for i := range 3 {
		found := coll.FindOne(t.Context(), bson.M{"_id": i})
		peer.Receive("find").Cursor("d.c", 0, bson.M{"_id": i})
		if doc, err := found.Await(t.Context()); doc == nil || err != nil {
			t.Errorf("FindOne() = %v, %v, want not nil, nil", doc, err)
		}
	}
	if s := client.Stats(); s.Running != 0 {
		t.Errorf("got %d running operations, want 0", s.Running)
	}
	for i, w := range waiting {
		if w.IsDone() {
			t.Errorf("wait %d is done, want it pending", i)
		}
		polls[i].Cursor("d.c", 7, bson.M{"i": 1})
	}
	for _, c := range others {
		if doc, err := c.Next(t.Context()).Await(t.Context()); doc["i"] != int32(1) || err != nil {
			t.Errorf("Next() = %v, %v, want i = 1, nil", doc, err)
		}
	}
}

// A wait that is cancelled or whose context ends leaves the running getMore to the next read.
func TestTailableCancelledWait(t *testing.T) {
	peer, _, cursor := openTailable(t)
	ctx, cancel := context.WithCancel(t.Context())
	one, two := cursor.Next(ctx), cursor.FetchNext(t.Context())
	poll := peer.Receive("getMore")
	cancel()
	if _, err := one.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Next() = %v, want context.Canceled", err)
	}
	two.Cancel()
	three := cursor.Next(t.Context())
	poll.Cursor("d.c", 7, bson.M{"i": 1}, bson.M{"i": 2})
	if doc, err := three.Await(t.Context()); doc["i"] != int32(1) || err != nil {
		t.Errorf("Next() = %v, %v, want i = 1, nil", doc, err)
	}
	if doc, err := cursor.Next(t.Context()).Await(t.Context()); doc["i"] != int32(2) || err != nil {
		t.Errorf("Next() = %v, %v, want i = 2, nil", doc, err)
	}
	if n := len(peer.Seen("getMore")); n != 1 {
		t.Errorf("got %d getMore commands, want 1", n)
	}
}

func TestTailableCloseEndsWait(t *testing.T) {
	peer, _, cursor := openTailable(t)
	more := cursor.FetchNext(t.Context())
	poll := peer.Receive("getMore")
	if _, err := cursor.Close(t.Context()).Await(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if ok, err := more.Await(t.Context()); ok || err != nil || cursor.Alive() {
		t.Errorf("FetchNext() = %t, %v, alive %t, want false, nil, alive false", ok, err, cursor.Alive())
	}
	if kills := peer.Seen("killCursors"); len(kills) != 1 {
		t.Errorf("got %d killCursors, want 1", len(kills))
	}
	poll.Nothing()
}

func TestClientCloseEndsTailableWait(t *testing.T) {
	peer, client, cursor := openTailable(t)
	more := cursor.FetchNext(t.Context())
	poll := peer.Receive("getMore")
	if err := client.Close(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if _, err := more.Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("got %v, want InvalidOperation", err)
	}
	poll.Nothing()
	again := cursor.Rewind().Next(t.Context())
	peer.Receive("find").Cursor("d.c", 0, bson.M{"i": 5})
	if doc, err := again.Await(t.Context()); doc["i"] != int32(5) || err != nil {
		t.Errorf("after Rewind: Next() = %v, %v, want i = 5, nil", doc, err)
	}
}

func TestTailableRewindEndsWait(t *testing.T) {
	peer, _, cursor := openTailable(t)
	more := cursor.FetchNext(t.Context())
	poll := peer.Receive("getMore")
	cursor.Rewind()
	if ok, err := more.Await(t.Context()); ok || err != nil {
		t.Errorf("FetchNext() = %t, %v, want false, nil", ok, err)
	}
	poll.Nothing()
}

// A tailable cursor in a session uses the session's client and takes no slot.
func TestTailableSession(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI("maxPoolSize=2"), motor.WithMaxWorkers(1))
	session, err := motor.StartDriverSession(t.Context(), client)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	defer session.EndSession(t.Context())
	ctx := mongo.NewSessionContext(t.Context(), session)
	coll := client.Database("d").Collection("c")
	cursor := coll.Find(bson.D{}, options.Find().SetCursorType(options.TailableAwait))
	first := cursor.FetchNext(ctx)
	lsid := bson.M{"lsid": session.ID()}
	peer.Receive("find").Want(lsid).Cursor("d.c", 7)
	if _, err := first.Await(t.Context()); err != nil {
		t.Fatalf("FetchNext() = %v, want nil", err)
	}
	if cursor.Session().Delegate() != session {
		t.Error("Session() is not the cursor's session")
	}
	more := cursor.FetchNext(ctx)
	poll := peer.Receive("getMore").Want(lsid)
	found := coll.FindOne(t.Context(), bson.D{})
	peer.Receive("find").Cursor("d.c", 0)
	if _, err := found.Await(t.Context()); err != nil {
		t.Errorf("FindOne() = %v, want nil", err)
	}
	poll.Cursor("d.c", 0, bson.M{"i": 1})
	if ok, err := more.Await(t.Context()); !ok || err != nil {
		t.Errorf("FetchNext() = %t, %v, want true, nil", ok, err)
	}
}

func TestTailRetriesDeadCursor(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	cursor := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.M{"a": 1})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	type call struct {
		i   any
		err error
	}
	calls := make(chan call, 10)
	cursor.Tail(ctx, func(doc bson.M, err error) bool {
		calls <- call{doc["i"], err}
		return doc["i"] != int32(2)
	})
	want := bson.M{"filter": bson.M{"a": 1}, "tailable": true, "awaitData": true}
	peer.Receive("find").Want(want).Cursor("d.c", 0)
	peer.Receive("find").Want(want).Cursor("d.c", 7, bson.M{"i": 1})
	peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 2})
	for i := range 2 {
		if c := <-calls; c.i != int32(i+1) || c.err != nil {
			t.Errorf("call %d: got %v, want %d, nil", i, c, i+1)
		}
	}
	if cursor.Started() {
		t.Error("Tail read the cursor itself")
	}

	other := cursor.Clone()
	other.Tail(ctx, func(doc bson.M, err error) bool { calls <- call{doc["i"], err}; return true })
	peer.Receive("find").Cursor("d.c", 8)
	poll := peer.Receive("getMore")
	cancel()
	if c := <-calls; c.i != nil || !errors.Is(c.err, context.Canceled) {
		t.Errorf("last call: got %v, want nil, context.Canceled", c)
	}
	poll.Nothing()

	read := other.Clone()
	next := read.FetchNext(t.Context())
	peer.Receive("find").Cursor("d.c", 0)
	if _, err := next.Await(t.Context()); err != nil {
		t.Errorf("FetchNext() = %v, want nil", err)
	}
	read.Tail(t.Context(), func(doc bson.M, err error) bool { calls <- call{doc["i"], err}; return true })
	if c := <-calls; !errors.Is(c.err, motor.InvalidOperation) {
		t.Errorf("Tail of a cursor that was read: got %v, want InvalidOperation", c)
	}
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, motor.TypeError) {
			t.Errorf("nil fn: got %v, want TypeError", err)
		}
	}()
	cursor.Tail(t.Context(), nil)
}
