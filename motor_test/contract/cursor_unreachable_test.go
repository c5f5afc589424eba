package contract_test

import (
	"runtime"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
)

// waitForKillCursors collects garbage until the client sends killCursors, and returns that command.
func waitForKillCursors(t *testing.T, peer *wiretest.Peer) bson.Raw {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); len(peer.Seen("killCursors")) == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no killCursors for an unreachable cursor after 30 seconds")
		}
		runtime.GC()
	}
	return peer.Seen("killCursors")[0]
}

func TestUnreachableCursorIsKilled(t *testing.T) {
	forget := []struct {
		name string
		read func(t *testing.T, peer *wiretest.Peer, ops operations)
	}{
		{"of a query", func(t *testing.T, peer *wiretest.Peer, ops operations) {
			r := ops.Find(bson.D{})
			first := r.started().Next(t.Context())
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1})
			_, err := first.Await(t.Context())
			noError(t, err)
		}},
		{"of a pipeline", func(t *testing.T, peer *wiretest.Peer, ops operations) {
			r := aggregate(ops, bson.A{})
			more := r.started().FetchNext(t.Context())
			peer.Receive("aggregate").Cursor("d.c", 7, bson.M{"i": 0})
			_, err := more.Await(t.Context())
			noError(t, err)
		}},
		{"of a command", func(t *testing.T, peer *wiretest.Peer, ops operations) {
			peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
			cursorOfFind(t, ops)
		}},
		{"over raw batches", func(t *testing.T, peer *wiretest.Peer, ops operations) {
			r := findRawBatches(ops, bson.D{})
			first := r.started().Next(t.Context())
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
			_, err := first.Await(t.Context())
			noError(t, err)
		}},
		{"by Rewind", func(t *testing.T, peer *wiretest.Peer, ops operations) {
			r := ops.Find(bson.D{})
			more := r.started().FetchNext(t.Context())
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
			_, err := more.Await(t.Context())
			noError(t, err)
			r.cursor.Rewind()
			t.Cleanup(func() { runtime.KeepAlive(r) })
		}},
		{"after Each was stopped", func(t *testing.T, peer *wiretest.Peer, ops operations) {
			called := make(chan bson.M, 1)
			ops.Find(bson.D{}).Each(func(doc bson.M, _ error) bool { called <- doc; return false })
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1})
			receive(t, called)
		}},
	}
	for _, c := range forget {
		t.Run(c.name, func(t *testing.T) {
			withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
				c.read(t, peer, ops)
				kill := waitForKillCursors(t, peer)
				if id := kill.Lookup("cursors", "0").Int64(); id != 7 || kill.Lookup("killCursors").StringValue() != "c" {
					t.Errorf("got %s, want killCursors of cursor 7 in c", kill)
				}
			})
		})
	}
}
