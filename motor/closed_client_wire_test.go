package motor_test

import (
	"context"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// What is open on the server ends with the client's connections: closing it afterwards, as a defer may, does nothing.
func TestClosingSomethingOfAClosedClientDoesNotOpenItAgain(t *testing.T) {
	type ended = *future.Future[struct{}]
	for name, open := range map[string]func(*testing.T, *wiretest.Peer, *motor.Client) (end func() ended){
		"a cursor": func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			cursor := client.Database("d").Collection("c").Find(bson.D{})
			succeed(t, cursor.FetchNext(t.Context()))
			return func() ended { return cursor.Close(t.Context()) }
		},
		"a cursor that waits for news": func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			awaiting := options.Find().SetCursorType(options.TailableAwait)
			cursor := client.Database("d").Collection("c").Find(bson.D{}, awaiting)
			succeed(t, cursor.FetchNext(t.Context()))
			return func() ended { return cursor.Close(t.Context()) }
		},
		"a cursor that is rewound": func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			cursor := client.Database("d").Collection("c").Find(bson.D{})
			succeed(t, cursor.FetchNext(t.Context()))
			return func() ended { cursor.Rewind(); return cursor.Close(t.Context()) }
		},
		"a change stream": func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			stream := client.Database("d").Collection("c").Watch(nil)
			succeed(t, stream.Open(t.Context()))
			return func() ended { return stream.Close(t.Context()) }
		},
		"a session": func(t *testing.T, peer *wiretest.Peer, client *motor.Client) func() ended {
			s, err := client.StartSession(t.Context()).Await(t.Context())
			noError(t, err)
			noError(t, s.StartTransaction())
			peer.Handle("insert", ok(bson.M{"n": 1}))
			succeed(t, client.Database("d").Collection("c").InsertOne(s.Context(t.Context()), bson.D{}))
			return func() ended { return s.EndSession(t.Context()) }
		},
	} {
		opened := func(t *testing.T) (*wiretest.Peer, *motor.Client, func() ended) {
			peer := wiretest.Start(t, wiretest.Primary)
			answer := func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"_id": bson.M{"i": 0}}) }
			peer.Handle("find", answer)
			peer.Handle("aggregate", answer)
			peer.Handle("endSessions", ok())
			client := newClient(t, peer.URI())
			return peer, client, open(t, peer, client)
		}
		stillClosed := func(t *testing.T, client *motor.Client, end func() ended) {
			t.Helper()
			succeed(t, end())
			if motor.IsOpen(client) {
				t.Error("the client was opened again")
			}
		}
		t.Run(name, func(t *testing.T) {
			_, client, end := opened(t)
			noError(t, client.Close(t.Context()))
			stillClosed(t, client, end)
		})
		t.Run(name+" while Close waits for an operation", func(t *testing.T) {
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
