package contract_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

// gridStyle calls the operations of GridFS with futures, or with callbacks on a loop.
type gridStyle struct {
	ctx  context.Context
	db   *motor.Database
	loop *callback.Loop // nil for futures
}

// inGridStyles runs test in both styles on an empty database.
func inGridStyles(t *testing.T, test func(t *testing.T, s gridStyle), opts ...motor.ClientOption) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		s := gridStyle{ctx: t.Context(), db: collectionOf(ops).Database()}
		if by, ok := ops.(byCallbacks); ok {
			s.loop = by.loop
		}
		test(t, s)
	}, opts...)
}

// bucket returns a bucket of s's database.
func (s gridStyle) bucket(t *testing.T) *motor.GridFSBucket {
	t.Helper()
	b, err := motor.NewGridFSBucket(s.db)
	noError(t, err)
	return b
}

// driver returns a bucket of the driver on s's database.
func (s gridStyle) driver(t *testing.T) *mongo.GridFSBucket {
	t.Helper()
	db, err := s.db.Delegate(s.ctx).Await(s.ctx)
	noError(t, err)
	return db.GridFSBucket()
}

// callAndAwait calls a method of a handle of package motor in the style of s, with s's context before args. It waits
// for the outcome.
func callAndAwait[T any](s gridStyle, handle any, method string, args ...any) (result T, err error) {
	v, err := s.start(handle, method, args...).Await(s.ctx)
	if v != nil {
		result = v.(T)
	}
	return result, err
}

// start calls a method like callAndAwait, and returns its outcome as a future.
func (s gridStyle) start(handle any, method string, args ...any) *future.Future[any] {
	return s.startWith(s.ctx, handle, method, args...)
}

func (s gridStyle) startWith(ctx context.Context, handle any, method string, args ...any) *future.Future[any] {
	p := future.NewPromise[any]()
	if s.loop == nil {
		out := call(handle, method, ctx, reflect.Value{}, args)[0]
		out.MethodByName("OnComplete").Call([]reflect.Value{settlingCallback(out.MethodByName("OnComplete").Type().In(0), p)})
		return p.Future()
	}
	s.loop.AddCallback(func() {
		h := s.byCallback(handle)
		m := reflect.ValueOf(h).MethodByName(method)
		for i := range m.Type().NumIn() {
			if in := m.Type().In(i); in.Kind() == reflect.Func {
				call(h, method, ctx, settlingCallback(in, p), args)
				return
			}
		}
		panic(method + " has no callback")
	})
	return p.Future()
}

// call calls a method with ctx, args, and done if the method takes a callback.
func call(handle any, method string, ctx context.Context, done reflect.Value, args []any) []reflect.Value {
	m := reflect.ValueOf(handle).MethodByName(method)
	in := []reflect.Value{reflect.ValueOf(ctx)}
	for _, arg := range args {
		t := m.Type().In(len(in))
		if t.Kind() == reflect.Func && done.IsValid() {
			in = append(in, done)
			done, t = reflect.Value{}, m.Type().In(len(in)-1)
		}
		v := reflect.ValueOf(arg)
		if !v.IsValid() {
			v = reflect.Zero(t)
		}
		in = append(in, v)
	}
	if done.IsValid() {
		in = append(in, done)
	}
	return m.Call(in)
}

// settlingCallback returns a callback of type t that settles p. It unwraps handles in callback style.
func settlingCallback(t reflect.Type, p *future.Promise[any]) reflect.Value {
	return reflect.MakeFunc(t, func(in []reflect.Value) []reflect.Value {
		err, _ := in[1].Interface().(error)
		switch f := in[0].MethodByName("Futures"); {
		case f.IsValid() && in[0].IsNil():
			p.Settle(nil, err)
		case f.IsValid():
			p.Settle(f.Call(nil)[0].Interface(), err)
		default:
			p.Settle(in[0].Interface(), err)
		}
		return nil
	})
}

func (s gridStyle) byCallback(handle any) any {
	switch h := handle.(type) {
	case *motor.GridFSBucket:
		return callback.WrapGridFSBucket(s.loop, h)
	case *motor.GridFS:
		return callback.WrapGridFS(s.loop, h)
	case *motor.GridIn:
		return callback.WrapGridIn(s.loop, h)
	case *motor.GridOut:
		return callback.WrapGridOut(s.loop, h)
	case *motor.GridOutCursor:
		return callback.WrapGridOutCursor(s.loop, h)
	}
	panic(fmt.Sprintf("byCallback: a %T", handle))
}

// mustCall calls a method like callAndAwait. An error ends the test.
func mustCall[T any](t *testing.T, s gridStyle, handle any, method string, args ...any) T {
	t.Helper()
	v, err := callAndAwait[T](s, handle, method, args...)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return v
}

