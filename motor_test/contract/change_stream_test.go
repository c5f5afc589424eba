package contract_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// inserted reports whether change is the insert of a document with this _id.
func inserted(change bson.M, id any) bool {
	key, _ := change["documentKey"].(bson.M)
	return change["operationType"] == "insert" && key["_id"] == id
}

func insert(t *testing.T, ops operations, ids ...any) {
	t.Helper()
	for _, id := range ids {
		_, err := ops.InsertOne(bson.M{"_id": id})
		noError(t, err)
	}
}

func TestChangeStreamReadsLaterChanges(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		insert(t, ops, "before")
		stream := watchIn(ops)(nil)
		if !stream.Stream().Alive() || stream.Stream().ResumeToken() != nil {
			t.Error("it is not as it has to be before it is opened")
		}
		noError(t, stream.Open())
		insert(t, ops, "a", "b")
		for _, id := range []any{"a", "b"} {
			if change, err := stream.Next(); !inserted(change, id) || err != nil {
				t.Errorf("%v, %v; want %v", change, err, id)
			}
		}
		if change, err := stream.TryNext(); change != nil || err != nil || !stream.Stream().Alive() {
			t.Errorf("no more: %v, %v", change, err)
		}
		noError(t, stream.Close())
		if _, err := stream.Next(); !errors.Is(err, motor.StopAsyncIteration) || stream.Stream().Alive() {
			t.Errorf("after Close: %v", err)
		}
		noError(t, stream.Close())
	})
}

func TestChangeStreamResumeAfter(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		stream := watchIn(ops)(nil)
		noError(t, stream.Open())
		insert(t, ops, "a", "b", "c")
		_, err := stream.Next()
		noError(t, err)
		token := stream.Stream().ResumeToken()
		noError(t, stream.Close())
		again := watchIn(ops)(nil, options.ChangeStream().SetResumeAfter(token))
		for _, id := range []any{"b", "c"} {
			if change, err := again.Next(); !inserted(change, id) || err != nil {
				t.Errorf("%v, %v; want %v", change, err, id)
			}
		}
		noError(t, again.Close())
	})
}

func TestChangeStreamPipelineAndOptions(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		match := bson.D{{Key: "$match", Value: bson.M{"operationType": "update"}}}
		stream := watchIn(ops)(mongo.Pipeline{match}, options.ChangeStream().SetFullDocument(options.UpdateLookup).SetBatchSize(1))
		noError(t, stream.Open())
		insert(t, ops, "a")
		_, err := ops.UpdateOne(bson.M{"_id": "a"}, bson.M{"$set": bson.M{"n": 1}})
		noError(t, err)
		change, err := stream.Next()
		noError(t, err)
		if full, _ := change["fullDocument"].(bson.M); full["n"] != int32(1) || change["operationType"] != "update" {
			t.Errorf("%v", change)
		}
		noError(t, stream.Close())
	})
}

// A change without an _id, which a stage has taken out.
func TestChangeStreamChangeWithoutID(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		stream := watchIn(ops)(mongo.Pipeline{{{Key: "$project", Value: bson.M{"_id": 0}}}})
		noError(t, stream.Open())
		insert(t, ops, "a")
		// Servers of today refuse it themselves.
		if _, err := stream.Next(); !errors.Is(err, motor.InvalidOperation) && !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v", err)
		}
		if stream.Stream().Alive() {
			t.Error("it is still alive")
		}
	})
}

func TestChangeStreamOfDatabaseAndClient(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		coll := collectionOf(ops)
		for name, target := range map[string]motor.WatchTarget{"database": coll.Database(), "client": coll.Database().Client()} {
			ns := bson.D{{Key: "$match", Value: bson.M{"ns.db": coll.Database().Name()}}}
			stream := motor.WatchOf[bson.M](target, mongo.Pipeline{ns})
			_, err := stream.Open(t.Context()).Await(t.Context())
			noError(t, err)
			insert(t, ops, name)
			if change, err := stream.Next(t.Context()).Await(t.Context()); !inserted(change, name) || err != nil {
				t.Errorf("%s: %v, %v", name, change, err)
			}
			_, err = stream.Close(t.Context()).Await(t.Context())
			noError(t, err)
		}
	})
}

