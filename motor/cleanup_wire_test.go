package motor_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// abandonCursors opens cursors with the given ids, reads one document of each and drops the references to them.
func abandonCursors(t *testing.T, peer *wiretest.Peer, client *motor.Client, ids ...int64) {
	for _, id := range ids {
		first := client.Database("d").Collection("c").Find(bson.D{}).Next(t.Context())
		peer.Receive("find").Cursor("d.c", id, bson.M{"i": 0}, bson.M{"i": 1})
		succeed(t, first)
	}
}

func killed(peer *wiretest.Peer, n int) func() bool {
	return func() bool { return len(peer.Seen("killCursors")) >= n }
}

// An operationTime of the wrong type makes the driver panic.
func TestAbandonedCursorsDriverPanic(t *testing.T) {
	var told atomic.Int32
	before := future.SetUnobservedHandler(func(err error) {
		if p := (*future.PanicError)(nil); errors.As(err, &p) {
			told.Add(1)
		}
	})
	defer func() { future.SetUnobservedHandler(before) }()
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("killCursors", func(r *wiretest.Request) {
		r.OK(bson.M{"cursorsKilled": bson.A{}, "operationTime": "x"})
	})
	client := newClient(t, peer.URI())
	abandonCursors(t, peer, client, 7, 8)
	collected(t, "the cursors were not both killed", killed(peer, 2))
	eventually(t, func() bool { return told.Load() == 2 })
}

func TestAbandonedCursorsServerSilent(t *testing.T) {
	motor.SetCleanupTimeout(t, 50*time.Millisecond)
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("killCursors", func(r *wiretest.Request) { r.Nothing() })
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(1))
	abandonCursors(t, peer, client, 7, 8)
	collected(t, "the second cursor waits for the first", killed(peer, 2))
	if s := client.Stats(); s.Running != 0 {
		t.Errorf("got %d running operations, want 0", s.Running)
	}
}

func TestAbandonedSessionsServerSilent(t *testing.T) {
	motor.SetCleanupTimeout(t, 50*time.Millisecond)
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	peer.Handle("abortTransaction", func(r *wiretest.Request) { r.Nothing() })
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(1))
	for range 2 {
		s := succeed(t, client.StartSession(t.Context()))
		noError(t, s.StartTransaction())
		succeed(t, client.Database("d").Collection("c").InsertOne(s.Context(t.Context()), bson.D{}))
	}
	collected(t, "the second session waits for the first", func() bool { return len(peer.Seen("abortTransaction")) >= 2 })
	if s := client.Stats(); s.Running != 0 {
		t.Errorf("got %d running operations, want 0", s.Running)
	}
}

// Killing an abandoned cursor waits for its turn in the session. A busy session must not delay other cursors.
func TestAbandonedCursorsSessionBusy(t *testing.T) {
	motor.SetCleanupTimeout(t, 50*time.Millisecond)
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("killCursors", ok())
	client := newClient(t, peer.URI())
	coll := client.Database("d").Collection("c")
	s := succeed(t, client.StartSession(t.Context()))
	read := func(ctx context.Context, id int64) {
		first := coll.Find(bson.D{}).Next(ctx)
		peer.Receive("find").Cursor("d.c", id, bson.M{"i": 0}, bson.M{"i": 1})
		succeed(t, first)
	}
	read(s.Context(t.Context()), 7)
	inserted := coll.InsertOne(s.Context(t.Context()), bson.D{})
	held := peer.Receive("insert")
	read(t.Context(), 8)
	collected(t, "the second cursor waits for the session of the first", killed(peer, 1))
	held.OK(bson.M{"n": 1})
	succeed(t, inserted)
}
