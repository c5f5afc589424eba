package contract_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/motor"
)

// text returns the content of the file with this _id.
func (s gridStyle) text(t *testing.T, b *motor.GridFSBucket, id any) string {
	t.Helper()
	out := mustCall[*motor.GridOut](t, s, b, "OpenDownloadStream", id)
	return string(mustCall[[]byte](t, s, out, "Read", -1))
}

func TestGridIn(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b := s.bucket(t)
		in := b.OpenUploadStream("f", options.GridFSUpload().SetChunkSizeBytes(4))
		if in.Closed() || in.Length() != 0 || in.ChunkSize() != 4 || !in.UploadDate().IsZero() || in.Name() != "f" {
			t.Errorf("the new file is %v, want an open, empty one", in)
		}
		data := []byte("bytes ")
		writing := s.start(in, "Write", data)
		_, err := writing.Await(s.ctx)
		noError(t, err)
		copy(data, "XXXXXX")
		mustCall[struct{}](t, s, in, "Write", "and text ")
		mustCall[struct{}](t, s, in, "Write", strings.NewReader("and a reader "))
		mustCall[struct{}](t, s, in, "Writelines", []any{"and ", []byte("lines"), strings.NewReader(".")})
		mustCall[struct{}](t, s, in, "Writelines", []string{"\n"})
		failsWith(t, motor.TypeError, s, in, "Write", 1)
		failsWith(t, motor.TypeError, s, in, "Write", nil)
		failsWith(t, motor.TypeError, s, in, "Writelines", "text")
		failsWith(t, motor.TypeError, s, in, "Writelines", []int{1})
		mustCall[struct{}](t, s, in, "Set", "content_type", "text/plain")
		for _, name := range []string{"_id", "length", "chunk_size", "upload_date", "md5"} {
			failsWith(t, motor.ValueError, s, in, "Set", name, 1)
		}
		mustCall[struct{}](t, s, in, "Close")
		mustCall[struct{}](t, s, in, "Close")
		const want = "bytes and text and a reader and lines.\n"
		if !in.Closed() || in.Length() != int64(len(want)) || in.UploadDate().IsZero() || in.ContentType() != "text/plain" || in.MD5() != "" {
			t.Errorf("the closed file is %v with length %d, content type %q; want length %d, text/plain", in, in.Length(), in.ContentType(), len(want))
		}
		if got := s.text(t, b, in.ID()); got != want {
			t.Errorf("got content %q, want %q", got, want)
		}
		failsWith(t, motor.ValueError, s, in, "Write", "x")
		failsWith(t, motor.ValueError, s, in, "Writelines", []string{"x"})
		// Fields that are set after Close are set on the server.
		mustCall[struct{}](t, s, in, "Set", "answer", 42)
		doc, err := s.db.Collection("fs.files").FindOne(s.ctx, bson.M{"_id": in.ID()}).Await(s.ctx)
		if err != nil || doc["answer"] != int32(42) || doc["contentType"] != "text/plain" || in.Get("answer") != int32(42) {
			t.Errorf("got document %v, %v; want answer 42, text/plain", doc, err)
		}
		mustCall[struct{}](t, s, in, "Abort") // deletes the whole file
		failsWith(t, motor.NoFile, s, b, "OpenDownloadStream", in.ID())
	})
}

func TestGridInAbortLeavesNothing(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, why := s.bucket(t), errors.New("why")
		for _, c := range []struct {
			name string
			end  func(*motor.GridIn) error
		}{
			{"Abort", func(in *motor.GridIn) error { mustCall[struct{}](t, s, in, "Abort"); return why }},
			{"Leave", func(in *motor.GridIn) error { _, err := callAndAwait[struct{}](s, in, "Leave", why); return err }},
			{"a reader that fails", func(in *motor.GridIn) error {
				_, err := callAndAwait[struct{}](s, in, "Write", iotest.ErrReader(why))
				return err
			}},
		} {
			in := b.OpenUploadStream(c.name)
			mustCall[struct{}](t, s, in, "Write", patterned(3<<20))
			if n, err := s.db.Collection("fs.chunks").CountDocuments(s.ctx, bson.D{}).Await(s.ctx); n == 0 || err != nil {
				t.Errorf("%s: Write of 3 MB sent no chunks: %v", c.name, err)
			}
			if err := c.end(in); !errors.Is(err, why) {
				t.Errorf("%s: got error %v, want %v", c.name, err, why)
			}
			if n, err := s.db.Collection("fs.chunks").CountDocuments(s.ctx, bson.D{}).Await(s.ctx); n != 0 || err != nil {
				t.Errorf("%s: %d chunks left, %v; want 0", c.name, n, err)
			}
			failsWith(t, motor.ValueError, s, in, "Write", "x")
			failsWith(t, motor.ValueError, s, in, "Set", "a", 1)
			mustCall[struct{}](t, s, in, "Close")
		}
		in := b.OpenUploadStream("good")
		mustCall[struct{}](t, s, in, "Write", "x")
		mustCall[struct{}](t, s, in, "Leave", nil)
		if got := s.text(t, b, in.ID()); got != "x" {
			t.Errorf("content after Leave without an error: %q, want \"x\"", got)
		}
	})
}

