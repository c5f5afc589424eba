package motor_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestAbandonedCursorIsKilled(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(1))
	func() {
		cursor := client.Database("d").Collection("c").Find(bson.D{})
		first := cursor.Next(t.Context())
		peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1})
		if _, err := first.Await(t.Context()); err != nil {
			t.Fatalf("Next() = %v, want nil", err)
		}
	}()
	collected(t, "the cursor was not killed", func() bool { return len(peer.Seen("killCursors")) > 0 })
	kill := peer.Seen("killCursors")[0]
	if id := kill.Lookup("cursors", "0").Int64(); id != 7 || kill.Lookup("killCursors").StringValue() != "c" {
		t.Errorf("got killCursors %s, want collection c and cursor 7", kill)
	}
	if _, err := client.CloseCursor(t.Context(), 7).Await(t.Context()); !errors.Is(err, motor.CursorNotFound) {
		t.Errorf("CloseCursor() = %v, want CursorNotFound", err)
	}
}

func TestAbandonedCommandCursorIsKilled(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI())
	func() {
		found := client.Database("d").CursorCommand(t.Context(), bson.D{{Key: "find", Value: "c"}})
		peer.Receive("find").Cursor("d.c", 9, bson.M{"i": 0})
		if _, err := found.Await(t.Context()); err != nil {
			t.Fatalf("CursorCommand() = %v, want nil", err)
		}
	}()
	collected(t, "the cursor was not killed", func() bool { return len(peer.Seen("killCursors")) > 0 })
}

// No read waits and no reference to the cursor remains.
func TestAbandonedTailableCursorIsKilled(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI())
	poll := func() *wiretest.Request {
		cursor := client.Database("d").Collection("c").Find(bson.D{}, options.Find().SetCursorType(options.TailableAwait))
		first := cursor.FetchNext(t.Context())
		peer.Receive("find").Cursor("d.c", 7)
		if _, err := first.Await(t.Context()); err != nil {
			t.Fatalf("FetchNext() = %v, want nil", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		more := cursor.FetchNext(ctx)
		poll := peer.Receive("getMore")
		cancel()
		if _, err := more.Await(t.Context()); !errors.Is(err, context.Canceled) {
			t.Fatalf("FetchNext() = %v, want context.Canceled", err)
		}
		return poll
	}()
	collected(t, "the cursor was not killed", func() bool { return len(peer.Seen("killCursors")) > 0 })
	poll.Nothing()
}

func TestFinishedCursorIsNotKilled(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI())
	answerInTwo(peer)
	gone := make(chan struct{})
	func() {
		cursor := client.Database("d").Collection("c").Find(bson.D{})
		if docs, err := cursor.ToList(t.Context()).Await(t.Context()); len(docs) != 2 || err != nil {
			t.Fatalf("ToList() = %v, %v, want 2 documents, nil", docs, err)
		}
		closed := cursor.Clone()
		if _, err := closed.Next(t.Context()).Await(t.Context()); err != nil {
			t.Fatalf("Next() = %v, want nil", err)
		}
		if _, err := closed.Close(t.Context()).Await(t.Context()); err != nil {
			t.Fatalf("Close() = %v, want nil", err)
		}
		runtime.AddCleanup(closed, func(struct{}) { close(gone) }, struct{}{})
	}()
	collected(t, "the cursor was not collected", func() bool {
		select {
		case <-gone:
			return true
		default:
			return false
		}
	})
	if n := len(peer.Seen("killCursors")); n != 1 {
		t.Errorf("got %d killCursors commands, want the one of Close", n)
	}
}

// Killing an abandoned cursor does not reopen a closed client.
func TestAbandonedCursorOfClosedClient(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI())
	answerInTwo(peer)
	gone := make(chan struct{})
	func() {
		cursor := client.Database("d").Collection("c").Find(bson.D{})
		if _, err := cursor.Next(t.Context()).Await(t.Context()); err != nil {
			t.Fatalf("Next() = %v, want nil", err)
		}
		runtime.AddCleanup(cursor, func(struct{}) { close(gone) }, struct{}{})
	}()
	if err := client.Close(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	collected(t, "the cursor was not collected", func() bool {
		select {
		case <-gone:
			return true
		default:
			return false
		}
	})
	if motor.IsOpen(client) || len(peer.Seen("killCursors")) != 0 {
		t.Error("client was reopened")
	}
}

// As in Motor, the pending round trip continues and the next read returns its documents.
func TestCursorCancelledRead(t *testing.T) {
	for _, test := range []struct {
		name   string
		length []int
	}{{"a read of all", nil}, {"a read that would have left some", []int{4}}} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			cursor := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.D{})
			list := cursor.ToList(t.Context(), test.length...)
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1})
			peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 2})
			more := peer.Receive("getMore")
			list.Cancel()
			rest := cursor.ToList(t.Context())
			more.Cursor("d.c", 0, bson.M{"i": 3}, bson.M{"i": 4})
			docs, err := rest.Await(t.Context())
			if err != nil || len(docs) != 5 {
				t.Fatalf("got %v, %v, want five documents", docs, err)
			}
			for i, doc := range docs {
				if doc["i"] != int32(i) {
					t.Errorf("document %d: got %v, want i = %d", i, doc, i)
				}
			}
		})
	}
}

