package contract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

// uploaded writes a file in chunks of size bytes, and returns its _id.
func (s gridStyle) uploaded(t *testing.T, b *motor.GridFSBucket, name string, data []byte, size int32) bson.ObjectID {
	t.Helper()
	return mustCall[bson.ObjectID](t, s, b, "UploadFromStream", name, bytes.NewReader(data), options.GridFSUpload().SetChunkSizeBytes(size))
}

func TestGridOutReadMethods(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b := s.bucket(t)
		const text = "first line\nsecond\n\nlast"
		id := s.uploaded(t, b, "f", []byte(text), 5)
		out := motor.NewGridOut(b.Collection(), id)
		read := func(want, method string, args ...any) {
			t.Helper()
			if got := mustCall[[]byte](t, s, out, method, args...); string(got) != want || got == nil {
				t.Errorf("%s%v = %q, want %q", method, args, got, want)
			}
		}
		seek := func(offset int64, whence int, want int64) {
			t.Helper()
			if pos, err := out.Seek(offset, whence); pos != want || err != nil || out.Tell() != want {
				t.Errorf("Seek(%d, %d) = %d, %v; want %d", offset, whence, pos, err, want)
			}
		}
		read("fir", "Read", 3)
		read("st", "ReadChunk")
		read(" line", "ReadChunk")
		read("\n", "ReadLine", -1)
		read("sec", "ReadLine", 3)
		read("ond\n", "ReadLine", 100)
		read("\n", "ReadLine", -1)
		read("", "Read", 0)
		read("last", "ReadLine", -1)
		for _, method := range []string{"Read", "ReadLine"} {
			read("", method, -1)
		}
		read("", "ReadChunk")
		seek(0, io.SeekStart, 0)
		read(text, "Read", -1)
		seek(-4, io.SeekEnd, int64(len(text))-4)
		read("la", "Read", 2)
		seek(-1, io.SeekCurrent, int64(len(text))-3)
		read("ast", "Read", -1)
		seek(1000, io.SeekStart, 1000)
		read("", "Read", 10)
		for _, bad := range []struct {
			offset int64
			whence int
		}{{-1, io.SeekStart}, {0, 3}, {-100, io.SeekEnd}} {
			if pos, err := out.Seek(bad.offset, bad.whence); !errors.Is(err, motor.ValueError) || out.Tell() != 1000 {
				t.Errorf("Seek%v = %d, %v; want a ValueError and the position unchanged", bad, pos, err)
			}
		}
		seek(3, io.SeekStart, 3)
		var all strings.Builder
		for chunk, err := range out.All(s.ctx) {
			noError(t, err)
			all.Write(chunk)
			all.WriteByte('|')
		}
		if got := all.String(); got != "st| line|\nseco|nd\n\nl|ast|" {
			t.Errorf("lines of All: got %q, want %q", got, "st| line|\nseco|nd\n\nl|ast|")
		}
		seek(0, io.SeekStart, 0)
		noError(t, iotest.TestReader(out.Reader(s.ctx), []byte(text)))
		noError(t, out.Close())
		seek(6, io.SeekStart, 6)
		w := httptest.NewRecorder()
		mustCall[struct{}](t, s, out, "StreamToHandler", w)
		if w.Body.String() != text[6:] || !w.Flushed {
			t.Errorf("the response has %q, want the text from byte 6 on, flushed", w.Body)
		}
	})
}

func TestGridOutPropertiesAfterOpen(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b := s.bucket(t)
		before := time.Now().Add(-time.Minute)
		in := motor.NewGridIn(b.Collection(), motor.GridInOptions{
			ID: "id", Filename: "f", ContentType: "text/plain", ChunkSize: 3, Aliases: []string{"g"},
			Metadata: bson.M{"a": 1}, Fields: bson.D{{Key: "more", Value: "x"}},
		})
		mustCall[struct{}](t, s, in, "Write", "text")
		mustCall[struct{}](t, s, in, "Close")
		out := motor.NewGridOut(b.Collection(), "id")
		properties := map[string]func() (any, error){
			"_id":          func() (any, error) { return out.ID() },
			"filename":     func() (any, error) { return out.Filename() },
			"name":         func() (any, error) { return out.Name() },
			"content_type": func() (any, error) { return out.ContentType() },
			"length":       func() (any, error) { return out.Length() },
			"chunk_size":   func() (any, error) { return out.ChunkSize() },
			"aliases":      func() (any, error) { v, err := out.Aliases(); return fmt.Sprint(v), err },
			"metadata":     func() (any, error) { v, err := out.Metadata(); return v["a"], err },
			"md5":          func() (any, error) { return out.MD5() },
			"more":         func() (any, error) { return out.Get("more") },
			"upload_date":  func() (any, error) { v, err := out.UploadDate(); return v.After(before), err },
		}
		for name, get := range properties {
			_, err := get()
			want := "You must call MotorGridOut.open() before accessing the " + name + " property"
			if !errors.Is(err, motor.InvalidOperation) || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("%s before Open: got %v, want InvalidOperation: %s", name, err, want)
			}
		}
		if _, err := out.Seek(0, io.SeekEnd); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("Seek from the end before Open: %v, want InvalidOperation", err)
		}
		if same := mustCall[*motor.GridOut](t, s, out, "Open"); same != out {
			t.Error("Open returned another handle")
		}
		check := func() {
			t.Helper()
			for name, want := range map[string]any{
				"_id": "id", "filename": "f", "name": "f", "content_type": "text/plain", "length": int64(4), "chunk_size": int64(3),
				"aliases": "[g]", "metadata": int32(1), "md5": "", "more": "x", "upload_date": true,
			} {
				if got, err := properties[name](); got != want || err != nil {
					t.Errorf("%s = %v, %v; want %v", name, got, err, want)
				}
			}
		}
		check()
		doc, err := out.Document()
		noError(t, err)
		out = motor.NewGridOut(b.Collection(), nil, doc)
		check()
		if got := mustCall[[]byte](t, s, out, "Read", -1); string(got) != "text" {
			t.Errorf("content by its document: %q, want \"text\"", got)
		}
		failsWith(t, motor.TypeError, s, motor.NewGridOut(b.Collection(), nil, 1), "Open")
		failsWith(t, motor.TypeError, s, motor.NewGridOut(b.Collection(), nil, doc, doc), "Open")
		failsWith(t, motor.NoFile, s, motor.NewGridOut(b.Collection(), 1), "Read", 1)
	})
}

