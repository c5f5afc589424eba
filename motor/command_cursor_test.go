package motor_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestAggregateIsLazy(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	db := newClient(t, peer.URI()).Database("admin")
	stage := bson.D{{Key: "$currentOp", Value: bson.D{{Key: "allUsers", Value: true}}}}

	pipeline := mongo.Pipeline{stage}
	cursor := db.Aggregate(pipeline, options.Aggregate().SetComment("why"))
	pipeline[0] = nil // The caller may change the argument after the call.
	cursor.BatchSize(2)
	if len(peer.Seen("aggregate")) != 0 || !cursor.Alive() || cursor.CursorID() != 0 || cursor.NextObject() != nil {
		t.Error("Aggregate sent a command before the first read")
	}
	if name := cursor.Collection().FullName(); name != "admin.$cmd.aggregate" {
		t.Errorf(`got collection %s, want "admin.$cmd.aggregate"`, name)
	}

	first := cursor.FetchNext(t.Context())
	peer.Receive("aggregate").Want(bson.M{
		"aggregate": 1, "pipeline": bson.A{stage}, "cursor": bson.M{"batchSize": 2}, "comment": "why", "$db": "admin",
	}).Cursor("admin.$cmd.aggregate", 7, bson.M{"i": 0}, bson.M{"i": 1})
	if more, err := first.Await(t.Context()); !more || err != nil || cursor.CursorID() != 7 {
		t.Errorf("FetchNext() = %t, %v, CursorID() = %d, want true, nil, 7", more, err, cursor.CursorID())
	}

	rest := cursor.BatchSize(5).ToList(t.Context())
	peer.Receive("getMore").Want(bson.M{
		"getMore": int64(7), "collection": "$cmd.aggregate", "batchSize": 5, "$db": "admin",
	}).Cursor("admin.$cmd.aggregate", 0, bson.M{"i": 2})
	if docs, err := rest.Await(t.Context()); len(docs) != 3 || docs[2]["i"] != int32(2) || err != nil {
		t.Errorf("ToList() = %v, %v, want 3 documents, nil", docs, err)
	}
	if cursor.Alive() || cursor.CursorID() != 0 {
		t.Error("Alive() = true at the end, want false")
	}
}

func TestAggregateClosedUnread(t *testing.T) {
	db := newClient(t, wiretest.Start(t, wiretest.Standalone).URI()).Database("d")
	cursor := db.Aggregate(mongo.Pipeline{})
	if _, err := cursor.Close(t.Context()).Await(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	if docs, err := cursor.ToList(t.Context()).Await(t.Context()); len(docs) != 0 || err != nil {
		t.Errorf("ToList() = %v, %v, want 0 documents, nil", docs, err)
	}
}

func TestAggregateRetriesAfterError(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	cursor := newClient(t, peer.URI()).Database("d").Aggregate(mongo.Pipeline{})
	list := cursor.ToList(t.Context())
	peer.Receive("aggregate").Fail(50, "MaxTimeMSExpired", "too late")
	if _, err := list.Await(t.Context()); !errors.Is(err, motor.ExecutionTimeout) {
		t.Errorf("got %v, want ExecutionTimeout", err)
	}
	list = cursor.ToList(t.Context())
	peer.Receive("aggregate").Cursor("d.$cmd.aggregate", 0, bson.M{"i": 0})
	if docs, err := list.Await(t.Context()); len(docs) != 1 || err != nil {
		t.Errorf("ToList() = %v, %v, want 1 document, nil", docs, err)
	}
}

// The first batch comes from the reply. Further batches and Close work as with any cursor.
func TestReplyCursorFirstBatch(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI())
	found := client.Database("d").CursorCommand(t.Context(), bson.D{{Key: "find", Value: "c"}})
	peer.Receive("find").Want(bson.M{"find": "c", "$db": "d"}).Cursor("d.c", 9, bson.M{"i": 0}, bson.M{"i": 1})
	cursor, err := found.Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	if !cursor.Alive() || cursor.CursorID() != 9 {
		t.Errorf("got alive %t, id %d, want true, 9", cursor.Alive(), cursor.CursorID())
	}
	if doc := cursor.NextObject(); doc["i"] != int32(0) {
		t.Errorf("first document = %v, want i = 0", doc)
	}
	if doc, err := cursor.Next(t.Context()).Await(t.Context()); doc["i"] != int32(1) || err != nil {
		t.Errorf("second document = %v, %v, want i = 1, nil", doc, err)
	}

	more := cursor.FetchNext(t.Context())
	peer.Receive("getMore").Want(bson.M{"getMore": int64(9), "collection": "c"}).Cursor("d.c", 9, bson.M{"i": 2})
	if more, err := more.Await(t.Context()); !more || err != nil {
		t.Errorf("FetchNext() = %t, %v, want true, nil", more, err)
	}

	if _, err := client.CloseCursor(t.Context(), 9).Await(t.Context()); err != nil || cursor.CursorID() != 0 {
		t.Errorf("CloseCursor() = %v, CursorID() = %d, want nil, 0", err, cursor.CursorID())
	}
	if n := len(peer.Seen("killCursors")); n != 1 {
		t.Errorf("got %d killCursors commands, want 1", n)
	}
	if docs, err := cursor.ToList(t.Context()).Await(t.Context()); len(docs) != 1 || err != nil {
		t.Errorf("got %v, %v, want the received document", docs, err)
	}
}

