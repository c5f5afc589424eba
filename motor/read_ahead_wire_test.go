package motor_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// startAhead returns a cursor that reads ahead. Its find gets the document {i: 0}.
func startAhead(t *testing.T, batches int, opts ...string) (*wiretest.Peer, *motor.Cursor[bson.M]) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
	return peer, newClient(t, peer.URI(opts...)).Database("d").Collection("c").Find(bson.M{}).BatchSize(1).ReadAhead(batches)
}

// wantNext checks that the next document of a cursor is {i: i}.
func wantNext(t *testing.T, c *motor.Cursor[bson.M], i int32) {
	t.Helper()
	if doc := succeed(t, c.Next(t.Context())); doc["i"] != i {
		t.Errorf("Next() = %v, want i: %d", doc, i)
	}
}

// The next batch is asked for before the last document of this one is read.
func TestReadAheadFetchesEarly(t *testing.T) {
	peer, c := startAhead(t, 2)
	wantNext(t, c, 0)
	peer.Receive("getMore").Want(bson.M{"batchSize": 1}).Cursor("d.c", 7, bson.M{"i": 1})
	peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 2}) // two batches wait
	wantNext(t, c, 1)
	peer.Receive("getMore").Cursor("d.c", 0, bson.M{"i": 3})
	if !c.Alive() || c.CursorID() != 7 {
		t.Errorf("Alive() = %v, CursorID() = %d before the last batch is read, want true, 7", c.Alive(), c.CursorID())
	}
	wantNext(t, c, 2)
	wantNext(t, c, 3)
	if _, err := c.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.StopAsyncIteration) {
		t.Errorf("got %v at the end, want StopAsyncIteration", err)
	}
	if c.Alive() || c.CursorID() != 0 {
		t.Errorf("Alive() = %v, CursorID() = %d at the end, want false, 0", c.Alive(), c.CursorID())
	}
}

func TestReadAheadWays(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(context.Context, *motor.Collection[bson.M]) (int, error)
	}{
		{"ToList", func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			docs, err := c.Find(bson.M{}).ReadAhead(1).ToList(ctx).Await(ctx)
			return len(docs), err
		}},
		{"FetchNext of a clone", func(ctx context.Context, c *motor.Collection[bson.M]) (n int, err error) {
			cursor := c.Find(bson.M{}).ReadAhead(3).Clone()
			for {
				more, err := cursor.FetchNext(ctx).Await(ctx)
				if err != nil || !more {
					return n, err
				}
				cursor.NextObject()
				n++
			}
		}},
		{"Aggregate", func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			docs, err := c.Aggregate(bson.A{}).ReadAhead(2).ToList(ctx).Await(ctx)
			return len(docs), err
		}},
		{"raw batches", func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			batches, err := c.FindRawBatches(bson.M{}).ReadAhead(2).ToList(ctx).Await(ctx)
			return len(batches), err
		}},
		{"raw batches of Aggregate", func(ctx context.Context, c *motor.Collection[bson.M]) (int, error) {
			batches, err := c.AggregateRawBatches(bson.A{}).ReadAhead(2).ToList(ctx).Await(ctx)
			return len(batches), err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			for _, name := range []string{"find", "aggregate"} {
				peer.Handle(name, func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
			}
			more := 0
			peer.Handle("getMore", func(r *wiretest.Request) {
				id := int64(7)
				if more++; more == 9 {
					id = 0
				}
				r.Cursor("d.c", id, bson.M{"i": more})
			})
			if n, err := test.read(t.Context(), newClient(t, peer.URI()).Database("d").Collection("c")); n != 10 || err != nil {
				t.Errorf("got %d documents, %v, want 10", n, err)
			}
		})
	}
}

// A read that is cancelled while it waits does not lose the batch.
func TestReadAheadCancelledRead(t *testing.T) {
	peer, c := startAhead(t, 1)
	wantNext(t, c, 0)
	held := peer.Receive("getMore")
	ctx, cancel := context.WithCancel(t.Context())
	waiting := c.Next(ctx)
	cancel()
	if _, err := waiting.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	held.Cursor("d.c", 0, bson.M{"i": 1})
	wantNext(t, c, 1)
}

func TestReadAheadError(t *testing.T) {
	peer, c := startAhead(t, 3)
	wantNext(t, c, 0)
	peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 1})
	peer.Receive("getMore").Fail(43, "CursorNotFound", "gone")
	wantNext(t, c, 1) // what was fetched before the error
	if _, err := c.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.CursorNotFound) {
		t.Errorf("got %v, want CursorNotFound", err)
	}
	if c.Alive() {
		t.Error("Alive() = true after the error, want false")
	}
}

func TestReadAheadBadDocument(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	c := motor.CollectionOf[struct{ I int32 }](newClient(t, peer.URI()).Database("d"), "c").Find(bson.M{}).ReadAhead(2)
	first := c.FetchNext(t.Context())
	peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": "bad"}, bson.M{"i": 2})
	peer.Receive("getMore").Cursor("d.c", 0, bson.M{"i": 3})
	succeed(t, first)
	var got []any
	for len(got) < 4 {
		doc, err := c.Next(t.Context()).Await(t.Context())
		if err != nil {
			got = append(got, errors.Is(err, motor.InvalidBSON))
			continue
		}
		got = append(got, doc.I)
	}
	if want := "[0 true 2 3]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestReadAheadClose(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*motor.Cursor[bson.M]) error
	}{
		{"Close", func(c *motor.Cursor[bson.M]) error {
			_, err := c.Close(context.Background()).Await(context.Background())
			return err
		}},
		{"Rewind", func(c *motor.Cursor[bson.M]) error { c.Rewind(); return nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer, c := startAhead(t, 2)
			killed := make(chan *wiretest.Request, 1)
			peer.Handle("killCursors", func(r *wiretest.Request) { r.OK(); killed <- r })
			wantNext(t, c, 0)
			held := peer.Receive("getMore")
			if err := test.end(c); err != nil {
				t.Errorf("got %v, want nil", err)
			}
			(<-killed).Want(bson.M{"cursors": []int64{7}})
			held.Nothing()
		})
	}
}

