package motor_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// pausePool makes the driver's pool of the peer pause, as after a failed heartbeat. It is ready again at the next
// heartbeat, half a second later.
func pausePool(t *testing.T, peer *wiretest.Peer, c collection) {
	t.Helper()
	peer.Handle("insert", func(r *wiretest.Request) { r.HangUp() })
	if err := insertOne(t.Context(), c)(t.Context()); !errors.Is(err, motor.AutoReconnect) {
		t.Fatalf("got %v, want AutoReconnect", err)
	}
}

// A getMore while the server is unreachable waits for it, as a find does.
func TestGetMoreWaitsForServer(t *testing.T) {
	opening := func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) }
	for _, test := range []struct {
		name string
		read func(context.Context, collection) func() error // opens a cursor, and returns the next read
	}{
		{"Find", func(ctx context.Context, c collection) func() error {
			cursor := c.Find(bson.M{})
			_, err := cursor.Next(ctx).Await(ctx)
			noError(t, err)
			return func() error { return second(cursor.Next(ctx).Await(ctx)) }
		}},
		{"FetchNext", func(ctx context.Context, c collection) func() error {
			cursor := c.Find(bson.M{})
			_, err := cursor.Next(ctx).Await(ctx)
			noError(t, err)
			return func() error { return second(cursor.FetchNext(ctx).Await(ctx)) }
		}},
		{"Aggregate", func(ctx context.Context, c collection) func() error {
			cursor := c.Aggregate(bson.A{})
			_, err := cursor.Next(ctx).Await(ctx)
			noError(t, err)
			return func() error { return second(cursor.Next(ctx).Await(ctx)) }
		}},
		{"FindRawBatches", func(ctx context.Context, c collection) func() error {
			cursor := c.FindRawBatches(bson.M{})
			_, err := cursor.Next(ctx).Await(ctx)
			noError(t, err)
			return func() error { return second(cursor.Next(ctx).Await(ctx)) }
		}},
		{"CursorCommand", func(ctx context.Context, c collection) func() error {
			cursor, err := c.Database().CursorCommand(ctx, bson.D{{Key: "find", Value: "c"}}).Await(ctx)
			noError(t, err)
			_, err = cursor.Next(ctx).Await(ctx)
			noError(t, err)
			return func() error { return second(cursor.Next(ctx).Await(ctx)) }
		}},
		{"Tail", func(ctx context.Context, c collection) func() error {
			cursor := c.Find(bson.M{}).AddOption(motor.QueryFlagTailable)
			_, err := cursor.Next(ctx).Await(ctx)
			noError(t, err)
			return func() error { return second(cursor.Next(ctx).Await(ctx)) }
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			peer.Handle("find", opening)
			peer.Handle("aggregate", opening)
			peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"i": 1}) })
			peer.Handle("killCursors", nil)
			c := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
			read := test.read(t.Context(), c)
			pausePool(t, peer, c)
			if err := read(); err != nil {
				t.Errorf("got %v, want the second document", err)
			}
		})
	}
}

// The operations that read a list to its end wait for the server too.
func TestRestOfListWaitsForServer(t *testing.T) {
	for _, test := range []struct {
		name string
		read func(context.Context, collection) (names []string, err error)
	}{
		{"ListCollectionNames", func(ctx context.Context, c collection) ([]string, error) {
			return c.Database().ListCollectionNames(ctx, bson.M{}).Await(ctx)
		}},
		{"IndexInformation", func(ctx context.Context, c collection) ([]string, error) {
			indexes, err := c.IndexInformation(ctx).Await(ctx)
			return slices.Sorted(maps.Keys(indexes)), err
		}},
		{"CountDocuments", func(ctx context.Context, c collection) ([]string, error) {
			n, err := c.CountDocuments(ctx, bson.M{}).Await(ctx)
			return []string{"a", "b"}[:n], err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			c := newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c")
			for _, command := range []string{"listCollections", "listIndexes", "aggregate"} {
				peer.Handle(command, func(r *wiretest.Request) {
					pausePool(t, peer, c)
					if command == "aggregate" {
						r.Cursor("d.c", 7)
					} else {
						r.Cursor("d.c", 7, bson.M{"name": "a"})
					}
				})
			}
			peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"name": "b", "n": 2}) })
			if names, err := test.read(t.Context(), c); err != nil || !slices.Equal(names, []string{"a", "b"}) {
				t.Errorf("got %q, %v, want both", names, err)
			}
		})
	}
}

// A list whose rest is lost is not the result.
func TestLostRestOfList(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	db := newClient(t, peer.URI("retryReads=false")).Database("d")
	for _, command := range []string{"listCollections", "listIndexes"} {
		peer.Handle(command, func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"name": "a"}) })
	}
	peer.Handle("getMore", func(r *wiretest.Request) { r.Fail(43, "CursorNotFound", "cursor not found") })
	for _, test := range []struct {
		name string
		op   outcome
	}{
		{"ListCollectionNames", started(db.ListCollectionNames(t.Context(), bson.M{}))},
		{"CollectionNames", started(db.CollectionNames(t.Context()))},
		{"CreateCollection", started(db.CreateCollection(t.Context(), "b"))},
		{"IndexInformation", started(db.Collection("c").IndexInformation(t.Context()))},
	} {
		if err := test.op(t.Context()); !errors.Is(err, motor.CursorNotFound) {
			t.Errorf("%s: got %v, want CursorNotFound", test.name, err)
		}
	}
}

func TestGridFSChunkWaitsForServer(t *testing.T) {
	peer := gridPeer(t, 8)
	out := gridFile(t, peer)
	readChunks(t, out, 0, 1)
	pausePool(t, peer, newClient(t, peer.URI("retryWrites=false")).Database("d").Collection("c"))
	if _, err := out.Read(t.Context(), -1).Await(t.Context()); err != nil && !errors.Is(err, io.EOF) {
		t.Errorf("Read() = %v, want the rest of the file", err)
	}
}

// A read whose time is over before its getMore is sent loses nothing: the next read sends it.
func TestGetMoreNotSentKeepsCursor(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"i": 0}) })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"i": 1}) })
	client := newClient(t, peer.URI("retryWrites=false", "serverSelectionTimeoutMS=50"))
	eventually(t, func() bool { // the client may need more than 50 ms to find the server
		alive, err := client.Alive(t.Context()).Await(t.Context())
		return err == nil && alive
	})
	c := client.Database("d").Collection("c")
	for _, test := range []struct {
		name  string
		limit time.Duration
		want  *motor.ErrorClass
	}{
		{"server selection", time.Minute, motor.AutoReconnect},
		{"context", 20 * time.Millisecond, nil},
	} {
		cursor := c.Find(bson.M{}, options.Find().SetBatchSize(1))
		succeed(t, cursor.Next(t.Context()))
		pausePool(t, peer, c)
		ctx, cancel := context.WithTimeout(t.Context(), test.limit)
		if _, err := cursor.Next(ctx).Await(ctx); err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want an error of class %v", test.name, err, test.want)
		}
		cancel()
		eventually(t, func() bool {
			doc, err := cursor.Next(t.Context()).Await(t.Context())
			return err == nil && doc["i"] == int32(1)
		})
	}
}
