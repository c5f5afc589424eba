package motor_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// Client.Close ends everything that is open on the server. Closing a cursor afterwards, as a defer may, does nothing.
func TestCloseAfterClientClose(t *testing.T) {
	type ended = *future.Future[struct{}]
	for _, test := range []struct {
		name string
		open func(*testing.T, *wiretest.Peer, *motor.Client) (end func() ended)
	}{
		{"a cursor", func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			cursor := client.Database("d").Collection("c").Find(bson.D{})
			succeed(t, cursor.FetchNext(t.Context()))
			return func() ended { return cursor.Close(t.Context()) }
		}},
		{"a tailable cursor that waits", func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			awaiting := options.Find().SetCursorType(options.TailableAwait)
			cursor := client.Database("d").Collection("c").Find(bson.D{}, awaiting)
			succeed(t, cursor.FetchNext(t.Context()))
			return func() ended { return cursor.Close(t.Context()) }
		}},
		{"a cursor that is rewound", func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			cursor := client.Database("d").Collection("c").Find(bson.D{})
			succeed(t, cursor.FetchNext(t.Context()))
			return func() ended { cursor.Rewind(); return cursor.Close(t.Context()) }
		}},
		{"a change stream", func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			stream := client.Database("d").Collection("c").Watch(nil)
			succeed(t, stream.Open(t.Context()))
			return func() ended { return stream.Close(t.Context()) }
		}},
		{"a session", func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			s, err := client.StartSession(t.Context()).Await(t.Context())
			noError(t, err)
			noError(t, s.StartTransaction())
			peer.Handle("insert", ok(bson.M{"n": 1}))
			succeed(t, client.Database("d").Collection("c").InsertOne(s.Context(t.Context()), bson.D{}))
			return func() ended { return s.EndSession(t.Context()) }
		}},
	} {
		opened := func(t *testing.T) (*wiretest.Peer, *motor.Client, func() ended) {
			peer := wiretest.Start(t, wiretest.Primary)
			answer := func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"_id": bson.M{"i": 0}}) }
			peer.Handle("find", answer)
			peer.Handle("aggregate", answer)
			peer.Handle("endSessions", ok())
			client := newClient(t, peer.URI())
			return peer, client, test.open(t, peer, client)
		}
		stillClosed := func(t *testing.T, client *motor.Client, end func() ended) {
			t.Helper()
			succeed(t, end())
			if motor.IsOpen(client) {
				t.Error("client was reopened")
			}
		}
		t.Run(test.name, func(t *testing.T) {
			_, client, end := opened(t)
			noError(t, client.Close(t.Context()))
			stillClosed(t, client, end)
		})
		t.Run(test.name+" while Close waits for an operation", func(t *testing.T) {
			peer, client, end := opened(t)
			last := client.Database("d").Collection("c").DeleteOne(t.Context(), bson.D{})
			held := peer.Receive("delete")
			closed := make(chan error, 1)
			go func() { closed <- client.Close(context.Background()) }()
			eventually(t, func() bool { return !motor.IsOpen(client) })
			stillClosed(t, client, end)
			held.OK(bson.M{"n": 1})
			succeed(t, last)
			noError(t, <-closed)
		})
	}
}

// An operation whose context has ended never runs. It does not open a client that nothing would close again.
func TestEndedContextDoesNotOpenClient(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI())
	c := client.Database("d").Collection("c")
	bucket, err := motor.NewGridFSBucket(client.Database("d"))
	noError(t, err)
	for _, test := range []struct {
		name string
		call func() error
	}{
		{"FindOne", func() error { return c.FindOne(ended, bson.D{}).Err() }},
		{"InsertOne", func() error { return c.InsertOne(ended, bson.D{}).Err() }},
		{"InsertOne with batching", func() error { return c.WithBatching().InsertOne(ended, bson.D{}).Err() }},
		{"UpdateOne with batching", func() error {
			return c.WithBatching().UpdateOne(ended, bson.M{"_id": 1}, bson.M{"$set": bson.M{"a": 1}}).Err()
		}},
		{"FindOne with batching", func() error { return c.WithBatching().FindOne(ended, bson.M{"_id": 1}).Err() }},
		{"Next", func() error { return c.Find(bson.D{}).Next(ended).Err() }},
		{"Next of a tailable cursor", func() error {
			return c.Find(bson.D{}, options.Find().SetCursorType(options.TailableAwait)).Next(ended).Err()
		}},
		{"ToList of an aggregation", func() error { return c.Aggregate(bson.A{}).ToList(ended).Err() }},
		{"Next of a change stream", func() error { return c.Watch(nil).Next(ended).Err() }},
		{"Open of a change stream", func() error { return c.Watch(nil).Open(ended).Err() }},
		{"Open", func() error { return client.Open(ended).Err() }},
		{"Command", func() error { return client.Database("d").Command(ended, "ping").Err() }},
		{"StartSession", func() error { return client.StartSession(ended).Err() }},
		{"UploadFromStream", func() error { return bucket.UploadFromStream(ended, "f", strings.NewReader("x")).Err() }},
		{"OpenDownloadStream", func() error { return bucket.OpenDownloadStream(ended, 1).Err() }},
		{"CopyDatabase", func() error { return client.CopyDatabase(ended, "d", "e").Err() }},
	} {
		err := test.call()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v, want context.Canceled", test.name, err)
		}
		if motor.IsOpen(client) {
			t.Errorf("%s: client was opened", test.name)
			noError(t, client.Close(t.Context()))
		}
	}
}

