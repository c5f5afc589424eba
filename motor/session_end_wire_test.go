package motor_test

import (
	"context"
	"runtime"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
)

func TestEndSession(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	client := coll.Database().Client()
	id := s.SessionID().String()
	noError(t, s.StartTransaction())
	succeed(t, coll.InsertOne(s.Context(t.Context()), bson.D{}))
	over, cancel := context.WithCancel(t.Context())
	cancel()
	succeed(t, s.EndSession(over)) // EndSession ignores the ended context.
	if n := len(peer.Seen("abortTransaction")); n != 1 || !s.HasEnded() || s.InTransaction() {
		t.Errorf("got %d aborts, HasEnded() = %t, want 1, true", n, s.HasEnded())
	}
	// The next session reuses the server session. Client.Close sends endSessions.
	next := sessionOf(t, client)
	if next.SessionID().String() != id || next.Equal(s) {
		t.Errorf("got next session %s, want %s again", next.SessionID(), id)
	}
	succeed(t, next.EndSession(t.Context()))
	noError(t, client.Close(t.Context()))
	ended := peer.Seen("endSessions")
	if len(ended) != 1 || ended[0].Lookup("endSessions", "0").String() != id {
		t.Errorf("got endSessions %v, want one of session %s", ended, id)
	}
}

// An EndSession that is cancelled while it waits for its turn still ends the session.
func TestEndSessionCancelledInQueue(t *testing.T) {
	peer, s, coll := newSession(t)
	noError(t, s.StartTransaction())
	inserted := coll.InsertOne(s.Context(t.Context()), bson.D{})
	held := peer.Receive("insert")
	ending := s.EndSession(t.Context())
	if s.InTransaction() {
		t.Error("InTransaction() = true after EndSession, want false")
	}
	if !ending.Cancel() {
		t.Fatal("Cancel() = false for a waiting EndSession, want true")
	}
	if !s.HasEnded() || s.InTransaction() {
		t.Error("cancelled EndSession did not end the session")
	}
	held.OK(bson.M{"n": 1})
	succeed(t, inserted)
	eventually(t, func() bool { return len(peer.Seen("abortTransaction")) == 1 })
	next := sessionOf(t, coll.Database().Client())
	eventually(t, func() bool { // until the driver's pool has the session back
		if next.SessionID().String() == s.SessionID().String() {
			return true
		}
		next = sessionOf(t, coll.Database().Client())
		return false
	})
}

func TestAbandonedSessionIsEnded(t *testing.T) {
	peer, first, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	known := motor.KnownSessions()
	client := coll.Database().Client()
	ctx := func() context.Context {
		s, err := client.StartSession(t.Context()).Await(t.Context())
		noError(t, err)
		noError(t, s.StartTransaction())
		return s.Context(t.Context())
	}()
	succeed(t, coll.InsertOne(ctx, bson.D{}))
	for range 5 {
		runtime.GC()
	}
	succeed(t, coll.InsertOne(ctx, bson.D{})) // The context still holds the session.
	if len(peer.Seen("abortTransaction")) != 0 {
		t.Error("session was ended while a context held it")
	}
	ctx = nil
	collected(t, "the session was not ended", func() bool { return len(peer.Seen("abortTransaction")) == 1 })
	collected(t, "the session is still known", func() bool { return motor.KnownSessions() <= known })
	runtime.KeepAlive(first)

	// A driver session belongs to its owner. Motor does not end it.
	func() {
		ctx, _ := withSession(t, client)
		succeed(t, coll.InsertOne(ctx, bson.D{}))
	}()
	runtime.KeepAlive(ctx)
}
