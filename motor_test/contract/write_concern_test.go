package contract_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// writesWithConcern has the operations with a write concern: their arguments, and the command that they send.
var writesWithConcern = []struct {
	name    string
	args    []any
	command string
}{
	{"Collection.InsertOne", []any{bson.M{"_id": 1}}, "insert"},
	{"Collection.InsertMany", []any{[]bson.M{{"_id": 1}}}, "insert"},
	{"Collection.UpdateOne", []any{bson.M{}, bson.M{"$set": bson.M{"a": 1}}}, "update"},
	{"Collection.UpdateMany", []any{bson.M{}, bson.M{"$set": bson.M{"a": 1}}}, "update"},
	{"Collection.ReplaceOne", []any{bson.M{}, bson.M{"a": 1}}, "update"},
	{"Collection.DeleteOne", []any{bson.M{}}, "delete"},
	{"Collection.DeleteMany", []any{bson.M{}}, "delete"},
	{"Collection.FindOneAndDelete", []any{bson.M{}}, "findAndModify"},
	{"Collection.FindOneAndReplace", []any{bson.M{}, bson.M{"a": 1}}, "findAndModify"},
	{"Collection.FindOneAndUpdate", []any{bson.M{}, bson.M{"$set": bson.M{"a": 1}}}, "findAndModify"},
	{"Collection.BulkWrite", []any{[]mongo.WriteModel{mongo.NewDeleteOneModel().SetFilter(bson.M{})}}, "delete"},
	{"Collection.CreateIndex", []any{"a"}, "createIndexes"},
	{"Collection.DropIndex", []any{"a_1"}, "dropIndexes"},
	{"Collection.Drop", nil, "drop"},
	{"Collection.Insert", []any{bson.M{"_id": 1}}, "insert"},
	{"Collection.Save", []any{bson.M{"_id": 1}}, "update"},
	{"Collection.Update", []any{bson.M{}, bson.M{"a": 1}}, "update"},
	{"Collection.Remove", []any{bson.M{}}, "delete"},
}

func TestWriteConcernOfHandle(t *testing.T) {
	for _, c := range []struct {
		set  bson.M
		want any
	}{
		{bson.M{}, wiretest.Absent},
		{bson.M{"w": "majority", "j": true}, bson.M{"w": "majority", "j": true}},
		{bson.M{"w": 2, "wtimeout": 1000}, bson.M{"w": 2, "wtimeout": 1000}},
		{bson.M{"fsync": true}, bson.M{"fsync": true}},
	} {
		withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
			noError(t, collectionOf(ops).SetWriteConcern(c.set))
			for _, write := range writesWithConcern {
				writing := startMethod(ops, write.name, write.args...)
				peer.Receive(write.command).Want(bson.M{"writeConcern": c.want}).OK(bson.M{"n": 1})
				if _, err := writing.Await(t.Context()); err != nil {
					t.Errorf("%s: %v", write.name, err)
				}
			}
		})
	}
}

// A call's write concern overrides that of its collection, for this call only.
func TestWriteConcernOfCallOverridesHandle(t *testing.T) {
	set := bson.M{"$set": bson.M{"a": 1}}
	for _, c := range []struct {
		method  string
		args    []any
		command string
		want    bson.M
	}{
		{"Collection.Insert", []any{bson.M{}, motor.InsertOptions{W: 3}}, "insert", bson.M{"w": 3}},
		{"Collection.Save", []any{bson.M{}, motor.SaveOptions{J: true}}, "insert", bson.M{"j": true}},
		{"Collection.Update", []any{bson.M{}, set, motor.UpdateOptions{W: 3, WTimeout: 5}}, "update", bson.M{"w": 3, "wtimeout": 5}},
		{"Collection.Remove", []any{bson.M{}, motor.RemoveOptions{FSync: true}}, "delete", bson.M{"fsync": true}},
	} {
		t.Run(c.method, func(t *testing.T) {
			withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
				noError(t, collectionOf(ops).SetWriteConcern(bson.M{"w": 2}))
				writing := startMethod(ops, c.method, c.args...)
				peer.Receive(c.command).Want(bson.M{"writeConcern": c.want}).OK(bson.M{"n": 1})
				_, err := writing.Await(t.Context())
				noError(t, err)
				writing = startMethod(ops, "Collection.DeleteOne", bson.M{})
				peer.Receive("delete").Want(bson.M{"writeConcern": bson.M{"w": 2}}).OK(bson.M{"n": 1})
				_, err = writing.Await(t.Context())
				noError(t, err)
			})
		})
	}
}

// writeConcerned is a handle of either style.
type writeConcerned interface {
	WriteConcern() *motor.WriteConcern
	SetWriteConcern(concern any) error
}

// handlesOf returns the client of ops, and functions that make databases and collections, in the style of ops.
func handlesOf(ops operations) (client writeConcerned, database func() writeConcerned, collection func() writeConcerned) {
	switch s := ops.(type) {
	case byFutures:
		c := s.coll.Database().Client()
		d := c.Database("other")
		return c, func() writeConcerned { d = c.Database("other"); return d }, func() writeConcerned { return d.Collection("c") }
	case byCallbacks:
		c := s.coll.Database().Client()
		d := c.Database("other")
		return c, func() writeConcerned { d = c.Database("other"); return d }, func() writeConcerned { return d.Collection("c") }
	}
	panic(unknownStyle(ops))
}

