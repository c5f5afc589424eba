package motor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func ExampleWithProgress() {
	file, err := os.Open("video.mp4")
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	bucket, err := motor.NewGridFSBucket(client.Database("app"))
	if err != nil {
		log.Fatal(err)
	}
	following := motor.WithProgress(ctx, func(p motor.Progress) {
		fmt.Printf("\r%d of %d %s", p.Done, p.Total, p.Unit)
	})
	if _, err := bucket.UploadFromStream(following, "video.mp4", file).Await(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(" are stored") // after the last call
}

// serial is an event loop that runs callbacks one at a time.
type serial struct {
	mu    sync.Mutex
	tasks []func()
}

func (s *serial) Execute(task func()) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, task)
	if len(s.tasks) == 1 {
		go s.run()
	}
	return nil
}

func (s *serial) run() {
	for {
		s.mu.Lock()
		task := s.tasks[0]
		s.mu.Unlock()
		task()
		s.mu.Lock()
		s.tasks = s.tasks[1:]
		more := len(s.tasks) > 0
		s.mu.Unlock()
		if !more {
			return
		}
	}
}

// followed is the progress of one operation. Only its function and, after the result, the test use it: no lock.
type followed []motor.Progress

func (f *followed) in(ctx context.Context) context.Context {
	return motor.WithProgress(ctx, func(p motor.Progress) { *f = append(*f, p) })
}

// want checks that the last call has last, that all have its unit, and that the numbers do not decrease.
func (f followed) want(t *testing.T, last motor.Progress) {
	t.Helper()
	if len(f) == 0 || f[len(f)-1] != last {
		t.Errorf("got the calls %+v, want the last to be %+v", f, last)
		return
	}
	for i := range f[1:] {
		a, b := f[i], f[i+1]
		if a == b || b.Done < a.Done || b.Collections < a.Collections || a.Unit != last.Unit || a.Total != 0 && a.Done > a.Total {
			t.Errorf("got the call %+v after %+v, want more of the same unit within the total", b, a)
		}
	}
}

func TestProgressOfCopyDatabase(t *testing.T) {
	for _, test := range []struct {
		name string
		opts []motor.ClientOption
	}{
		{"without a loop", nil},
		{"on a loop", []motor.ClientOption{motor.WithIOLoop(new(serial))}},
		{"one worker", []motor.ClientOption{motor.WithMaxWorkers(1)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := copyPeer(t, listedAs("c", "collection", bson.D{}), listedAs("d", "collection", bson.D{}), listedAs("v", "view", bson.D{}))
			client := newClient(t, peer.URI(), test.opts...)
			var calls followed
			ctx := motor.WithProgress(t.Context(), func(p motor.Progress) {
				calls = append(calls, p)
				time.Sleep(time.Millisecond) // slower than the copy
			})
			ended := make(chan error, 1)
			client.CopyDatabase(ctx, "a", "b").OnComplete(func(_ *motor.CopyResult, err error) { ended <- err })
			noError(t, <-ended)
			calls.want(t, motor.Progress{Done: 4, Total: 4, Unit: "documents", Collections: 3, CollectionsTotal: 3})
			if first := calls[0]; first.CollectionsTotal != 3 || first.Total != 4 {
				t.Errorf("got the first call %+v, want totals of 3 collections and 4 documents", first)
			}
		})
	}
}

// readPeer is a server whose cursor has two batches of two documents.
func readPeer(t *testing.T) *wiretest.Peer {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1}) })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"i": 2}, bson.M{"i": 3}) })
	return peer
}

