package motor_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// enough is a number of bytes that exceeds the write buffer.
const enough = 3 << 20

func TestUploadCreatesMissingIndexes(t *testing.T) {
	byName := bson.D{{Key: "filename", Value: 1}, {Key: "uploadDate", Value: 1}}
	byNumber := bson.D{{Key: "files_id", Value: 1}, {Key: "n", Value: 1}}
	index := func(keys ...any) any {
		var doc bson.D
		for i := 0; i < len(keys); i += 2 {
			doc = append(doc, bson.E{Key: keys[i].(string), Value: keys[i+1]})
		}
		return bson.M{"v": 2, "key": doc, "name": "any"}
	}
	for _, c := range []struct {
		name          string
		files, chunks []any
		missing       bool
	}{
		{"none", nil, nil, true},
		{"others",
			[]any{index("_id", 1), index("filename", 1), index("filename", 1, "uploadDate", -1), index("filename", 1, "uploadDate", 1, "x", 1)},
			[]any{index("_id", 1), index("n", 1, "files_id", 1)}, true,
		},
		{"these",
			[]any{index("_id", 1), index("filename", 1.0, "uploadDate", int64(1))},
			[]any{index("_id", 1), index("files_id", int64(1), "n", 1.0)}, false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			uploading := bucketOf(t, peer).UploadFromStream(t.Context(), "f", strings.NewReader("x"))
			peer.Receive("find").Cursor("d.fs.files", 0)
			for _, coll := range []struct {
				name   string
				have   []any
				keys   bson.D
				unique any
			}{{"fs.files", c.files, byName, wiretest.Absent}, {"fs.chunks", c.chunks, byNumber, true}} {
				peer.Receive("listIndexes").Want(bson.M{"listIndexes": coll.name}).Cursor("d."+coll.name, 0, coll.have...)
				if c.missing {
					peer.Receive("createIndexes").Want(bson.M{
						"createIndexes": coll.name, "indexes.0.key": coll.keys, "indexes.0.unique": coll.unique, "indexes.1": wiretest.Absent,
					}).OK()
				}
			}
			for range 2 {
				peer.Receive("insert").OK(bson.M{"n": 1})
			}
			succeed(t, uploading)
		})
	}
}

// No chunk was sent, so Abort deletes nothing.
func TestUploadFailsWithoutIndexCheck(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	uploading := bucketOf(t, peer).UploadFromStream(t.Context(), "f", strings.NewReader("x"))
	peer.Receive("find").Fail(13, "Unauthorized", "not authorized")
	if _, err := uploading.Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("UploadFromStream() = %v, want OperationFailure", err)
	}
	if n := len(peer.Seen("insert")) + len(peer.Seen("delete")); n != 0 {
		t.Errorf("got %d commands, want 0", n)
	}
}

func TestUploadChunksPerInsert(t *testing.T) {
	peer, bucket := gridBucket(t)
	in := bucket.OpenUploadStream("f", options.GridFSUpload().SetChunkSizeBytes(1))
	writing := in.Write(t.Context(), make([]byte, 2500))
	for n := range 2 {
		peer.Receive("insert").Want(bson.M{
			"documents.0.n": n * 1000, "documents.999.n": n*1000 + 999, "documents.1000": wiretest.Absent,
		}).OK(bson.M{"n": 1000})
	}
	succeed(t, writing)
	closing := in.Close(t.Context())
	peer.Receive("insert").Want(bson.M{"documents.0.n": 2000, "documents.499.n": 2499, "documents.500": wiretest.Absent}).OK(bson.M{"n": 500})
	peer.Receive("insert").Want(bson.M{"insert": "fs.files", "documents.0.length": 2500}).OK(bson.M{"n": 1})
	succeed(t, closing)
}

// The server may have inserted the document before the error.
func TestAbortAfterFailedClose(t *testing.T) {
	peer, bucket := gridBucket(t)
	in := bucket.OpenUploadStreamWithID("id", "f")
	succeed(t, in.Write(t.Context(), "x"))
	closing := in.Close(t.Context())
	peer.Receive("insert").OK(bson.M{"n": 1})
	peer.Receive("insert").Want(bson.M{"insert": "fs.files"}).Fail(8000, "AtlasError", "over the quota")
	if _, err := closing.Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("Close() = %v, want OperationFailure", err)
	}
	aborting := in.Abort(t.Context())
	peer.Receive("delete").Want(bson.M{"delete": "fs.chunks", "deletes.0.q": bson.M{"files_id": bson.M{"$eq": "id"}}}).OK(bson.M{"n": 1})
	peer.Receive("delete").Want(bson.M{"delete": "fs.files", "deletes.0.q": bson.M{"_id": bson.M{"$eq": "id"}}}).OK(bson.M{"n": 1})
	succeed(t, aborting)
}