// A read that is cancelled as it completes either returns its document or leaves it to the next read.
func TestCursorReadsCancelledAtAnyMoment(t *testing.T) {
	const n = 400
	peer := wiretest.Start(t, wiretest.Standalone)
	next := 0
	batch := func(r *wiretest.Request) {
		id := int64(7)
		if next++; next == n {
			id = 0
		}
		r.Cursor("d.c", id, bson.M{"i": next - 1})
	}
	peer.Handle("find", batch)
	peer.Handle("getMore", batch)
	cursor := newClient(t, peer.URI(), motor.WithMaxWorkers(2)).Database("d").Collection("c").Find(bson.D{})
	var got []int32
	for attempt := 0; len(got) < n; attempt++ {
		f := cursor.Next(t.Context())
		for range attempt % 50 {
			runtime.Gosched()
		}
		if attempt%3 != 0 {
			f.Cancel()
		}
		if doc, err := f.Await(t.Context()); err == nil {
			got = append(got, doc["i"].(int32))
		} else if errors.Is(err, motor.StopAsyncIteration) {
			break
		}
	}
	for i, at := range got {
		if int(at) != i {
			t.Fatalf("got document %d at position %d", at, i)
		}
	}
	if len(got) != n {
		t.Errorf("got %d documents, want %d", len(got), n)
	}
}

// The end of the context cuts the round trip off. Documents that arrived before stay readable. After them the cursor
// fails instead of ending.
func TestCursorContextEndsDuringGetMore(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	cursor := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.D{})
	ctx, cancel := context.WithCancel(t.Context())
	list := cursor.ToList(ctx)
	peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
	more := peer.Receive("getMore")
	cancel()
	if docs, err := list.Await(t.Context()); docs != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("ToList() = %v, %v, want nil, context.Canceled", docs, err)
	}
	more.Nothing()
	docs, err := cursor.ToList(t.Context()).Await(t.Context())
	if len(docs) != 1 || !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("got %v, %v, want the first document, InvalidOperation", docs, err)
	}
	if _, err := cursor.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("next read: got %v, want InvalidOperation", err)
	}
	if cursor.Alive() || cursor.CursorID() != 0 {
		t.Error("Alive() = true, want false")
	}
	again := cursor.Rewind().ToList(t.Context())
	peer.Receive("find").Cursor("d.c", 0, bson.M{"i": 0})
	if docs, err := again.Await(t.Context()); len(docs) != 1 || err != nil {
		t.Errorf("after Rewind: ToList() = %v, %v, want 1 document, nil", docs, err)
	}
	collected(t, "the cursor was not killed", func() bool { return len(peer.Seen("killCursors")) == 1 })
}

// Nothing was read yet, so the next read sends the find again.
func TestCursorContextEndsDuringFind(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	cursor := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.D{})
	ctx, cancel := context.WithCancel(t.Context())
	list := cursor.ToList(ctx)
	find := peer.Receive("find")
	cancel()
	if _, err := list.Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Errorf("ToList() = %v, want context.Canceled", err)
	}
	find.Nothing()
	again := cursor.ToList(t.Context())
	peer.Receive("find").Cursor("d.c", 0, bson.M{"i": 0})
	if docs, err := again.Await(t.Context()); len(docs) != 1 || err != nil {
		t.Errorf("ToList() = %v, %v, want 1 document, nil", docs, err)
	}
}

// The server closes the cursors of a lost connection by itself, so a deferred Close does not report that it was lost.
func TestCursorCloseConnectionLost(t *testing.T) {
	for _, test := range []struct {
		name string
		lose func(*testing.T, *wiretest.Peer, *motor.Cursor[bson.M])
	}{
		{"before", func(t *testing.T, peer *wiretest.Peer, cursor *motor.Cursor[bson.M]) {
			more := cursor.FetchNext(t.Context())
			peer.Receive("getMore").HangUp()
			if _, err := more.Await(t.Context()); !errors.Is(err, motor.AutoReconnect) {
				t.Fatalf("FetchNext() = %v, want AutoReconnect", err)
			}
			peer.Handle("killCursors", func(r *wiretest.Request) { r.HangUp() })
		}},
		{"during killCursors", func(_ *testing.T, peer *wiretest.Peer, _ *motor.Cursor[bson.M]) {
			peer.Handle("killCursors", func(r *wiretest.Request) { r.HangUp() })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			cursor := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.D{})
			first := cursor.Next(t.Context())
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
			if _, err := first.Await(t.Context()); err != nil {
				t.Fatal(err)
			}
			test.lose(t, peer, cursor)
			if _, err := cursor.Close(t.Context()).Await(t.Context()); err != nil {
				t.Errorf("Close() = %v, want nil", err)
			}
			if len(peer.Seen("killCursors")) == 0 && test.name != "before" {
				t.Error("killCursors was not sent")
			}
		})
	}
}