// Tail and Each read repeatedly, with pauses. They do not reopen a client that was closed during a pause.
func TestTailAfterClientClose(t *testing.T) {
	type visit = func(bson.M, error) bool
	for _, test := range []struct {
		name string
		id   int64 // of the cursor
		read func(*motor.Collection[bson.M], visit)
	}{
		{"Tail", 0, func(c *motor.Collection[bson.M], fn visit) { c.Find(bson.D{}).Tail(context.Background(), fn) }},
		{"Each", 7, func(c *motor.Collection[bson.M], fn visit) {
			c.Find(bson.D{}, options.Find().SetCursorType(options.Tailable)).Each(context.Background(), fn)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			client := newClient(t, peer.URI())
			peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 7) })
			ended, again := make(chan error, 1), make(chan struct{}, 1)
			test.read(client.Database("d").Collection("c"), func(_ bson.M, err error) bool {
				ended <- err
				return false
			})
			peer.Receive("find").Cursor("d.c", test.id)
			noError(t, client.Close(t.Context()))
			peer.Handle("find", func(r *wiretest.Request) {
				r.Cursor("d.c", 0)
				again <- struct{}{}
			})
			select {
			case err := <-ended:
				if !errors.Is(err, motor.InvalidOperation) {
					t.Errorf("got %v, want InvalidOperation", err)
				}
			case <-again:
				t.Error("query was sent again")
			}
			if motor.IsOpen(client) {
				t.Error("client was reopened")
			}
		})
	}
}

// A cursor that was opened before Client.Close does not reopen the client. Only a read after Rewind does.
func TestCursorKeepsItsConnection(t *testing.T) {
	type outcome = func(*motor.Cursor[bson.M]) error
	for _, test := range []struct {
		name string
		call outcome
		want error
	}{
		{"Next", func(c *motor.Cursor[bson.M]) error { _, err := c.Next(t.Context()).Await(t.Context()); return err }, motor.InvalidOperation},
		{"TryNext", func(c *motor.Cursor[bson.M]) error { _, err := c.TryNext(t.Context()).Await(t.Context()); return err }, motor.InvalidOperation},
		{"FetchNext", func(c *motor.Cursor[bson.M]) error { _, err := c.FetchNext(t.Context()).Await(t.Context()); return err }, motor.InvalidOperation},
		{"ToList", func(c *motor.Cursor[bson.M]) error { _, err := c.ToList(t.Context()).Await(t.Context()); return err }, motor.InvalidOperation},
		{"Close", func(c *motor.Cursor[bson.M]) error { _, err := c.Close(t.Context()).Await(t.Context()); return err }, nil},
		{"Rewind", func(c *motor.Cursor[bson.M]) error { c.Rewind(); return nil }, nil},
		{"CloseCursor", func(c *motor.Cursor[bson.M]) error {
			_, err := c.Collection().Database().Client().CloseCursor(t.Context(), 7).Await(t.Context())
			return err
		}, motor.CursorNotFound},
		{"KillCursors", func(c *motor.Cursor[bson.M]) error {
			_, err := c.Collection().Database().Client().KillCursors(t.Context(), []int64{7}).Await(t.Context())
			return err
		}, motor.CursorNotFound},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			client := newClient(t, peer.URI())
			peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7) })
			peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 1}) })
			cursor := client.Database("d").Collection("c").Find(bson.D{})
			if doc, err := cursor.Next(t.Context()).Await(t.Context()); doc["i"] != int32(1) || err != nil {
				t.Fatalf("Next() = %v, %v, want i = 1, nil", doc, err)
			}
			noError(t, client.Close(t.Context()))
			if err := test.call(cursor); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if motor.IsOpen(client) {
				t.Error("client was reopened")
			}
		})
	}
}

// A Close that finishes after the client was reopened leaves the new cursors alone.
func TestLateCloseAfterReopen(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI("retryWrites=false"))
	coll := client.Database("d").Collection("c")
	last := coll.DeleteOne(t.Context(), bson.D{})
	held := peer.Receive("delete")
	closed := make(chan error, 1)
	go func() { closed <- client.Close(context.Background()) }()
	eventually(t, func() bool { return !motor.IsOpen(client) })
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}, bson.M{"i": 1}) })
	cursor := coll.Find(bson.D{})
	succeed(t, cursor.Next(t.Context()))
	held.OK(bson.M{"n": 1})
	succeed(t, last)
	noError(t, <-closed)
	succeed(t, client.CloseCursor(t.Context(), cursor.CursorID()))
	if n := len(peer.Seen("killCursors")); n != 1 {
		t.Errorf("got %d killCursors commands, want 1", n)
	}
	runtime.KeepAlive(cursor)
}
