package contract_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// tailableKinds are the two kinds of tailable cursors.
var tailableKinds = []struct {
	name string
	kind options.CursorType
}{{"TailableAwait", options.TailableAwait}, {"Tailable", options.Tailable}}

// tailing returns a tailable cursor over all documents of ops' collection.
func tailing(ops operations, kind options.CursorType) queryReader[bson.M] {
	return queryOf(ops, collectionOf(ops).Find(bson.D{}, options.Find().SetCursorType(kind)))
}

// withTailableCursors runs test in both styles on a scripted peer, for each kind of tailable cursor.
func withTailableCursors(t *testing.T, test func(t *testing.T, peer *wiretest.Peer, find func() queryReader[bson.M])) {
	for _, c := range tailableKinds {
		t.Run(c.name, func(t *testing.T) {
			withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
				test(t, peer, func() queryReader[bson.M] { return tailing(ops, c.kind) })
			})
		})
	}
}

func TestTailableCursorAliveWithoutDocuments(t *testing.T) {
	withTailableCursors(t, func(t *testing.T, peer *wiretest.Peer, find func() queryReader[bson.M]) {
		r, ctx := find(), t.Context()
		if _, err := r.ToList(); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("ToList: %v, want InvalidOperation", err)
		}
		next := r.started().Next(ctx)
		peer.Receive("find").Cursor("d.c", 7)
		if _, err := next.Await(ctx); !errors.Is(err, motor.StopAsyncIteration) || !r.Alive() {
			t.Errorf("Next: %v, alive %t; want StopAsyncIteration, true", err, r.Alive())
		}
		more := r.started().FetchNext(ctx)
		peer.Receive("getMore").Cursor("d.c", 7)
		if ok, err := more.Await(ctx); ok || err != nil || !r.Alive() || r.CursorID() != 7 {
			t.Errorf("FetchNext() = %t, %v, alive %t; want false, true", ok, err, r.Alive())
		}
		try := r.started().TryNext(ctx)
		peer.Receive("getMore").Cursor("d.c", 7)
		if doc, err := try.Await(ctx); doc != nil || err != nil || !r.Alive() {
			t.Errorf("TryNext() = %v, %v, alive %t; want nil, true", doc, err, r.Alive())
		}
		more = r.started().FetchNext(ctx)
		peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 0})
		if ok, err := more.Await(ctx); !ok || err != nil || !isNumber(r.NextObject(), 0) {
			t.Errorf("FetchNext() with a new document = %t, %v; want true", ok, err)
		}
		more = r.started().FetchNext(ctx)
		peer.Receive("getMore").Cursor("d.c", 0)
		if ok, err := more.Await(ctx); ok || err != nil || r.Alive() {
			t.Errorf("FetchNext() after the server closed the cursor = %t, %v, alive %t; want false, false", ok, err, r.Alive())
		}
		if ok, err := r.FetchNext(); ok || err != nil {
			t.Errorf("FetchNext() of a dead cursor = %t, %v; want false", ok, err)
		}
	})
}

func TestTailableCursorEmptyCollection(t *testing.T) {
	withTailableCursors(t, func(t *testing.T, peer *wiretest.Peer, find func() queryReader[bson.M]) {
		r := find()
		more := r.started().FetchNext(t.Context())
		peer.Receive("find").Want(bson.M{"tailable": true}).Cursor("d.c", 0)
		if ok, err := more.Await(t.Context()); ok || err != nil || r.Alive() {
			t.Errorf("FetchNext() = %t, %v, alive %t; want false, false", ok, err, r.Alive())
		}
	})
}

func TestTailableCursorEach(t *testing.T) {
	withTailableCursors(t, func(t *testing.T, peer *wiretest.Peer, find func() queryReader[bson.M]) {
		got := make(chan bson.M, 10)
		find().Each(func(doc bson.M, err error) bool {
			if err != nil {
				t.Error(err)
			}
			got <- doc
			return true
		})
		peer.Receive("find").Cursor("d.c", 7)
		peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 0})
		peer.Receive("getMore").Cursor("d.c", 7)
		peer.Receive("getMore").Cursor("d.c", 0, bson.M{"i": 1})
		for i := range 2 {
			if doc := receive(t, got); !isNumber(doc, i) {
				t.Errorf("Each: %v, want document %d", doc, i)
			}
		}
		if doc := receive(t, got); doc != nil {
			t.Errorf("got %v, want nil when the cursor died", doc)
		}
	})
}

func TestTailableCursorCloseDuringGetMore(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		r := tailing(ops, options.TailableAwait)
		more := r.started().FetchNext(t.Context())
		peer.Receive("find").Cursor("d.c", 7)
		_, err := more.Await(t.Context())
		noError(t, err)
		more = r.started().FetchNext(t.Context())
		poll := peer.Receive("getMore")
		noError(t, r.Close())
		if ok, err := more.Await(t.Context()); ok || err != nil || r.Alive() {
			t.Errorf("FetchNext() = %t, %v, alive %t; want false, false", ok, err, r.Alive())
		}
		if n := len(peer.Seen("killCursors")); n != 1 {
			t.Errorf("%d killCursors, want 1", n)
		}
		poll.Nothing()
	})
}

// A cancelled read leaves its documents to the next read.
func TestTailableCursorCancelLosesNothing(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		r := tailing(ops, options.TailableAwait)
		more := r.started().FetchNext(t.Context())
		peer.Receive("find").Cursor("d.c", 7)
		_, err := more.Await(t.Context())
		noError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		one := r.started().Next(ctx)
		poll := peer.Receive("getMore")
		cancel()
		if _, err := one.Await(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		two := r.started().Next(t.Context())
		poll.Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1})
		if doc, err := two.Await(t.Context()); !isNumber(doc, 0) || err != nil {
			t.Errorf("the next read: %v, %v; want document 0", doc, err)
		}
		if doc, err := r.Next(); !isNumber(doc, 1) || err != nil {
			t.Errorf("Next() = %v, %v; want document 1", doc, err)
		}
		if n := len(peer.Seen("getMore")); n != 1 {
			t.Errorf("%d getMores, want 1", n)
		}
	})
}

