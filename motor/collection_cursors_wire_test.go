package motor_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// rawOf returns encoded documents.
func rawOf(t *testing.T, docs ...bson.M) (all []byte) {
	t.Helper()
	for _, doc := range docs {
		raw, err := bson.Marshal(doc)
		if err != nil {
			t.Fatalf("got error %v, want nil", err)
		}
		all = append(all, raw...)
	}
	return all
}

func TestRawBatches(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	for _, c := range []struct {
		name    string
		command string
		want    bson.M
		read    func(context.Context) (next func() *future.Future[motor.RawBatch], list func(...int) *future.Future[[]motor.RawBatch])
	}{
		{
			name:    "find",
			command: "find", want: bson.M{"filter": bson.M{"a": 1}, "batchSize": 2, "sort": bson.M{"a": 1}},
			read: func(ctx context.Context) (func() *future.Future[motor.RawBatch], func(...int) *future.Future[[]motor.RawBatch]) {
				c := coll.FindRawBatches(bson.M{"a": 1}).Sort("a").BatchSize(2)
				if name := c.Collection().FullName(); name != "d.c" {
					t.Errorf(`got collection %s, want "d.c"`, name)
				}
				return func() *future.Future[motor.RawBatch] { return c.Next(ctx) },
					func(n ...int) *future.Future[[]motor.RawBatch] { return c.ToList(ctx, n...) }
			},
		},
		{
			name:    "aggregate",
			command: "aggregate", want: bson.M{"cursor": bson.M{"batchSize": 2}, "pipeline": bson.A{bson.M{"$match": bson.M{}}}},
			read: func(ctx context.Context) (func() *future.Future[motor.RawBatch], func(...int) *future.Future[[]motor.RawBatch]) {
				c := coll.AggregateRawBatches(mongo.Pipeline{{{Key: "$match", Value: bson.D{}}}}).BatchSize(2)
				return func() *future.Future[motor.RawBatch] { return c.Next(ctx) },
					func(n ...int) *future.Future[[]motor.RawBatch] { return c.ToList(ctx, n...) }
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			next, list := c.read(t.Context())
			one := next()
			peer.Receive(c.command).Want(c.want).Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1})
			batch, err := one.Await(t.Context())
			if err != nil || !bytes.Equal(batch, rawOf(t, bson.M{"i": 0}, bson.M{"i": 1})) {
				t.Errorf("first batch = %x, %v, want %x, nil", batch, err, rawOf(t, bson.M{"i": 0}, bson.M{"i": 1}))
			}
			docs, err := batch.Documents()
			if len(docs) != 2 || docs[1].Lookup("i").Int32() != 1 || err != nil {
				t.Errorf("documents of the first batch = %v, %v, want 2, nil", docs, err)
			}
			two := list(2)
			peer.Receive("getMore").Want(bson.M{"batchSize": 2}).Cursor("d.c", 7, bson.M{"i": 2}, bson.M{"i": 3})
			peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 4})
			if batches, err := two.Await(t.Context()); len(batches) != 2 || err != nil ||
				!bytes.Equal(batches[1], rawOf(t, bson.M{"i": 4})) {
				t.Errorf("next batches = %x, %v, want 2, nil", batches, err)
			}
			rest := list()
			peer.Receive("getMore").Cursor("d.c", 0)
			if batches, err := rest.Await(t.Context()); len(batches) != 0 || err != nil {
				t.Errorf("remaining batches = %v, %v, want 0, nil", batches, err)
			}
		})
	}
}

func TestRawBatchInvalidBSON(t *testing.T) {
	good := rawOf(t, bson.M{"a": 1})
	for _, test := range []struct {
		name  string
		batch motor.RawBatch
	}{
		{"cut off", slices.Concat(good, good[:5])},
		{"a length alone", append(slices.Clone(good), 1, 2)},
		{"too short", append(slices.Clone(good), 4, 0, 0, 0)},
		{"garbage", append(slices.Clone(good), 6, 0, 0, 0, 9, 0)},
	} {
		t.Run(test.name, func(t *testing.T) {
			if docs, err := test.batch.Documents(); len(docs) != 1 || !errors.Is(err, motor.InvalidBSON) {
				t.Errorf("got %v, %v, want the good document, InvalidBSON", docs, err)
			}
		})
	}
	if docs, err := motor.RawBatch(nil).Documents(); len(docs) != 0 || err != nil {
		t.Errorf("Documents() = %v, %v, want 0 documents, nil", docs, err)
	}
}

// scanned makes a peer serve n documents in batches of ten. The batch that begins with document fail is an error.
func scanned(peer *wiretest.Peer, n, fail int) {
	var mu sync.Mutex
	next := 0
	batch := func(r *wiretest.Request) {
		mu.Lock()
		defer mu.Unlock()
		if next == fail {
			r.Fail(43, "CursorNotFound", "no")
			return
		}
		var docs []any
		for ; len(docs) < 10 && next < n; next++ {
			docs = append(docs, bson.M{"i": next})
		}
		id := int64(7)
		if next == n {
			id = 0
		}
		r.Cursor("d.c", id, docs...)
	}
	peer.Handle("find", batch)
	peer.Handle("getMore", batch)
}

