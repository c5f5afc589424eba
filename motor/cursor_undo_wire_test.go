package motor_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// deadline is a context whose end only Await sees. It stands for an operation that succeeds as its deadline passes.
type deadline struct {
	context.Context
	waiting, end chan struct{}
}

func newDeadline(t *testing.T) *deadline {
	return &deadline{t.Context(), make(chan struct{}), make(chan struct{})}
}

// Suspend implements future.Suspender.
func (d *deadline) Suspend(future.Awaitable) error {
	close(d.waiting)
	<-d.end
	return context.DeadlineExceeded
}

// awaitUntilDeadline awaits f with the context of its operation, and then ends that context.
func awaitUntilDeadline[T any](t *testing.T, d *deadline, f *future.Future[T]) {
	t.Helper()
	ended := make(chan error)
	go func() {
		_, err := f.Await(d)
		ended <- err
	}()
	<-d.waiting
	close(d.end)
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v, want DeadlineExceeded", err)
	}
}

func awaiting[T any](f *future.Future[T]) func(*testing.T, *deadline) {
	return func(t *testing.T, d *deadline) { awaitUntilDeadline(t, d, f) }
}

// A read whose deadline passes as its batch arrives leaves the batch to the next read.
func TestCursorDeadlineAsBatchArrives(t *testing.T) {
	doc := func(n int) bson.M { return bson.M{"i": n} }
	is := func(doc bson.M, n int) bool { return doc["i"] == int32(n) }
	find := func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] { return c.Find(bson.D{}) }
	tail := func(c *motor.Collection[bson.M]) *motor.Cursor[bson.M] {
		return c.Find(bson.D{}, options.Find().SetCursorType(options.TailableAwait))
	}
	for _, test := range []struct {
		name string
		of   func(*motor.Collection[bson.M]) *motor.Cursor[bson.M]
		read func(context.Context, *motor.Cursor[bson.M]) (await func(*testing.T, *deadline))
	}{
		{"Next", find, func(ctx context.Context, c *motor.Cursor[bson.M]) func(*testing.T, *deadline) {
			return awaiting(c.Next(ctx))
		}},
		{"TryNext", find, func(ctx context.Context, c *motor.Cursor[bson.M]) func(*testing.T, *deadline) {
			return awaiting(c.TryNext(ctx))
		}},
		{"ToList", find, func(ctx context.Context, c *motor.Cursor[bson.M]) func(*testing.T, *deadline) {
			return awaiting(c.ToList(ctx))
		}},
		{"Next of a tailable cursor", tail, func(ctx context.Context, c *motor.Cursor[bson.M]) func(*testing.T, *deadline) {
			return awaiting(c.Next(ctx))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			cursor := test.of(newClient(t, peer.URI()).Database("d").Collection("c"))
			first := cursor.Next(t.Context())
			peer.Receive("find").Cursor("d.c", 7, doc(0))
			if doc, err := first.Await(t.Context()); !is(doc, 0) || err != nil {
				t.Fatalf("Next() = %v, %v, want i = 0, nil", doc, err)
			}
			d := newDeadline(t)
			await := test.read(d, cursor)
			held := peer.Receive("getMore")
			await(t, d)
			peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, doc(3)) })
			held.Cursor("d.c", 7, doc(1), doc(2))
			for n := 1; n <= 3; n++ {
				if doc, err := cursor.Next(t.Context()).Await(t.Context()); !is(doc, n) || err != nil {
					t.Errorf("Next() = %v, %v, want document %d, nil", doc, err, n)
				}
			}
		})
	}
}

// A read whose deadline passes as its batch arrives leaves the error of a document to the next read.
func TestCursorDeadlineAsBadDocumentArrives(t *testing.T) {
	type doc struct {
		I int `bson:"i"`
	}
	for _, test := range []struct {
		name string
		read func(context.Context, *motor.Cursor[doc]) (await func(*testing.T, *deadline))
	}{
		{"Next", func(ctx context.Context, c *motor.Cursor[doc]) func(*testing.T, *deadline) {
			return awaiting(c.Next(ctx))
		}},
		{"TryNext", func(ctx context.Context, c *motor.Cursor[doc]) func(*testing.T, *deadline) {
			return awaiting(c.TryNext(ctx))
		}},
		{"ToList", func(ctx context.Context, c *motor.Cursor[doc]) func(*testing.T, *deadline) {
			return awaiting(c.ToList(ctx))
		}},
		{"FetchNext", func(ctx context.Context, c *motor.Cursor[doc]) func(*testing.T, *deadline) {
			return awaiting(c.FetchNext(ctx))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			docs := motor.CollectionOf[doc](newClient(t, peer.URI()).Database("d"), "c")
			cursor := docs.Find(bson.D{})
			first := cursor.Next(t.Context())
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
			if _, err := first.Await(t.Context()); err != nil {
				t.Fatalf("Next() of document 0: %v", err)
			}
			d := newDeadline(t)
			await := test.read(d, cursor)
			held := peer.Receive("getMore")
			await(t, d)
			held.Cursor("d.c", 0, bson.M{"i": "bad"}, bson.M{"i": 1}, bson.M{"i": "bad"}, bson.M{"i": 2})
			for n := 1; n <= 2; n++ {
				if got, err := cursor.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.InvalidBSON) {
					t.Errorf("Next() of the bad document before %d = %v, %v, want InvalidBSON", n, got, err)
				}
				if got, err := cursor.Next(t.Context()).Await(t.Context()); got.I != n || err != nil {
					t.Errorf("Next() = %v, %v, want document %d, nil", got, err, n)
				}
			}
		})
	}
}