func TestProgressOfToList(t *testing.T) {
	for _, test := range []struct {
		name   string
		length []int
		first  int64 // Total before the end
		last   motor.Progress
	}{
		{"all", nil, 0, motor.Progress{Done: 4, Total: 4, Unit: "documents"}},
		{"length of less", []int{3}, 3, motor.Progress{Done: 3, Total: 3, Unit: "documents"}},
		{"length of more", []int{9}, 9, motor.Progress{Done: 4, Total: 4, Unit: "documents"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := readPeer(t)
			peer.Handle("getMore", nil)
			var calls followed
			coll := newClient(t, peer.URI()).Database("d").Collection("c")
			told := make(chan motor.Progress, 10)
			ctx := motor.WithProgress(t.Context(), func(p motor.Progress) {
				calls = append(calls, p)
				if p.Done == 2 {
					told <- p
				}
			})
			list := coll.Find(bson.M{}).ToList(ctx, test.length...)
			more := peer.Receive("getMore")
			if got, want := <-told, (motor.Progress{Done: 2, Total: test.first, Unit: "documents"}); got != want {
				t.Errorf("got %+v after the first batch, want %+v", got, want)
			}
			more.Cursor("d.c", 0, bson.M{"i": 2}, bson.M{"i": 3})
			succeed(t, list)
			calls.want(t, test.last)
		})
	}
	t.Run("raw batches", func(t *testing.T) {
		var calls followed
		cursor := newClient(t, readPeer(t).URI()).Database("d").Collection("c").FindRawBatches(bson.M{})
		succeed(t, cursor.ToList(calls.in(t.Context())))
		calls.want(t, motor.Progress{Done: 2, Total: 2, Unit: "batches"})
	})
	t.Run("failure", func(t *testing.T) {
		var calls followed
		peer := readPeer(t)
		peer.Handle("getMore", func(r *wiretest.Request) { r.Fail(1, "InternalError", "broken") })
		_, err := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.M{}).ToList(calls.in(t.Context())).Await(t.Context())
		if !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want OperationFailure", err)
		}
		calls.want(t, motor.Progress{Done: 2, Unit: "documents"})
	})
}

// unsized is a reader that does not say how much it has.
type unsized struct{ io.Reader }

func TestProgressOfUpload(t *testing.T) {
	text := strings.Repeat("x", enough)
	name := t.TempDir() + "/file"
	noError(t, os.WriteFile(name, []byte(text), 0o600))
	for _, test := range []struct {
		name   string
		source func() (io.Reader, error)
		total  int64 // before the end
	}{
		{"reader with a length", func() (io.Reader, error) { return strings.NewReader(text), nil }, enough},
		{"file", func() (io.Reader, error) { return os.Open(name) }, enough},
		{"reader without a length", func() (io.Reader, error) { return unsized{strings.NewReader(text)}, nil }, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer, bucket := gridBucket(t)
			source, err := test.source()
			noError(t, err)
			if file, ok := source.(*os.File); ok {
				defer file.Close()
			}
			var calls followed
			told := make(chan motor.Progress, 10)
			ctx := motor.WithProgress(t.Context(), func(p motor.Progress) {
				calls = append(calls, p)
				if p.Done > 0 {
					told <- p
				}
			})
			id := bucket.UploadFromStream(ctx, "f", source)
			peer.Receive("insert").OK(bson.M{"n": 8})
			rest := peer.Receive("insert")
			const sent = 8 * 255 * 1024
			if got, want := <-told, (motor.Progress{Done: sent, Total: test.total, Unit: "bytes"}); got != want {
				t.Errorf("got %+v after the first chunks, want %+v", got, want)
			}
			rest.OK(bson.M{"n": 5})
			peer.Receive("insert").OK(bson.M{"n": 1}) // the file's document
			succeed(t, id)
			calls.want(t, motor.Progress{Done: enough, Total: enough, Unit: "bytes"})
		})
	}
	t.Run("failure", func(t *testing.T) {
		peer, bucket := gridBucket(t)
		peer.Handle("delete", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
		var calls followed
		id := bucket.UploadFromStream(calls.in(t.Context()), "f", strings.NewReader(text))
		peer.Receive("insert").OK(bson.M{"n": 8})
		peer.Receive("insert").Fail(1, "InternalError", "broken")
		if _, err := id.Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v, want OperationFailure", err)
		}
		calls.want(t, motor.Progress{Done: 8 * 255 * 1024, Total: enough, Unit: "bytes"})
	})
	t.Run("length panics", func(t *testing.T) {
		peer, bucket := gridBucket(t)
		_ = peer
		var calls followed
		_, err := bucket.UploadFromStream(calls.in(t.Context()), "f", panicking{}).Await(t.Context())
		var p *future.PanicError
		if !errors.As(err, &p) || p.Value != "length" || len(calls) != 0 {
			t.Errorf("got %v and the calls %v, want the panic and none", err, calls)
		}
	})
}

