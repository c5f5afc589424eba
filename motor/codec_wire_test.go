package motor_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// given holds the BSON registry or options of a client, a database or a collection.
type given struct {
	registry *bson.Registry
	options  *options.BSONOptions
}

// places returns a collection for each level at which the registry or options can be set.
func places[D any](t *testing.T, peer *wiretest.Peer, g given) map[string]*motor.Collection[D] {
	client, database, collection := options.Client(), options.Database(), options.Collection()
	if g.registry != nil {
		client.SetRegistry(g.registry)
		database.SetRegistry(g.registry)
		collection.SetRegistry(g.registry)
	}
	if g.options != nil {
		client.SetBSONOptions(g.options)
		database.SetBSONOptions(g.options)
		collection.SetBSONOptions(g.options)
	}
	plain := newClient(t, peer.URI())
	return map[string]*motor.Collection[D]{
		"of the client":     motor.CollectionOf[D](newClient(t, peer.URI(), motor.WithClientOptions(client)).Database("d"), "c"),
		"of the database":   motor.CollectionOf[D](plain.Database("d", database), "c"),
		"of the collection": motor.CollectionOf[D](plain.Database("d"), "c", collection),
	}
}

// readAs returns the result of decoding a document, for each way of reading.
func readAs[D any](t *testing.T, peer *wiretest.Peer, g given) map[string]any {
	all := make(map[string]any)
	for place, coll := range places[D](t, peer, g) {
		note := func(way string, doc any, err error) {
			if err != nil {
				t.Errorf("%s, %s: got error %v, want nil", place, way, err)
			}
			all[place+", "+way] = doc
		}
		one, err := coll.FindOne(t.Context(), bson.D{}).Await(t.Context())
		note("FindOne", one, err)
		deleted, err := coll.FindOneAndDelete(t.Context(), bson.D{}).Await(t.Context())
		note("FindOneAndDelete", deleted, err)
		updated, err := coll.FindOneAndUpdate(t.Context(), bson.D{}, bson.D{{Key: "$set", Value: bson.D{}}}).Await(t.Context())
		note("FindOneAndUpdate", updated, err)
		aggregated, err := coll.Aggregate(mongo.Pipeline{}).Next(t.Context()).Await(t.Context())
		note("Aggregate", aggregated, err)
		next, err := coll.Find(bson.D{}).Next(t.Context()).Await(t.Context())
		note("Next", next, err)
		list, err := coll.Find(bson.D{}).ToList(t.Context()).Await(t.Context())
		if len(list) != 2 {
			t.Fatalf("%s: got %d documents, %v, want 2 documents", place, len(list), err)
		}
		note("ToList", list[0], err)
		note("the second batch", list[1], err)
	}
	return all
}

