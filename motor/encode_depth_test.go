package motor_test

import (
	"errors"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// ring is a struct that can contain itself in many ways.
type ring struct {
	Next     *ring
	Any      any
	List     []ring
	Map      map[string]*ring
	Array    [1]*ring
	Hidden   *ring `bson:"-"`
	private  *ring
	Function func() `bson:"-"`
}

type pointerToItself *pointerToItself

type listOfItself []listOfItself

type mapOfItself map[string]mapOfItself

type inlinesItself struct {
	A    int
	Back *inlinesItself `bson:",inline"`
}

// known has a marshaler.
type known struct{ Self *known }

func (k *known) MarshalBSON() ([]byte, error) {
	return marshaled(bson.D{{Key: "known", Value: true}}), nil
}

// marked has an encoder in a registry.
type marked struct{ Self *marked }

func TestEncodeCyclicValue(t *testing.T) {
	m := bson.M{}
	m["a"] = bson.A{m}
	plain := map[string]any{}
	plain["a"] = plain
	d := bson.D{{Key: "a", Value: 1}}
	d[0].Value = d
	list := []any{nil}
	list[0] = list
	scope := bson.D{{Key: "a", Value: 1}}
	scope[0].Value = bson.CodeWithScope{Scope: scope}
	var value any
	value = &value
	var pointer pointerToItself
	pointer = &pointer
	items := make(listOfItself, 1)
	items[0] = items
	entries := mapOfItself{}
	entries["a"] = entries
	next, inAny, inList, inMap, inArray := &ring{}, &ring{}, &ring{}, &ring{}, &ring{}
	next.Next = next
	inAny.Any = inAny
	inList.List = make([]ring, 1)
	inList.List[0].List = inList.List
	inMap.Map = map[string]*ring{"a": inMap}
	inArray.Array[0] = inArray
	chain := &ring{}
	for range 2 * bsoncodec.MaxDepth {
		chain = &ring{Next: chain}
	}
	deep := bson.M{}
	for range 2 * bsoncodec.MaxDepth {
		deep = bson.M{"a": deep}
	}
	ofAnyKey := map[int]any{}
	ofAnyKey[1] = ofAnyKey

	plainly := newClient(t, "mongodb://127.0.0.1:1").Database("d").Collection("c")
	otherwise := newClient(t, "mongodb://127.0.0.1:1").Database("d").Collection("c",
		options.Collection().SetRegistry(bson.NewRegistry()).SetBSONOptions(&options.BSONOptions{IntMinSize: true}))
	for _, test := range []struct {
		name string
		doc  any
	}{
		{"a bson.M", m}, {"a bson.D", d}, {"a map", plain}, {"a list in a bson.D", bson.D{{Key: "a", Value: list}}}, {"the scope of a code", scope},
		{"a pointer to an interface", bson.M{"a": value}}, {"a pointer", bson.M{"a": pointer}}, {"a named slice type", bson.M{"a": items}},
		{"a named map type", entries}, {"a struct by a pointer", next}, {"a struct by an interface", inAny}, {"a struct by a list", *inList},
		{"a struct by a map", inMap}, {"a struct by an array", inArray}, {"a struct in a bson.D", bson.D{{Key: "a", Value: next}}},
		{"a map with keys that are not strings", bson.M{"a": ofAnyKey}}, {"a very long chain of structs", chain}, {"very deep maps", deep},
		{"a type that inlines itself", inlinesItself{}},
	} {
		for _, c := range []struct {
			how  string
			coll *motor.Collection[bson.M]
		}{{"plainly", plainly}, {"by a registry", otherwise}} {
			for _, result := range []struct {
				operation string
				err       error
			}{
				{"InsertOne", second(c.coll.InsertOne(t.Context(), test.doc).Await(t.Context()))},
				{"FindOne", second(c.coll.FindOne(t.Context(), test.doc).Await(t.Context()))},
				{"Find", second(c.coll.Find(test.doc).Next(t.Context()).Await(t.Context()))},
				{"InsertMany", second(c.coll.InsertMany(t.Context(), []any{bson.D{}, test.doc}).Await(t.Context()))},
				{"UpdateOne", second(c.coll.UpdateOne(t.Context(), bson.D{}, bson.D{{Key: "$set", Value: test.doc}}).Await(t.Context()))},
				{"a pipeline", second(c.coll.UpdateOne(t.Context(), bson.D{}, []any{bson.D{{Key: "$set", Value: test.doc}}}).Await(t.Context()))},
				{"Command", second(c.coll.Database().Command(t.Context(), bson.D{{Key: "a", Value: test.doc}}).Await(t.Context()))},
			} {
				var marshal mongo.MarshalError
				if !errors.Is(result.err, motor.InvalidDocument) || !errors.As(result.err, &marshal) {
					t.Errorf("%s, %s, %s: got %v, want InvalidDocument", test.name, c.how, result.operation, result.err)
				} else if result.err.Error() == "" {
					t.Errorf("%s: got an empty error text", test.name)
				}
			}
		}
	}
	for _, test := range []struct {
		name string
		doc  any
	}{{"a pointer to itself", pointer}, {"a pointer to an interface that is it", value}} {
		if _, err := plainly.InsertOne(t.Context(), test.doc).Await(t.Context()); !errors.Is(err, motor.TypeError) {
			t.Errorf("%s: InsertOne() = %v, want TypeError", test.name, err)
		}
	}
}

func TestEncodeSkippedCyclicValue(t *testing.T) {
	hidden := &ring{}
	hidden.Hidden, hidden.private = hidden, hidden
	self := &known{}
	self.Self = self
	mark := &marked{}
	mark.Self = mark
	registry := bson.NewRegistry()
	registry.RegisterTypeEncoder(reflect.TypeFor[marked](), bson.ValueEncoderFunc(
		func(_ bson.EncodeContext, w bson.ValueWriter, _ reflect.Value) error { return w.WriteString("marked") }))

	for _, c := range []struct {
		name string
		given
		doc any
	}{
		{"a field that is left out", given{}, hidden},
		{"a marshaler", given{}, bson.M{"a": self}},
		{"a type with an encoder", given{registry: registry}, bson.M{"a": mark}},
	} {
		t.Run(c.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.D{{Key: "n", Value: 1}}) })
			for place, coll := range places[bson.M](t, peer, c.given) {
				if _, err := coll.InsertOne(t.Context(), c.doc).Await(t.Context()); err != nil {
					t.Errorf("%s: InsertOne() = %v, want nil", place, err)
				}
			}
		})
	}
}