// failsWith checks that a call fails with an error of class want.
func failsWith(t *testing.T, want *motor.ErrorClass, s gridStyle, handle any, method string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(s.ctx, 30*time.Second)
	defer cancel()
	if _, err := s.startWith(ctx, handle, method, args...).Await(ctx); !errors.Is(err, want) {
		t.Errorf("%s: %v, want %s", method, err, want.Name())
	}
}

// patterned returns n bytes. No two chunks of them are equal.
func patterned(n int) []byte {
	data := make([]byte, n)
	x := uint32(2463534242)
	for i := range data {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		data[i] = byte(x)
	}
	return data
}

// checkEqualBytes checks that two long slices are equal.
func checkEqualBytes(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes that differ from the %d wanted", what, len(got), len(want))
	}
}

// sizes returns file sizes around the chunk boundaries, and a large one.
func (s gridStyle) sizes() []int {
	const chunk = 255 * 1024
	big := 20 << 20
	if raceDetector || s.loop != nil { // a large file takes the embedded server seconds
		big = 3 << 20
	}
	return []int{0, 1, chunk - 1, chunk, chunk + 1, 3 * chunk, big}
}

func TestGridFSFilesReadableByDriver(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		ours, theirs := s.bucket(t), s.driver(t)
		for _, size := range s.sizes() {
			data, name := patterned(size), fmt.Sprint("file ", size)
			id := mustCall[bson.ObjectID](t, s, ours, "UploadFromStream", name, bytes.NewReader(data))
			var got bytes.Buffer
			n, err := theirs.DownloadToStream(s.ctx, id, &got)
			noError(t, err)
			checkEqualBytes(t, name+" of ours, by the driver", got.Bytes(), data)

			other, err := theirs.UploadFromStream(s.ctx, name, bytes.NewReader(data))
			noError(t, err)
			got.Reset()
			if m := mustCall[int64](t, s, ours, "DownloadToStream", other, &got); m != n {
				t.Errorf("%s: downloaded %d bytes, want %d", name, m, n)
			}
			checkEqualBytes(t, name+" of the driver, by ours", got.Bytes(), data)
			got.Reset()
			mustCall[int64](t, s, ours, "DownloadToStreamByName", name, &got)
			checkEqualBytes(t, name+", by its name", got.Bytes(), data)
			out := mustCall[*motor.GridOut](t, s, ours, "OpenDownloadStream", other)
			checkEqualBytes(t, name+", read", mustCall[[]byte](t, s, out, "Read", -1), data)
			mustCall[struct{}](t, s, ours, "Drop")
		}
	})
}

func TestGridFSDocumentsMatchDriver(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		ctx, ours, theirs := s.ctx, s.bucket(t), s.driver(t)
		data := patterned(10)
		meta := options.GridFSUpload().SetChunkSizeBytes(4).SetMetadata(bson.D{{Key: "a", Value: int32(1)}})
		mustCall[bson.ObjectID](t, s, ours, "UploadFromStream", "file", bytes.NewReader(data), meta)
		_, err := theirs.UploadFromStream(ctx, "file", bytes.NewReader(data), meta)
		noError(t, err)
		for _, name := range []string{"fs.files", "fs.chunks"} {
			docs, err := motor.CollectionOf[bson.D](s.db, name).Find(bson.D{}).Sort("_id").ToList(ctx).Await(ctx)
			noError(t, err)
			half := len(docs) / 2
			if len(docs) == 0 || len(docs)%2 != 0 {
				t.Fatalf("%s has %d documents, want an even number", name, len(docs))
			}
			for i := range half {
				if a, b := shape(docs[i]), shape(docs[half+i]); a != b {
					t.Errorf("%s: got %s, want the driver's %s", name, a, b)
				}
			}
		}
		for _, c := range []struct {
			collection string
			want       string
		}{{"fs.files", "filename_1_uploadDate_1"}, {"fs.chunks", "files_id_1_n_1"}} {
			indexes, err := s.db.Collection(c.collection).IndexInformation(ctx).Await(ctx)
			noError(t, err)
			if _, ok := indexes[c.want]; !ok || len(indexes) != 2 {
				t.Errorf("%s has the indexes %v, want _id_ and %s", c.collection, indexes, c.want)
			}
		}
	})
}