// Reads that wait for new documents hold no slot, so other operations run.
func TestTailableCursorWaitHoldsNoSlot(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		const waiting = 4
		var polls []*wiretest.Request
		var news []func()
		for range waiting {
			r := tailing(ops, options.TailableAwait)
			more := r.started().FetchNext(t.Context())
			peer.Receive("find").Cursor("d.c", 7)
			_, err := more.Await(t.Context())
			noError(t, err)
			more = r.started().FetchNext(t.Context())
			polls = append(polls, peer.Receive("getMore"))
			news = append(news, func() {
				if ok, err := more.Await(t.Context()); !ok || err != nil || !isNumber(r.NextObject(), 1) {
					t.Errorf("FetchNext() = %t, %v; want true and document 1", ok, err)
				}
			})
		}
		peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"i": 0}) })
		for range 3 {
			if doc, err := ops.FindOne(bson.D{}); !isNumber(doc, 0) || err != nil {
				t.Errorf("FindOne beside %d waiting reads: %v, %v; want document 0", waiting, doc, err)
			}
		}
		for i, poll := range polls {
			poll.Cursor("d.c", 0, bson.M{"i": 1})
			news[i]()
		}
	}, motor.WithMaxWorkers(1))
}

func TestTailRetriesDeadCursor(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		r := ops.Find(bson.M{"a": 1})
		got := make(chan bson.M, 10)
		r.Tail(func(doc bson.M, err error) bool {
			if err != nil {
				t.Error(err)
			}
			got <- doc
			return !isNumber(doc, 1)
		})
		want := bson.M{"filter": bson.M{"a": 1}, "tailable": true, "awaitData": true}
		peer.Receive("find").Want(want).Cursor("d.c", 0)
		peer.Receive("find").Want(want).Cursor("d.c", 7, bson.M{"i": 0})
		peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 1})
		for i := range 2 {
			if doc := receive(t, got); !isNumber(doc, i) {
				t.Errorf("Tail: %v, want document %d", doc, i)
			}
		}
		if r.Started() {
			t.Error("Tail started the cursor itself")
		}
	})
}

func TestTailContextEnds(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		r := ops.Find(bson.D{})
		r.query.Tail(ctx, func(doc bson.M, err error) bool { ended <- err; return true })
		peer.Receive("find").Cursor("d.c", 7)
		poll := peer.Receive("getMore")
		cancel()
		if err := receive(t, ended); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		poll.Nothing()
	})
}

func TestTailOfStartedCursor(t *testing.T) {
	withCursor(t, 3, func(t *testing.T, r queryReader[bson.M]) {
		_, err := r.FetchNext()
		noError(t, err)
		ended := make(chan error, 1)
		r.Tail(func(doc bson.M, err error) bool { ended <- err; return true })
		if err := receive(t, ended); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("got %v, want InvalidOperation", err)
		}
	})
}

// capped turns the collection of ops into a capped one.
func capped(t *testing.T, ops operations) {
	t.Helper()
	coll := collectionOf(ops)
	_, err := coll.Database().CreateCollection(t.Context(), coll.Name(),
		options.CreateCollection().SetCapped(true).SetSizeInBytes(1<<20)).Await(t.Context())
	noError(t, err)
}

func TestTailableCursorReadsLaterInserts(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "tailable cursors")
	for _, c := range tailableKinds {
		t.Run(c.name, func(t *testing.T) {
			inBothStyles(t, func(t *testing.T, ops operations) {
				capped(t, ops)
				dead := tailing(ops, c.kind)
				if more, err := dead.FetchNext(); more || err != nil || dead.Alive() {
					t.Errorf("FetchNext() of an empty collection = %t, %v, alive %t; want false, false", more, err, dead.Alive())
				}
				_, err := ops.InsertMany(numbered(2))
				noError(t, err)
				r := tailing(ops, c.kind)
				for i := range 2 {
					if doc, err := r.Next(); !isNumber(doc, i) || err != nil {
						t.Fatalf("Next() = %v, %v; want document %d", doc, err, i)
					}
				}
				if more, err := r.FetchNext(); more || err != nil || !r.Alive() {
					t.Errorf("FetchNext() without new documents = %t, %v, alive %t; want false, true", more, err, r.Alive())
				}
				got := make(chan bson.M, 1)
				r.Each(func(doc bson.M, err error) bool { got <- doc; return false })
				_, err = ops.InsertOne(bson.M{"i": 2})
				noError(t, err)
				if doc := receive(t, got); !isNumber(doc, 2) {
					t.Errorf("got %v, want document 2", doc)
				}
				noError(t, r.Close())
			}, motor.WithMaxWorkers(1))
		})
	}
}

func TestTail(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "tailable cursors")
	inBothStyles(t, func(t *testing.T, ops operations) {
		capped(t, ops)
		got := make(chan bson.M, 10)
		ops.Find(bson.D{}).Tail(func(doc bson.M, err error) bool { got <- doc; return !isNumber(doc, 1) })
		_, err := ops.InsertMany(numbered(2)) // into a collection that was empty
		noError(t, err)
		for i := range 2 {
			if doc := receive(t, got); !isNumber(doc, i) {
				t.Errorf("Tail: %v, want document %d", doc, i)
			}
		}
	})
}