func TestChangeStreamEndsWithInvalidate(t *testing.T) {
	onStreams(t, func(t *testing.T, ops operations) {
		insert(t, ops, "a")
		stream := watchIn(ops)(nil)
		noError(t, stream.Open())
		noError(t, ops.Drop())
		for _, operation := range []string{"drop", "invalidate"} {
			if change, err := stream.Next(); change["operationType"] != operation || err != nil {
				t.Errorf("%v, %v; want %s", change, err, operation)
			}
		}
		if _, err := stream.Next(); !errors.Is(err, motor.StopAsyncIteration) || stream.Stream().Alive() {
			t.Errorf("got %v", err)
		}
	})
}

// What a server would have to be brought to is scripted.
func TestChangeStreamResumesAfterError(t *testing.T) {
	onScriptedStreams(t, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		stream := watchIn(ops)(nil)
		token := func(n int) bson.M { return bson.M{"_data": n} }
		answers := make(chan func(*wiretest.Request), 10)
		batch := func(name string, id int64, docs ...any) func(*wiretest.Request) {
			return func(r *wiretest.Request) {
				r.OK(bson.M{"cursor": bson.M{
					"id": id, "ns": "d.c", name: append(bson.A{}, docs...), "postBatchResumeToken": token(9)}})
			}
		}
		answer := func(r *wiretest.Request) { (<-answers)(r) }
		peer.Handle("aggregate", answer)
		peer.Handle("getMore", answer)
		answers <- batch("firstBatch", 7, bson.M{"_id": token(1), "n": 1}, bson.M{"_id": token(2), "n": 2})
		answers <- func(r *wiretest.Request) { r.HangUp() }
		answers <- batch("firstBatch", 8)
		answers <- batch("nextBatch", 8, bson.M{"_id": token(3), "n": 3})
		answers <- func(r *wiretest.Request) { r.Fail(1, "InternalError", "this is only a test") }
		for n := 1; n <= 3; n++ {
			if change, err := stream.Next(); change["n"] != int32(n) || err != nil {
				t.Errorf("%v, %v; want %d", change, err, n)
			}
		}
		if at := peer.Seen("aggregate")[1].Lookup("pipeline", "0", "$changeStream", "resumeAfter", "_data"); at.Int32() != 9 {
			t.Errorf("resumed at %v", at)
		}
		if _, err := stream.TryNext(); !errors.Is(err, motor.OperationFailure) {
			t.Errorf("got %v", err)
		}
		ended := make(chan error, 10)
		stream.Each(func(change bson.M, err error) bool { ended <- err; return true })
		if err := <-ended; err != nil {
			t.Errorf("the end mark of Each: %v", err)
		}
		noError(t, stream.Close())
	})
}

func TestChangeStreamWrappers(t *testing.T) {
	onScriptedStreams(t, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		s, ok := ops.(byCallbacks)
		if !ok {
			return
		}
		peer.Handle("aggregate", func(r *wiretest.Request) {
			r.Cursor("d.c", 0, bson.M{"_id": bson.M{"_data": 1}, "operationType": "insert"})
		})
		type event struct {
			OperationType string `bson:"operationType"`
		}
		targets := map[string]callback.WatchTarget{
			"collection": s.coll, "database": s.coll.Database(), "client": s.coll.Database().Client(),
		}
		for name, target := range targets {
			stream := callback.WatchOf[event](target, nil)
			change, err := called(s.ctx, s.loop, func(done callback.Func[event]) { stream.Next(s.ctx, done) })
			if change.OperationType != "insert" || err != nil || stream.IOLoop() != s.loop {
				t.Errorf("%s: %v, %v", name, change, err)
			}
		}
	})
}