func TestDecodeUsesRegistryAndOptions(t *testing.T) {
	id := bson.NewObjectID()
	at := time.UnixMilli(1_700_000_000_123)
	longs := bson.NewRegistry()
	longs.RegisterTypeMapEntry(bson.TypeInt32, reflect.TypeFor[int64]())
	shouting := bson.NewRegistry()
	shouting.RegisterTypeDecoder(reflect.TypeFor[string](), bson.ValueDecoderFunc(
		func(_ bson.DecodeContext, r bson.ValueReader, v reflect.Value) error {
			s, err := r.ReadString()
			v.SetString(strings.ToUpper(s))
			return err
		}))
	generic, uuid := bson.Binary{Data: []byte{1, 2}}, bson.Binary{Subtype: 4, Data: []byte{3}}
	nested := bson.D{{Key: "in", Value: bson.D{{Key: "a", Value: int32(1)}}}, {Key: "list", Value: bson.A{bson.D{}}}}
	type hexed struct {
		ID string `bson:"_id"`
	}
	type timed struct{ At time.Time }
	type whole struct{ N int }
	type tagged struct {
		N int `json:"number"`
	}

	for _, c := range []struct {
		name string
		given
		doc  bson.D
		as   func(*testing.T, *wiretest.Peer, given) map[string]any
		want any
	}{
		{"nothing given, bson.M", given{}, nested, readAs[bson.M], bson.M{"in": bson.M{"a": int32(1)}, "list": bson.A{bson.M{}}}},
		{"nothing given, bson.D", given{}, nested, readAs[bson.D], nested},
		{"nothing given, any", given{}, nested, readAs[any], bson.M{"in": bson.M{"a": int32(1)}, "list": bson.A{bson.M{}}}},
		{"nothing given, bson.Raw", given{}, nested, readAs[bson.Raw], marshaled(nested)},
		{"nothing given, a pointer", given{}, bson.D{{Key: "n", Value: 7}}, readAs[*whole], &whole{7}},

		{
			"BinaryAsSlice, bson.M", given{options: &options.BSONOptions{BinaryAsSlice: true}},
			bson.D{{Key: "g", Value: generic}, {Key: "u", Value: uuid}}, readAs[bson.M], bson.M{"g": []byte{1, 2}, "u": uuid},
		},
		{
			"BinaryAsSlice, bson.D", given{options: &options.BSONOptions{BinaryAsSlice: true}},
			bson.D{{Key: "g", Value: bson.A{generic}}}, readAs[bson.D], bson.D{{Key: "g", Value: bson.A{[]byte{1, 2}}}},
		},
		{
			"DefaultDocumentM, bson.D", given{options: &options.BSONOptions{DefaultDocumentM: true}},
			nested, readAs[bson.D], bson.D{{Key: "in", Value: bson.M{"a": int32(1)}}, {Key: "list", Value: bson.A{bson.M{}}}},
		},
		{
			"DefaultDocumentMap, bson.D", given{options: &options.BSONOptions{DefaultDocumentMap: true}},
			nested, readAs[bson.D], bson.D{{Key: "in", Value: map[string]any{"a": int32(1)}}, {Key: "list", Value: bson.A{map[string]any{}}}},
		},
		{
			"DefaultDocumentMap, bson.M", given{options: &options.BSONOptions{DefaultDocumentMap: true}},
			nested, readAs[bson.M], bson.M{"in": map[string]any{"a": int32(1)}, "list": bson.A{map[string]any{}}},
		},
		{
			"ObjectIDAsHexString", given{options: &options.BSONOptions{ObjectIDAsHexString: true}},
			bson.D{{Key: "_id", Value: id}}, readAs[hexed], hexed{id.Hex()},
		},
		{
			"ObjectIDAsHexString, bson.M", given{options: &options.BSONOptions{ObjectIDAsHexString: true}},
			bson.D{{Key: "_id", Value: id}}, readAs[bson.M], bson.M{"_id": id},
		},
		{
			"UseLocalTimeZone", given{options: &options.BSONOptions{UseLocalTimeZone: true}},
			bson.D{{Key: "at", Value: at}}, readAs[timed], timed{at},
		},
		{"without UseLocalTimeZone", given{}, bson.D{{Key: "at", Value: at}}, readAs[timed], timed{at.UTC()}},
		{
			"AllowTruncatingDoubles", given{options: &options.BSONOptions{AllowTruncatingDoubles: true}},
			bson.D{{Key: "n", Value: 1.5}}, readAs[whole], whole{1},
		},
		{
			"AllowTruncatingDoubles, bson.M", given{options: &options.BSONOptions{AllowTruncatingDoubles: true}},
			bson.D{{Key: "n", Value: 1.5}}, readAs[bson.M], bson.M{"n": 1.5},
		},
		{
			"UseJSONStructTags", given{options: &options.BSONOptions{UseJSONStructTags: true}},
			bson.D{{Key: "number", Value: 3}}, readAs[tagged], tagged{3},
		},
		{
			"ZeroMaps and ZeroStructs", given{options: &options.BSONOptions{ZeroMaps: true, ZeroStructs: true}},
			bson.D{{Key: "n", Value: 3}}, readAs[bson.M], bson.M{"n": int32(3)},
		},
		{"a registry of other types", given{registry: longs}, nested, readAs[bson.M], bson.M{"in": bson.M{"a": int64(1)}, "list": bson.A{bson.M{}}}},
		{"a registry with a decoder", given{registry: shouting}, bson.D{{Key: "s", Value: "ä"}}, readAs[bson.M], bson.M{"s": "Ä"}},
		{"a registry with a decoder, bson.D", given{registry: shouting}, bson.D{{Key: "s", Value: "ä"}}, readAs[bson.D], bson.D{{Key: "s", Value: "Ä"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("find", func(r *wiretest.Request) {
				id := int64(7)
				if _, err := r.Command.LookupErr("limit"); err == nil {
					id = 0 // FindOne
				}
				r.Cursor("d.c", id, c.doc)
			})
			peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, c.doc) })
			peer.Handle("aggregate", func(r *wiretest.Request) { r.Cursor("d.c", 0, c.doc) })
			peer.Handle("findAndModify", func(r *wiretest.Request) { r.OK(bson.D{{Key: "value", Value: c.doc}}) })
			for way, doc := range c.as(t, peer, c.given) {
				if !reflect.DeepEqual(doc, c.want) {
					t.Errorf("%s: got %#v, want %v", way, doc, c.want)
				}
			}
		})
	}
}

