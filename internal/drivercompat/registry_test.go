package drivercompat_test

import (
	"bytes"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/wiretest"
)

// encode encodes v with a registry.
func encode(registry *bson.Registry, v any) ([]byte, error) {
	var b bytes.Buffer
	e := bson.NewEncoder(bson.NewDocumentWriter(&b))
	e.SetRegistry(registry)
	err := e.Encode(v)
	return b.Bytes(), err
}

func wholeRegistry(t *testing.T) *bson.Registry {
	t.Helper()
	registry := drivercompat.WholeRegistry()
	if registry == nil {
		t.Fatal("The driver's writer no longer copies the bytes of a bson.RawValue as they are. Writes of documents are slower now.")
	}
	return registry
}

func TestWholeRegistryEncodes(t *testing.T) {
	inner := bson.D{{Key: "x", Value: 1}, {Key: "", Value: bson.CodeWithScope{Code: "f", Scope: bson.D{{Key: "y", Value: "z"}}}}}
	raw, err := bson.Marshal(inner)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name string
		doc  bson.D
	}{
		{"empty", bson.D{}},
		{"null", bson.D{{Key: "a", Value: nil}}},
		{"one value", bson.D{{Key: "a", Value: "b"}}},
		{"first key is empty", bson.D{{Key: "", Value: nil}, {Key: "b", Value: 1.5}}},
		{"values without bytes", bson.D{{Key: "a", Value: bson.MinKey{}}, {Key: "b", Value: nil}, {Key: "c", Value: bson.MaxKey{}}}},
		{"nested", bson.D{{Key: "a", Value: inner}, {Key: "b", Value: bson.A{inner, inner}}}},
		{"encoded values", bson.D{{Key: "a", Value: bson.Raw(raw)}, {Key: "b", Value: bson.A{bson.Raw(raw), 1}}}},
		{"long", bson.D{{Key: "a", Value: make([]byte, 100_000)}, {Key: "b", Value: true}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want, err := bson.Marshal(test.doc)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range []any{test.doc, bson.Raw(want)} {
				if got, err := encode(wholeRegistry(t), v); err != nil || !bytes.Equal(got, want) {
					t.Errorf("encode(%T) = %x, %v, want %x", v, got, err, want)
				}
			}
		})
	}
}

func TestWholeRegistryInvalidDocument(t *testing.T) {
	for _, raw := range []bson.Raw{nil, {}, {5, 0, 0, 0}, {6, 0, 0, 0, 0}, {4, 0, 0, 0, 0}, {7, 0, 0, 0, 10, 'a', 1}, {7, 0, 0, 0, 10, 'a', 0}} {
		got, err := encode(wholeRegistry(t), raw)
		if want, wantErr := encode(bson.NewRegistry(), raw); (err == nil) != (wantErr == nil) || !bytes.Equal(got, want) {
			t.Errorf("encode(%v) = %v, %v, want as with the driver's registry %v, %v", []byte(raw), got, err, want, wantErr)
		}
	}
}

// TestWholeRegistryInsertedID fails if the driver looks for the _id of an inserted document in another way.
func TestWholeRegistryInsertedID(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	coll := connect(t, peer.URI()).Database("d").Collection("c", options.Collection().SetRegistry(wholeRegistry(t)))
	with, err := bson.Marshal(bson.D{{Key: "a", Value: 1}, {Key: "_id", Value: 1}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := coll.InsertMany(t.Context(), []bson.Raw{with, {5, 0, 0, 0, 0}})
	if err != nil {
		t.Fatal(err)
	}
	if r.InsertedIDs[0] != nil {
		t.Errorf("InsertedIDs[0] = %v, want nil: the driver no longer decodes an inserted document into a struct with the _id. Inserts are slower now.", r.InsertedIDs[0])
	}
	docs, err := peer.Seen("insert")[0].Lookup("documents").Array().Values()
	if err != nil || len(docs) != 2 || !bytes.Equal(docs[0].Document(), with) || docs[1].Document().Lookup("_id").ObjectID() != r.InsertedIDs[1] {
		t.Errorf("sent %v, %v, want %v and a document with the _id %v", docs, err, with, r.InsertedIDs[1])
	}
}
