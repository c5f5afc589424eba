package motor_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// everyID returns documents with an _id of each type.
func everyID() []bson.D {
	var docs []bson.D
	for _, id := range []any{
		bson.NewObjectID(), "s", "", int32(1), int64(2), 1.5, true, nil, bson.DateTime(3), time.UnixMilli(4),
		bson.Binary{Subtype: bson.TypeBinaryUUID, Data: make([]byte, 16)}, bson.Binary{Subtype: bson.TypeBinaryBinaryOld, Data: []byte{1}},
		bson.D{{Key: "a", Value: bson.D{{Key: "b", Value: bson.A{1, bson.D{}}}}}}, bson.D{}, bson.NewDecimal128(1, 2),
		bson.Timestamp{T: 5, I: 6}, bson.MinKey{}, bson.MaxKey{}, bson.Symbol("s"), bson.JavaScript("f()"), bson.Undefined{},
		bson.CodeWithScope{Code: "g()", Scope: bson.D{{Key: "x", Value: 1}}}, bson.DBPointer{DB: "d", Pointer: bson.NewObjectID()},
		bson.Regex{Pattern: "a", Options: "i"}, strings.Repeat("long", 2_000),
	} {
		docs = append(docs, bson.D{{Key: "a", Value: 1}, {Key: "_id", Value: id}, {Key: "b", Value: bson.A{"c"}}})
	}
	return docs
}

// TestInsertedIDs compares the documents that are sent, and the result, with those of the driver.
func TestInsertedIDs(t *testing.T) {
	docs := everyID()
	for _, test := range []struct {
		name string
		opts []motor.ClientOption
	}{
		{"default", nil},
		{"BSON options", []motor.ClientOption{motor.WithClientOptions(options.Client().SetBSONOptions(&options.BSONOptions{
			ObjectIDAsHexString: true, DefaultDocumentM: true,
		}))}},
		{"registry", []motor.ClientOption{motor.WithClientOptions(options.Client().SetRegistry(bson.NewRegistry()))}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
			coll := newClient(t, peer.URI(), test.opts...).Database("d").Collection("c")
			driver := succeed(t, coll.Delegate(t.Context()))
			for _, doc := range docs {
				got := succeed(t, coll.InsertOne(t.Context(), doc))
				want, err := driver.InsertOne(t.Context(), doc)
				if err != nil || !reflect.DeepEqual(got.InsertedID, want.InsertedID) {
					t.Errorf("InsertOne(%v).InsertedID = %#v, want %#v, %v", doc, got.InsertedID, want.InsertedID, err)
				}
			}
			got := succeed(t, coll.InsertMany(t.Context(), docs))
			want, err := driver.InsertMany(t.Context(), docs)
			if err != nil || !reflect.DeepEqual(got.InsertedIDs, want.InsertedIDs) {
				t.Errorf("InsertMany().InsertedIDs = %#v, want %#v, %v", got.InsertedIDs, want.InsertedIDs, err)
			}
			sent := peer.Seen("insert")
			for i := 0; i < len(sent); i += 2 {
				got, want := sent[i].Lookup("documents"), sent[i+1].Lookup("documents")
				if !got.Equal(want) {
					t.Errorf("sent %v, want %v", got, want)
				}
			}
		})
	}
}

// TestInsertManyPartialIDs has documents with and without an _id, some of which the server refuses.
func TestInsertManyPartialIDs(t *testing.T) {
	docs := []bson.M{{"_id": 0}, {}, {"_id": 2}, {}, {"_id": nil}, {}}
	for _, test := range []struct {
		ordered bool
		failed  []int
		want    []int // the indexes of the _ids in the result
	}{
		{true, nil, []int{0, 1, 2, 3, 4, 5}},
		{true, []int{2}, []int{0, 1}},
		{true, []int{0}, nil},
		{false, []int{0, 3}, []int{1, 2, 4, 5}},
		{false, []int{5, 1, 2}, []int{0, 3, 4}},
	} {
		t.Run(fmt.Sprintf("ordered %t, %v fail", test.ordered, test.failed), func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			coll := newClient(t, peer.URI()).Database("d").Collection("c")
			inserting := coll.InsertMany(t.Context(), docs, options.InsertMany().SetOrdered(test.ordered))
			r := peer.Receive("insert")
			ids := sentIDs(t, r.Command)
			bad := bson.A{}
			for _, i := range test.failed {
				bad = append(bad, bson.M{"index": i, "code": 1, "errmsg": "no"})
			}
			if len(bad) == 0 {
				r.OK(bson.M{"n": len(docs)})
			} else {
				r.OK(bson.M{"n": len(test.want), "writeErrors": bad})
			}
			result, err := inserting.Await(t.Context())
			if errors.Is(err, motor.BulkWriteError) != (len(bad) > 0) {
				t.Fatalf("InsertMany() = %v with %d write errors", err, len(bad))
			}
			var want []any
			for _, i := range test.want {
				want = append(want, ids[i])
			}
			if !slices.Equal(result.InsertedIDs, want) {
				t.Errorf("InsertedIDs = %v, want %v", result.InsertedIDs, want)
			}
		})
	}
}

// sentIDs returns the _ids of the documents of an insert.
func sentIDs(t *testing.T, insert bson.Raw) (ids []any) {
	t.Helper()
	list, err := insert.Lookup("documents").Array().Values()
	noError(t, err)
	for _, doc := range list {
		var id any
		noError(t, doc.Document().Lookup("_id").Unmarshal(&id))
		ids = append(ids, id)
	}
	return ids
}

// TestDelegateKeepsRegistry decodes into the type for which motor's own handle of the driver has another decoder.
func TestDelegateKeepsRegistry(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"_id": 7}) })
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	succeed(t, coll.FindOne(t.Context(), bson.M{}))
	var doc struct {
		ID any `bson:"_id"`
	}
	driver := succeed(t, coll.Delegate(t.Context()))
	if err := driver.FindOne(t.Context(), bson.M{}).Decode(&doc); err != nil || doc.ID != int32(7) {
		t.Errorf("FindOne of the driver's collection decodes the _id as %v, %v, want 7", doc.ID, err)
	}
	if _, err := driver.InsertOne(t.Context(), bson.Raw{9, 0, 0, 0, 1}); !errors.As(err, new(mongo.MarshalError)) {
		t.Errorf("InsertOne of the driver's collection with invalid BSON = %v, want a mongo.MarshalError", err)
	}
}