func TestReplyDecodeUsesRegistryAndOptions(t *testing.T) {
	longs := bson.NewRegistry()
	longs.RegisterTypeMapEntry(bson.TypeInt32, reflect.TypeFor[int64]())
	in := bson.D{{Key: "a", Value: int32(1)}}
	for _, c := range []struct {
		name string
		opts *options.DatabaseOptionsBuilder
		want any
	}{
		{"nothing given", options.Database(), bson.M{"a": int32(1)}},
		{"options", options.Database().SetBSONOptions(&options.BSONOptions{DefaultDocumentMap: true}), map[string]any{"a": int32(1)}},
		{"a registry", options.Database().SetRegistry(longs), bson.M{"a": int64(1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			db := newClient(t, peer.URI()).Database("d", c.opts)
			peer.Handle("say", func(r *wiretest.Request) { r.OK(bson.D{{Key: "in", Value: in}}) })
			peer.Handle("aggregate", func(r *wiretest.Request) { r.Cursor("d.$cmd.aggregate", 0, bson.D{{Key: "in", Value: in}}) })

			reply, err := db.Command(t.Context(), "say").Await(t.Context())
			if err != nil || !reflect.DeepEqual(reply["in"], c.want) {
				t.Errorf("Command() = %#v, %v, want nil, %v", reply, err, c.want)
			}
			docs, err := db.Aggregate(mongo.Pipeline{}).ToList(t.Context()).Await(t.Context())
			if err != nil || len(docs) != 1 || !reflect.DeepEqual(docs[0]["in"], c.want) {
				t.Errorf("Aggregate() = %#v, %v, want 1 document, nil, %v", docs, err, c.want)
			}
			cursor, err := db.CursorCommand(t.Context(), bson.D{{Key: "aggregate", Value: 1}}).Await(t.Context())
			if err != nil {
				t.Fatalf("got error %v, want nil", err)
			}
			if doc := cursor.NextObject(); !reflect.DeepEqual(doc["in"], c.want) {
				t.Errorf("CursorCommand() = %#v, want %v", doc, c.want)
			}
		})
	}
}

func TestEncodeUsesRegistryAndOptions(t *testing.T) {
	shouting := bson.NewRegistry()
	shouting.RegisterTypeEncoder(reflect.TypeFor[string](), bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
			return w.WriteString(strings.ToUpper(v.String()))
		}))
	type empty struct {
		ID int `bson:"_id"`
		S  string
	}
	type point struct{ X int }
	type zero struct {
		ID int   `bson:"_id"`
		P  point `bson:"p,omitempty"`
	}
	type tagged struct {
		ID int `json:"_id"`
	}
	with := func(key string, value any) bson.D { return bson.D{{Key: "_id", Value: 1}, {Key: key, Value: value}} }

	for _, c := range []struct {
		name string
		given
		doc  any
		want bson.D
	}{
		{"nothing given", given{}, with("n", int64(5)), with("n", int64(5))},
		{"IntMinSize", given{options: &options.BSONOptions{IntMinSize: true}}, with("n", int64(5)), with("n", int32(5))},
		{"NilMapAsEmpty", given{options: &options.BSONOptions{NilMapAsEmpty: true}}, with("m", bson.M(nil)), with("m", bson.D{})},
		{"NilSliceAsEmpty", given{options: &options.BSONOptions{NilSliceAsEmpty: true}}, with("s", bson.A(nil)), with("s", bson.A{})},
		{"NilByteSliceAsEmpty", given{options: &options.BSONOptions{NilByteSliceAsEmpty: true}}, with("b", []byte(nil)), with("b", []byte{})},
		{"OmitEmpty", given{options: &options.BSONOptions{OmitEmpty: true}}, empty{ID: 1}, bson.D{{Key: "_id", Value: 1}}},
		{"OmitZeroStruct", given{options: &options.BSONOptions{OmitZeroStruct: true}}, zero{ID: 1}, bson.D{{Key: "_id", Value: 1}}},
		{
			"StringifyMapKeysWithFmt", given{options: &options.BSONOptions{StringifyMapKeysWithFmt: true}},
			with("m", map[float64]int{1.5: 2}), with("m", bson.D{{Key: "1.5", Value: 2}}),
		},
		{"UseJSONStructTags", given{options: &options.BSONOptions{UseJSONStructTags: true}}, tagged{1}, bson.D{{Key: "_id", Value: 1}}},
		{"options of decoding alone", given{options: &options.BSONOptions{BinaryAsSlice: true}}, with("n", int64(5)), with("n", int64(5))},
		{"a registry", given{registry: shouting}, with("s", "ä"), with("s", "Ä")},
		{"a registry and a struct", given{registry: shouting}, empty{1, "ä"}, with("s", "Ä")},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.D{{Key: "n", Value: 1}}) })
			peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 0) })
			want := marshaled(c.want)
			sent := 0
			for place, coll := range places[bson.M](t, peer, c.given) {
				if _, err := coll.InsertOne(t.Context(), c.doc).Await(t.Context()); err != nil {
					t.Fatalf("%s: InsertOne() = %v, want nil", place, err)
				}
				if _, err := coll.FindOne(t.Context(), c.doc).Await(t.Context()); err != nil {
					t.Fatalf("%s: FindOne() = %v, want nil", place, err)
				}
				if doc := peer.Seen("insert")[sent].Lookup("documents", "0").Document(); !bytes.Equal(doc, want) {
					t.Errorf("%s: got inserted document %s, want %v", place, doc, want)
				}
				if doc := peer.Seen("find")[sent].Lookup("filter").Document(); !bytes.Equal(doc, want) {
					t.Errorf("%s: got filter %s, want %v", place, doc, want)
				}
				sent++
			}
		})
	}
}

