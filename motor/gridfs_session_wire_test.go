package motor_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// downloading returns a file of nine chunks, of which the first has been read in a session.
func downloading(t *testing.T) (*wiretest.Peer, *motor.GridOut, *motor.Session) {
	t.Helper()
	peer := gridPeerAs(t, wiretest.Primary, 9)
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(2))
	s := sessionOf(t, client)
	out := motor.NewGridOut(client.Database("d").Collection("fs"), "f")
	succeed(t, out.ReadChunk(s.Context(t.Context())))
	return peer, out, s
}

func isOf(command bson.Raw, s *motor.Session) bool {
	return bytes.Equal(command.Lookup("lsid").Document(), s.SessionID())
}

// A driver's session is not safe to share: what ends the download has to wait for its turn.
func TestGridOutCloseWaitsForSession(t *testing.T) {
	peer, out, s := downloading(t)
	coll := out.Collection().Database().Collection("c")
	inserted := coll.InsertOne(s.Context(t.Context()), bson.M{"_id": 1})
	held := peer.Receive("insert")
	_ = out.Close()
	peer.Handle("ping", ok())
	for range 50 { // in which what does not wait would have been sent
		succeed(t, coll.Database().Command(t.Context(), "ping"))
	}
	if n := len(peer.Seen("killCursors")); n != 0 {
		t.Errorf("%d killCursors while another operation has the session's turn", n)
	}
	held.OK(bson.M{"n": 1})
	succeed(t, inserted)
	collected(t, "the cursor was not ended", func() bool { return len(peer.Seen("killCursors")) > 0 })
	if kill := peer.Seen("killCursors")[0]; !isOf(kill, s) {
		t.Errorf("%v is not in the session", kill)
	}
}

func TestGridOutReadInAnotherSession(t *testing.T) {
	peer, out, s := downloading(t)
	readChunks(t, out, 1, 3)
	finds := chunkFinds(peer)
	if len(finds) != 2 || !isOf(finds[0], s) || isOf(finds[1], s) {
		t.Errorf("%d queries: %v", len(finds), finds)
	}
	collected(t, "the first cursor was not ended", func() bool { return len(peer.Seen("killCursors")) > 0 })
	for _, more := range peer.Seen("getMore") {
		if isOf(more, s) {
			t.Errorf("%v is in the first session", more)
		}
	}
}

// Reads take turns of the file, and of the session: never one of them each.
func TestGridOutReadsInOneSession(t *testing.T) {
	_, out, s := downloading(t)
	ctx, cancel := context.WithTimeout(s.Context(t.Context()), 30*time.Second)
	defer cancel()
	begin := make(chan struct{})
	var all []*future.Future[[]byte]
	for range 10_000 {
		all = append(all, future.ThenFuture(afterwards(begin), func(struct{}) *future.Future[[]byte] { return out.ReadChunk(ctx) }))
	}
	close(begin)
	n := 0
	for _, chunk := range succeed(t, future.All(all...)) {
		n += len(chunk)
	}
	if n != 8*gridChunkSize { // and no chunk twice
		t.Errorf("%d bytes, want %d", n, 8*gridChunkSize)
	}
}

// afterwards is a future that is settled when begin is closed.
func afterwards(begin <-chan struct{}) *future.Future[struct{}] {
	p := future.NewPromise[struct{}]()
	go func() { <-begin; p.Resolve(struct{}{}) }()
	return p.Future()
}