func TestGridOutCorruptFile(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, chunks, files := s.bucket(t), s.db.Collection("fs.chunks"), s.db.Collection("fs.files")
		of := func(id any, n int) bson.M { return bson.M{"files_id": id, "n": n} }
		for _, c := range []struct {
			name  string
			spoil func(id any) error
		}{
			{"the first chunk is missing", func(id any) error { return errorOf(chunks.DeleteOne(s.ctx, of(id, 0)).Await(s.ctx)) }},
			{"a chunk is missing", func(id any) error { return errorOf(chunks.DeleteOne(s.ctx, of(id, 1)).Await(s.ctx)) }},
			{"the last chunk is missing", func(id any) error { return errorOf(chunks.DeleteOne(s.ctx, of(id, 3)).Await(s.ctx)) }},
			{"a chunk is short", func(id any) error {
				return errorOf(chunks.UpdateOne(s.ctx, of(id, 1), bson.M{"$set": bson.M{"data": []byte("12")}}).Await(s.ctx))
			}},
			{"a chunk is long", func(id any) error {
				return errorOf(chunks.UpdateOne(s.ctx, of(id, 1), bson.M{"$set": bson.M{"data": []byte("1234")}}).Await(s.ctx))
			}},
			{"the last chunk is long", func(id any) error {
				return errorOf(chunks.UpdateOne(s.ctx, of(id, 3), bson.M{"$set": bson.M{"data": []byte("123")}}).Await(s.ctx))
			}},
			{"a chunk has no bytes", func(id any) error {
				return errorOf(chunks.UpdateOne(s.ctx, of(id, 1), bson.M{"$set": bson.M{"data": "123"}}).Await(s.ctx))
			}},
			{"there is one chunk more", func(id any) error {
				return errorOf(chunks.InsertOne(s.ctx, bson.M{"files_id": id, "n": 4, "data": []byte("x")}).Await(s.ctx))
			}},
			{"there is no chunk size", func(id any) error {
				return errorOf(files.UpdateOne(s.ctx, bson.M{"_id": id}, bson.M{"$unset": bson.M{"chunkSize": ""}}).Await(s.ctx))
			}},
			{"the length is negative", func(id any) error {
				return errorOf(files.UpdateOne(s.ctx, bson.M{"_id": id}, bson.M{"$set": bson.M{"length": -1}}).Await(s.ctx))
			}},
		} {
			id := s.uploaded(t, b, c.name, []byte("0123456789"), 3)
			noError(t, c.spoil(id))
			out := mustCall[*motor.GridOut](t, s, b, "OpenDownloadStream", id)
			if c.name == "the length is negative" {
				failsWith(t, motor.CorruptGridFile, s, out, "ReadChunk")
				continue
			}
			failsWith(t, motor.CorruptGridFile, s, out, "Read", -1)
			failsWith(t, motor.CorruptGridFile, s, b, "DownloadToStream", id, io.Discard)
			if pos := out.Tell(); pos != 0 {
				t.Errorf("%s: Tell() = %d, want 0", c.name, pos)
			}
		}
		// Some programs write an extra empty chunk at the end.
		id := s.uploaded(t, b, "empty", []byte("012345"), 3)
		noError(t, errorOf(chunks.InsertOne(s.ctx, bson.M{"files_id": id, "n": 2, "data": []byte{}}).Await(s.ctx)))
		if got := s.text(t, b, id); got != "012345" {
			t.Errorf("content with an empty last chunk: %q, want \"012345\"", got)
		}
	})
}

func errorOf[T any](_ T, err error) error { return err }