// shape returns a document as text, without the values that differ between two files of the same content.
func shape(doc bson.D) string {
	var parts []string
	for _, e := range doc {
		switch e.Key {
		case "_id", "files_id", "uploadDate":
			e.Value = fmt.Sprintf("%T", e.Value)
		}
		parts = append(parts, fmt.Sprintf("%s: %T %v", e.Key, e.Value, e.Value))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func TestGridFSBucketDeleteAndRename(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b := s.bucket(t)
		put := func(name string) bson.ObjectID {
			return mustCall[bson.ObjectID](t, s, b, "UploadFromStream", name, strings.NewReader("text of "+name))
		}
		count := func() int64 {
			n, err := s.db.Collection("fs.chunks").CountDocuments(s.ctx, bson.D{}).Await(s.ctx)
			noError(t, err)
			return n
		}
		a := put("a")
		mustCall[struct{}](t, s, b, "Rename", a, "b")
		out := mustCall[*motor.GridOut](t, s, b, "OpenDownloadStreamByName", "b")
		if id, err := out.ID(); id != a || err != nil {
			t.Errorf("the id of b is %v, %v; want %v", id, err, a)
		}
		mustCall[struct{}](t, s, b, "Delete", a)
		failsWith(t, motor.NoFile, s, b, "Delete", a)
		failsWith(t, motor.NoFile, s, b, "Rename", a, "c")
		failsWith(t, motor.NoFile, s, b, "OpenDownloadStream", a)
		failsWith(t, motor.NoFile, s, b, "OpenDownloadStreamByName", "b")
		failsWith(t, motor.NoFile, s, b, "DownloadToStream", a, io.Discard)
		failsWith(t, motor.NoFile, s, b, "DownloadToStreamByName", "b", io.Discard)
		failsWith(t, motor.NoFile, s, b, "DeleteByName", "b")
		failsWith(t, motor.NoFile, s, b, "RenameByName", "b", "c")
		if _, err := callAndAwait[struct{}](s, b, "Delete", a); !errors.Is(err, motor.GridFSError) || !errors.Is(err, motor.PyMongoError) {
			t.Errorf("got %v, want NoFile with the classes GridFSError and PyMongoError", err)
		}
		if n := count(); n != 0 {
			t.Errorf("%d chunks left, want 0", n)
		}
		put("x")
		put("x")
		put("y")
		mustCall[struct{}](t, s, b, "RenameByName", "x", "z")
		mustCall[struct{}](t, s, b, "DeleteByName", "z")
		if n := count(); n != 1 {
			t.Errorf("%d chunks left, want 1: DeleteByName removed two of three files", n)
		}
		mustCall[struct{}](t, s, b, "Drop")
		names, err := s.db.CollectionNames(s.ctx).Await(s.ctx)
		if len(names) != 0 || err != nil {
			t.Errorf("collections after Drop: %v, %v; want none", names, err)
		}
		put("again")
		indexes, err := s.db.Collection("fs.chunks").IndexInformation(s.ctx).Await(s.ctx)
		if len(indexes) != 2 || err != nil {
			t.Errorf("indexes after Drop and a write: %v, %v; want 2", indexes, err)
		}
	})
}

func TestGridFSRevisions(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b := s.bucket(t)
		files := s.db.Collection("fs.files")
		for i := range 3 {
			id := mustCall[bson.ObjectID](t, s, b, "UploadFromStream", "f", strings.NewReader(fmt.Sprint(i)))
			_, err := files.UpdateOne(s.ctx, bson.M{"_id": id}, bson.M{"$set": bson.M{"uploadDate": bson.DateTime(i)}}).Await(s.ctx)
			noError(t, err)
		}
		fs := motor.NewGridFS(s.db, "")
		for _, c := range []struct {
			revision int32
			want     string
		}{{0, "0"}, {1, "1"}, {2, "2"}, {-1, "2"}, {-2, "1"}, {-3, "0"}} {
			out := mustCall[*motor.GridOut](t, s, b, "OpenDownloadStreamByName", "f", options.GridFSName().SetRevision(c.revision))
			if got := mustCall[[]byte](t, s, out, "Read", -1); string(got) != c.want {
				t.Errorf("revision %d: got %q, want %q", c.revision, got, c.want)
			}
			out = mustCall[*motor.GridOut](t, s, fs, "GetVersion", "f", int(c.revision))
			if got := mustCall[[]byte](t, s, out, "Read", -1); string(got) != c.want {
				t.Errorf("version %d: got %q, want %q", c.revision, got, c.want)
			}
		}
		for _, revision := range []int32{3, -4} {
			failsWith(t, motor.NoFile, s, b, "OpenDownloadStreamByName", "f", options.GridFSName().SetRevision(revision))
			failsWith(t, motor.NoFile, s, fs, "GetVersion", "f", int(revision))
		}
	})
}

