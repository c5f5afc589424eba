package dbcopy_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/dbcopy"
	"github.com/gomotor/gomotor/internal/progress"
	"github.com/gomotor/gomotor/internal/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server starts a server with two databases: "a" with the given collections, of two documents each, and "b" with the
// collections in present.
func server(t *testing.T, collections, present []bson.M) *wiretest.Peer {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("listCollections", func(r *wiretest.Request) {
		list := collections
		if r.Command.Lookup("$db").StringValue() == "b" {
			list = present
		}
		var docs []any
		for _, c := range list {
			docs = append(docs, c)
		}
		r.Cursor("x.$cmd.listCollections", 0, docs...)
	})
	for _, name := range []string{"create", "drop", "createIndexes", "killCursors"} {
		peer.Handle(name, func(r *wiretest.Request) { r.OK() })
	}
	peer.Handle("count", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	peer.Handle("listIndexes", func(r *wiretest.Request) { r.Cursor("a.c", 0) })
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("a.c", 7, bson.M{"_id": 1}) })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("a.c", 0, bson.M{"_id": 2}) })
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	return peer
}

// copyOf returns a copy from "a" to "b" whose steps run on the calling goroutine.
func copyOf(t *testing.T, peer *wiretest.Peer) *dbcopy.Copy {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(peer.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return &dbcopy.Copy{
		Source: client.Database("a"),
		Target: client.Database("b"),
		Limits: dbcopy.Limits{Collections: 2, Batch: 10, Close: time.Second},
		Step:   func(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) },
	}
}

func collection(name string) bson.M { return bson.M{"name": name, "type": "collection"} }

func withUUID(name string) bson.M {
	return bson.M{"name": name, "type": "collection", "info": bson.M{"uuid": bson.Binary{Subtype: 4, Data: make([]byte, 16)}}}
}

func TestPlan(t *testing.T) {
	for _, test := range []struct {
		name            string
		source, present bson.M
		replace         bool
		want            dbcopy.Kind
	}{
		{"other collections in the target", collection("c"), collection("d"), false, -1},
		{"collection exists", collection("c"), collection("c"), false, dbcopy.Exists},
		{"replace", withUUID("c"), collection("c"), true, -1},
		{"replace by itself", withUUID("c"), withUUID("c"), true, dbcopy.Same},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := server(t, []bson.M{test.source}, []bson.M{test.present})
			c := copyOf(t, peer)
			c.Replace = test.replace
			err := c.Plan(t.Context())
			var own *dbcopy.Error
			if errors.As(err, &own) != (test.want >= 0) || own != nil && (own.Kind != test.want || own.Collection != "c") {
				t.Errorf("Plan() = %v, want kind %d", err, test.want)
			}
			if n := len(peer.Seen("drop")) + len(peer.Seen("create")); n != 0 {
				t.Errorf("got %d commands that write, want none", n)
			}
		})
	}
}

func TestRun(t *testing.T) {
	view := bson.M{"name": "a view", "type": "view", "options": bson.M{"viewOn": "c"}}
	start := func(t *testing.T) (*wiretest.Peer, *dbcopy.Copy) {
		peer := server(t, []bson.M{view, collection("d"), collection("c")}, []bson.M{collection("c")})
		c := copyOf(t, peer)
		c.Replace = true
		if err := c.Plan(t.Context()); err != nil {
			t.Fatal(err)
		}
		return peer, c
	}
	t.Run("copies collections, then views", func(t *testing.T) {
		peer, c := start(t)
		if err := c.Run(t.Context()); err != nil {
			t.Error(err)
		}
		want := []dbcopy.Collection{
			{Name: "c", Documents: 2, Complete: true},
			{Name: "d", Documents: 2, Complete: true},
			{Name: "a view", View: true, Complete: true},
		}
		if got := c.Copied(); !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
		creates := peer.Seen("create")
		if last := creates[len(creates)-1].Lookup("create").StringValue(); last != "a view" || len(peer.Seen("drop")) != 1 {
			t.Errorf("got %s created last and %d drops, want a view and 1", last, len(peer.Seen("drop")))
		}
	})
	t.Run("first error ends the copy", func(t *testing.T) {
		peer, c := start(t)
		peer.Handle("insert", nil)
		ended := make(chan error, 1)
		go func() { ended <- c.Run(t.Context()) }()
		inserts := make(map[string]*wiretest.Request)
		for range 2 { // both collections are being copied
			insert := peer.Receive("insert")
			inserts[insert.Command.Lookup("insert").StringValue()] = insert
		}
		inserts["c"].WriteError(0, 11000, "duplicate key")
		var own *dbcopy.Error
		if err := <-ended; !errors.As(err, &own) || own.Kind != dbcopy.Failed || own.Collection != "c" || !mongo.IsDuplicateKeyError(err) {
			t.Errorf("Run() = %v, want a duplicate key error of c", err)
		}
		inserts["d"].Nothing()
		if got := c.Copied(); len(got) != 2 || got[0].Complete || got[1].Complete {
			t.Errorf("Copied() = %+v, want two incomplete collections", got)
		}
	})
	t.Run("context has ended", func(t *testing.T) {
		peer, c := start(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var own *dbcopy.Error
		if err := c.Run(ctx); !errors.Is(err, context.Canceled) || errors.As(err, &own) {
			t.Errorf("Run() = %v, want context.Canceled", err)
		}
		if n := len(peer.Seen("create")); n != 0 {
			t.Errorf("got %d creates, want none", n)
		}
	})
}

func TestCopyReport(t *testing.T) {
	peer := server(t, []bson.M{collection("c"), collection("d")}, nil)
	c := copyOf(t, peer)
	c.Limits.Collections = 1
	var told []progress.Progress
	var mu sync.Mutex
	var posted func() // the report posts one call at a time
	run := func() {
		mu.Lock()
		call := posted
		posted = nil
		mu.Unlock()
		if call != nil {
			call()
		}
	}
	c.Report = progress.New(func(p progress.Progress) { told = append(told, p) }, func(call func()) {
		mu.Lock()
		posted = call
		mu.Unlock()
	})
	c.Step = func(ctx context.Context, fn func(context.Context) error) error {
		run()
		return fn(ctx)
	}
	if err := c.Plan(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	run()
	// Each collection has 2 documents, and the server estimates 1.
	first := progress.Progress{Total: 2, CollectionsTotal: 2}
	last := progress.Progress{Done: 4, Total: 4, Collections: 2, CollectionsTotal: 2}
	if n := len(told); n < 3 || told[0] != first || told[n-1] != last {
		t.Errorf("got %+v, want from %+v to %+v", told, first, last)
	}
}
