package contract_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// An operation starts at the call, whether or not a caller waits for it and whether or not the loop runs.
func TestOperationStartsAtTheCall(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		coll, ctx := collectionOf(ops), t.Context()
		var wait func() error
		if _, futures := ops.(byFutures); futures {
			inserting := coll.InsertOne(ctx, bson.M{})
			wait = func() error { _, err := inserting.Await(ctx); return err }
		} else {
			loop, calls := callback.NewLoop(), make(chan error, 1)
			defer loop.Close()
			callback.WrapCollection(loop, coll).InsertOne(ctx, bson.M{}, func(_ *motor.InsertOneResult, err error) {
				calls <- err
				loop.Stop()
			})
			wait = func() error {
				if len(calls) != 0 {
					t.Error("the callback ran before the loop started")
				}
				loop.Start()
				return <-calls
			}
		}
		peer.Receive("insert").OK(bson.M{"n": 1})
		noError(t, wait())
	})
}

func TestOutcomesArriveInCompletionOrder(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		outcomes := make(chan int32, 3)
		var finds []*wiretest.Request
		for range 3 {
			finding(ops, bson.M{}).OnComplete(func(doc bson.M, err error) {
				if err != nil {
					t.Error(err)
				}
				outcomes <- doc["i"].(int32)
			})
			finds = append(finds, peer.Receive("find"))
		}
		for _, i := range []int{2, 0, 1} {
			finds[i].Cursor("d.c", 0, bson.M{"i": i})
			if got := receive(t, outcomes); got != int32(i) {
				t.Errorf("got the outcome of find %d, want that of find %d", got, i)
			}
		}
	})
}

// When a context ends, its queued operations are not sent, and its running operations fail without waiting for a reply.
func TestOperationContextEnds(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		running := finding(withContext(ctx, ops), bson.M{})
		find := peer.Receive("find") // holds the only slot
		queued := inserting(withContext(ctx, ops), bson.M{})
		spared := finding(ops, bson.M{})
		if running.IsDone() || queued.IsDone() {
			t.Error("IsDone() = true before the reply, want false")
		}
		cancel()
		if _, err := running.Await(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("running operation: %v, want context.Canceled", err)
		}
		if _, err := queued.Await(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("queued operation: %v, want context.Canceled", err)
		}
		find.Nothing()
		peer.Receive("find").Cursor("d.c", 0, bson.M{"i": 1})
		if doc, err := spared.Await(t.Context()); !isNumber(doc, 1) || err != nil {
			t.Errorf("operation with another context: %v, %v; want document 1", doc, err)
		}
		late := inserting(withContext(ctx, ops), bson.M{})
		if _, err := late.Await(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("operation called after the end of its context: %v, want context.Canceled", err)
		}
		if n := len(peer.Seen("insert")); n != 0 {
			t.Errorf("%d inserts were sent, want 0", n)
		}
	}, motor.WithMaxWorkers(1))
}

// This test uses futures only, because a callback cannot be cancelled.
func TestCancelQueuedAndSentOperation(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client, err := motor.NewClient(peer.URI(), motor.WithMaxWorkers(1))
	noError(t, err)
	defer client.Close(context.Background())
	coll, ctx := client.Database("d").Collection("c"), t.Context()
	sent := coll.InsertOne(ctx, bson.M{"_id": "sent"})
	insert := peer.Receive("insert").Want(bson.M{"documents.0._id": "sent"})
	queued := coll.InsertOne(ctx, bson.M{"_id": "queued"})
	for _, f := range []interface {
		Cancel(...error) bool
		Cancelled() bool
	}{queued, sent} {
		if !f.Cancel() || !f.Cancelled() {
			t.Error("Cancel() or Cancelled() = false, want true")
		}
	}
	insert.Nothing()
	after := coll.FindOne(ctx, bson.M{})
	peer.Receive("find").Cursor("d.c", 0)
	_, err = after.Await(ctx)
	noError(t, err)
	if n := len(peer.Seen("insert")); n != 1 {
		t.Errorf("%d inserts were sent, want 1", n)
	}
}

// An operation on a collection allocates its future and the function that it runs, and no more.
func TestOperationAllocations(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector allocates too")
	}
	peer := wiretest.Start(t, wiretest.Standalone)
	client, err := motor.NewClient(peer.URI())
	noError(t, err)
	defer client.Close(t.Context())
	coll, ctx := client.Database("d").Collection("c"), context.Background()
	const most = 2
	delegate := func() { // an operation that sends nothing
		if _, err := coll.Delegate(ctx).Await(ctx); err != nil {
			t.Error(err)
		}
	}
	if n := testing.AllocsPerRun(1000, delegate); n > most {
		t.Errorf("Delegate() allocates %v times, want at most %d", n, most)
	}
}
