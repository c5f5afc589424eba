package motor_test

import (
	"context"
	"errors"
	"runtime"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// A cursor belongs to the session of its first read, even if that read fails.
func TestCursorSessionAfterFailedRead(t *testing.T) {
	peer, s, coll := newSession(t)
	cursor := coll.Find(bson.D{})
	failing := cursor.Next(s.Context(t.Context()))
	peer.Receive("find").Want(inSession(s)).Fail(8, "Scripted", "as scripted")
	if _, err := failing.Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("Next() = %v, want OperationFailure", err)
	}
	first := cursor.Next(sessionOf(t, coll.Database().Client()).Context(t.Context()))
	peer.Receive("find").Want(inSession(s)).Cursor("d.c", 0, bson.M{"i": 1})
	succeed(t, first)
}

// A read that was called in one session does not read for another session after a rewind.
func TestCursorRewindChangesSession(t *testing.T) {
	peer, s, coll := newSession(t)
	other := sessionOf(t, coll.Database().Client())
	cursor := coll.Find(bson.D{})
	first := cursor.Next(s.Context(t.Context()))
	held := peer.Receive("find")
	next := cursor.Next(s.Context(t.Context()))
	cursor.Rewind()
	anew := cursor.Next(other.Context(t.Context()))
	peer.Handle("killCursors", ok())
	held.Cursor("d.c", 7, bson.M{"i": 1})
	<-first.Done()
	if _, err := next.Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("got %v, want InvalidOperation", err)
	}
	peer.Receive("find").Want(inSession(other)).Cursor("d.c", 0, bson.M{"i": 2})
	if doc := succeed(t, anew); doc["i"] != int32(2) {
		t.Errorf("got %v, want i = 2", doc)
	}
	closed := cursor.Close(t.Context())
	succeed(t, closed)
}

// A read from the current batch does not use the session.
func TestBatchReadLeavesSession(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	ctx := s.Context(t.Context())
	cursor := coll.Find(bson.D{})
	first := cursor.Next(ctx)
	peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 1}, bson.M{"i": 2}, bson.M{"i": 3})
	succeed(t, first)
	if docs := succeed(t, cursor.ToList(ctx, 1)); len(docs) != 1 {
		t.Errorf("got %v, want 1 document", docs)
	}
	succeed(t, coll.InsertOne(ctx, bson.D{}))
	succeed(t, cursor.Close(ctx))
}

// A getMore that waits for documents holds the session until the server replies, even if the read was cancelled.
func TestTailableWaitHoldsSession(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	ctx := s.Context(t.Context())
	cursor := coll.Find(bson.D{}, options.Find().SetCursorType(options.TailableAwait))
	first := cursor.FetchNext(ctx)
	peer.Receive("find").Cursor("d.c", 7)
	succeed(t, first)
	waiting := cursor.FetchNext(ctx)
	poll := peer.Receive("getMore")
	waiting.Cancel()
	inserted := coll.InsertOne(ctx, bson.D{})
	for range 50 { // long enough for a command that does not wait
		succeed(t, coll.Database().Command(t.Context(), "ping"))
	}
	if len(peer.Seen("insert")) != 0 {
		t.Error("operation ran in the session during the getMore")
	}
	poll.Cursor("d.c", 0, bson.M{"i": 1})
	succeed(t, inserted)
	runtime.KeepAlive(cursor)
}

// A read that waits for the file and the session leaves both queues when it gives up.
func TestCancelledWaitLeavesBothTurns(t *testing.T) {
	for _, test := range []struct {
		name      string
		byContext bool
	}{{"by Cancel", false}, {"by its context", true}} {
		t.Run(test.name, func(t *testing.T) {
			peer, out, s := startDownload(t)
			coll := out.Collection().Database().Collection("c")
			peer.Handle("insert", ok(bson.M{"n": 1}))
			peer.Handle("getMore", nil)
			var reads []*future.Future[[]byte]
			ctx, cancel := context.WithCancel(s.Context(t.Context()))
			defer cancel()
			held := out.Read(s.Context(t.Context()), -1)
			more := peer.Receive("getMore")
			for range 3 {
				reads = append(reads, out.ReadChunk(ctx))
			}
			for range 50 { // long enough for the first reads to wait
				succeed(t, coll.Database().Command(t.Context(), "ping"))
			}
			if test.byContext {
				cancel()
			}
			for _, f := range reads {
				if !test.byContext {
					f.Cancel()
				}
				<-f.Done()
			}
			inserted := coll.InsertOne(s.Context(t.Context()), bson.D{})
			more.Fail(8, "Scripted", "as scripted")
			if _, err := held.Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
				t.Errorf("Read() = %v, want OperationFailure", err)
			}
			succeed(t, inserted)
		})
	}
}

// A read that its session refuses does not block the file.
func TestGridOutReadInEndedSession(t *testing.T) {
	_, out, s := startDownload(t)
	succeed(t, s.EndSession(t.Context()))
	if _, err := out.ReadChunk(s.Context(t.Context())).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("got %v, want InvalidOperation", err)
	}
	succeed(t, out.ReadChunk(t.Context()))
}
