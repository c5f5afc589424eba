package faultproxy_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// startBalanced starts a load balancer before two routers.
func startBalanced(t *testing.T) *faultproxy.Proxy {
	t.Helper()
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as a load balancer")
	server, err := mongotest.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	proxy, err := faultproxy.StartBalanced(t.Context(), server.URI(), 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = proxy.Close() })
	return proxy
}

// services returns the routers that the connections of a client come from, in the order of the connections.
func services(t *testing.T, uri string, connections int) (ids []bson.ObjectID) {
	t.Helper()
	var mu sync.Mutex
	opts := options.Client().ApplyURI(uri).SetMonitor(&event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		if e.CommandName == "find" {
			mu.Lock()
			defer mu.Unlock()
			ids = append(ids, *e.ServiceID)
		}
	}})
	client, err := mongo.Connect(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.Background()) }()
	c := client.Database("d").Collection("c")
	if _, err := c.InsertMany(t.Context(), []bson.D{{}, {}, {}}); err != nil {
		t.Fatal(err)
	}
	for range connections { // an open cursor keeps its connection
		cursor, err := c.Find(t.Context(), bson.D{}, options.Find().SetBatchSize(1))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = cursor.Close(context.Background()) }()
	}
	return ids
}

func TestStartBalanced(t *testing.T) {
	t.Run("connections go to the routers in turn", func(t *testing.T) {
		proxy := startBalanced(t)
		ids := services(t, proxy.URI(), 4)
		if len(ids) != 4 || ids[0] == ids[1] || ids[0] != ids[2] || ids[1] != ids[3] {
			t.Errorf("got services %v, want two in turn", ids)
		}
		ids = services(t, proxy.SingleURI(), 3)
		if len(ids) != 3 || ids[0] != ids[1] || ids[0] != ids[2] {
			t.Errorf("got services %v with SingleURI, want one", ids)
		}
	})
	t.Run("clients without loadBalanced are refused", func(t *testing.T) {
		proxy := startBalanced(t)
		client := motor.MustClient("mongodb://" + proxy.Address() + "/?directConnection=true&serverSelectionTimeoutMS=1000")
		t.Cleanup(func() { _ = client.Close(context.Background()) })
		if _, err := client.Database("d").Collection("c").FindOne(t.Context(), bson.M{}).Await(t.Context()); !errors.Is(err, motor.ConnectionFailure) {
			t.Errorf("FindOne() = %v, want ConnectionFailure", err)
		}
	})
	t.Run("other servers are refused by clients with loadBalanced", func(t *testing.T) {
		proxy := start(t, 1)
		client := motor.MustClient("mongodb://" + proxy.Address() + "/?loadBalanced=true")
		t.Cleanup(func() { _ = client.Close(context.Background()) })
		if _, err := client.Database("d").Collection("c").FindOne(t.Context(), bson.M{}).Await(t.Context()); !errors.Is(err, motor.ConnectionFailure) {
			t.Errorf("FindOne() = %v, want ConnectionFailure", err)
		}
	})
	t.Run("a cursor belongs to its router and its connection", func(t *testing.T) {
		proxy := startBalanced(t)
		routers := [2]*mongo.Client{}
		for i, uri := range []string{proxy.SingleURI(), proxy.URI()} {
			client, err := mongo.Connect(options.Client().ApplyURI(uri))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
			routers[i] = client
		}
		if _, err := routers[0].Database("d").Collection("c").InsertMany(t.Context(), []bson.D{{}, {}, {}}); err != nil {
			t.Fatal(err)
		}
		// The first connection to the load balancer goes to the first router, the second to the second.
		first, err := routers[1].Database("d").Collection("c").Find(t.Context(), bson.D{}, options.Find().SetBatchSize(1))
		if err != nil {
			t.Fatal(err)
		}
		second, err := routers[1].Database("d").Collection("c").Find(t.Context(), bson.D{}, options.Find().SetBatchSize(1))
		if err != nil {
			t.Fatal(err)
		}
		more := func(id int64) error {
			command := bson.D{{Key: "getMore", Value: id}, {Key: "collection", Value: "c"}, {Key: "batchSize", Value: 1}}
			return routers[0].Database("d").RunCommand(t.Context(), command).Err()
		}
		if err := more(first.ID()); err != nil {
			t.Errorf("getMore on the router of the cursor: got %v, want no error", err)
		}
		if err := more(second.ID()); !notFound(err) {
			t.Errorf("getMore on the other router: got %v, want CursorNotFound", err)
		}
		id := first.ID()
		if err := routers[1].Disconnect(t.Context()); err != nil {
			t.Fatal(err)
		}
		until(t, "no cursor", func() bool { return proxy.Stats().Cursors == 0 })
		if err := more(id); !notFound(err) {
			t.Errorf("getMore after the end of the connection: got %v, want CursorNotFound", err)
		}
	})
	t.Run("invalid number of routers", func(t *testing.T) {
		for _, n := range []int{-1, 0, 8} {
			if proxy, err := faultproxy.StartBalanced(t.Context(), "mongodb://127.0.0.1:1/", n); err == nil {
				_ = proxy.Close()
				t.Errorf("StartBalanced(%d) = nil, want an error", n)
			}
		}
	})
	t.Run("no primary", func(t *testing.T) {
		if err := startBalanced(t).MovePrimary(1); err == nil {
			t.Error("MovePrimary(1) = nil, want an error")
		}
	})
}

