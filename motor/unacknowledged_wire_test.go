package motor_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// unread fails the test for a count that can be read.
func unread[T any](t *testing.T, name string, read func() (T, error)) {
	t.Helper()
	if n, err := read(); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("%s: got %v, %v; want an InvalidOperation", name, n, err)
	}
}

// TestUnacknowledgedWrites has a server that answers no write.
func TestUnacknowledgedWrites(t *testing.T) {
	query, set := bson.M{"a": 1}, bson.M{"$set": bson.M{"a": 2}}
	updated := func(t *testing.T, got any) {
		r := got.(*motor.UpdateResult)
		unread(t, "MatchedCount", r.MatchedCount)
		unread(t, "ModifiedCount", r.ModifiedCount)
		unread(t, "UpsertedCount", r.UpsertedCount)
		unread(t, "UpsertedID", r.UpsertedID)
		if r.Acknowledged {
			t.Error("acknowledged")
		}
	}
	deleted := func(t *testing.T, got any) {
		r := got.(*motor.DeleteResult)
		unread(t, "DeletedCount", r.DeletedCount)
		if r.Acknowledged {
			t.Error("acknowledged")
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
	unset := motor.InsertOptions{W: 0}
	for _, test := range []struct {
		name  string
		call  func(context.Context, collection) pending
		sent  []string
		check func(*testing.T, any)
	}{
		{"InsertOne", func(ctx context.Context, c collection) pending {
			return resultOf(c.InsertOne(ctx, bson.M{"_id": 1}))
		}, []string{"insert"}, func(t *testing.T, got any) {
			if r := got.(*motor.InsertOneResult); r.Acknowledged || r.InsertedID != int32(1) {
				t.Errorf("result %+v", r)
			}
		}},
		{"InsertMany", func(ctx context.Context, c collection) pending {
			return resultOf(c.InsertMany(ctx, []bson.M{{"_id": 1}, {"_id": 2}}))
		}, []string{"insert"}, func(t *testing.T, got any) {
			if r := got.(*motor.InsertManyResult); r.Acknowledged || len(r.InsertedIDs) != 2 {
				t.Errorf("result %+v", r)
			}
		}},
		{"UpdateOne", func(ctx context.Context, c collection) pending {
			return resultOf(c.UpdateOne(ctx, query, set))
		}, []string{"update"}, updated},
		{"UpdateMany", func(ctx context.Context, c collection) pending {
			return resultOf(c.UpdateMany(ctx, query, set))
		}, []string{"update"}, updated},
		{"ReplaceOne", func(ctx context.Context, c collection) pending {
			return resultOf(c.ReplaceOne(ctx, query, query, options.Replace().SetUpsert(true)))
		}, []string{"update"}, updated},
		{"DeleteOne", func(ctx context.Context, c collection) pending {
			return resultOf(c.DeleteOne(ctx, query))
		}, []string{"delete"}, deleted},
		{"DeleteMany", func(ctx context.Context, c collection) pending {
			return resultOf(c.DeleteMany(ctx, query))
		}, []string{"delete"}, deleted},
		{"BulkWrite", func(ctx context.Context, c collection) pending {
			return resultOf(c.BulkWrite(ctx, []mongo.WriteModel{
				mongo.NewInsertOneModel().SetDocument(query),
				mongo.NewUpdateOneModel().SetFilter(query).SetUpdate(set),
				mongo.NewDeleteOneModel().SetFilter(query),
			}))
		}, []string{"insert", "update", "delete"}, func(t *testing.T, got any) {
			r := got.(*motor.BulkWriteResult)
			unread(t, "InsertedCount", r.InsertedCount)
			unread(t, "MatchedCount", r.MatchedCount)
			unread(t, "ModifiedCount", r.ModifiedCount)
			unread(t, "DeletedCount", r.DeletedCount)
			unread(t, "UpsertedCount", r.UpsertedCount)
			unread(t, "UpsertedIDs", r.UpsertedIDs)
			if r.Acknowledged {
				t.Error("acknowledged")
			}
		}},
		{"Client.BulkWrite", func(ctx context.Context, c collection) pending {
			return resultOf(c.Database().Client().BulkWrite(ctx, []mongo.ClientBulkWrite{
				{Database: "d", Collection: "c", Model: mongo.NewClientDeleteOneModel().SetFilter(query)},
			}, options.ClientBulkWrite().SetOrdered(false)))
		}, []string{"bulkWrite"}, func(t *testing.T, got any) {
			if r := got.(*mongo.ClientBulkWriteResult); r.Acknowledged {
				t.Errorf("result %+v", r)
			}
		}},
		{"Insert", func(ctx context.Context, c collection) pending {
			return resultOf(c.Insert(ctx, bson.M{"_id": 1}, unset))
		}, []string{"insert"}, is(int32(1))},
		{"Save", func(ctx context.Context, c collection) pending {
			return resultOf(c.Save(ctx, bson.M{"_id": 1}, motor.SaveOptions{W: 0}))
		}, []string{"update"}, is(int32(1))},
		{"Update", func(ctx context.Context, c collection) pending {
			return resultOf(c.Update(ctx, query, set, motor.UpdateOptions{W: 0}))
		}, []string{"update"}, nothing},
		{"Remove", func(ctx context.Context, c collection) pending {
			return resultOf(c.Remove(ctx, nil, motor.RemoveOptions{W: 0}))
		}, []string{"delete"}, nothing},
		{"Execute", func(ctx context.Context, c collection) pending {
			b := c.InitializeUnorderedBulkOp()
			b.Insert(query)
			b.Find(query).RemoveOne()
			return resultOf(b.Execute(ctx, bson.M{"w": 0}))
		}, []string{"insert", "delete"}, nothing},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, wiretest.Standalone)
			client := newClient(t, peer.URI("w=0"))
			wait := test.call(t.Context(), client.Database("d").Collection("c"))
			for _, command := range test.sent {
				request := peer.Receive(command).Want(bson.M{"writeConcern": bson.M{"w": 0}, "lsid": wiretest.Absent})
				if !request.MoreToCome {
					t.Error("an answer is waited for")
				}
				request.Nothing()
			}
			got, err := wait(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			test.check(t, got)
		})
	}
}

func TestUnacknowledgedClientBulkWriteIsRefused(t *testing.T) {
	client := newClient(t, nowhere)
	noError(t, client.SetWriteConcern(bson.M{"w": 0}))
	writes := []mongo.ClientBulkWrite{{Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.M{})}}
	for name, opts := range map[string]*options.ClientBulkWriteOptionsBuilder{
		"in order":             options.ClientBulkWrite(),
		"with verbose results": options.ClientBulkWrite().SetOrdered(false).SetVerboseResults(true),
	} {
		if _, err := client.BulkWrite(t.Context(), writes, opts).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("%s: got %v, want an InvalidOperation", name, err)
		}
	}
}