func TestNewGridFSBucketDoesNoIO(t *testing.T) {
	client, err := motor.NewClient("mongodb://localhost:1")
	noError(t, err)
	db := client.Database("db")
	none := &writeconcern.WriteConcern{W: 0}
	if _, err := motor.NewGridFSBucket(db, options.GridFSBucket().SetWriteConcern(none)); !errors.Is(err, motor.ConfigurationError) {
		t.Errorf("write concern w: 0: %v, want a ConfigurationError", err)
	}
	if _, err := motor.NewGridFSBucket(db, options.GridFSBucket().SetChunkSizeBytes(0)); !errors.Is(err, motor.ValueError) {
		t.Errorf("chunk size 0: %v, want a ValueError", err)
	}
	if _, err := motor.NewGridFSBucket(nil); !errors.Is(err, motor.TypeError) {
		t.Errorf("no database: %v, want a TypeError", err)
	}
	if _, err := motor.NewGridFSBucket(db, options.GridFSBucket().SetName("a..b")); !errors.Is(err, motor.InvalidName) {
		t.Errorf("name \"a..b\": %v, want InvalidName", err)
	}
	b, err := motor.NewGridFSBucket(db)
	noError(t, err)
	ctx := t.Context()
	for _, c := range []struct {
		name string
		in   *motor.GridIn
	}{
		{"chunk size 0", b.OpenUploadStream("f", options.GridFSUpload().SetChunkSizeBytes(0))},
		{"negative chunk size", motor.NewGridIn(b.Collection(), motor.GridInOptions{ChunkSize: -1})},
		{"reserved field", motor.NewGridIn(b.Collection(), motor.GridInOptions{Fields: bson.D{{Key: "length", Value: 1}}})},
	} {
		if _, err := c.in.Write(ctx, "x").Await(ctx); !errors.Is(err, motor.ValueError) || !errors.Is(c.in.Err(), motor.ValueError) {
			t.Errorf("%s: Write, Err: %v, %v; want a ValueError", c.name, err, c.in.Err())
		}
	}
	if stats := client.Stats(); stats != (future.PoolStats{}) {
		t.Errorf("the client ran operations: %+v", stats)
	}
}

func TestGridFSFailedUploadLeavesNothing(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, bad := s.bucket(t), errors.New("the source is broken")
		source := io.MultiReader(bytes.NewReader(patterned(5<<20)), iotest.ErrReader(bad))
		_, err := callAndAwait[bson.ObjectID](s, b, "UploadFromStream", "f", source)
		if !errors.Is(err, bad) || errors.Is(err, motor.PyMongoError) {
			t.Errorf("got %v, want the source's error %v", err, bad)
		}
		for _, name := range []string{"fs.files", "fs.chunks"} {
			if n, err := s.db.Collection(name).CountDocuments(s.ctx, bson.D{}).Await(s.ctx); n != 0 || err != nil {
				t.Errorf("%s has %d documents, %v; want 0", name, n, err)
			}
		}
		failsWith(t, motor.TypeError, s, b, "UploadFromStream", "f", nil)
		failsWith(t, motor.TypeError, s, b, "DownloadToStream", 1, nil)
		// A panic of the source fails the upload and nothing else.
		_, err = callAndAwait[bson.ObjectID](s, b, "UploadFromStream", "f", io.TeeReader(strings.NewReader("x"), nil))
		if err == nil {
			t.Error("upload from a source that panics: got no error, want one")
		}
		mustCall[bson.ObjectID](t, s, b, "UploadFromStream", "f", iotest.OneByteReader(strings.NewReader("slow")))
	})
}

func TestGridFSUploadKeepsExistingFile(t *testing.T) {
	inGridStyles(t, func(t *testing.T, s gridStyle) {
		b, data := s.bucket(t), patterned(3<<20)
		for _, c := range []struct {
			id    string
			first []byte
		}{{"full", data}, {"empty", nil}} {
			mustCall[struct{}](t, s, b, "UploadFromStreamWithID", c.id, "first", bytes.NewReader(c.first))
			failsWith(t, motor.FileExists, s, b, "UploadFromStreamWithID", c.id, "second", bytes.NewReader(patterned(4<<20)))
			in := b.OpenUploadStreamWithID(c.id, "third")
			mustCall[struct{}](t, s, in, "Write", "x")
			failsWith(t, motor.FileExists, s, in, "Close")
			failsWith(t, motor.InvalidOperation, s, in, "Close")
			mustCall[struct{}](t, s, in, "Abort")
			out := mustCall[*motor.GridOut](t, s, b, "OpenDownloadStream", c.id)
			checkEqualBytes(t, c.id, mustCall[[]byte](t, s, out, "Read", -1), c.first)
			if name, err := out.Name(); name != "first" || err != nil {
				t.Errorf("file %s has the name %q, %v; want first", c.id, name, err)
			}
			n, err := s.db.Collection("fs.chunks").CountDocuments(s.ctx, bson.M{"files_id": c.id}).Await(s.ctx)
			if want := int64((len(c.first) + 255*1024 - 1) / (255 * 1024)); n != want || err != nil {
				t.Errorf("%s has %d chunks, want %d; %v", c.id, n, want, err)
			}
		}
	})
}
