package motor_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

func TestWatchIsLazy(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI())
	match := bson.D{{Key: "$match", Value: bson.M{"operationType": "insert"}}}
	db := client.Database("d")
	for _, target := range []struct {
		name   string
		stream *motor.ChangeStream[bson.M]
		want   bson.M
	}{
		{"collection", db.Collection("c").Watch(mongo.Pipeline{match}), bson.M{
			"aggregate": "c", "$db": "d", "pipeline": bson.A{bson.M{"$changeStream": bson.M{}}, match}}},
		{"database", db.Watch([]bson.D{match}), bson.M{
			"aggregate": 1, "$db": "d", "pipeline": bson.A{bson.M{"$changeStream": bson.M{}}, match}}},
		{"client", client.Watch(bson.A{match}), bson.M{
			"aggregate": 1, "$db": "admin", "pipeline": bson.A{bson.M{"$changeStream": bson.M{"allChangesForCluster": true}}, match}}},
		{"without a pipeline", client.Watch(nil), bson.M{
			"aggregate": 1, "$db": "admin", "pipeline": bson.A{bson.M{"$changeStream": bson.M{"allChangesForCluster": true}}}}},
	} {
		t.Run(target.name, func(t *testing.T) {
			if !target.stream.Alive() || target.stream.ResumeToken() != nil || target.stream.Session() != nil {
				t.Error("unopened stream: want alive, no resume token and no command sent")
			}
			before := len(peer.Seen("aggregate"))
			next := target.stream.Next(t.Context())
			changes(peer.Receive("aggregate").Want(target.want), 0, 0, changeEvent(1))
			if doc, err := next.Await(t.Context()); !isChange(doc, 1) || err != nil {
				t.Errorf("Next() = %v, %v, want change 1, nil", doc, err)
			}
			if n := len(peer.Seen("aggregate")) - before; n != 1 {
				t.Errorf("got %d commands, want 1", n)
			}
		})
	}
}

// The client's read preference may change after the driver's client was created.
func TestWatchUsesConcernsAtOpen(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := newClient(t, peer.URI("readConcernLevel=majority"))
	stream := client.Watch(nil)
	if err := client.SetReadPreference(readpref.NearestMode); err != nil {
		t.Fatalf("SetReadPreference() = %v, want nil", err)
	}
	opened := stream.Open(t.Context())
	changes(peer.Receive("aggregate").Want(bson.M{
		"$readPreference": bson.M{"mode": "nearest"}, "readConcern": bson.M{"level": "majority"},
	}), 7, 0)
	if _, err := opened.Await(t.Context()); err != nil {
		t.Errorf("Open() = %v, want nil", err)
	}
}

func TestWatchOptions(t *testing.T) {
	after, comment, custom := bson.M{"_data": 5}, bson.M{"by": "test"}, bson.M{"allowDiskUse": true}
	peer := wiretest.Start(t, wiretest.Primary)
	stream := newClient(t, peer.URI()).Database("d").Collection("c").Watch(nil, options.ChangeStream().
		SetFullDocument(options.UpdateLookup).SetFullDocumentBeforeChange(options.WhenAvailable).
		SetResumeAfter(after).SetBatchSize(10).SetMaxAwaitTime(5*time.Second).SetCollation(options.Collation{Locale: "en"}).
		SetComment(comment).SetShowExpandedEvents(true).SetCustom(custom).
		SetCustomPipeline(bson.M{"showSystemEvents": true, "none": nil}))
	after["_data"], comment["by"], custom["allowDiskUse"] = 6, "changed", false // Watch has already encoded them.
	next := stream.Next(t.Context())
	changes(peer.Receive("aggregate").Want(bson.M{
		"pipeline": bson.A{bson.M{"$changeStream": bson.M{
			"fullDocument": "updateLookup", "fullDocumentBeforeChange": "whenAvailable", "resumeAfter": token(5),
			"showExpandedEvents": true, "showSystemEvents": true, "none": nil,
		}}},
		"cursor": bson.M{"batchSize": 10}, "collation.locale": "en", "comment": bson.M{"by": "test"},
		"allowDiskUse": true, "maxTimeMS": wiretest.Absent,
	}), 7, 0)
	changes(peer.Receive("getMore").Want(bson.M{
		"getMore": int64(7), "collection": "c", "batchSize": 10, "maxTimeMS": 5000, "comment": bson.M{"by": "test"},
	}), 7, 0, changeEvent(6))
	if _, err := next.Await(t.Context()); err != nil {
		t.Errorf("Next() = %v, want nil", err)
	}

	for _, start := range []struct {
		name string
		opts *options.ChangeStreamOptionsBuilder
		want bson.M
	}{
		{"startAfter", options.ChangeStream().SetStartAfter(token(5)), bson.M{"startAfter": token(5)}},
		{"startAtOperationTime", options.ChangeStream().SetStartAtOperationTime(&bson.Timestamp{T: 9, I: 1}), bson.M{"startAtOperationTime": bson.Timestamp{T: 9, I: 1}}},
	} {
		t.Run(start.name, func(t *testing.T) {
			stream := newClient(t, peer.URI()).Database("d").Collection("c").Watch(nil, start.opts)
			opened := stream.Open(t.Context())
			changes(peer.Receive("aggregate").Want(bson.M{"pipeline": bson.A{bson.M{"$changeStream": start.want}}}), 0, 0)
			if _, err := opened.Await(t.Context()); err != nil {
				t.Errorf("Open() = %v, want nil", err)
			}
		})
	}
}

