package motor_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestGridOutIsLazy(t *testing.T) {
	peer := gridPeer(t, 5)
	out := gridFile(t, peer, motor.WithMaxWorkers(1))
	if len(peer.Seen("find")) != 0 {
		t.Error("OpenDownloadStream sent a command")
	}
	readChunks(t, out, 0, 2)
	if n := len(peer.Seen("getMore")); n != 0 {
		t.Errorf("got %d getMore commands, want 0", n)
	}
	readChunks(t, out, 2, 5)
	if rest, err := out.ReadChunk(t.Context()).Await(t.Context()); len(rest) != 0 || err != nil {
		t.Errorf("after the end: got %d bytes, %v, want 0, nil", len(rest), err)
	}
	finds := chunkFinds(peer)
	if len(finds) != 1 || finds[0].Lookup("batchSize").AsInt64() != 2 || len(peer.Seen("killCursors")) != 0 {
		t.Errorf("got finds %v, %d killCursors, want 1 find with batchSize 2, 0 killCursors", finds, len(peer.Seen("killCursors")))
	}
}

func TestGridOutBatchSizes(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(*testing.T, *motor.GridOut)
		want []int64
	}{
		{"of a whole file", func(t *testing.T, out *motor.GridOut) { readChunks(t, out, 0, 12) }, []int64{4, 8, 13, 13, 13, 13}},
		{"after a Seek", func(t *testing.T, out *motor.GridOut) {
			readChunks(t, out, 0, 3)
			_, _ = out.Seek(5*gridChunkSize, io.SeekStart)
			readChunks(t, out, 5, 12)
		}, []int64{4, 4, 8, 13, 13, 13}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := gridPeer(t, 12)
			test.read(t, gridFile(t, peer))
			var got []int64
			for _, more := range peer.Seen("getMore") {
				got = append(got, more.Lookup("batchSize").AsInt64())
			}
			if !slices.Equal(got, test.want) || len(chunkFinds(peer)) != 1 {
				t.Errorf("got batch sizes %v in %d queries, want %v in 1", got, len(chunkFinds(peer)), test.want)
			}
		})
	}
}

func TestGridOutReadAll(t *testing.T) {
	const chunks = 9
	out := gridFile(t, gridPeer(t, chunks))
	data, err := out.Read(t.Context(), -1).Await(t.Context())
	if err != nil || len(data) != chunks*gridChunkSize {
		t.Fatalf("Read(-1) = %d bytes, %v, want %d, nil", len(data), err, chunks*gridChunkSize)
	}
	for n := range chunks {
		if got := data[n*gridChunkSize]; got != byte(n) {
			t.Errorf("chunk %d begins with %d, want %d", n, got, n)
		}
	}
	if limit := len(data) + len(data)/10; cap(data) > limit {
		t.Errorf("Read(-1): got %d bytes of memory, want at most %d", cap(data), limit)
	}
}

func TestGridOutSmallFile(t *testing.T) {
	peer := gridPeer(t, 1)
	readChunks(t, gridFile(t, peer), 0, 1)
	if finds := chunkFinds(peer); len(finds) != 1 || !finds[0].Lookup("batchSize").IsZero() {
		t.Errorf("got finds %v, want 1 without batchSize", finds)
	}
}

func TestGridOutKillsCursor(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*testing.T, *motor.GridOut)
	}{
		{"by Close", func(t *testing.T, out *motor.GridOut) { _ = out.Close() }},
		{"by a Seek to elsewhere", func(t *testing.T, out *motor.GridOut) {
			_, _ = out.Seek(4*gridChunkSize, io.SeekStart)
			readChunks(t, out, 4, 5)
		}},
		{"expired on the server", func(*testing.T, *motor.GridOut) {}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := gridPeer(t, 9)
			func() {
				out := gridFile(t, peer)
				readChunks(t, out, 0, 1)
				test.end(t, out)
			}()
			collected(t, "the cursor was not killed", func() bool { return len(peer.Seen("killCursors")) > 0 })
			if id := peer.Seen("killCursors")[0].Lookup("cursors", "0").Int64(); id != 7 {
				t.Errorf("got killCursors for cursor %d, want 7", id)
			}
		})
	}
}

