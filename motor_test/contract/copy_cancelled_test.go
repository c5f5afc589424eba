package contract_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The peer has a collection without an end. The test cancels the copy when its second insert arrives.
func TestCopyDatabaseCancelledPartialResult(t *testing.T) {
	copiedInBothStyles(t, func(t *testing.T, copied copier) {
		peer := wiretest.Start(t, wiretest.Standalone)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		peer.Handle("listCollections", func(r *wiretest.Request) {
			if r.Command.Lookup("$db").StringValue() == "b" {
				r.Cursor("b.$cmd.listCollections", 0)
				return
			}
			r.Cursor("a.$cmd.listCollections", 0, bson.M{"name": "c", "type": "collection", "options": bson.M{}, "info": bson.M{}})
		})
		peer.Handle("create", func(r *wiretest.Request) { r.OK() })
		peer.Handle("count", func(r *wiretest.Request) { r.OK(bson.M{"n": 1000}) })
		peer.Handle("aggregate", func(r *wiretest.Request) { r.Fail(40324, "Location40324", "no $out into another database") })
		batch := func(r *wiretest.Request) {
			r.Cursor("a.c", 7, bson.M{"_id": bson.NewObjectID()}, bson.M{"_id": bson.NewObjectID()})
		}
		peer.Handle("find", batch)
		peer.Handle("getMore", batch)
		peer.Handle("insert", func(r *wiretest.Request) {
			if len(peer.Seen("insert")) == 1 {
				r.OK(bson.M{"n": 2})
				return
			}
			cancel()
			r.Nothing()
		})
		client, err := motor.NewClient(peer.URI())
		noError(t, err)
		t.Cleanup(func() { _ = client.Close(context.Background()) })

		_, err = copied(ctx, client, "a", "b")
		var half *motor.CopyError
		if !errors.Is(err, context.Canceled) || !errors.As(err, &half) {
			t.Fatalf("got %v, want a CopyError of the context", err)
		}
		if n := half.Result.Documents(); n != 2 || len(half.Result.Collections) != 1 || half.Result.Collections[0].Complete {
			t.Errorf("got %+v, want the two documents of the first insert", half.Result.Collections)
		}
		if n := len(peer.Seen("insert")); n != 2 {
			t.Errorf("%d inserts were sent, want 2", n)
		}
	})
}