func TestWriteConcernInheritedByNewHandle(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, _ *wiretest.Peer, ops operations) {
		client, database, collection := handlesOf(ops)
		is := func(what string, h writeConcerned, want string) {
			t.Helper()
			if got := h.WriteConcern().String(); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		noError(t, client.SetWriteConcern(bson.M{"w": 2}))
		db := database()
		coll := collection()
		is("of the client", db, "{w: 2}")
		is("of the database", coll, "{w: 2}")
		noError(t, client.WriteConcern().Set("j", true))
		noError(t, db.SetWriteConcern(bson.M{"w": 3}))
		is("a copy of the client's", db, "{w: 3}")
		is("a copy of the database's", coll, "{w: 2}")
		is("set in place", client, "{w: 2, j: true}")
		is("a later one", collection(), "{w: 3}")
	})
}

func TestWriteConcernInvalid(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, _ *wiretest.Peer, ops operations) {
		client, database, collection := handlesOf(ops)
		for _, h := range []writeConcerned{client, database(), collection()} {
			for _, bad := range []any{bson.M{"zz": 1}, 5, "majority", nil, bson.M{"w": bson.M{"a": "b"}}} {
				if err := h.SetWriteConcern(bad); !errors.Is(err, motor.ConfigurationError) {
					t.Errorf("%T: SetWriteConcern(%v): got %v, want ConfigurationError", h, bad, err)
				}
			}
			if err := h.WriteConcern().Set("zz", 1); !errors.Is(err, motor.ConfigurationError) {
				t.Errorf("%T: Set(\"zz\"): got %v, want ConfigurationError", h, err)
			}
			if got := h.WriteConcern().String(); got != "{}" {
				t.Errorf("%T: the write concern is %s, want {}", h, got)
			}
		}
	})
}

func TestWriteConcernAffectsNextOperation(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		concern := collectionOf(ops).WriteConcern()
		for _, w := range []int{1, 2} {
			noError(t, concern.Set("w", w))
			writing := inserting(ops, bson.M{})
			insert := peer.Receive("insert")
			noError(t, concern.Set("w", 7)) // the insert is sent already
			insert.Want(bson.M{"writeConcern": bson.M{"w": w}}).OK(bson.M{"n": 1})
			_, err := writing.Await(t.Context())
			noError(t, err)
		}
	})
}

func TestWriteConcernInWithOptions(t *testing.T) {
	withPeer(t, wiretest.Standalone, func(t *testing.T, peer *wiretest.Peer, ops operations) {
		noError(t, collectionOf(ops).SetWriteConcern(bson.M{"w": 2, "wtimeout": 5}))
		opts := options.Collection().SetWriteConcern(writeconcern.W1())
		other := ops
		switch s := ops.(type) {
		case byFutures:
			s.coll = s.coll.WithOptions(opts)
			other = s
		case byCallbacks:
			s.coll = s.coll.WithOptions(opts)
			other = s
		}
		for _, c := range []struct {
			ops  operations
			want bson.M
		}{{other, bson.M{"w": 1}}, {ops, bson.M{"w": 2, "wtimeout": 5}}} {
			writing := inserting(c.ops, bson.M{})
			peer.Receive("insert").Want(bson.M{"writeConcern": c.want}).OK(bson.M{"n": 1})
			_, err := writing.Await(t.Context())
			noError(t, err)
		}
	})
}

// A server accepts every item of a write concern, in the driver's commands and in ours.
func TestWriteConcernOnARealServer(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		coll := collectionOf(ops)
		for i, concern := range []bson.M{{}, {"w": 1}, {"w": 1, "wtimeout": 5000}, {"j": true, "wtimeout": 5000}, {"fsync": true}} {
			noError(t, coll.SetWriteConcern(concern))
			first, second := 2*i, 2*i+1
			_, err := ops.InsertOne(bson.M{"_id": first, "n": 1})
			noError(t, err)
			_, err = ops.InsertMany([]bson.M{{"_id": second, "n": 1}})
			noError(t, err)
			changed, err := ops.UpdateMany(bson.M{"_id": bson.M{"$gte": first}}, bson.M{"$inc": bson.M{"n": 1}})
			noError(t, err)
			if n, _ := changed.ModifiedCount(); n != 2 {
				t.Errorf("%v: ModifiedCount() = %d, want 2", concern, n)
			}
			deleted, err := ops.DeleteOne(bson.M{"_id": first})
			noError(t, err)
			if n, _ := deleted.DeletedCount(); n != 1 {
				t.Errorf("%v: DeletedCount() = %d, want 1", concern, n)
			}
			if _, err := ops.InsertOne(bson.M{"_id": second}); !errors.Is(err, motor.DuplicateKeyError) {
				t.Errorf("%v: got %v, want a DuplicateKeyError", concern, err)
			}
		}
		noError(t, coll.SetWriteConcern(bson.M{"wtimeout": 5000}))
		noError(t, ops.Drop())
	})
}