func TestGridOutSeekWithinBatch(t *testing.T) {
	peer := gridPeer(t, 5)
	out := gridFile(t, peer)
	readChunks(t, out, 0, 1)
	if _, err := out.Seek(gridChunkSize-1, io.SeekStart); err != nil {
		t.Fatalf("Seek() = %v, want nil", err)
	}
	if b, err := out.Read(t.Context(), 2).Await(t.Context()); len(b) != 2 || b[1] != 1 || err != nil {
		t.Errorf("Read() = %v, %v, want 2 bytes that cross into chunk 1, nil", b, err)
	}
	if n := len(chunkFinds(peer)); n != 1 {
		t.Errorf("got %d queries, want 1", n)
	}
}

// heldWriter is an http.ResponseWriter whose Write blocks until the test continues.
type heldWriter struct {
	http.ResponseWriter
	given, goOn chan struct{}
}

func (w heldWriter) Write(b []byte) (int, error) {
	w.given <- struct{}{}
	<-w.goOn
	return w.ResponseWriter.Write(b)
}

func TestGridOutSeekDuringRead(t *testing.T) {
	out := gridFile(t, gridPeer(t, 3))
	w := heldWriter{httptest.NewRecorder(), make(chan struct{}, 3), make(chan struct{})}
	streaming := out.StreamToHandler(t.Context(), w)
	<-w.given
	for _, seek := range []struct {
		offset       int64
		whence, want int
	}{{5, io.SeekStart, 5}, {2, io.SeekCurrent, 7}} {
		pos, err := out.Seek(seek.offset, seek.whence)
		if pos != int64(seek.want) || out.Tell() != pos || err != nil {
			t.Errorf("Seek() = %d, Tell() = %d, %v, want %d", pos, out.Tell(), err, seek.want)
		}
	}
	next := out.Read(t.Context(), 3)
	if pos := out.Tell(); pos != 7 {
		t.Errorf("Tell() during the read = %d, want 7", pos)
	}
	close(w.goOn)
	if _, err := streaming.Await(t.Context()); err != nil {
		t.Errorf("StreamToHandler() = %v, want nil", err)
	}
	if b, err := next.Await(t.Context()); len(b) != 3 || out.Tell() != 10 || err != nil {
		t.Errorf("got %d bytes, Tell() = %d, %v, want 3, 10, nil", len(b), out.Tell(), err)
	}
}

func TestGridOutCursorNotFound(t *testing.T) {
	peer := gridPeer(t, 6)
	out := gridFile(t, peer)
	readChunks(t, out, 0, 2)
	lost := true
	peer.Handle("getMore", func(r *wiretest.Request) {
		if lost {
			lost = false
			r.Fail(43, "CursorNotFound", "cursor id not found")
			return
		}
		r.Cursor("d.fs.chunks", 0)
	})
	readChunks(t, out, 2, 4)
	finds := chunkFinds(peer)
	if len(finds) != 2 || finds[1].Lookup("filter", "n", "$gte").AsInt64() != 2 {
		t.Errorf("got finds %v, want 2, the second from chunk 2", finds)
	}
}

func TestGridOutUsesBucketConcerns(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary)
	primary, secondary := set.Peers[0], set.Peers[1]
	db := newClient(t, set.URI()).Database("d")
	bucket, err := motor.NewGridFSBucket(db, options.GridFSBucket().SetName("b").
		SetReadPreference(readpref.Secondary()).SetWriteConcern(&writeconcern.WriteConcern{W: "majority"}))
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	ctx := t.Context()
	opening := bucket.OpenDownloadStream(ctx, "f")
	secondary.Receive("find").Cursor("d.b.files", 0, bson.M{"_id": "f", "length": 1, "chunkSize": 5})
	out, err := opening.Await(ctx)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	reading := out.Read(ctx, -1)
	secondary.Receive("find").Cursor("d.b.chunks", 0, bson.M{"n": 0, "data": []byte("x")})
	if b, err := reading.Await(ctx); string(b) != "x" || err != nil {
		t.Errorf(`Read() = %q, %v, want "x", nil`, b, err)
	}
	// Only the primary knows whether files exist.
	uploading := bucket.UploadFromStream(ctx, "g", strings.NewReader("data"))
	primary.Receive("find").Cursor("d.b.files", 0, bson.M{"_id": 1})
	for range 2 {
		insert := primary.Receive("insert")
		insert.Want(bson.M{"writeConcern.w": "majority"})
		insert.OK(bson.M{"n": 1})
	}
	if _, err := uploading.Await(ctx); err != nil {
		t.Errorf("UploadFromStream() = %v, want nil", err)
	}
	// The result is cached.
	uploading = bucket.UploadFromStream(ctx, "h", strings.NewReader(""))
	primary.Receive("insert").OK(bson.M{"n": 1})
	if _, err := uploading.Await(ctx); err != nil {
		t.Errorf("UploadFromStream() = %v, want nil", err)
	}
}