func TestGridInCloseFailsOnLastChunks(t *testing.T) {
	peer, bucket := gridBucket(t)
	in := bucket.OpenUploadStream("f")
	succeed(t, in.Write(t.Context(), "x"))
	closing := in.Close(t.Context())
	peer.Receive("insert").Want(bson.M{"insert": "fs.chunks"}).Fail(8000, "AtlasError", "over the quota")
	if _, err := closing.Await(t.Context()); !errors.Is(err, motor.OperationFailure) || in.Closed() {
		t.Errorf("Close() = %v, want OperationFailure, closed false", err)
	}
	if n := len(peer.Seen("insert")); n != 1 {
		t.Errorf("got %d insert commands, want 1", n)
	}
}

func TestGridInWriteCancelledInQueue(t *testing.T) {
	peer, bucket := gridBucket(t)
	in := bucket.OpenUploadStream("f")
	reader, writer := io.Pipe()
	first, second := in.Write(t.Context(), reader), in.Write(t.Context(), "not this")
	if !second.Cancel() {
		t.Error("Cancel() = false for a waiting write, want true")
	}
	if _, err := io.WriteString(writer, "only this"); err != nil {
		t.Errorf("WriteString() = %v, want nil", err)
	}
	_ = writer.Close()
	succeed(t, first)
	closing, again := in.Close(t.Context()), in.Close(t.Context()) // finds the file closed at its turn
	peer.Receive("insert").Want(bson.M{"documents.0.data": []byte("only this")}).OK(bson.M{"n": 1})
	peer.Receive("insert").OK(bson.M{"n": 1})
	succeed(t, closing)
	succeed(t, again)
}

func TestGridInCopiesWrittenBytes(t *testing.T) {
	peer, bucket := gridBucket(t)
	data, aliases := bytes.Repeat([]byte("x"), enough), []string{"g"}
	in := motor.NewGridIn(bucket.Collection(), motor.GridInOptions{Aliases: aliases, Filename: "f"})
	first := make(chan *wiretest.Request, 1)
	peer.Handle("find", func(r *wiretest.Request) { first <- r })
	writing := in.Write(t.Context(), data)
	clear(data)
	aliases[0] = "h"
	(<-first).Cursor("d.fs.files", 0, bson.M{"_id": 1})
	insert := peer.Receive("insert")
	if _, sent := insert.Command.Lookup("documents", "0", "data").Binary(); bytes.Trim(sent, "x") == nil && len(sent) > 0 {
		insert.OK(bson.M{"n": 8})
	} else {
		t.Errorf("got bytes %.10q, want those at the call", sent)
		insert.OK(bson.M{"n": 8})
	}
	succeed(t, writing)
	closing := in.Close(t.Context())
	peer.Receive("insert").OK(bson.M{"n": 5})
	peer.Receive("insert").Want(bson.M{"documents.0.aliases": bson.A{"g"}}).OK(bson.M{"n": 1})
	succeed(t, closing)
}

// idle is a reader that always returns 0, nil.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestUploadBadSource(t *testing.T) {
	peer, bucket := gridBucket(t)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := bucket.OpenUploadStream("f").Write(ctx, idle{}).Await(t.Context()); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Write() of an idle reader = %v, want io.ErrNoProgress", err)
	}
	in := bucket.OpenUploadStream("f")
	if _, err := in.Write(ctx, (*bytes.Reader)(nil)).Await(ctx); !errors.Is(err, motor.TypeError) {
		t.Errorf("Write() of a nil reader = %v, want TypeError", err)
	}
	//lint:ignore SA1012 the test passes a nil context
	if _, err := in.Write(nil, "x").Await(ctx); !errors.Is(err, motor.TypeError) {
		t.Errorf("Write() with a nil context = %v, want TypeError", err)
	}
	twice := motor.NewGridIn(bucket.Collection(), motor.GridInOptions{Filename: "f", Fields: bson.D{{Key: "filename", Value: "g"}}})
	if !errors.Is(twice.Err(), motor.ValueError) {
		t.Errorf("repeated option: got %v, want ValueError", twice.Err())
	}
	if n := len(peer.Seen("insert")); n != 0 {
		t.Errorf("got %d insert commands, want 0", n)
	}
}

