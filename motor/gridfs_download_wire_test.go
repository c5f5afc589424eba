package motor_test

import (
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestGridOutSortsChunks(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	bucket := bucketOf(t, peer, options.GridFSBucket().SetReadConcern(readconcern.Majority()))
	reading := bucket.DownloadToStream(t.Context(), "f", io.Discard)
	majority := bson.M{"readConcern": bson.M{"level": "majority"}}
	peer.Receive("find").Want(majority).Cursor("d.fs.files", 0, bson.M{"_id": "f", "length": 3, "chunkSize": 2})
	peer.Receive("find").Want(majority).Want(bson.M{
		"filter": bson.M{"files_id": bson.M{"$eq": "f"}}, "sort": bson.M{"n": 1},
	}).Cursor("d.fs.chunks", 0, bson.M{"n": 0, "data": []byte("ab")}, bson.M{"n": 1, "data": []byte("c")})
	if n := succeed(t, reading); n != 3 {
		t.Errorf("got %d bytes, want 3", n)
	}
}

// A failed read closes its cursor. The next read starts at the same position.
func TestGridOutRetriesFailedRead(t *testing.T) {
	peer := gridPeer(t, 6)
	out := gridFile(t, peer)
	readChunks(t, out, 0, 2)
	peer.Handle("getMore", func(r *wiretest.Request) { r.Fail(1, "InternalError", "this is only a test") })
	if _, err := out.ReadChunk(t.Context()).Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("ReadChunk() = %v, want OperationFailure", err)
	}
	if n := len(chunkFinds(peer)); n != 1 {
		t.Errorf("got %d queries, want 1", n)
	}
	readChunks(t, out, 2, 4)
	if finds := chunkFinds(peer); len(finds) != 2 || finds[1].Lookup("filter", "n", "$gte").AsInt64() != 2 {
		t.Errorf("got finds %v, want 2, the second from chunk 2", finds)
	}
}

// Only the server knows whether the file has more chunks than its length says.
func TestGridOutErrorAtLastChunk(t *testing.T) {
	peer := gridPeer(t, 2)
	out := gridFile(t, peer)
	readChunks(t, out, 0, 1)
	peer.Handle("getMore", func(r *wiretest.Request) { r.Fail(1, "InternalError", "this is only a test") })
	if _, err := out.ReadChunk(t.Context()).Await(t.Context()); !errors.Is(err, motor.OperationFailure) || out.Tell() != gridChunkSize {
		t.Errorf("ReadChunk() = %v, Tell() = %d, want OperationFailure, %d", err, out.Tell(), gridChunkSize)
	}
}

func TestGridOutWrongLength(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	reading := gridFile(t, peer).Read(t.Context(), -1)
	peer.Receive("find").Cursor("d.fs.files", 0, bson.M{"_id": "f", "length": int64(1) << 60, "chunkSize": 5})
	peer.Receive("find").Cursor("d.fs.chunks", 0, bson.M{"n": 0, "data": []byte("abcde")})
	if _, err := reading.Await(t.Context()); !errors.Is(err, motor.CorruptGridFile) {
		t.Errorf("Read() = %v, want CorruptGridFile", err)
	}
}

func TestGridOutChunkIsCopied(t *testing.T) {
	out := gridFile(t, gridPeer(t, 3))
	first := succeed(t, out.ReadChunk(t.Context()))
	readChunks(t, out, 1, 2)
	if first[0] != 0 {
		t.Error("ReadChunk reuses the memory of the previous chunk")
	}
	first[0] = 9
	if pos, err := out.Seek(gridChunkSize, io.SeekStart); err != nil {
		t.Errorf("Seek() = %v, %v, want nil", pos, err)
	}
	second := succeed(t, out.ReadChunk(t.Context()))
	second[0] = 9
	if _, err := out.Seek(gridChunkSize, io.SeekStart); err != nil {
		t.Errorf("Seek() = %v, want nil", err)
	}
	readChunks(t, out, 1, 2)
}

// A missing chunk is detected at its own position, even if the next chunk has the same bytes.
func TestGridOutMissingChunk(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	reading := gridFile(t, peer).Read(t.Context(), 4)
	peer.Receive("find").Cursor("d.fs.files", 0, bson.M{"_id": "f", "length": 6, "chunkSize": 2})
	peer.Receive("find").Cursor("d.fs.chunks", 0, bson.M{"n": 0, "data": []byte("ab")}, bson.M{"n": 2, "data": []byte("ef")})
	if b, err := reading.Await(t.Context()); !errors.Is(err, motor.CorruptGridFile) {
		t.Errorf("Read() = %q, %v, want CorruptGridFile", b, err)
	}
}

// short is a writer that writes one byte less than given and returns no error.
type short struct{}