func TestUploadWTimeout(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	db := newClient(t, peer.URI()).Database("d")
	if err := db.SetWriteConcern(bson.M{"w": 1, "wtimeout": 5}); err != nil {
		t.Fatalf("SetWriteConcern() = %v, want nil", err)
	}
	bucket, err := motor.NewGridFSBucket(db)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	uploading := bucket.UploadFromStream(t.Context(), "g", strings.NewReader("data"))
	peer.Receive("find").Cursor("d.fs.files", 0)
	for range 2 {
		peer.Receive("listIndexes").Fail(26, "NamespaceNotFound", "ns does not exist")
		create := peer.Receive("createIndexes")
		create.Want(bson.M{"writeConcern.wtimeout": 5})
		create.OK()
	}
	for range 2 {
		insert := peer.Receive("insert")
		insert.Want(bson.M{"writeConcern.wtimeout": 5})
		insert.OK(bson.M{"n": 1})
	}
	if _, err := uploading.Await(t.Context()); err != nil {
		t.Errorf("UploadFromStream() = %v, want nil", err)
	}
}

func TestGridInAfterFailedWrite(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	ctx := t.Context()
	in := motor.NewGridIn(newClient(t, peer.URI()).Database("d").Collection("fs"))
	writing := in.Write(ctx, make([]byte, 3<<20))
	peer.Receive("find").Cursor("d.fs.files", 0, bson.M{"_id": 1})
	peer.Receive("insert").Fail(8000, "AtlasError", "over the quota")
	if _, err := writing.Await(ctx); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("failed Write() = %v, want OperationFailure", err)
	}
	if _, err := in.Write(ctx, "x").Await(ctx); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("next Write() = %v, want InvalidOperation", err)
	}
	if _, err := in.Close(ctx).Await(ctx); !errors.Is(err, motor.InvalidOperation) || in.Closed() {
		t.Errorf("Close() = %v, want InvalidOperation, closed false", err)
	}
	aborting := in.Abort(ctx)
	peer.Receive("delete").OK(bson.M{"n": 0})
	if _, err := aborting.Await(ctx); err != nil || !in.Closed() {
		t.Errorf("Abort() = %v, want nil, closed true", err)
	}
}

func TestCancelledUploadDeletesChunks(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	bucket, err := motor.NewGridFSBucket(newClient(t, peer.URI()).Database("d"))
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	defer func() { _ = writer.Close() }()
	uploading := bucket.UploadFromStream(ctx, "g", reader)
	go func() { _, _ = writer.Write(make([]byte, 3<<20)) }()
	peer.Receive("find").Cursor("d.fs.files", 0, bson.M{"_id": 1})
	peer.Receive("insert").OK(bson.M{"n": 8})
	cancel()
	peer.Receive("delete").OK(bson.M{"n": 8})
	if _, err := uploading.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("UploadFromStream() = %v, want context.Canceled", err)
	}
	_ = reader.Close()
}

func TestGridFSInTransaction(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary)
	client := newClient(t, set.URI())
	session, err := motor.StartDriverSession(t.Context(), client)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	defer session.EndSession(context.Background())
	if err := session.StartTransaction(); err != nil {
		t.Fatalf("StartTransaction() = %v, want nil", err)
	}
	ctx := mongo.NewSessionContext(t.Context(), session)
	bucket, err := motor.NewGridFSBucket(client.Database("d"))
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	for _, test := range []struct {
		what string
		err  error
	}{
		{"Write", bucket.OpenUploadStream("f").Write(ctx, "x").Err()},
		{"UploadFromStream", bucket.UploadFromStream(ctx, "f", strings.NewReader("x")).Err()},
		{"OpenDownloadStream", bucket.OpenDownloadStream(ctx, 1).Err()},
		{"Delete", bucket.Delete(ctx, 1).Err()},
		{"Drop", bucket.Drop(ctx).Err()},
	} {
		if !errors.Is(test.err, motor.InvalidOperation) {
			t.Errorf("%s: got %v, want InvalidOperation", test.what, test.err)
		}
	}
}