func TestEncodeDeepDocument(t *testing.T) {
	doc := bson.D{{Key: "end", Value: true}}
	for range 1_000 {
		doc = bson.D{{Key: "a", Value: doc}}
	}
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.D{{Key: "n", Value: 1}}) })
	doc = append(bson.D{{Key: "_id", Value: 1}}, doc...)
	if _, err := newClient(t, peer.URI()).Database("d").Collection("c").InsertOne(t.Context(), doc).Await(t.Context()); err != nil {
		t.Fatalf("InsertOne() = %v, want nil", err)
	}
	if sent := peer.Seen("insert")[0].Lookup("documents", "0").Document(); !reflect.DeepEqual(sent, marshaled(doc)) {
		t.Error("sent document differs from the argument")
	}
}

func TestEncodeKeyWithNUL(t *testing.T) {
	coll := newClient(t, "mongodb://127.0.0.1:1").Database("d").Collection("c")
	for _, test := range []struct {
		name string
		doc  any
	}{
		{"bson.M", bson.M{"a\x00b": 1}}, {"bson.D", bson.D{{Key: "\x00", Value: 1}}}, {"nested", bson.D{{Key: "a", Value: bson.M{"b\x00": 1}}}},
		{"in a list", bson.M{"a": bson.A{bson.D{{Key: "b\x00", Value: nil}}}}}, {"of a document", bson.D{{Key: "a\x00", Value: bson.D{}}}},
		{"of a list", bson.D{{Key: "a\x00", Value: bson.A{}}}}, {"a map of numbers", map[string]int{"a\x00": 1}},
		{"in a struct", struct{ M map[string]int }{map[string]int{"\x00": 1}}},
		{"of a map in a struct", struct {
			M bson.M `bson:",inline"`
		}{bson.M{"\x00": 1}}},
		{"a pattern", bson.M{"a": bson.Regex{Pattern: "a\x00"}}}, {"raw", bson.M{"a\x00": marshaled(bson.D{})}},
	} {
		for _, c := range []struct {
			operation string
			err       error
		}{
			{"InsertOne", second(coll.InsertOne(t.Context(), test.doc).Await(t.Context()))},
			{"FindOne", second(coll.FindOne(t.Context(), test.doc).Await(t.Context()))},
			{"Find", second(coll.Find(test.doc).ToList(t.Context()).Await(t.Context()))},
		} {
			if !errors.Is(c.err, motor.InvalidDocument) {
				t.Errorf("%s, %s: got %v, want InvalidDocument", test.name, c.operation, c.err)
			}
		}
	}
}

func TestEncodeRawDocument(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	coll := newClient(t, peer.URI()).Database("d").Collection("c")
	for _, test := range []struct {
		name string
		bad  any
	}{
		{"an empty bson.Raw", bson.Raw{}}, {"cut off", bson.Raw{5, 0, 0, 0}}, {"with something behind it", bson.Raw{5, 0, 0, 0, 0, 0}},
		{"unknown BSON type", []byte{8, 0, 0, 0, 0x20, 'a', 0, 0}}, {"in a bson.D", bson.D{{Key: "a", Value: bson.Raw{1}}}},
		{"nested too deep", bson.Raw(nested(3, 2*bsoncodec.MaxDepth))}, {"a nil bson.Raw in a bson.D", bson.D{{Key: "a", Value: bson.Raw(nil)}}},
	} {
		if _, err := coll.InsertOne(t.Context(), test.bad).Await(t.Context()); !errors.Is(err, motor.InvalidDocument) {
			t.Errorf("%s: InsertOne() = %v, want InvalidDocument", test.name, err)
		}
	}

	doc := marshaled(bson.D{{Key: "_id", Value: 1}, {Key: "a", Value: "what it was"}})
	want := append(bson.Raw(nil), doc...)
	inserting := coll.InsertOne(t.Context(), doc)
	for i := range doc {
		doc[i] = 0 // The caller may change the argument after the call.
	}
	insert := peer.Receive("insert")
	if sent := insert.Command.Lookup("documents", "0").Document(); !reflect.DeepEqual(sent, want) {
		t.Errorf("got command %s, want document %v", sent, want)
	}
	insert.OK(bson.D{{Key: "n", Value: 1}})
	if _, err := inserting.Await(t.Context()); err != nil {
		t.Errorf("InsertOne() = %v, want nil", err)
	}
}