func TestReplyCursorEmptyFirstBatch(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	found := newClient(t, peer.URI()).Database("d").CursorCommand(t.Context(), bson.D{{Key: "find", Value: "c"}})
	peer.Receive("find").Cursor("d.c", 9)
	cursor, err := found.Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	if !cursor.Alive() || cursor.NextObject() != nil {
		t.Error("cursor with an empty first batch: want alive and no next document")
	}
	next := cursor.Next(t.Context())
	peer.Receive("getMore").Cursor("d.c", 0, bson.M{"i": 0})
	if doc, err := next.Await(t.Context()); doc["i"] != int32(0) || err != nil {
		t.Errorf("Next() = %v, %v, want i = 0, nil", doc, err)
	}
}

func TestReplyCursorAfterClientClose(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	client := newClient(t, peer.URI())
	found := client.Database("d").CursorCommand(t.Context(), bson.D{{Key: "find", Value: "c"}})
	peer.Receive("find").Cursor("d.c", 9, bson.M{"i": 0})
	cursor, err := found.Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	if err := client.Close(t.Context()); err != nil {
		t.Errorf("Close() = %v, want nil", err)
	}
	docs, err := cursor.ToList(t.Context()).Await(t.Context())
	if len(docs) != 1 || !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("got %v, %v, want the received document, InvalidOperation", docs, err)
	}
}

func TestListCollectionsCursor(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	found := newClient(t, peer.URI()).Database("d").ListCollections(t.Context(), bson.M{"type": "view"},
		options.ListCollections().SetBatchSize(1))
	peer.Receive("listCollections").Want(bson.M{
		"filter": bson.M{"type": "view"}, "cursor": bson.M{"batchSize": 1}, "nameOnly": wiretest.Absent, "$db": "d",
	}).Cursor("d.$cmd.listCollections", 3, bson.M{"name": "a"})
	cursor, err := found.Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	if name := cursor.Collection().FullName(); name != "d.$cmd.listCollections" {
		t.Errorf(`got collection %s, want "d.$cmd.listCollections"`, name)
	}
	list := cursor.ToList(t.Context())
	peer.Receive("getMore").Want(bson.M{"collection": "$cmd.listCollections"}).
		Cursor("d.$cmd.listCollections", 0, bson.M{"name": "b"})
	if docs, err := list.Await(t.Context()); len(docs) != 2 || docs[1]["name"] != "b" || err != nil {
		t.Errorf(`ToList() = %v, %v, want 2 documents, nil`, docs, err)
	}
}

