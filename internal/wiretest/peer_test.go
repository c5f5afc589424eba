package wiretest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
)

// connect returns a client of the driver that is closed at the end of the test.
func connect(t wiretest.T, uri string) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatalf("%v", err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Errorf("%v", err)
		}
	})
	return client
}

// sending runs op on another goroutine. wait waits for its error.
func sending(t wiretest.T, op func(context.Context) error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- op(t.Context()) }()
	return func() error { return <-done }
}

// command is an operation that sends a command.
func command(client *mongo.Client, name string) func(context.Context) error {
	return func(ctx context.Context) error {
		return client.Database("d").RunCommand(ctx, bson.D{{Key: name, Value: 1}}).Err()
	}
}

func TestPeerAnswersItself(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := connect(t, peer.URI())
	for _, name := range []string{"ping", "hello", "isMaster", "ismaster"} {
		if err := command(client, name)(t.Context()); err != nil {
			t.Errorf("%s: got %v, want no error", name, err)
		}
	}
	if n := len(peer.Seen("ping")); n != 1 {
		t.Errorf("got %d recorded pings, want 1", n)
	}
}

func TestNilHandler(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("ping", nil)
	client := connect(t, peer.URI())
	pinged := sending(t, func(ctx context.Context) error { return client.Ping(ctx, nil) })
	peer.Receive("ping").Fail(13, "Unauthorized", "no")
	var refused mongo.CommandError
	if err := pinged(); !errors.As(err, &refused) || refused.Code != 13 || refused.Name != "Unauthorized" {
		t.Errorf("got %v, want error 13 (Unauthorized)", err)
	}
}

func TestCursor(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	coll := connect(t, peer.URI()).Database("d").Collection("c")
	var docs []bson.M
	var cursor *mongo.Cursor
	read := sending(t, func(ctx context.Context) (err error) {
		if cursor, err = coll.Find(ctx, bson.M{}, options.Find().SetBatchSize(2)); err != nil {
			return err
		}
		for range 3 {
			var doc bson.M
			if !cursor.Next(ctx) {
				return cursor.Err()
			}
			if err := cursor.Decode(&doc); err != nil {
				return err
			}
			docs = append(docs, doc)
		}
		return cursor.Close(ctx)
	})
	peer.Receive("find").Want(bson.M{"batchSize": 2}).Cursor("d.c", 42, bson.M{"i": 0}, bson.M{"i": 1})
	peer.Receive("getMore").Want(bson.M{"getMore": 42, "collection": "c"}).Cursor("d.c", 42, bson.M{"i": 2})
	if err := read(); err != nil || len(docs) != 3 || docs[2]["i"] != int32(2) {
		t.Errorf("got %v, %v, want three documents", docs, err)
	}
	killed := peer.Seen("killCursors")
	if len(killed) != 1 || killed[0].Lookup("cursors", "0").AsInt64() != 42 {
		t.Errorf("got killCursors %v, want one of cursor 42", killed)
	}
}

func TestWriteAnswers(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	coll := connect(t, peer.URI()).Database("d").Collection("c")
	var written *mongo.InsertManyResult
	insert := func(ctx context.Context) (err error) {
		written, err = coll.InsertMany(ctx, []bson.M{{"_id": 1}, {"_id": 2}})
		return err
	}
	inserted := sending(t, insert)
	peer.Receive("insert").Want(bson.M{"documents": []bson.M{{"_id": 1}, {"_id": 2}}}).WriteError(1, 121, "no", "Label")
	var bulk mongo.BulkWriteException
	err := inserted()
	if !errors.As(err, &bulk) || len(bulk.WriteErrors) != 1 || bulk.WriteErrors[0].Code != 121 ||
		bulk.WriteErrors[0].Index != 1 || !bulk.HasErrorLabel("Label") || len(written.InsertedIDs) != 1 {
		t.Errorf("got %v, %v, want one inserted ID and write error 121 at index 1", written, err)
	}
	inserted = sending(t, insert)
	peer.Receive("insert").WriteConcernError(64, "WriteConcernTimeout", "slow", "Label")
	bulk = mongo.BulkWriteException{}
	if err := inserted(); !errors.As(err, &bulk) || bulk.WriteConcernError.Code != 64 || !bulk.HasErrorLabel("Label") {
		t.Errorf("got %v, %v, want write concern error 64", written, err)
	}
}

func TestUnacknowledgedWrite(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	unacknowledged := options.Collection().SetWriteConcern(writeconcern.Unacknowledged())
	coll := connect(t, peer.URI()).Database("d").Collection("c", unacknowledged)
	if _, err := coll.InsertOne(t.Context(), bson.M{"_id": 1}); err != nil {
		t.Error(err)
	}
	r := peer.Receive("insert")
	if !r.MoreToCome {
		t.Error("got w: 0 without moreToCome, want it with moreToCome")
	}
	r.Want(bson.M{"writeConcern": bson.M{"w": 0}}).Nothing()
}

func TestHangUp(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := connect(t, peer.URI())
	failed := sending(t, command(client, "a"))
	r := peer.Receive("a")
	r.HangUp()
	if err := failed(); !mongo.IsNetworkError(err) {
		t.Errorf("got %v, want a network error", err)
	}
	worked := sending(t, command(client, "b"))
	again := peer.Receive("b")
	if again.Connection == r.Connection {
		t.Errorf("got connection %d, which was closed, want another one", again.Connection)
	}
	again.OK()
	if err := worked(); err != nil {
		t.Error(err)
	}
}