func TestWatchBadArguments(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	set := options.ChangeStream
	for _, bad := range []struct {
		name   string
		stream *motor.ChangeStream[bson.M]
		want   *motor.ErrorClass
	}{
		{"no list", coll.Watch(bson.M{"$match": 1}), motor.TypeError},
		{"a document", coll.Watch(bson.D{{Key: "$match", Value: 1}}), motor.TypeError},
		{"stage of a wrong type", coll.Watch(bson.A{1}), motor.TypeError},
		{"stage as a map of two keys", coll.Watch(bson.A{bson.M{"a": 1, "b": 2}}), motor.TypeError},
		{"stage that cannot be encoded", coll.Watch(bson.A{bson.M{"a": make(chan int)}}), motor.InvalidDocument},
		{"resumeAfter", coll.Watch(nil, set().SetResumeAfter("x")), motor.TypeError},
		{"startAfter", coll.Watch(nil, set().SetStartAfter(bson.M{"a": make(chan int)})), motor.InvalidDocument},
		{"both", coll.Watch(nil, set().SetStartAfter(token(1)).SetResumeAfter(token(1))), motor.InvalidOperation},
		{"comment", coll.Watch(nil, set().SetComment(make(chan int))), motor.InvalidDocument},
		{"custom", coll.Watch(nil, set().SetCustom(bson.M{"a": make(chan int)})), motor.InvalidDocument},
		{"custom pipeline", coll.Watch(nil, set().SetCustomPipeline(bson.M{"a": make(chan int)})), motor.InvalidDocument},
		{"batch size", coll.Watch(nil, set().SetBatchSize(-1)), motor.ValueError},
		{"time", coll.Watch(nil, set().SetMaxAwaitTime(-1)), motor.ValueError},
		{"name", coll.Database().Collection("a..b").Watch(nil), motor.InvalidName},
		{"database", coll.Database().Client().Database("a b").Watch(nil), motor.InvalidName},
	} {
		t.Run(bad.name, func(t *testing.T) {
			if !errors.Is(bad.stream.Err(), bad.want) {
				t.Errorf("Err() = %v, want %v", bad.stream.Err(), bad.want)
			}
			if _, err := bad.stream.Next(t.Context()).Await(t.Context()); !errors.Is(err, bad.want) {
				t.Errorf("Next() = %v, want %v", err, bad.want)
			}
			if _, err := bad.stream.TryNext(t.Context()).Await(t.Context()); !errors.Is(err, bad.want) {
				t.Errorf("TryNext() = %v, want %v", err, bad.want)
			}
			if _, err := bad.stream.Open(t.Context()).Await(t.Context()); !errors.Is(err, bad.want) {
				t.Errorf("Open() = %v, want %v", err, bad.want)
			}
			if _, err := bad.stream.Close(t.Context()).Await(t.Context()); err != nil {
				t.Errorf("Close() = %v, want nil", err)
			}
		})
	}
	for _, name := range []string{"aggregate", "killCursors"} {
		if n := len(peer.Seen(name)); n != 0 {
			t.Errorf("got %d %s commands, want 0", n, name)
		}
	}
	//lint:ignore SA1012 the test passes a nil context
	if _, err := coll.Watch(nil).Next(nil).Await(t.Context()); !errors.Is(err, motor.TypeError) {
		t.Errorf("Next() with a nil context = %v, want TypeError", err)
	}
}