func TestListDatabasesCursor(t *testing.T) {
	reply := bson.M{"databases": bson.A{
		bson.M{"name": "a", "sizeOnDisk": int64(5), "empty": false}, bson.M{"name": "b", "sizeOnDisk": int64(0), "empty": true},
	}}
	for _, c := range []struct {
		name string
		opts []options.Lister[options.ListDatabasesOptions]
		want bson.M
		last bson.M
	}{
		{
			name: "whole",
			want: bson.M{"filter": bson.M{"name": "x"}, "nameOnly": wiretest.Absent, "$db": "admin"},
			last: bson.M{"name": "b", "sizeOnDisk": int64(0), "empty": true},
		},
		{
			name: "names",
			opts: []options.Lister[options.ListDatabasesOptions]{options.ListDatabases().SetNameOnly(true)},
			want: bson.M{"nameOnly": true},
			last: bson.M{"name": "b"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			found := newClient(t, peer.URI()).ListDatabases(t.Context(), bson.M{"name": "x"}, c.opts...)
			peer.Receive("listDatabases").Want(c.want).OK(reply)
			cursor, err := found.Await(t.Context())
			if err != nil {
				t.Fatalf("got error %v, want nil", err)
			}
			if !cursor.Alive() || cursor.CursorID() != 0 {
				t.Errorf("got alive %t, id %d, want true, 0", cursor.Alive(), cursor.CursorID())
			}
			docs, err := cursor.ToList(t.Context()).Await(t.Context())
			if len(docs) != 2 || err != nil || len(docs[1]) != len(c.last) {
				t.Fatalf("got %v, %v, want 2 documents, nil", docs, err)
			}
			for key, value := range c.last {
				if docs[1][key] != value {
					t.Errorf("%s = %v, want %v", key, docs[1][key], value)
				}
			}
			if cursor.Alive() {
				t.Error("Alive() = true at the end, want false")
			}
		})
	}
}

func TestCommandCursorGetMore(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	found := newClient(t, peer.URI()).Database("d").CursorCommand(t.Context(), bson.D{
		{Key: "find", Value: "c"}, {Key: "tailable", Value: true}, {Key: "awaitData", Value: true},
	})
	peer.Receive("find").Cursor("d.c", 9, bson.M{"i": 0})
	cursor, err := found.Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	cursor.NextObject()
	next := cursor.BatchSize(3).MaxAwaitTimeMS(50).Comment(bson.D{{Key: "why", Value: "test"}}).TryNext(t.Context())
	peer.Receive("getMore").Want(bson.M{
		"getMore": int64(9), "batchSize": int64(3), "maxTimeMS": int64(50), "comment": bson.M{"why": "test"},
	}).Cursor("d.c", 9)
	if doc, err := next.Await(t.Context()); doc != nil || err != nil {
		t.Errorf("got %v, %v, want nil, nil before any batch", doc, err)
	}
	next = cursor.TryNext(t.Context())
	peer.Receive("getMore").Want(bson.M{"maxTimeMS": int64(50)}).Cursor("d.c", 0, bson.M{"i": 1})
	if doc, err := next.Await(t.Context()); doc["i"] != int32(1) || err != nil {
		t.Errorf("TryNext() = %v, %v, want i = 1, nil", doc, err)
	}
	for _, test := range []struct {
		name string
		bad  *motor.CommandCursor[bson.M]
	}{
		{"MaxAwaitTimeMS", newClient(t, peer.URI()).Database("d").Aggregate(mongo.Pipeline{}).MaxAwaitTimeMS(-1)},
		{"Comment", newClient(t, peer.URI()).Database("d").Aggregate(mongo.Pipeline{}).Comment(make(chan int))},
	} {
		if err := test.bad.Err(); !errors.Is(err, motor.ValueError) && !errors.Is(err, motor.InvalidDocument) {
			t.Errorf("%s: Err() = %v, want ValueError or InvalidDocument", test.name, err)
		}
	}
}