// panicking is a reader whose Len panics.
type panicking struct{ io.Reader }

func (panicking) Len() int { panic("length") }

func TestProgressOfWrite(t *testing.T) {
	peer, bucket := gridBucket(t)
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": documentsOf(r)}) })
	in := bucket.OpenUploadStream("f")
	for _, test := range []struct {
		name  string
		write func(context.Context) *future.Future[struct{}]
		bytes int64
	}{
		{"small", func(ctx context.Context) *future.Future[struct{}] { return in.Write(ctx, "abc") }, 3},
		{"large", func(ctx context.Context) *future.Future[struct{}] { return in.Write(ctx, make([]byte, enough)) }, enough},
		{"reader", func(ctx context.Context) *future.Future[struct{}] { return in.Write(ctx, strings.NewReader("abcd")) }, 4},
		{"empty reader", func(ctx context.Context) *future.Future[struct{}] { return in.Write(ctx, strings.NewReader("")) }, 0},
		{"list", func(ctx context.Context) *future.Future[struct{}] {
			return in.Writelines(ctx, []any{"abc", []byte("de"), unsized{strings.NewReader("f")}})
		}, 6},
	} {
		t.Run(test.name, func(t *testing.T) {
			var calls followed
			succeed(t, test.write(calls.in(t.Context())))
			calls.want(t, motor.Progress{Done: test.bytes, Total: test.bytes, Unit: "bytes"})
		})
	}
	var calls followed
	succeed(t, in.Close(calls.in(t.Context())))
	if len(calls) != 0 {
		t.Errorf("got the calls %v of Close, want none", calls)
	}
}

func TestProgressOfDownload(t *testing.T) {
	const length = 5
	for _, test := range []struct {
		name  string
		read  func(context.Context, *motor.GridFSBucket) error
		bytes int64
	}{
		{"DownloadToStream", func(ctx context.Context, b *motor.GridFSBucket) error {
			return second(b.DownloadToStream(ctx, 1, io.Discard).Await(context.Background()))
		}, length},
		{"Read of all", func(ctx context.Context, b *motor.GridFSBucket) error {
			out, err := b.OpenDownloadStream(ctx, 1).Await(context.Background())
			return errors.Join(err, second(out.Read(ctx, -1).Await(context.Background())))
		}, length},
		{"Read of a part", func(ctx context.Context, b *motor.GridFSBucket) error {
			out, err := b.OpenDownloadStream(ctx, 1).Await(context.Background())
			_, seekErr := out.Seek(1, io.SeekStart)
			return errors.Join(err, seekErr, second(out.Read(ctx, 3).Await(context.Background())))
		}, 3},
		{"upload of a download", func(ctx context.Context, b *motor.GridFSBucket) error {
			out, err := b.OpenDownloadStream(context.Background(), 1).Await(context.Background())
			_, seekErr := out.Seek(1, io.SeekStart)
			return errors.Join(err, seekErr, second(b.OpenUploadStream("f").Write(ctx, out).Await(context.Background())))
		}, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("find", func(r *wiretest.Request) {
				if r.Command.Lookup("find").StringValue() == "fs.files" {
					r.Cursor("d.fs.files", 0, bson.M{"_id": 1, "length": length, "chunkSize": 2})
					return
				}
				r.Cursor("d.fs.chunks", 0,
					bson.M{"n": 0, "data": []byte("ab")}, bson.M{"n": 1, "data": []byte("cd")}, bson.M{"n": 2, "data": []byte("e")})
			})
			var calls followed
			noError(t, test.read(calls.in(t.Context()), bucketOf(t, peer)))
			calls.want(t, motor.Progress{Done: test.bytes, Total: test.bytes, Unit: "bytes"})
			if first := calls[0]; first.Total != test.bytes {
				t.Errorf("got the first call %+v, want a total of %d", first, test.bytes)
			}
		})
	}
}

// insertPeer is a server that accepts inserts, and returns the sizes of them so far.
func insertPeer(t *testing.T) (*wiretest.Peer, func() []int) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("ping", ok())
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": documentsOf(r)}) })
	return peer, func() (sizes []int) {
		for _, cmd := range peer.Seen("insert") {
			values, _ := cmd.Lookup("documents").Array().Values()
			sizes = append(sizes, len(values))
		}
		return sizes
	}
}