func TestReadAheadClientClosed(t *testing.T) {
	for _, name := range []string{"during getMore", "with a batch that waits"} {
		t.Run(name, func(t *testing.T) {
			peer, c := startAhead(t, 1)
			wantNext(t, c, 0)
			held := peer.Receive("getMore")
			if name == "with a batch that waits" {
				held.Cursor("d.c", 7, bson.M{"i": 1})
			}
			if err := c.Collection().Database().Client().Close(context.Background()); err != nil {
				t.Errorf("Close() = %v, want nil", err)
			}
			if doc, err := c.Next(t.Context()).Await(t.Context()); err == nil && doc["i"] != int32(1) || err != nil && !errors.Is(err, motor.InvalidOperation) {
				t.Errorf("Next() after Close = %v, %v, want a fetched document or InvalidOperation", doc, err)
			}
			if name == "during getMore" {
				held.Nothing()
			}
		})
	}
}

func TestReadAheadAfterRewind(t *testing.T) {
	peer, c := startAhead(t, 1)
	wantNext(t, c, 0)
	peer.Receive("getMore").Cursor("d.c", 0, bson.M{"i": 1})
	c.Rewind()
	wantNext(t, c, 0)
	peer.Receive("getMore").Cursor("d.c", 0, bson.M{"i": 1})
	wantNext(t, c, 1)
}

// A cursor in a session does not read ahead: the operations of a session run one after the other.
func TestReadAheadInSession(t *testing.T) {
	peer, c := startAhead(t, 2)
	peer.Handle("ping", ok())
	client := c.Collection().Database().Client()
	s := succeed(t, client.StartSession(t.Context()))
	defer s.EndSession(context.Background())
	if doc := succeed(t, c.Next(s.Context(t.Context()))); doc["i"] != int32(0) {
		t.Errorf("got %v, want i: 0", doc)
	}
	succeed(t, client.Database("admin").Command(s.Context(t.Context()), "ping"))
	if n := len(peer.Seen("getMore")); n != 0 {
		t.Errorf("got %d getMore commands, want 0", n)
	}
	second := c.Next(t.Context())
	peer.Receive("getMore").Cursor("d.c", 0, bson.M{"i": 1})
	succeed(t, second)
}

func TestReadAheadDroppedCursor(t *testing.T) {
	peer, c := startAhead(t, 1)
	wantNext(t, c, 0)
	held := peer.Receive("getMore")
	c = nil
	collected(t, "the cursor was not closed", func() bool { return len(peer.Seen("killCursors")) > 0 })
	held.Nothing()
}

// The contexts of reads do not keep a dropped cursor, although fetching ahead has their values.
func TestReadAheadDroppedWithContext(t *testing.T) {
	type key struct{}
	peer, c := startAhead(t, 1)
	succeed(t, c.Next(context.WithValue(t.Context(), key{}, c)))
	held := peer.Receive("getMore")
	c = nil
	collected(t, "the cursor was not closed", func() bool { return len(peer.Seen("killCursors")) > 0 })
	held.Nothing()
}

// Options that are set between two reads apply to the batches that are asked for after the second.
func TestReadAheadLateOptions(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("aggregate", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
	c := newClient(t, peer.URI()).Database("d").Collection("c").Aggregate(bson.A{}).ReadAhead(1)
	succeed(t, c.Next(t.Context()))
	peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 1})
	c.BatchSize(5).Comment("late")
	succeed(t, c.Next(t.Context()))
	peer.Receive("getMore").Want(bson.M{"batchSize": 5, "comment": "late"}).Cursor("d.c", 0, bson.M{"i": 2})
	succeed(t, c.Next(t.Context()))
}

// The limit needs no memory.
func TestReadAheadHugeLimit(t *testing.T) {
	peer, c := startAhead(t, math.MaxInt)
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"i": 1}) })
	wantNext(t, c, 0)
	wantNext(t, c, 1)
}

// A read that waits for a batch, however many may wait, learns that the client was closed.
func TestReadAheadClosedDuringRead(t *testing.T) {
	for range 10 { // the order of two endings must not matter
		peer, c := startAhead(t, 3)
		wantNext(t, c, 0)
		waiting := c.Next(t.Context())
		held := peer.Receive("getMore")
		if err := c.Collection().Database().Client().Close(context.Background()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
		if _, err := waiting.Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("got %v, want InvalidOperation", err)
		}
		held.Nothing()
	}
}

func TestReadAheadInvalid(t *testing.T) {
	_, c := startAhead(t, -1)
	if err := c.Err(); !errors.Is(err, motor.ValueError) {
		t.Errorf("got %v, want ValueError", err)
	}
	if err := c.Clone().Err(); !errors.Is(err, motor.ValueError) {
		t.Errorf("clone: got %v, want ValueError", err)
	}
	a := newClient(t, noServerURI).Database("d").Collection("c").Aggregate(bson.A{}).ReadAhead(-1)
	if err := a.Err(); !errors.Is(err, motor.ValueError) {
		t.Errorf("Aggregate: got %v, want ValueError", err)
	}
}
