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

// startDownload returns a file of nine chunks. Its first chunk has been read in a session.
func startDownload(t *testing.T) (*wiretest.Peer, *motor.GridOut, *motor.Session) {
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

// A driver session must not be used concurrently. So closing the download waits for its turn in the session.
func TestGridOutCloseWaitsForSession(t *testing.T) {
	peer, out, s := startDownload(t)
	coll := out.Collection().Database().Collection("c")
	inserted := coll.InsertOne(s.Context(t.Context()), bson.M{"_id": 1})
	held := peer.Receive("insert")
	_ = out.Close()
	peer.Handle("ping", ok())
	for range 50 { // long enough for a command that does not wait
		succeed(t, coll.Database().Command(t.Context(), "ping"))
	}
	if n := len(peer.Seen("killCursors")); n != 0 {
		t.Errorf("got %d killCursors commands, want 0", n)
	}
	held.OK(bson.M{"n": 1})
	succeed(t, inserted)
	collected(t, "the cursor was not killed", func() bool { return len(peer.Seen("killCursors")) > 0 })
	if kill := peer.Seen("killCursors")[0]; !isOf(kill, s) {
		t.Errorf("got killCursors %v, want one in the session", kill)
	}
}

func TestGridOutReadInAnotherSession(t *testing.T) {
	peer, out, s := startDownload(t)
	readChunks(t, out, 1, 3)
	finds := chunkFinds(peer)
	if len(finds) != 2 || !isOf(finds[0], s) || isOf(finds[1], s) {
		t.Errorf("got finds %v, want one in the session and one outside", finds)
	}
	collected(t, "the first cursor was not killed", func() bool { return len(peer.Seen("killCursors")) > 0 })
	for _, more := range peer.Seen("getMore") {
		if isOf(more, s) {
			t.Errorf("got getMore %v, want one outside the first session", more)
		}
	}
}

// A read takes its turns of the file and of the session together. Two reads cannot hold one each.
func TestGridOutReadsInOneSession(t *testing.T) {
	_, out, s := startDownload(t)
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
	if n != 8*gridChunkSize { // each chunk once
		t.Errorf("got %d bytes, want %d", n, 8*gridChunkSize)
	}
}

// afterwards returns a future that settles when begin is closed.
func afterwards(begin <-chan struct{}) *future.Future[struct{}] {
	p := future.NewPromise[struct{}]()
	go func() { <-begin; p.Resolve(struct{}{}) }()
	return p.Future()
}