func numbers(n int) []bson.M {
	docs := make([]bson.M, n)
	for i := range docs {
		docs[i] = bson.M{"_id": i}
	}
	return docs
}

func inserts(n int) []mongo.WriteModel {
	models := make([]mongo.WriteModel, n)
	for i := range models {
		models[i] = mongo.NewInsertOneModel().SetDocument(bson.M{"_id": i})
	}
	return models
}

// bulkInserts are the operations that insert documents {_id: 0...} in parts. They return the number of inserted
// documents.
var bulkInserts = []struct {
	name string
	run  func(ctx context.Context, c *motor.Collection[bson.M], n int, ordered bool) (int64, error)
}{
	{"BulkWrite", func(ctx context.Context, c *motor.Collection[bson.M], n int, ordered bool) (int64, error) {
		r, err := c.BulkWrite(ctx, inserts(n), options.BulkWrite().SetOrdered(ordered)).Await(context.Background())
		return r.Inserted(), err
	}},
	{"BulkWrite with wtimeout", func(ctx context.Context, c *motor.Collection[bson.M], n int, ordered bool) (int64, error) {
		c.WriteConcern().Set("wtimeout", 1000)
		r, err := c.BulkWrite(ctx, inserts(n), options.BulkWrite().SetOrdered(ordered)).Await(context.Background())
		return r.Inserted(), err
	}},
	{"InsertMany", func(ctx context.Context, c *motor.Collection[bson.M], n int, ordered bool) (int64, error) {
		r, err := c.InsertMany(ctx, numbers(n), options.InsertMany().SetOrdered(ordered)).Await(context.Background())
		if r == nil {
			return 0, err
		}
		for i, id := range r.InsertedIDs {
			if err == nil && id != int32(i) {
				return 0, fmt.Errorf("InsertedIDs[%d] = %v, want %d", i, id, i)
			}
		}
		return int64(len(r.InsertedIDs)), err
	}},
	{"InsertMany with wtimeout", func(ctx context.Context, c *motor.Collection[bson.M], n int, ordered bool) (int64, error) {
		c.WriteConcern().Set("wtimeout", 1000)
		r, err := c.InsertMany(ctx, numbers(n), options.InsertMany().SetOrdered(ordered)).Await(context.Background())
		if r == nil {
			return 0, err
		}
		return int64(len(r.InsertedIDs)), err
	}},
}

func TestProgressOfBulk(t *testing.T) {
	for _, op := range bulkInserts {
		t.Run(op.name, func(t *testing.T) {
			peer, sizes := insertPeer(t)
			client := newClient(t, peer.URI())
			succeed(t, client.Database("admin").Command(t.Context(), "ping")) // now the client knows the limits of the server
			coll := client.Database("d").Collection("c")
			if n, err := op.run(t.Context(), coll, 2500, true); n != 2500 || err != nil || len(sizes()) != 1 {
				t.Errorf("got %d, %v, and inserts of %v; want 2500, nil, and one insert without progress", n, err, sizes())
			}
			var calls followed
			n, err := op.run(calls.in(t.Context()), coll, 2500, true)
			if got := fmt.Sprint(sizes()); n != 2500 || err != nil || got != "[2500 1000 1000 500]" {
				t.Errorf("got %d, %v, and inserts of %s; want 2500, nil, and [2500 1000 1000 500]", n, err, got)
			}
			calls.want(t, motor.Progress{Done: 2500, Total: 2500, Unit: "writes"})
		})
	}
}