func TestScopeAbortsWithEndedContext(t *testing.T) {
	peer, bucket := gridBucket(t)
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 8}) })
	peer.Handle("delete", func(r *wiretest.Request) { r.OK(bson.M{"n": 8}) })
	ctx, cancel := context.WithCancel(t.Context())
	in := bucket.OpenUploadStream("f")
	err := in.Scope(ctx, func(in *motor.GridIn) error {
		succeed(t, in.Write(ctx, make([]byte, enough)))
		cancel()
		return ctx.Err()
	})
	if n := len(peer.Seen("delete")); !errors.Is(err, context.Canceled) || !in.Closed() || n != 1 {
		t.Errorf("got %v, closed %t, %d deletes, want context.Canceled, true, 1", err, in.Closed(), n)
	}
}

func TestLeaveReturnsItsOwnError(t *testing.T) {
	peer, bucket := gridBucket(t)
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 8}) })
	in, why := bucket.OpenUploadStream("f"), errors.New("why")
	succeed(t, in.Write(t.Context(), make([]byte, enough)))
	leaving := in.Leave(t.Context(), why)
	peer.Receive("delete").Fail(8000, "AtlasError", "no")
	if _, err := leaving.Await(t.Context()); err != why {
		t.Errorf("Leave() = %v, want %v", err, why)
	}
}

// An _id is compared literally. Delete also removes the chunks of a file that has no document.
func TestDeleteFileIDLikeOperator(t *testing.T) {
	peer, bucket := gridBucket(t)
	id := bson.M{"$gt": ""}
	deleting := bucket.Delete(t.Context(), id)
	peer.Receive("delete").Want(bson.M{"delete": "fs.files", "deletes.0.q": bson.M{"_id": bson.M{"$eq": id}}}).OK(bson.M{"n": 0})
	peer.Receive("delete").Want(bson.M{"delete": "fs.chunks", "deletes.0.q": bson.M{"files_id": bson.M{"$eq": id}}}).OK(bson.M{"n": 2})
	if _, err := deleting.Await(t.Context()); !errors.Is(err, motor.NoFile) {
		t.Errorf("Delete() = %v, want NoFile", err)
	}
}

func TestUploadMetadataRegistry(t *testing.T) {
	peer, bucket := gridBucket(t)
	type secret string
	registry := bson.NewRegistry()
	registry.RegisterTypeEncoder(reflect.TypeFor[secret](), bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, w bson.ValueWriter, _ reflect.Value) error { return w.WriteString("***") }))
	opts := options.GridFSUpload().SetMetadata(bson.M{"s": secret("x")})
	opts.Opts = append(opts.Opts, func(o *options.GridFSUploadOptions) error { o.Registry = registry; return nil })
	closing := bucket.OpenUploadStream("f", opts).Close(t.Context())
	peer.Receive("insert").Want(bson.M{"documents.0.metadata": bson.M{"s": "***"}}).OK(bson.M{"n": 1})
	succeed(t, closing)
}

// The reader writes into the bytes that it has got after its operation has ended. The race detector watches.
func TestWriteEndsBeforeItsReader(t *testing.T) {
	peer, bucket := gridBucket(t)
	in := bucket.OpenUploadStream("f")
	reading, goOn, wrote := make(chan struct{}), make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	writing := in.Write(ctx, readerFunc(func(p []byte) (int, error) {
		close(reading)
		<-goOn
		defer close(wrote)
		return copy(p, "too late"), io.EOF
	}))
	<-reading
	cancel()
	if _, err := writing.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("Write() = %v, want context.Canceled", err)
	}
	close(goOn)
	for _, data := range []any{"small", make([]byte, enough)} {
		if _, err := in.Write(t.Context(), data).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("Write() after a cancelled one = %v, want InvalidOperation", err)
		}
	}
	<-wrote
	succeed(t, in.Abort(t.Context()))
	if n := len(peer.Seen("insert")); n != 0 || in.Length() != 0 {
		t.Errorf("got %d insert commands, Length() = %d, want 0, 0", n, in.Length())
	}
}

func TestUploadChunkTooLarge(t *testing.T) {
	peer, bucket := gridBucket(t)
	const size = 16 << 20 // of the data alone
	uploading := bucket.UploadFromStream(t.Context(), "f", bytes.NewReader(make([]byte, size)), options.GridFSUpload().SetChunkSizeBytes(size))
	if _, err := uploading.Await(t.Context()); !errors.Is(err, motor.DocumentTooLarge) {
		t.Errorf("UploadFromStream() = %v, want DocumentTooLarge", err)
	}
	if n := len(peer.Seen("insert")); n != 0 {
		t.Errorf("got %d insert commands, want 0", n)
	}
}