func TestErrorOnInlineDuplicates(t *testing.T) {
	type inner struct{ A int }
	type outer struct {
		A     int
		Inner inner `bson:",inline"`
	}
	peer := wiretest.Start(t, wiretest.Standalone)
	for place, coll := range places[bson.M](t, peer, given{options: &options.BSONOptions{ErrorOnInlineDuplicates: true}}) {
		if _, err := coll.InsertOne(t.Context(), outer{}).Await(t.Context()); !errors.Is(err, motor.InvalidDocument) {
			t.Errorf("%s: InsertOne() = %v, want InvalidDocument", place, err)
		}
	}
}

func TestInvalidDocumentInBatch(t *testing.T) {
	bad := bson.D{{Key: "n", Value: bson.RawValue{Type: bson.TypeBoolean, Value: []byte{7}}}}
	good := func(i int) bson.D { return bson.D{{Key: "i", Value: i}} }
	for _, test := range []struct {
		name string
		read func(*testing.T, *motor.Database) []any
	}{
		{"bson.M", readOn[bson.M]},
		{"bson.D", readOn[bson.D]},
		{"a struct", readOn[struct{ N bool }]},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, good(0), bad, good(2), bad, good(4)) })
			var outcome []bool
			for _, got := range test.read(t, newClient(t, peer.URI()).Database("d")) {
				err, failed := got.(error)
				if failed && !errors.Is(err, motor.InvalidBSON) {
					t.Errorf("got %v, want InvalidBSON", err)
				}
				outcome = append(outcome, !failed)
			}
			if !reflect.DeepEqual(outcome, []bool{true, false, true, false, true}) {
				t.Errorf("got decoded documents %v, want %v", outcome, []bool{true, false, true, false, true})
			}
		})
	}
}

// readOn reads a cursor to its end, past each error, and returns the documents and the errors.
func readOn[D any](t *testing.T, db *motor.Database) (all []any) {
	cursor := motor.CollectionOf[D](db, "c").Find(bson.D{})
	for {
		doc, err := cursor.Next(t.Context()).Await(t.Context())
		switch {
		case errors.Is(err, motor.StopAsyncIteration):
			return all
		case err != nil:
			all = append(all, err)
		default:
			all = append(all, doc)
		}
	}
}

func TestRawDocumentsShareNoMemory(t *testing.T) {
	var docs []any
	for i, size := range []int{1, 20_000, 3, 40_000, 16_000, 5, 6, 7, 30_000, 1, 1} {
		docs = append(docs, bson.D{{Key: "i", Value: i}, {Key: "s", Value: strings.Repeat("x", size)}})
	}
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, docs...) })
	coll := motor.CollectionOf[bson.Raw](newClient(t, peer.URI()).Database("d"), "c")
	raws, err := coll.Find(bson.D{}).ToList(t.Context()).Await(t.Context())
	if err != nil || len(raws) != len(docs) {
		t.Fatalf("got %d documents, %v, want %d, nil", len(raws), err, len(docs))
	}
	for i := range raws {
		_ = append(raws[i], "what is appended to a document is not in the next"...)
	}
	for i, raw := range raws {
		if want := marshaled(docs[i]); !bytes.Equal(raw, want) {
			t.Errorf("document %d: got %v, want %v", i, raw, want)
		}
	}
}

func marshaled(v any) bson.Raw {
	raw, err := bson.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("%v: %v", v, err))
	}
	return raw
}

// nested returns a document with values of BSON type t nested depth levels deep.
func nested(t byte, depth int) []byte {
	const level = 7
	raw := make([]byte, 0, 5+level*depth)
	for left := depth; ; left-- {
		raw = binary.LittleEndian.AppendUint32(raw, uint32(5+level*left))
		if left == 0 {
			break
		}
		raw = append(raw, t, 0)
	}
	return append(raw, make([]byte, depth+1)...)
}