// TestProgressOfBulkFailures checks that the outcomes of parts are those of one bulk.
func TestProgressOfBulkFailures(t *testing.T) {
	for _, test := range []struct {
		name     string
		ordered  bool
		fails    func(*wiretest.Request) // the second of three parts
		inserted int64
		class    error
		failed   []int // indexes of the write errors
		done     int64
	}{
		{"ordered write error", true, func(r *wiretest.Request) {
			r.Reply(bson.M{"ok": 1, "n": 5, "writeErrors": bson.A{bson.M{"index": 5, "code": 11000, "errmsg": "duplicate"}}})
		}, 1005, motor.BulkWriteError, []int{1005}, 1006},
		{"unordered write errors", false, func(r *wiretest.Request) {
			r.Reply(bson.M{"ok": 1, "n": 998, "writeErrors": bson.A{
				bson.M{"index": 5, "code": 11000, "errmsg": "duplicate"}, bson.M{"index": 7, "code": 11000, "errmsg": "duplicate"},
			}})
		}, 2498, motor.BulkWriteError, []int{1005, 1007}, 2500},
		{"unordered write concern error", false, func(r *wiretest.Request) {
			r.Reply(bson.M{"ok": 1, "n": 1000, "writeConcernError": bson.M{"code": 64, "errmsg": "timeout"}})
		}, 2500, motor.BulkWriteError, nil, 2500},
		{"error of the command", false, func(r *wiretest.Request) { r.Fail(13, "Unauthorized", "no") }, 1000, motor.OperationFailure, nil, 1000},
		{"index out of the part", false, func(r *wiretest.Request) {
			r.Reply(bson.M{"ok": 1, "n": 999, "writeErrors": bson.A{bson.M{"index": 1200, "code": 1, "errmsg": "wrong"}}})
		}, 1000, motor.ProtocolError, nil, 1000},
	} {
		for _, op := range bulkInserts {
			t.Run(test.name+", "+op.name, func(t *testing.T) {
				peer, _ := insertPeer(t)
				parts := 0
				peer.Handle("insert", func(r *wiretest.Request) {
					if parts++; parts == 2 {
						test.fails(r)
						return
					}
					r.OK(bson.M{"n": documentsOf(r)})
				})
				var calls followed
				coll := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
				n, err := op.run(calls.in(t.Context()), coll, 2500, test.ordered)
				if !errors.Is(err, test.class) || n != test.inserted {
					t.Errorf("got %d, %v; want %d, %v", n, err, test.inserted, test.class)
				}
				var failed []int
				for _, e := range writeErrors(err) {
					failed = append(failed, e.Index)
				}
				if fmt.Sprint(failed) != fmt.Sprint(test.failed) {
					t.Errorf("got write errors of %v, want %v", failed, test.failed)
				}
				last := motor.Progress{Done: test.done, Total: 2500, Unit: "writes"}
				calls.want(t, last)
			})
		}
	}
}

// An unordered bulk that loses its connection keeps the write errors of the parts before.
func TestProgressOfLostBulk(t *testing.T) {
	for _, op := range bulkInserts {
		t.Run(op.name, func(t *testing.T) {
			peer, _ := insertPeer(t)
			parts := 0
			peer.Handle("insert", func(r *wiretest.Request) {
				if parts++; parts == 2 {
					r.HangUp()
					return
				}
				r.OK(bson.M{"n": 999, "writeErrors": bson.A{bson.M{"index": 5, "code": 11000, "errmsg": "duplicate"}}})
			})
			coll := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
			var calls followed
			n, err := op.run(calls.in(t.Context()), coll, 2500, false)
			var own *motor.Error
			if n != 999 || !errors.Is(err, motor.AutoReconnect) || !errors.As(err, &own) {
				t.Fatalf("got %d, %v; want 999, AutoReconnect", n, err)
			}
			if index := own.Details().Lookup("writeErrors", "0", "index"); index.IsZero() || index.AsInt64() != 5 {
				t.Errorf("Details() = %v, want a write error with index 5", own.Details())
			}
		})
	}
}

// writeErrors returns the write errors of a bulk.
func writeErrors(err error) []mongo.BulkWriteError {
	var bulk mongo.BulkWriteException
	errors.As(err, &bulk)
	return bulk.WriteErrors
}