func TestDownloadMemoryIsBounded(t *testing.T) {
	var mu sync.Mutex
	most, batches := 0, 0
	monitor := &event.CommandMonitor{Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
		for _, name := range []string{"firstBatch", "nextBatch"} {
			ns, _ := e.Reply.Lookup("cursor", "ns").StringValueOK()
			if list, ok := e.Reply.Lookup("cursor", name).ArrayOK(); ok && strings.HasSuffix(ns, ".fs.chunks") {
				values, _ := list.Values()
				mu.Lock()
				most, batches = max(most, len(values)), batches+1
				mu.Unlock()
			}
		}
	}}
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, data := s.bucket(t), patterned(10*255*1024)
		id := s.uploaded(t, b, "f", data, 255*1024)
		mu.Lock()
		most, batches = 0, 0
		mu.Unlock()
		var got bytes.Buffer
		mustCall[int64](t, s, b, "DownloadToStream", id, &got)
		checkEqualBytes(t, "the file", got.Bytes(), data)
		mu.Lock()
		defer mu.Unlock()
		if most > 4 || batches < 3 { // of 2, 4 and 4 chunks
			t.Errorf("got %d batches of up to %d chunks, want at least 3 of at most 4", batches, most)
		}
	}, motor.WithClientOptions(options.Client().SetMonitor(monitor)))
}

func TestGridOutConcurrentReads(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, data := s.bucket(t), patterned(4000)
		out := mustCall[*motor.GridOut](t, s, b, "OpenDownloadStream", s.uploaded(t, b, "f", data, 7))
		var mu sync.Mutex
		parts := make(map[string]int)
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 50 {
					part, err := callAndAwait[[]byte](s, out, "Read", 10)
					if err != nil || len(part) != 10 {
						t.Errorf("Read(10) = %d bytes, %v; want 10", len(part), err)
					}
					mu.Lock()
					parts[string(part)]++
					mu.Unlock()
				}
			})
		}
		group.Wait()
		for i := 0; i < len(data); i += 10 {
			parts[string(data[i:i+10])]--
		}
		for part, n := range parts {
			if n != 0 {
				t.Errorf("part %x was read %d times too often, want 0", part, n)
			}
		}
		// Seek takes its turn after the reads that were called before it.
		_, err := out.Seek(0, io.SeekStart)
		noError(t, err)
		if s.loop == nil {
			first := out.Read(s.ctx, 10)
			_, err = out.Seek(0, io.SeekStart)
			noError(t, err)
			second := out.Read(s.ctx, 10)
			a, _ := first.Await(s.ctx)
			again, _ := second.Await(s.ctx)
			checkEqualBytes(t, "after Seek", again, a)
		}
	})
}

func TestGridOutCancelledReadLosesNothing(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, data := s.bucket(t), patterned(20_000)
		out := mustCall[*motor.GridOut](t, s, b, "OpenDownloadStream", s.uploaded(t, b, "f", data, 100))
		var got []byte
		for i := 0; len(got) < len(data); i++ {
			if i%2 == 0 && s.loop == nil {
				f := out.Read(s.ctx, 64)
				time.Sleep(time.Duration(i) * 2 * time.Microsecond) // before, during or after the read
				if f.Cancel() {
					continue
				}
				part, err := f.Await(s.ctx)
				noError(t, err)
				got = append(got, part...)
				continue
			}
			ctx, cancel := context.WithCancel(s.ctx)
			f := s.startWith(ctx, out, "Read", 64)
			if i%3 == 0 {
				cancel()
			}
			part, err := f.Await(s.ctx)
			cancel()
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				continue
			}
			got = append(got, part.([]byte)...)
		}
		checkEqualBytes(t, "in pieces", got, data)
	})
}

func TestDownloadSurvivesClientClose(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, data := s.bucket(t), patterned(3<<20)
		out := mustCall[*motor.GridOut](t, s, b, "OpenDownloadStream", s.uploaded(t, b, "f", data, 255*1024))
		got := mustCall[[]byte](t, s, out, "Read", 1000)
		noError(t, s.db.Client().Close(s.ctx))
		got = append(got, mustCall[[]byte](t, s, out, "Read", 1<<20)...)
		noError(t, out.Close())
		got = append(got, mustCall[[]byte](t, s, out, "Read", -1)...)
		checkEqualBytes(t, "the file", got, data)
	})
}

func TestDownloadDestinationFails(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, bad := s.bucket(t), errors.New("full")
		id := s.uploaded(t, b, "f", []byte("text"), 2)
		reader, writer := io.Pipe()
		noError(t, reader.CloseWithError(bad))
		if _, err := callAndAwait[int64](s, b, "DownloadToStream", id, writer); !errors.Is(err, bad) || errors.Is(err, motor.PyMongoError) {
			t.Errorf("got %v, want the destination's error %v", err, bad)
		}
		if _, err := callAndAwait[int64](s, b, "DownloadToStream", id, panicking{}); err == nil {
			t.Error("download to a destination that panics: got no error, want one")
		}
	})
}

type panicking struct{}

func (panicking) Write([]byte) (int, error) { panic("no") }
