package drivercompat_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/version"

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

// TestWholeRegistryWithoutCopy changes a document after the driver has encoded it. The driver sends the change if it has not
// copied the document.
func TestWholeRegistryWithoutCopy(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: "old"}})
	if err != nil {
		t.Fatal(err)
	}
	text := doc[bytes.Index(doc, []byte("old")):]
	monitor := &event.PoolMonitor{Event: func(e *event.PoolEvent) {
		if e.Type == event.ConnectionCheckedOut {
			copy(text, "new")
		}
	}}
	client := connect(t, peer.URI(), options.Client().SetPoolMonitor(monitor))
	coll := client.Database("d").Collection("c", options.Collection().SetRegistry(wholeRegistry(t)))
	if _, err := coll.InsertOne(t.Context(), bson.Raw(doc)); err != nil {
		t.Fatal(err)
	}
	if got := peer.Seen("insert")[0].Lookup("documents", "0", "a").StringValue(); got != "new" {
		t.Errorf("sent %q: the driver's writer of documents has changed. Writes of large documents are slower now, and take much more memory.", got)
	}
}

// TestWholeRegistrySink writes documents to places that have content or memory already.
func TestWholeRegistrySink(t *testing.T) {
	doc, err := bson.Marshal(bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: "text"}})
	if err != nil {
		t.Fatal(err)
	}
	doc = append(doc, "after"...) // which appending to the sink must not overwrite
	raw := bson.Raw(doc[:len(doc)-len("after")])
	for _, test := range []struct {
		name string
		sink *bytes.Buffer
		want string
	}{
		{"new", new(bytes.Buffer), ""},
		{"with content", bytes.NewBufferString("before"), "before"},
		{"with memory", bytes.NewBuffer(make([]byte, 0, 100)), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := bson.NewEncoder(bson.NewDocumentWriter(test.sink))
			e.SetRegistry(wholeRegistry(t))
			for range 2 {
				if err := e.Encode(raw); err != nil {
					t.Fatal(err)
				}
				test.sink.WriteString(".")
				test.want += string(raw) + "."
				if got := test.sink.String(); got != test.want {
					t.Errorf("the sink has %q, want %q", got, test.want)
				}
			}
			if after := string(doc[len(raw):]); after != "after" {
				t.Errorf("the memory after the document is %q, want %q", after, "after")
			}
		})
	}
}

func TestVersion(t *testing.T) {
	if !drivercompat.JoinsDocuments() {
		t.Errorf("The driver has the version %s, with which this package was not tested. Reads and writes are slower now. "+
			"Change testedVersion, and keep that if all tests of this package pass.", version.Driver)
	}
}

// TestDocuments fails if the driver treats [drivercompat.Documents] in another way.
func TestDocuments(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("insert", func(r *wiretest.Request) { r.WriteError(1, 11000, "E11000 duplicate key") })
	coll := connect(t, peer.URI()).Database("d").Collection("c", options.Collection().SetRegistry(wholeRegistry(t)))
	var docs drivercompat.Documents
	for i := range 3 {
		raw, err := bson.Marshal(bson.D{{Key: "a", Value: bson.A{i}}, {Key: "_id", Value: i}})
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, raw)
	}
	_, err := coll.InsertMany(t.Context(), []drivercompat.Documents{docs})
	var failed mongo.BulkWriteException
	if !errors.As(err, &failed) || len(failed.WriteErrors) != 1 || failed.WriteErrors[0].Index != 1 {
		t.Errorf("InsertMany() = %v, want the write error of the document with the index 1", err)
	}
	sent, err := peer.Seen("insert")[0].Lookup("documents").Array().Values()
	if err != nil || len(sent) != len(docs) {
		t.Fatalf("sent %v, %v, want %v", sent, err, docs)
	}
	for i, doc := range docs {
		if !bytes.Equal(sent[i].Document(), doc) {
			t.Errorf("sent %v, want %v", sent[i], doc)
		}
	}
	var memory bytes.Buffer
	memory.WriteString("before") // the documents cannot become the content
	e := bson.NewEncoder(bson.NewDocumentWriter(&memory))
	e.SetRegistry(wholeRegistry(t))
	if err := e.Encode(docs); err != nil || memory.String() != "before"+string(slices.Concat(docs...)) {
		t.Errorf("encoded after other content: %q, %v, want the documents one after the other", memory.String(), err)
	}
}