// until waits until a condition holds.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for !holds() {
		select {
		case <-t.Context().Done():
			t.Fatalf("waiting for %s: %v", what, t.Context().Err())
		case <-time.After(time.Millisecond):
		}
	}
}

// Behind a load balancer, a cursor of the driver has a connection of its own until it is closed. Each way in which a
// cursor of motor can end must give that connection back.
func TestBalancedCursorConnections(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(ctx context.Context, proxy *faultproxy.Proxy, client *motor.Client, c *motor.Collection[bson.M]) error
	}{
		{"read to the end", func(ctx context.Context, _ *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			docs, err := c.Find(bson.M{}).BatchSize(2).ToList(ctx, 100).Await(ctx)
			if err == nil && len(docs) != 5 {
				err = fmt.Errorf("got %d documents, want 5", len(docs))
			}
			return err
		}},
		{"closed", func(ctx context.Context, _ *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			cursor := c.Find(bson.M{}).BatchSize(2)
			_, err := cursor.Next(ctx).Await(ctx)
			_, closed := cursor.Close(ctx).Await(ctx)
			return errors.Join(err, closed)
		}},
		{"dropped", func(ctx context.Context, _ *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			_, err := c.Find(bson.M{}).BatchSize(2).Next(ctx).Await(ctx)
			return err
		}},
		{"lost and closed", func(ctx context.Context, proxy *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			cursor := c.Find(bson.M{}).BatchSize(2)
			err := loseCursor(ctx, proxy, cursor)
			_, closed := cursor.Close(ctx).Await(ctx)
			return errors.Join(err, closed)
		}},
		{"lost and dropped", func(ctx context.Context, proxy *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			return loseCursor(ctx, proxy, c.Find(bson.M{}).BatchSize(2))
		}},
		{"lost and rewound", func(ctx context.Context, proxy *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			cursor := c.Find(bson.M{}).BatchSize(2)
			err := loseCursor(ctx, proxy, cursor)
			docs, listed := cursor.Rewind().ToList(ctx, 100).Await(ctx)
			if listed == nil && len(docs) != 5 {
				err = fmt.Errorf("got %d documents after Rewind, want 5", len(docs))
			}
			return errors.Join(err, listed)
		}},
		{"lost while reading ahead", func(ctx context.Context, proxy *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			cursor := c.Find(bson.M{}).BatchSize(2).ReadAhead(2)
			err := loseCursor(ctx, proxy, cursor)
			_, closed := cursor.Close(ctx).Await(ctx)
			return errors.Join(err, closed)
		}},
		{"cancelled during getMore", func(ctx context.Context, proxy *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			cursor := c.Find(bson.M{}).BatchSize(2)
			if err := proxy.Script("getMore", faultproxy.Fault{Stall: true}); err != nil {
				return err
			}
			for range 2 {
				if _, err := cursor.Next(ctx).Await(ctx); err != nil {
					return err
				}
			}
			reading, cancel := context.WithCancel(ctx)
			before := proxy.Stats().Faults
			next := cursor.Next(reading)
			for proxy.Stats().Faults == before {
				time.Sleep(time.Millisecond)
			}
			cancel()
			if _, err := next.Await(ctx); !errors.Is(err, context.Canceled) {
				return fmt.Errorf("Next() = %v, want context.Canceled", err)
			}
			return nil
		}},
		{"its session ended", func(ctx context.Context, proxy *faultproxy.Proxy, client *motor.Client, c *motor.Collection[bson.M]) error {
			session, err := client.StartSession(ctx).Await(ctx)
			if err != nil {
				return err
			}
			cursor := c.Find(bson.M{}).BatchSize(2)
			_, err = cursor.Next(session.Context(ctx)).Await(ctx)
			_, ended := session.EndSession(ctx).Await(ctx)
			_, closed := cursor.Close(ctx).Await(ctx)
			return errors.Join(err, ended, closed)
		}},
		{"dropped after its session ended", func(ctx context.Context, _ *faultproxy.Proxy, client *motor.Client, c *motor.Collection[bson.M]) error {
			session, err := client.StartSession(ctx).Await(ctx)
			if err != nil {
				return err
			}
			_, err = c.Find(bson.M{}).BatchSize(2).Next(session.Context(ctx)).Await(ctx)
			_, ended := session.EndSession(ctx).Await(ctx)
			return errors.Join(err, ended)
		}},
		{"a GridFS file lost", func(ctx context.Context, proxy *faultproxy.Proxy, client *motor.Client, _ *motor.Collection[bson.M]) error {
			bucket, err := motor.NewGridFSBucket(client.Database("d"))
			if err != nil {
				return err
			}
			data := bytes.Repeat([]byte("0123456789"), 200_000)
			id, err := bucket.UploadFromStream(ctx, "f", bytes.NewReader(data), options.GridFSUpload().SetChunkSizeBytes(100_000)).Await(ctx)
			if err != nil {
				return err
			}
			if err := proxy.Script("getMore", faultproxy.Fault{Cut: faultproxy.CutBefore}); err != nil {
				return err
			}
			var got bytes.Buffer
			if _, err = bucket.DownloadToStream(ctx, id, &got).Await(ctx); !errors.Is(err, motor.ConnectionFailure) {
				return fmt.Errorf("DownloadToStream() = %v, want ConnectionFailure", err)
			}
			return nil
		}},
		{"a change stream closed", func(ctx context.Context, _ *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			stream := c.Watch(nil)
			_, err := stream.TryNext(ctx).Await(ctx)
			_, closed := stream.Close(ctx).Await(ctx)
			return errors.Join(err, closed)
		}},
		{"a change stream lost", func(ctx context.Context, proxy *faultproxy.Proxy, _ *motor.Client, c *motor.Collection[bson.M]) error {
			stream := c.Watch(nil)
			if _, err := stream.TryNext(ctx).Await(ctx); err != nil {
				return err
			}
			if err := proxy.Script("getMore", faultproxy.Fault{Cut: faultproxy.CutBefore}); err != nil {
				return err
			}
			_, err := stream.TryNext(ctx).Await(ctx)
			_, closed := stream.Close(ctx).Await(ctx)
			return errors.Join(err, closed)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			proxy := startBalanced(t)
			var mu sync.Mutex
			out := 0
			add := func(n int) {
				mu.Lock()
				defer mu.Unlock()
				out += n
			}
			opts := options.Client().SetPoolMonitor(&event.PoolMonitor{Event: func(e *event.PoolEvent) {
				switch e.Type {
				case event.ConnectionCheckedOut:
					add(1)
				case event.ConnectionCheckedIn:
					add(-1)
				}
			}})
			client, err := motor.NewClient(proxy.URI(), motor.WithClientOptions(opts))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close(context.Background()) })
			ctx := t.Context()
			c := client.Database("d").Collection("c")
			if _, err := c.InsertMany(ctx, []bson.M{{}, {}, {}, {}, {}}).Await(ctx); err != nil {
				t.Fatal(err)
			}
			if err := test.run(ctx, proxy, client, c); err != nil {
				t.Fatal(err)
			}
			until(t, "all connections to be given back", func() bool {
				runtime.GC()
				mu.Lock()
				defer mu.Unlock()
				return out == 0
			})
		})
	}
}

// loseCursor reads a cursor until it loses its connection.
func loseCursor(ctx context.Context, proxy *faultproxy.Proxy, cursor *motor.Cursor[bson.M]) error {
	if err := proxy.Script("getMore", faultproxy.Fault{Cut: faultproxy.CutBefore}); err != nil {
		return err
	}
	for range 2 {
		if _, err := cursor.Next(ctx).Await(ctx); err != nil {
			return err
		}
	}
	if _, err := cursor.Next(ctx).Await(ctx); !errors.Is(err, motor.ConnectionFailure) {
		return fmt.Errorf("Next() = %v, want ConnectionFailure", err)
	}
	return nil
}

// notFound reports whether err is the server's error for an unknown cursor.
func notFound(err error) bool {
	var command mongo.CommandError
	return errors.As(err, &command) && command.Code == 43
}