func TestGridInScope(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, why := s.bucket(t), errors.New("why")
		scope := func(in *motor.GridIn, fn func(in *motor.GridIn) error) error {
			if s.loop != nil {
				return callback.WrapGridIn(s.loop, in).Scope(s.ctx, func(in *callback.GridIn) error { return fn(in.Futures()) })
			}
			return in.Scope(s.ctx, fn)
		}
		write := func(in *motor.GridIn) error {
			_, err := io.Copy(in.Writer(s.ctx), strings.NewReader("text"))
			return err
		}
		in := b.OpenUploadStream("f")
		noError(t, scope(in, write))
		if got := s.text(t, b, in.ID()); got != "text" {
			t.Errorf("got content %q, want \"text\"", got)
		}
		in = b.OpenUploadStream("f")
		if err := scope(in, func(in *motor.GridIn) error { _ = write(in); return why }); err != why || !in.Closed() {
			t.Errorf("Scope with an error: %v, want the function's error and a closed file", err)
		}
		failsWith(t, motor.NoFile, s, b, "OpenDownloadStream", in.ID())
		in = b.OpenUploadStream("f")
		func() {
			defer func() {
				if p := recover(); p != "help" {
					t.Errorf("Scope panicked with %v, want \"help\"", p)
				}
			}()
			_ = scope(in, func(*motor.GridIn) error { panic("help") })
		}()
		if !in.Closed() {
			t.Error("Closed() after a panic = false, want true")
		}
	})
}

func TestGridInConcurrentWrites(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b := s.bucket(t)
		in := b.OpenUploadStream("f", options.GridFSUpload().SetChunkSizeBytes(7))
		var group sync.WaitGroup
		for _, letter := range "abcdefgh" {
			group.Go(func() {
				for range 50 {
					_, err := callAndAwait[struct{}](s, in, "Write", strings.NewReader(strings.Repeat(string(letter), 10)))
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		mustCall[struct{}](t, s, in, "Close")
		got := s.text(t, b, in.ID())
		if len(got) != 8*50*10 {
			t.Errorf("got %d bytes, want 4000", len(got))
		}
		for ; len(got) >= 10; got = got[10:] {
			if got[:10] != strings.Repeat(got[:1], 10) {
				t.Fatalf("two writes overlap: %q", got[:10])
			}
		}
	})
}

func TestGridInCancelledWriteFailsFile(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b := s.bucket(t)
		in := b.OpenUploadStream("f")
		ctx, cancel := context.WithCancel(s.ctx)
		reading, stop := io.Pipe()
		writing := s.startWith(ctx, in, "Write", reading)
		_, err := stop.Write(patterned(1)) // returns once the write has begun to read
		noError(t, err)
		queued := s.start(in, "Write", "later")
		cancel()
		if _, err := writing.Await(s.ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled write: %v, want context.Canceled", err)
		}
		if _, err := queued.Await(s.ctx); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("queued write: %v, want InvalidOperation", err)
		}
		failsWith(t, motor.InvalidOperation, s, in, "Close")
		mustCall[struct{}](t, s, in, "Abort")
		noError(t, stop.Close())
		// A write that is cancelled before it begins has no effect.
		in = b.OpenUploadStream("f")
		if _, err := s.startWith(ctx, in, "Write", "x").Await(s.ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("write with a cancelled context: %v, want context.Canceled", err)
		}
		mustCall[struct{}](t, s, in, "Close")
		if got := s.text(t, b, in.ID()); got != "" {
			t.Errorf("got content %q, want none", got)
		}
	})
}

func TestGridFSRejectsUnacknowledgedWrites(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		noError(t, s.db.SetWriteConcern(bson.M{"w": 0}))
		fs := motor.NewGridFS(s.db, "")
		failsWith(t, motor.ConfigurationError, s, fs, "Put", "x")
		failsWith(t, motor.ConfigurationError, s, fs, "NewFile")
		failsWith(t, motor.ConfigurationError, s, motor.NewGridIn(fs.Collection()), "Write", "x")
		if _, err := motor.NewGridFSBucket(s.db); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("NewGridFSBucket: %v, want a ConfigurationError", err)
		}
	})
}