func TestConnections(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	if open, accepted := peer.Connections(); open != 0 || accepted != 0 {
		t.Errorf("Connections() = %d, %d, want 0, 0", open, accepted)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(peer.URI()))
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
	peer.AwaitConnections(2) // one for monitoring, one for the ping
	if err := client.Disconnect(t.Context()); err != nil {
		t.Error(err)
	}
	peer.AwaitConnections(0)
	if _, accepted := peer.Connections(); accepted != 2 {
		t.Errorf("got %d accepted connections, want 2", accepted)
	}
}

// TestFaultyTest checks what a peer reports when the test itself is wrong.
func TestFaultyTest(t *testing.T) {
	const soon = 20 * time.Millisecond
	for _, test := range []struct {
		name string
		test func(t *recorder, peer *wiretest.Peer, client *mongo.Client)
		want [][]string
	}{
		{"unexpected command", func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
			peer.SetPatience(soon)
			if err := command(client, "shutdown")(t.Context()); err == nil {
				t.Errorf("the command succeeded, want an error")
			}
		}, [][]string{{"unexpected command", `"shutdown"`}}},
		{"unexpected command before the end of the test",
			func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
				peer.Handle("seen", func(r *wiretest.Request) { r.OK() })
				wait := sending(t, command(client, "shutdown"))
				for len(peer.Seen("shutdown")) == 0 {
					_ = command(client, "seen")(t.Context())
				}
				t.Cleanup(func() { _ = wait() })
			}, [][]string{{"unexpected command", `"shutdown"`}}},
		{"wrong command", func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
			wait := sending(t, command(client, "shutdown"))
			t.Cleanup(func() { _ = wait() })
			peer.Receive("insert")
		}, [][]string{{"want insert", `"shutdown"`}}},
		{"no command", func(_ *recorder, peer *wiretest.Peer, _ *mongo.Client) {
			peer.SetPatience(soon)
			peer.Receive("insert")
		}, [][]string{{"got no command within 20ms, want insert"}}},
		{"no command until the end of the test", func(t *recorder, peer *wiretest.Peer, _ *mongo.Client) {
			t.cancel()
			peer.Receive("insert")
		}, [][]string{{"got no command until the end of the test, want insert"}}},
		{"no answer", func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
			wait := sending(t, command(client, "insert"))
			t.Cleanup(func() { _ = wait() })
			peer.Receive("insert")
		}, [][]string{{"unanswered", `"insert"`}}},
		{"no answer in time", func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
			peer.SetPatience(2 * time.Second) // long enough for the command to arrive, too
			wait := sending(t, command(client, "insert"))
			r := peer.Receive("insert")
			if err := wait(); err == nil {
				t.Errorf("the command succeeded, want an error")
			}
			r.OK() // too late
		}, [][]string{{"unanswered", `"insert"`}}},
		{"two answers", func(_ *recorder, peer *wiretest.Peer, client *mongo.Client) {
			wait := sending(t, command(client, "insert"))
			r := peer.Receive("insert")
			r.OK()
			r.OK()
			_ = wait()
		}, [][]string{{"answered twice", `"insert"`}}},
		{"answer to an unacknowledged write", func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
			db := client.Database("d", options.Database().SetWriteConcern(writeconcern.Unacknowledged()))
			if _, err := db.Collection("c").InsertOne(t.Context(), bson.M{}); err != nil {
				t.Errorf("%v", err)
			}
			peer.Receive("insert").OK()
		}, [][]string{{"does not wait for an answer", `"insert"`}}},
		{"answer is not a document", func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
			wait := sending(t, command(client, "insert"))
			peer.Receive("insert").OK("fine")
			_ = wait()
			wait = sending(t, command(client, "update"))
			peer.Receive("update").Reply(1)
			_ = wait()
		}, [][]string{{"cannot be encoded", `"insert"`}, {"cannot be encoded", `"update"`}}},
		{"none: client waits until the end of the test",
			func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
				done := make(chan error, 1)
				go func() { done <- command(client, "insert")(context.Background()) }()
				t.Cleanup(func() { <-done })
				peer.Receive("insert").Nothing()
			}, nil},
		{"none: handler answers during cleanups", func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
			peer.Handle("dropDatabase", func(r *wiretest.Request) { r.OK() })
			t.Cleanup(func() {
				if err := client.Database("d").Drop(context.Background()); err != nil {
					t.Errorf("%v", err)
				}
			})
		}, nil},
		{"none: handler answers after the end of the test", func(t *recorder, peer *wiretest.Peer, client *mongo.Client) {
			started := make(chan struct{})
			peer.Handle("insert", func(r *wiretest.Request) {
				close(started)
				<-t.Context().Done()
				r.OK()
			})
			t.Cleanup(func() {
				if err := command(client, "insert")(context.Background()); err != nil {
					t.Errorf("%v", err)
				}
				<-started
			})
		}, nil},
		{"unexpected command in a cleanup", func(t *recorder, _ *wiretest.Peer, client *mongo.Client) {
			t.Cleanup(func() { _ = client.Database("d").Drop(context.Background()) })
		}, [][]string{{"unexpected command", `"dropDatabase"`}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			reports := reportsOf(func(mock *recorder) {
				peer := wiretest.Start(mock, wiretest.Standalone)
				test.test(mock, peer, connect(mock, peer.URI("retryReads=false")))
			})
			wantReports(t, reports, test.want...)
		})
	}
}