// A stream that failed to open tries again at the next read.
func TestChangeStreamRetriesFailedOpen(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	stream := newClient(t, peer.URI()).Database("d").Watch(nil)
	opened := stream.Open(t.Context())
	peer.Receive("aggregate").Fail(40573, "Location40573", "The $changeStream stage is only supported on replica sets")
	if _, err := opened.Await(t.Context()); !errors.Is(err, motor.OperationFailure) || !strings.Contains(err.Error(), "replica sets") {
		t.Errorf(`Open() = %v, want OperationFailure that contains "replica sets"`, err)
	}
	if !stream.Alive() {
		t.Error("Alive() = false after a failed open, want true")
	}
	next := stream.Next(t.Context())
	changes(peer.Receive("aggregate"), 7, 0, changeEvent(1))
	if doc, err := next.Await(t.Context()); !isChange(doc, 1) || err != nil {
		t.Errorf("Next() = %v, %v, want change 1, nil", doc, err)
	}
}

func TestChangeStreamTypes(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("aggregate", func(r *wiretest.Request) { changes(r, 0, 0, changeEvent(1)) })
	type document struct{ Nested struct{ N int } }
	type event struct {
		OperationType string    `bson:"operationType"`
		FullDocument  *document `bson:"fullDocument"`
	}
	db := newClient(t, peer.URI()).Database("d")
	docs := motor.CollectionOf[*document](db, "c")
	for _, test := range []struct {
		name   string
		target motor.WatchTarget
	}{{"collection", docs}, {"database", db}, {"client", db.Client()}} {
		ch, err := motor.WatchOf[event](test.target, nil).Next(t.Context()).Await(t.Context())
		if err != nil || ch.OperationType != "insert" || ch.FullDocument.Nested.N != 1 {
			t.Errorf(`%s: got %v, %v, want an insert of document 1, nil`, test.name, ch, err)
		}
	}
	raw, err := motor.CollectionOf[bson.Raw](db, "c").Watch(nil).TryNext(t.Context()).Await(t.Context())
	if err != nil || raw.Lookup("_id", "_data").Int32() != 1 {
		t.Errorf("got %s, %v, want fullDocument._id = 1, nil", raw, err)
	}
	doc, err := motor.CollectionOf[bson.D](db, "c").Watch(nil).Next(t.Context()).Await(t.Context())
	if err != nil || len(doc) != 3 {
		t.Errorf("got %v, %v, want 3 elements, nil", doc, err)
	}

	registry := bson.NewRegistry()
	registry.RegisterTypeMapEntry(bson.TypeInt32, reflect.TypeFor[int64]())
	custom := db.Collection("c", options.Collection().SetRegistry(registry)).Watch(nil)
	m, err := custom.Next(t.Context()).Await(t.Context())
	if full, _ := m["fullDocument"].(bson.M); full["_id"] != int64(1) || err != nil {
		t.Errorf("with a registry: got fullDocument %v, %v, want _id = 1, nil", m["fullDocument"], err)
	}
}

// After a decode error the next read returns the following change.
func TestChangeStreamDecodeError(t *testing.T) {
	type event struct {
		OperationType int `bson:"operationType"`
	}
	peer := wiretest.Start(t, wiretest.Primary)
	stream := motor.WatchOf[event](newClient(t, peer.URI()).Database("d"), nil)
	next := stream.Next(t.Context())
	good := bson.M{"_id": token(3), "operationType": 3}
	changes(peer.Receive("aggregate"), 7, 4, changeEvent(1), changeEvent(2), good)
	for n := 1; n <= 2; n++ {
		if _, err := next.Await(t.Context()); !errors.Is(err, motor.InvalidBSON) || !stream.Alive() {
			t.Errorf("change %d: Next() = %v, alive %t, want InvalidBSON, alive true", n, err, stream.Alive())
		}
		resumesAt(t, stream, n)
		next = stream.Next(t.Context())
	}
	if ch, err := next.Await(t.Context()); ch.OperationType != 3 || err != nil {
		t.Errorf("Next() = %v, %v, want change 3, nil", ch, err)
	}
	resumesAt(t, stream, 4)
}
