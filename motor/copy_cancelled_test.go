package motor_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestCopyDatabaseCancelled(t *testing.T) {
	for _, test := range []struct {
		name string
		stop func(f *future.Future[*motor.CopyResult], cancel func())
		want error
	}{
		{"by its future", func(f *future.Future[*motor.CopyResult], _ func()) { f.Cancel() }, future.ErrCancelled},
		{"by its context", func(_ *future.Future[*motor.CopyResult], cancel func()) { cancel() }, context.Canceled},
	} {
		t.Run(test.name, func(t *testing.T) {
			source := copyPeer(t, listedAs("c", "collection", bson.D{}))
			target := copyPeer(t)
			source.Handle("find", func(r *wiretest.Request) { r.Cursor("a.c", 7, bson.M{"_id": 1}) })
			source.Handle("getMore", func(r *wiretest.Request) { r.Cursor("a.c", 7, bson.M{"_id": 2}) })
			target.Handle("insert", nil)

			client := newClient(t, target.URI(), motor.WithMaxWorkers(1))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			f := client.CopyDatabase(ctx, "a", "b", motor.CopyFromHost(source.Address()))
			insert := target.Receive("insert")
			test.stop(f, cancel)
			got, err := f.Await(t.Context())
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if test.want == context.Canceled {
				want := &motor.CopyResult{Collections: []motor.CopiedCollection{{Name: "c"}}}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v, want %v", got, want)
				}
			}
			source.AwaitConnections(0) // the source client has closed
			if len(source.Seen("killCursors")) != 1 {
				t.Error("got no killCursors, want one")
			}
			insert.OK() // The copy no longer waits for this reply.
			if n := len(target.Seen("createIndexes")); n != 0 {
				t.Errorf("got %d createIndexes commands after the cancellation, want 0", n)
			}
		})
	}
}

func TestCopyDatabaseExecutorRefuses(t *testing.T) {
	t.Run("executor's queue is full", func(t *testing.T) {
		// The collections compete for the full queue.
		var listed []bson.D
		for _, name := range []string{"c", "d", "e", "f", "g"} {
			listed = append(listed, listedAs(name, "collection", bson.D{}))
		}
		peer := copyPeer(t, listed...)
		client := newClient(t, peer.URI(), motor.WithMaxWorkers(1), motor.WithMaxQueue(0))
		got, err := client.CopyDatabase(t.Context(), "a", "b").Await(t.Context())
		if err != nil || got.Documents() != 10 {
			t.Errorf("got %+v, %v, want 10 documents, nil", got, err)
		}
		if client.Stats().Rejected == 0 {
			t.Error("got 0 rejected operations, want a full queue")
		}
	})
	t.Run("executor is closing", func(t *testing.T) {
		peer := copyPeer(t, listedAs("c", "collection", bson.D{}))
		peer.Handle("create", nil)
		client := newClient(t, peer.URI())
		f := client.CopyDatabase(t.Context(), "a", "b")
		create := peer.Receive("create")
		closed := make(chan error, 1)
		go func() { closed <- client.Close(context.Background()) }()
		for { // until the client refuses new operations
			if !client.Connected() {
				break
			}
			time.Sleep(time.Millisecond)
		}
		create.OK()
		if got, err := f.Await(t.Context()); err != nil || got.Documents() != 2 {
			t.Errorf("CopyDatabase() = %+v, %v, want 2 documents, nil", got, err)
		}
		if err := <-closed; err != nil {
			t.Errorf("got error %v, want nil", err)
		}
		peer.AwaitConnections(0) // The copy has not reopened the client.
	})
}