func (short) Write(p []byte) (int, error) { return len(p) - 1, nil }

func TestDownloadShortWrite(t *testing.T) {
	if _, err := bucketOf(t, gridPeer(t, 1)).DownloadToStream(t.Context(), "f", short{}).Await(t.Context()); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("DownloadToStream() = %v, want io.ErrShortWrite", err)
	}
}

// A reader copies its chunks into the same memory.
func TestGridOutReaderMemory(t *testing.T) {
	reader, b := gridFile(t, gridPeer(t, 9)).Reader(t.Context()), make([]byte, gridChunkSize)
	var first *byte
	for i := range 9 {
		if _, err := io.ReadFull(reader, b); err != nil || b[0] != byte(i) {
			t.Fatalf("got chunk %d, %v, want %d, nil", b[0], err, i)
		}
		chunk := motor.ChunkOf(reader)
		if i == 0 {
			first = &chunk[0]
		}
		if &chunk[0] != first {
			t.Errorf("chunk %d has memory of its own", i)
		}
	}
	if err := reader.Close(); err != nil || motor.ChunkOf(reader) != nil {
		t.Errorf("Close() = %v with %d bytes, want nil with none", err, len(motor.ChunkOf(reader)))
	}
}

func TestGridOutReader(t *testing.T) {
	peer := gridPeer(t, 9)
	out := gridFile(t, peer)
	reader := out.Reader(t.Context())
	if end, err := reader.Seek(-1, io.SeekEnd); end != 9*gridChunkSize-1 || err != nil {
		t.Errorf("Seek() from the end of an unopened file = %d, %v, want %v, nil", end, err, 9*gridChunkSize-1)
	}
	if pos, err := reader.Seek(0, io.SeekStart); pos != 0 || err != nil {
		t.Errorf("Seek() = %v, %v, want 0, nil", pos, err)
	}
	b := make([]byte, 10)
	if _, err := io.ReadFull(reader, b); err != nil {
		t.Errorf("ReadFull() = %v, want nil", err)
	}
	if pos, err := reader.Seek(5, io.SeekCurrent); pos != 15 || err != nil {
		t.Errorf("Seek() = %d, %v, want 15, nil", pos, err)
	}
	if _, err := io.ReadFull(reader, b); err != nil {
		t.Errorf("ReadFull() = %v, want nil", err)
	}
	// Close discards the rest of the chunk and closes the cursor.
	if err := reader.Close(); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if _, err := io.ReadFull(reader, b); b[0] != 1 || err != nil {
		t.Errorf("Read() after Close = %v, %v, want the next chunk, nil", b, err)
	}
	collected(t, "the cursor was not killed", func() bool { return len(peer.Seen("killCursors")) > 0 })
}

func TestGridFSFindOptions(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	bucket := bucketOf(t, peer)
	found := bucket.Find(bson.M{"filename": "f"}, options.GridFSFind().SetAllowDiskUse(true).SetBatchSize(5).
		SetNoCursorTimeout(true).SetSort(bson.M{"filename": 1}).SetLimit(4).SetSkip(3)).ToList(t.Context())
	peer.Receive("find").Want(bson.M{
		"find": "fs.files", "filter": bson.M{"filename": "f"}, "allowDiskUse": true, "batchSize": 5, "noCursorTimeout": true,
		"sort": bson.M{"filename": 1}, "limit": 4, "skip": 3,
	}).Cursor("d.fs.files", 0)
	succeed(t, found)
	bad := bucket.Find(bson.M{}, options.GridFSFind().SetSort(bson.M{"a": 1, "b": 1}))
	if _, err := bad.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.TypeError) {
		t.Errorf("Next() with an unordered sort = %v, want TypeError", err)
	}
}

// A read from memory cannot be cut off. If it is cancelled after it moved the position, it moves the position back.
func TestGridOutCancelledReadFromMemory(t *testing.T) {
	out := gridFile(t, gridPeer(t, 2))
	readChunks(t, out, 0, 1)
	cancelled := 0
	for i := range 500 {
		if _, err := out.Seek(0, io.SeekStart); err != nil {
			t.Fatalf("Seek() = %v, want nil", err)
		}
		f := out.Read(t.Context(), gridChunkSize)
		for began := time.Now(); time.Since(began) < time.Duration(i%100)*time.Microsecond; { // the read starts meanwhile
			runtime.Gosched()
		}
		if !f.Cancel() {
			continue
		}
		cancelled++
		if _, err := out.Open(t.Context()).Await(t.Context()); err != nil { // takes its turn after the read
			t.Fatalf("Open() = %v, want nil", err)
		}
		if pos := out.Tell(); pos != 0 {
			t.Fatalf("got position %d, want 0", pos)
		}
	}
	if cancelled == 0 {
		t.Error("got no cancelled read in 500 tries")
	}
}