func scanOf(t *testing.T, n, docs, fail int) (*wiretest.Peer, []*motor.CommandCursor[bson.M]) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Standalone)
	scanned(peer, docs, fail)
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(1))
	cursors, err := client.Database("d").Collection("c").ParallelScan(t.Context(), n).Await(t.Context())
	if len(cursors) != n || err != nil {
		t.Fatalf("got %d cursors, %v, want %d, nil", len(cursors), err, n)
	}
	return peer, cursors
}

func TestParallelScanEachDocumentOnce(t *testing.T) {
	peer, cursors := scanOf(t, 4, 95, -1)
	var mu sync.Mutex
	var got []int
	var wg sync.WaitGroup
	for i, c := range cursors {
		if !c.Alive() || c.CursorID() != 7 || c.Collection().Name() != "c" {
			t.Errorf("got alive %t, id %d, want true, 7 in collection c", c.Alive(), c.CursorID())
		}
		wg.Go(func() {
			for {
				var docs []bson.M
				var err error
				if i%2 == 0 {
					docs, err = c.ToList(t.Context(), 3).Await(t.Context())
				} else {
					var doc bson.M
					if doc, err = c.TryNext(t.Context()).Await(t.Context()); doc != nil {
						docs = []bson.M{doc}
					}
				}
				if err != nil {
					t.Errorf("got error %v, want nil", err)
				}
				if err != nil || len(docs) == 0 && !c.Alive() {
					return
				}
				mu.Lock()
				for _, doc := range docs {
					got = append(got, int(doc["i"].(int32)))
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	if len(got) != 95 {
		t.Errorf("got %d documents, want 95", len(got))
	}
	for i, n := range got {
		if n != i {
			t.Fatalf("got documents %v, want document %d once", got, i)
		}
	}
	if n := len(peer.Seen("find")); n != 1 {
		t.Errorf("got %d find commands, want 1", n)
	}
}

func TestParallelScanClosesWithLastCursor(t *testing.T) {
	peer, cursors := scanOf(t, 3, 100, -1)
	first, err := cursors[0].Next(t.Context()).Await(t.Context())
	if err != nil || first["i"] != int32(0) {
		t.Fatalf("got %v, %v, want i = 0, nil", first, err)
	}
	for range 2 { // a second Close does nothing
		if _, err := cursors[0].Close(t.Context()).Await(t.Context()); err != nil {
			t.Errorf("Close() = %v, want nil", err)
		}
	}
	if docs, err := cursors[0].ToList(t.Context()).Await(t.Context()); len(docs) != 9 || err != nil {
		t.Errorf("got %d documents, %v, want those already received", len(docs), err)
	}
	if docs, err := cursors[1].ToList(t.Context(), 15).Await(t.Context()); len(docs) != 15 || err != nil {
		t.Errorf("got %d documents, %v, want 15, nil", len(docs), err)
	}
	if _, err := cursors[1].Close(t.Context()).Await(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if n := len(peer.Seen("killCursors")); n != 0 {
		t.Errorf("got %d killCursors commands, want 0", n)
	}
	if doc, err := cursors[2].Next(t.Context()).Await(t.Context()); doc["i"] != int32(30) || err != nil {
		t.Errorf("Next() = %v, %v, want i = 30, nil", doc, err)
	}
	if _, err := cursors[2].Close(t.Context()).Await(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if n := len(peer.Seen("killCursors")); n != 1 {
		t.Errorf("got %d killCursors commands, want 1", n)
	}
}

func TestParallelScanError(t *testing.T) {
	_, cursors := scanOf(t, 2, 100, 20)
	docs, err := cursors[0].ToList(t.Context()).Await(t.Context())
	if len(docs) != 20 || !errors.Is(err, motor.CursorNotFound) {
		t.Errorf("got %d documents, %v, want 20, CursorNotFound", len(docs), err)
	}
	if _, err := cursors[1].Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.CursorNotFound) {
		t.Errorf("other cursor: got %v, want CursorNotFound", err)
	}

	peer := wiretest.Start(t, wiretest.Standalone)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	if _, err := coll.ParallelScan(t.Context(), 0).Await(t.Context()); !errors.Is(err, motor.ValueError) {
		t.Errorf("no cursors: got %v, want ValueError", err)
	}
	scan := coll.ParallelScan(t.Context(), 2)
	peer.Receive("find").Fail(13, "Unauthorized", "no")
	if _, err := scan.Await(t.Context()); !errors.Is(err, motor.OperationFailure) {
		t.Errorf("refused ParallelScan() = %v, want OperationFailure", err)
	}
}

func TestParallelScanCancelledRead(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	scan := coll.ParallelScan(t.Context(), 2)
	peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
	cursors, err := scan.Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	list := cursors[0].ToList(t.Context())
	more := peer.Receive("getMore")
	list.Cancel()
	rest := cursors[1].ToList(t.Context())
	more.Cursor("d.c", 0, bson.M{"i": 1})
	other, err := rest.Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	own, err := cursors[0].ToList(t.Context()).Await(t.Context())
	if err != nil || len(own)+len(other) != 2 {
		t.Errorf("got %v and %v, %v, want 2 documents in all, nil", own, other, err)
	}
}

func TestCursorAddress(t *testing.T) {
	set := wiretest.StartSet(t, wiretest.Primary, wiretest.Secondary)
	client := newClient(t, set.URI())
	for i, pref := range []*readpref.ReadPref{readpref.Primary(), readpref.Secondary()} {
		set.Peers[i].Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
		set.Peers[i].Handle("aggregate", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"i": 0}) })
		coll := client.Database("d").Collection("c", options.Collection().SetReadPreference(pref))
		want := set.Peers[i].Address()
		cursor := coll.Find(bson.D{})
		if at, ok := cursor.Address(); ok {
			t.Errorf("Address() before the first read = %v, want none", at)
		}
		if _, err := cursor.Next(t.Context()).Await(t.Context()); err != nil {
			t.Fatalf("Next() = %v, want nil", err)
		}
		if at, ok := cursor.ConnID(); !ok || at.String() != want {
			t.Errorf("%s: got %v, want %s", pref, at, want)
		}
		raw := coll.AggregateRawBatches(bson.A{})
		if _, err := raw.TryNext(t.Context()).Await(t.Context()); err != nil {
			t.Fatalf("TryNext() = %v, want nil", err)
		}
		if at, ok := raw.Address(); !ok || at.String() != want {
			t.Errorf("pipeline, %s: got %v, want %s", pref, at, want)
		}
		cursor.Rewind()
		if at, ok := cursor.Address(); ok {
			t.Errorf("Address() after Rewind = %v, want none", at)
		}
	}
	found, err := client.Database("d").CursorCommand(t.Context(), bson.D{{Key: "find", Value: "c"}}).Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	if at, ok := found.Address(); !ok || at.String() != set.Peers[0].Address() {
		t.Errorf("of a command: Address() = %v, want %v", at, set.Peers[0].Address())
	}
}

func TestCursorTryNextSendsOneCommand(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	cursor := newClient(t, peer.URI()).Database("d").Aggregate(mongo.Pipeline{})
	for i, answer := range []func(){
		func() { peer.Receive("aggregate").Cursor("d.$cmd.aggregate", 7) },
		func() { peer.Receive("getMore").Cursor("d.$cmd.aggregate", 7) },
		func() { peer.Receive("getMore").Cursor("d.$cmd.aggregate", 7, bson.M{"i": 2}, bson.M{"i": 3}) },
		func() {},
		func() { peer.Receive("getMore").Cursor("d.$cmd.aggregate", 0) },
		func() {},
	} {
		next := cursor.TryNext(t.Context())
		answer()
		doc, err := next.Await(t.Context())
		if want := i == 2 || i == 3; err != nil || (doc != nil) != want || want && fmt.Sprint(doc["i"]) != fmt.Sprint(i) {
			t.Errorf("read %d: got %v, %v, want i = %v", i, doc, err, want)
		}
		if cursor.Alive() != (i < 4) {
			t.Errorf("read %d: alive = %t, want %t", i, cursor.Alive(), i < 4)
		}
	}
}

func TestBatchSizeCommands(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	for _, c := range []struct {
		name   string
		cursor *motor.Cursor[bson.M]
		find   bson.M
		more   any
	}{
		{"none", coll.Find(bson.D{}), bson.M{"batchSize": wiretest.Absent, "limit": wiretest.Absent}, wiretest.Absent},
		{"ten", coll.Find(bson.D{}).BatchSize(10), bson.M{"batchSize": 10}, 10},
		{"ten, by options",
			coll.Find(bson.D{}, options.Find().SetBatchSize(10)), bson.M{"batchSize": 10}, 10,
		},
		{"ten, by motor's command", coll.Find(bson.D{}).BatchSize(10).MaxTimeMS(9), bson.M{"batchSize": 10}, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := c.cursor.ToList(t.Context())
			peer.Receive("find").Want(c.find).Cursor("d.c", 7, bson.M{"i": 0})
			peer.Receive("getMore").Want(bson.M{"batchSize": c.more}).Cursor("d.c", 0)
			if _, err := list.Await(t.Context()); err != nil {
				t.Errorf("ToList() = %v, want nil", err)
			}
		})
	}
	list := coll.Find(bson.D{}).Limit(-3).ToList(t.Context())
	peer.Receive("find").Want(bson.M{"limit": 3, "singleBatch": true}).Cursor("d.c", 0, bson.M{"i": 0})
	if _, err := list.Await(t.Context()); err != nil {
		t.Errorf("ToList() = %v, want nil", err)
	}
}
