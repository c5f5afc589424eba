package motor_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// lateEnd ends a context after a read has received its reply and before it returns.
type lateEnd struct {
	mu      sync.Mutex
	command string // whose reply triggers end
	end     func() // called within the operation, after the reply
	monitor *event.CommandMonitor
}

func newLateEnd() *lateEnd {
	l := new(lateEnd)
	l.monitor = &event.CommandMonitor{Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
		l.mu.Lock()
		end := l.end
		if e.CommandName != l.command {
			end = nil
		}
		l.mu.Unlock()
		if end != nil {
			end()
		}
	}}
	return l
}

func (l *lateEnd) on(command string, end func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.command, l.end = command, end
}

// A read whose context ends as it succeeds either returns its bytes or leaves them to the next read.
func TestGridOutContextEndsAsReadSucceeds(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(context.Context, *motor.GridOut) *future.Future[[]byte]
	}{
		{"ReadChunk", func(ctx context.Context, o *motor.GridOut) *future.Future[[]byte] { return o.ReadChunk(ctx) }},
		{"Read", func(ctx context.Context, o *motor.GridOut) *future.Future[[]byte] { return o.Read(ctx, gridChunkSize) }},
		{"ReadLine", func(ctx context.Context, o *motor.GridOut) *future.Future[[]byte] {
			return o.ReadLine(ctx, gridChunkSize)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := gridPeer(t, 4)
			late := newLateEnd()
			out := gridFile(t, peer, motor.WithClientOptions(options.Client().SetMonitor(late.monitor)))
			readChunks(t, out, 0, 2)

			ctx, cancel := context.WithCancel(t.Context())
			answered, gaveUp := make(chan struct{}), make(chan struct{})
			late.on("getMore", func() {
				close(answered)
				<-gaveUp
			})
			f := test.read(ctx, out)
			<-answered // a worker runs the read
			cancel()
			chunk, err := f.Await(ctx)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %d bytes, %v, want context.Canceled", len(chunk), err)
			}
			late.on("", nil)
			close(gaveUp)
			readChunks(t, out, 2, 4) // takes its turn after the read
			if pos := out.Tell(); pos != 4*gridChunkSize {
				t.Errorf("Tell() = %d, want %d", pos, 4*gridChunkSize)
			}
		})
	}
}

// readerFunc implements io.Reader.
type readerFunc func([]byte) (int, error)

func (fn readerFunc) Read(p []byte) (int, error) { return fn(p) }

// writerFunc implements io.Writer and http.ResponseWriter.
type writerFunc func([]byte) (int, error)

func (fn writerFunc) Write(p []byte) (int, error) { return fn(p) }
func (fn writerFunc) Header() http.Header         { return nil }
func (fn writerFunc) WriteHeader(int)             {}

// User code that runs within an operation of a session may use the session.
func TestGridFSUserCodeInSession(t *testing.T) {
	type run struct {
		bucket *motor.GridFSBucket
		ctx    context.Context // with the session
		use    func() error    // uses the session
	}
	write := func(r run) writerFunc {
		return func(p []byte) (int, error) { return len(p), r.use() }
	}
	for _, test := range []struct {
		name string
		call func(run) error
	}{
		{"upload", func(r run) error {
			done := false
			source := readerFunc(func(p []byte) (int, error) {
				if done {
					return 0, io.EOF
				}
				done = true
				return len(p), r.use()
			})
			_, err := r.bucket.UploadFromStream(r.ctx, "g", source).Await(r.ctx)
			return err
		}},
		{"download", func(r run) error {
			n, err := r.bucket.DownloadToStream(r.ctx, "f", write(r)).Await(r.ctx)
			if err == nil && n != 3*gridChunkSize {
				err = fmt.Errorf("%d bytes", n)
			}
			return err
		}},
		{"stream to a handler", func(r run) error {
			out := motor.NewGridOut(r.bucket.Collection(), "f")
			_, err := out.StreamToHandler(r.ctx, write(r)).Await(r.ctx)
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := gridPeerAs(t, wiretest.Primary, 3)
			client := newClient(t, peer.URI("retryWrites=false"), motor.WithMaxWorkers(1))
			s := sessionOf(t, client)
			peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": documentsOf(r)}) })
			uses := 0
			peer.Handle("update", func(r *wiretest.Request) {
				uses++
				r.OK(bson.M{"n": 1})
			})
			ctx, cancel := context.WithTimeout(s.Context(t.Context()), 2*time.Second) // bounds a deadlock
			defer cancel()
			bucket, err := motor.NewGridFSBucket(client.Database("d"))
			if err != nil {
				t.Fatalf("got error %v, want nil", err)
			}
			err = test.call(run{bucket, ctx, func() error {
				update := bson.M{"$inc": bson.M{"n": 1}}
				_, err := client.Database("d").Collection("c").UpdateOne(ctx, bson.M{"_id": 1}, update).Await(ctx)
				return err
			}})
			if err != nil || uses == 0 {
				t.Errorf("got %v, %d uses of the session, want nil, at least 1", err, uses)
			}
			for _, name := range []string{"find", "getMore", "insert", "update"} {
				for _, command := range peer.Seen(name) {
					if !isOf(command, s) {
						t.Errorf("%s was not sent in the session", name)
					}
				}
			}
		})
	}
}

// Operations that user code calls in the session run within the current operation. Operations that were called before
// wait until it ends.
func TestGridFSUserCodeOrderInSession(t *testing.T) {
	peer, bucket := gridBucketOf(t, wiretest.Primary)
	db := bucket.Collection().Database()
	s := sessionOf(t, db.Client())
	ctx := s.Context(t.Context())
	var order []string
	for _, name := range []string{"insert", "delete"} {
		peer.Handle(name, func(r *wiretest.Request) {
			order = append(order, r.Command.Lookup(name).StringValue())
			r.OK(bson.M{"n": 1})
		})
	}
	remove := func(name string) *future.Future[*motor.DeleteResult] {
		return db.Collection(name).DeleteOne(ctx, bson.M{})
	}
	reading, goOn := make(chan struct{}), make(chan struct{})
	calls := 0
	var left *future.Future[*motor.DeleteResult]
	in := bucket.OpenUploadStream("f")
	peer.Handle("ping", nil) // keeps the session busy until all calls are made
	pinging := db.Command(ctx, "ping")
	writing := in.Write(ctx, readerFunc(func(p []byte) (int, error) {
		calls++
		if calls > 1 {
			return 0, io.EOF
		}
		close(reading)
		<-goOn
		_, err := remove("waited for").Await(t.Context())
		left = remove("left behind")
		return copy(p, "data"), err
	}))
	after := remove("after")
	peer.Receive("ping").OK()
	succeed(t, pinging)
	<-reading
	closing := in.Close(ctx) // a second operation on the file
	ending := s.EndSession(t.Context())
	close(goOn)
	succeed(t, writing)
	succeed(t, left)
	succeed(t, after)
	succeed(t, closing)
	succeed(t, ending)
	want := []string{"waited for", "left behind", "after", "fs.chunks", "fs.files"}
	if !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
}