// A read that is cancelled between its failure and its settlement leaves its documents and its error to the next read.
func TestCursorCancelledAsReadFails(t *testing.T) {
	type doc struct {
		I int `bson:"i"`
	}
	for _, test := range []struct {
		name  string
		batch []any
		more  func(*wiretest.Request) // the reply to getMore
		class error
		after bool // the next read returns document 2
	}{
		{"bad document", []any{bson.M{"i": 1}, bson.M{"i": "bad"}, bson.M{"i": 2}}, nil, motor.InvalidBSON, true},
		{"getMore fails", []any{bson.M{"i": 1}}, func(r *wiretest.Request) { r.Fail(43, "CursorNotFound", "gone") }, motor.CursorNotFound, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			client := newClient(t, peer.URI())
			cursor := motor.CollectionOf[doc](client.Database("d"), "c").Find(bson.D{})
			started, once := make(chan *future.Future[[]doc], 1), sync.Once{}
			list := cursor.ToList(motor.WithProgress(t.Context(), func(p motor.Progress) {
				if p.Done == 0 {
					return
				}
				once.Do(func() {
					for client.Stats().Running > 0 { // the read has lent its slot: it has failed, and waits for this function
						time.Sleep(time.Millisecond)
					}
					(<-started).Cancel()
				})
			}))
			started <- list
			peer.Receive("find").Cursor("d.c", 7, test.batch...)
			if test.more != nil {
				test.more(peer.Receive("getMore"))
			}
			if _, err := list.Await(t.Context()); !errors.Is(err, future.ErrCancelled) {
				t.Fatalf("ToList() = %v, want ErrCancelled", err)
			}
			if got, err := cursor.Next(t.Context()).Await(t.Context()); got.I != 1 || err != nil {
				t.Errorf("Next() = %v, %v, want document 1, nil", got, err)
			}
			if got, err := cursor.Next(t.Context()).Await(t.Context()); !errors.Is(err, test.class) {
				t.Errorf("Next() = %v, %v, want %v", got, err, test.class)
			}
			if got, err := cursor.Next(t.Context()).Await(t.Context()); test.after && (got.I != 2 || err != nil) {
				t.Errorf("Next() = %v, %v, want document 2, nil", got, err)
			}
		})
	}
}

// A loop of reads with short deadlines returns each change once, in order.
func TestChangeStreamShortDeadlines(t *testing.T) {
	const n = 300
	peer, _, stream := openChangeStream(t)
	cancels := make(chan context.CancelFunc, 1)
	var sent atomic.Int32
	peer.Handle("getMore", func(r *wiretest.Request) {
		sent := int(sent.Add(1))
		if sent > n {
			changes(r, 0, 0)
			return
		}
		changes(r, 7, 0, changeEvent(sent+1))
		select {
		case cancel := <-cancels: // as the change arrives
			cancel()
		default:
		}
	})
	read := 0
	for {
		ctx, cancel := context.WithCancel(t.Context())
		select {
		case <-cancels:
		default:
		}
		cancels <- cancel
		doc, err := stream.Next(ctx).Await(ctx)
		cancel()
		switch {
		case errors.Is(err, context.Canceled):
		case errors.Is(err, motor.StopAsyncIteration):
			if read != n {
				t.Errorf("got %d changes, want %d", read, n)
			}
			return
		case err != nil || !isChange(doc, read+2):
			t.Fatalf("got %v, %v, want change %d, nil or DeadlineExceeded", doc, err, read)
		default:
			read++
		}
	}
}

// A change that arrives as the deadline passes goes to the next read.
func TestChangeStreamDeadlineAsChangeArrives(t *testing.T) {
	peer, _, stream := openChangeStream(t)
	d := newDeadline(t)
	f := stream.Next(d)
	held := peer.Receive("getMore")
	awaitUntilDeadline(t, d, f)
	peer.Handle("getMore", func(r *wiretest.Request) { changes(r, 7, 0, changeEvent(3)) })
	changes(held, 7, 0, changeEvent(2))
	for n := 2; n <= 3; n++ {
		if doc, err := stream.Next(t.Context()).Await(t.Context()); !isChange(doc, n) || err != nil {
			t.Errorf("change %d: Next() = %v, %v, want change %v, nil", n, doc, err, n)
		}
	}
}
