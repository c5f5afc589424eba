package contract_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// checkUnreadable checks that a count of an unacknowledged write fails with InvalidOperation.
func checkUnreadable[T any](t *testing.T, name string, read func() (T, error)) {
	t.Helper()
	if n, err := read(); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("%s: got %v, %v; want an InvalidOperation", name, n, err)
	}
}

// The peer answers no write.
func TestUnacknowledgedWrites(t *testing.T) {
	query, set := bson.M{"a": 1}, bson.M{"$set": bson.M{"a": 2}}
	updated := func(t *testing.T, got any) {
		r := got.(*motor.UpdateResult)
		checkUnreadable(t, "MatchedCount", r.MatchedCount)
		checkUnreadable(t, "ModifiedCount", r.ModifiedCount)
		checkUnreadable(t, "UpsertedCount", r.UpsertedCount)
		checkUnreadable(t, "UpsertedID", r.UpsertedID)
		if r.Acknowledged {
			t.Error("Acknowledged = true, want false")
		}
	}
	deleted := func(t *testing.T, got any) {
		r := got.(*motor.DeleteResult)
		checkUnreadable(t, "DeletedCount", r.DeletedCount)
		if r.Acknowledged {
			t.Error("Acknowledged = true, want false")
		}
	}
	is := func(want any) func(*testing.T, any) {
		return func(t *testing.T, got any) {
			if got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		}
	}
	nothing := func(t *testing.T, got any) {
		if got.(bson.M) != nil {
			t.Errorf("got %v, want nil", got)
		}
	}
	for _, test := range []struct {
		method string
		args   []any
		sent   []string
		check  func(*testing.T, any)
	}{
		{"Collection.InsertOne", []any{bson.M{"_id": 1}}, []string{"insert"}, func(t *testing.T, got any) {
			if r := got.(*motor.InsertOneResult); r.Acknowledged || r.InsertedID != int32(1) {
				t.Errorf("got %+v, want an unacknowledged result with InsertedID 1", r)
			}
		}},
		{"Collection.InsertMany", []any{[]bson.M{{"_id": 1}, {"_id": 2}}}, []string{"insert"}, func(t *testing.T, got any) {
			if r := got.(*motor.InsertManyResult); r.Acknowledged || len(r.InsertedIDs) != 2 {
				t.Errorf("got %+v, want an unacknowledged result with two InsertedIDs", r)
			}
		}},
		{"Collection.UpdateOne", []any{query, set}, []string{"update"}, updated},
		{"Collection.UpdateMany", []any{query, set}, []string{"update"}, updated},
		{"Collection.ReplaceOne", []any{query, query, options.Replace().SetUpsert(true)}, []string{"update"}, updated},
		{"Collection.DeleteOne", []any{query}, []string{"delete"}, deleted},
		{"Collection.DeleteMany", []any{query}, []string{"delete"}, deleted},
		{"Collection.BulkWrite", []any{[]mongo.WriteModel{
			mongo.NewInsertOneModel().SetDocument(query),
			mongo.NewUpdateOneModel().SetFilter(query).SetUpdate(set),
			mongo.NewDeleteOneModel().SetFilter(query),
		}}, []string{"insert", "update", "delete"}, func(t *testing.T, got any) {
			r := got.(*motor.BulkWriteResult)
			checkUnreadable(t, "InsertedCount", r.InsertedCount)
			checkUnreadable(t, "MatchedCount", r.MatchedCount)
			checkUnreadable(t, "ModifiedCount", r.ModifiedCount)
			checkUnreadable(t, "DeletedCount", r.DeletedCount)
			checkUnreadable(t, "UpsertedCount", r.UpsertedCount)
			checkUnreadable(t, "UpsertedIDs", r.UpsertedIDs)
			if r.Acknowledged {
				t.Error("Acknowledged = true, want false")
			}
		}},
		{"Client.BulkWrite", []any{[]mongo.ClientBulkWrite{
			{Database: "d", Collection: "c", Model: mongo.NewClientDeleteOneModel().SetFilter(query)},
		}, options.ClientBulkWrite().SetOrdered(false)}, []string{"bulkWrite"}, func(t *testing.T, got any) {
			if r := got.(*mongo.ClientBulkWriteResult); r.Acknowledged {
				t.Errorf("got %+v, want an unacknowledged result", r)
			}
		}},
		{"Collection.Insert", []any{bson.M{"_id": 1}}, []string{"insert"}, is(int32(1))},
		{"Collection.Save", []any{bson.M{"_id": 1}}, []string{"update"}, is(int32(1))},
		{"Collection.Update", []any{query, set}, []string{"update"}, nothing},
		{"Collection.Remove", []any{nil}, []string{"delete"}, nothing},
	} {
		t.Run(test.method, func(t *testing.T) {
			withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
				noError(t, collectionOf(ops).Database().Client().SetWriteConcern(bson.M{"w": 0}))
				noError(t, collectionOf(ops).SetWriteConcern(bson.M{"w": 0}))
				writing := startMethod(ops, test.method, test.args...)
				receiveUnanswered(t, peer, test.sent...)
				got, err := writing.Await(t.Context())
				noError(t, err)
				test.check(t, got)
			})
		})
	}
}

// receiveUnanswered receives commands for which the client expects no reply.
func receiveUnanswered(t *testing.T, peer *wiretest.Peer, commands ...string) {
	t.Helper()
	for _, command := range commands {
		request := peer.Receive(command).Want(bson.M{"writeConcern": bson.M{"w": 0}, "lsid": wiretest.Absent})
		if !request.MoreToCome {
			t.Error("moreToCome is not set: the client expects a reply")
		}
		request.Nothing()
	}
}

func TestUnacknowledgedBulkBuilder(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		executing := startInStyle(ops, func(ctx context.Context, c futures) *future.Future[bson.M] {
			b := c.InitializeUnorderedBulkOp()
			b.Insert(bson.M{"a": 1})
			b.Find(bson.M{"a": 1}).RemoveOne()
			return b.Execute(ctx, bson.M{"w": 0})
		}, func(ctx context.Context, c callbacks, done callback.Func[bson.M]) {
			b := c.InitializeUnorderedBulkOp()
			b.Insert(bson.M{"a": 1})
			b.Find(bson.M{"a": 1}).RemoveOne()
			b.Execute(ctx, done, bson.M{"w": 0})
		})
		receiveUnanswered(t, peer, "insert", "delete")
		if reply, err := executing.Await(t.Context()); reply != nil || err != nil {
			t.Errorf("got %v, %v; want nil, nil", reply, err)
		}
	})
}