// A cursor that is closed or rewound during its find is killed once the server has opened it.
func TestCursorCloseDuringFind(t *testing.T) {
	for _, test := range []struct {
		name string
		end  func(*motor.Cursor[bson.M])
	}{
		{"Close", func(c *motor.Cursor[bson.M]) { c.Close(t.Context()) }},
		{"Rewind", func(c *motor.Cursor[bson.M]) { c.Rewind() }},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			cursor := newClient(t, peer.URI()).Database("d").Collection("c").Find(bson.D{})
			more := cursor.FetchNext(t.Context())
			find := peer.Receive("find")
			test.end(cursor)
			find.Cursor("d.c", 7, bson.M{"i": 0})
			if _, err := more.Await(t.Context()); err != nil {
				t.Errorf("FetchNext() = %v, want nil", err)
			}
			collected(t, "the cursor was not killed", func() bool { return len(peer.Seen("killCursors")) == 1 })
		})
	}
}

// A find reply without firstBatch makes the driver panic, at the read and again at killCursors. The program survives.
func TestAbandonedCursorWithoutFirstBatch(t *testing.T) {
	before := future.SetUnobservedHandler(func(error) {})
	defer func() { future.SetUnobservedHandler(before) }()
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI())
	func() {
		read := client.Database("d").Collection("c").Find(bson.D{}).Next(t.Context())
		peer.Receive("find").OK(bson.M{"cursor": bson.M{"id": int64(7), "ns": "d.c"}})
		if _, err := read.Await(t.Context()); !errors.As(err, new(*future.PanicError)) {
			t.Errorf("got %v, want a PanicError", err)
		}
	}()
	abandonCursors(t, peer, client, 8)
	collected(t, "the other cursor was not ended", func() bool {
		return slices.ContainsFunc(peer.Seen("killCursors"), func(command bson.Raw) bool {
			return command.Lookup("cursors", "0").AsInt64() == 8
		})
	})
}

// overdueContext has a deadline that has passed, but has not ended: so it looks to the driver shortly before the timer
// of a context fires.
type overdueContext struct{ context.Context }

func (overdueContext) Deadline() (time.Time, bool) { return time.Unix(1, 0), true }

func TestCursorDeadlineBeforeGetMore(t *testing.T) {
	type coll = motor.Collection[bson.M]
	for _, test := range []struct {
		name string
		next func(*coll) func(context.Context) error
	}{
		{"Cursor", func(c *coll) func(context.Context) error {
			cursor := c.Find(bson.D{})
			return func(ctx context.Context) error { return second(cursor.Next(ctx).Await(t.Context())) }
		}},
		{"CommandCursor", func(c *coll) func(context.Context) error {
			cursor := c.Aggregate(bson.A{})
			return func(ctx context.Context) error { return second(cursor.Next(ctx).Await(t.Context())) }
		}},
		{"RawBatchCursor", func(c *coll) func(context.Context) error {
			cursor := c.FindRawBatches(bson.D{})
			return func(ctx context.Context) error { return second(cursor.Next(ctx).Await(t.Context())) }
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			for _, command := range []string{"find", "aggregate"} {
				peer.Handle(command, func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
			}
			peer.Handle("killCursors", ok(bson.M{"cursorsKilled": bson.A{int64(7)}}))
			next := test.next(newClient(t, peer.URI()).Database("d").Collection("c"))
			if err := next(t.Context()); err != nil {
				t.Fatalf("first Next() = %v, want nil", err)
			}
			if err := next(overdueContext{t.Context()}); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Next() past its deadline = %v, want context.DeadlineExceeded", err)
			}
			// The server has more documents, so this is not the end.
			if err := next(t.Context()); !errors.Is(err, motor.InvalidOperation) {
				t.Errorf("Next() after that = %v, want InvalidOperation", err)
			}
		})
	}
}

// Rewind has no result, so it does not report that the server refuses to close the cursor.
func TestCursorRewindRefused(t *testing.T) {
	last := errors.New("the last error of the test")
	told := reporttest.Reports(t, motor.OperationFailure, last)
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("killCursors", func(r *wiretest.Request) { r.Fail(13, "Unauthorized", "not authorized") })
	client := newClient(t, peer.URI())
	cursor := client.Database("d").Collection("c").Find(bson.D{})
	first := cursor.Next(t.Context())
	peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
	if _, err := first.Await(t.Context()); err != nil {
		t.Fatalf("Next() = %v, want nil", err)
	}
	cursor.Rewind()
	if err := client.Close(t.Context()); err != nil { // it waits for the command
		t.Fatalf("Close() = %v, want nil", err)
	}
	for range 2 { // the handler may receive two failures at the same time
		func() { future.Rejected[int](last) }()
		var err error
		collected(t, "the last error was not reported", func() bool {
			select {
			case err = <-told:
				return true
			default:
				return false
			}
		})
		if err != last {
			t.Errorf("got the report %v, want none", err)
		}
	}
}