// TestProgressOfMixedBulk checks the counts and _ids of updates and deletes in parts.
func TestProgressOfMixedBulk(t *testing.T) {
	peer, _ := insertPeer(t)
	peer.Handle("update", func(r *wiretest.Request) {
		r.OK(bson.M{"n": 2, "nModified": 1, "upserted": bson.A{bson.M{"index": 1, "_id": "new"}}})
	})
	peer.Handle("delete", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	var models []mongo.WriteModel
	for range 2 {
		models = append(models, inserts(997)...)
		models = append(models,
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": 1}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}),
			mongo.NewUpdateOneModel().SetFilter(bson.M{"_id": -1}).SetUpdate(bson.M{"$set": bson.M{"a": 1}}).SetUpsert(true),
			mongo.NewDeleteOneModel().SetFilter(bson.M{"_id": 2}))
	}
	var calls followed
	r := succeed(t, newClient(t, peer.URI()).Database("d").Collection("c").BulkWrite(calls.in(t.Context()), models))
	ids, err := r.UpsertedIDs()
	got := fmt.Sprint(r.Inserted(), r.Matched(), r.Modified(), r.Upserted(), r.Deleted(), ids, err)
	if want := "1994 2 2 2 2 map[998:new 1998:new] <nil>"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	calls.want(t, motor.Progress{Done: 2000, Total: 2000, Unit: "writes"})
}

func TestProgressFunction(t *testing.T) {
	docs := bson.M{}
	t.Run("waits for other operations", func(t *testing.T) {
		client := newClient(t, readPeer(t).URI(), motor.WithMaxWorkers(1), motor.WithMaxQueue(1))
		coll := client.Database("d").Collection("c")
		calls := 0
		ctx := motor.WithProgress(t.Context(), func(motor.Progress) {
			calls++
			succeed(t, coll.Find(docs).ToList(t.Context()))
		})
		if succeed(t, coll.Find(docs).ToList(ctx)); calls == 0 {
			t.Error("got no call before the result, want some")
		}
	})
	t.Run("panics", func(t *testing.T) {
		told := reporttest.Reports(t)
		coll := newClient(t, readPeer(t).URI()).Database("d").Collection("c")
		calls := 0
		ctx := motor.WithProgress(t.Context(), func(motor.Progress) {
			calls++
			panic("stop")
		})
		if list := succeed(t, coll.Find(docs).ToList(ctx)); len(list) != 4 || calls != 1 {
			t.Errorf("got %d documents and %d calls, want 4 and 1", len(list), calls)
		}
		var p *future.PanicError
		if err := <-told; !errors.As(err, &p) || p.Value != "stop" {
			t.Errorf("got the reported error %v, want the panic", err)
		}
	})
	t.Run("does not return before a cancellation", func(t *testing.T) {
		for _, cancelFuture := range []bool{true, false} {
			coll := newClient(t, readPeer(t).URI(), motor.WithMaxWorkers(1)).Database("d").Collection("c")
			called, leave := make(chan struct{}), make(chan struct{})
			outer, cancel := context.WithCancel(t.Context())
			first := sync.OnceFunc(func() { close(called) })
			ctx := motor.WithProgress(outer, func(motor.Progress) {
				first()
				<-leave
			})
			list := coll.Find(docs).ToList(ctx)
			<-called
			if cancelFuture {
				list.Cancel()
			} else {
				cancel()
			}
			if _, err := list.Await(context.Background()); cancelFuture && !errors.Is(err, future.ErrCancelled) {
				t.Errorf("got %v, want ErrCancelled", err)
			}
			succeed(t, coll.Find(docs).ToList(t.Context())) // the slot is free
			cancel()
			close(leave)
		}
	})
	t.Run("is nil", func(t *testing.T) {
		var calls followed
		coll := newClient(t, readPeer(t).URI()).Database("d").Collection("c")
		succeed(t, coll.Find(docs).ToList(motor.WithProgress(calls.in(t.Context()), nil)))
		if len(calls) != 0 {
			t.Errorf("got the calls %v of the outer function, want none", calls)
		}
	})
	t.Run("is on a loop that is closed", func(t *testing.T) {
		told := reporttest.Reports(t, errClosed)
		coll := newClient(t, readPeer(t).URI(), motor.WithIOLoop(closed{})).Database("d").Collection("c")
		ctx := motor.WithProgress(t.Context(), func(motor.Progress) { t.Error("the function runs without its loop") })
		succeed(t, coll.Find(docs).ToList(ctx))
		if err := <-told; !errors.Is(err, errClosed) {
			t.Errorf("got the reported error %v, want that of the loop", err)
		}
	})
}

// closed is a loop that runs nothing.
type closed struct{}

var errClosed = errors.New("the loop is closed")

func (closed) Execute(func()) error { return errClosed }
