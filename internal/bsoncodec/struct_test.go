package bsoncodec_test

import (
	"bytes"
	"math"
	"reflect"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

type (
	color string
	flags uint16

	inner struct {
		A int
		B []string
	}
	tree struct {
		Name     string
		Children []tree
		Next     *tree
	}
	planned struct {
		ID       bson.ObjectID `bson:"_id,omitempty"`
		S        string
		Named    color `bson:",omitempty"`
		I        int
		I8       int8  `bson:"i8,omitempty"`
		I16      int16 `bson:"i16"`
		I32      int32
		I64      int64 `bson:",minsize"`
		Plain    int64
		U        uint `bson:"u,minsize"`
		U8       uint8
		Flags    flags
		U32      uint32
		U64      uint64
		F        float64
		F32      float32
		OK       bool      `bson:"ok,omitempty"`
		At       time.Time `bson:"at,omitempty"`
		Date     bson.DateTime
		Stamp    bson.Timestamp `bson:",omitempty"`
		Decimal  bson.Decimal128
		Data     []byte `bson:",omitempty"`
		Any      any    `bson:",omitempty"`
		D        bson.D
		M        bson.M
		Inner    inner `bson:"inner,omitempty"`
		Pointer  *inner
		Number   *int `bson:",omitempty"`
		List     []int
		Names    []string `bson:",omitempty"`
		Times    []time.Time
		Structs  []inner
		Pointers []*inner
		Lists    [][]float64
		Anys     []any
		Map      map[string]int `bson:",omitempty"`
		Maps     map[string]inner
		Docs     map[string]bson.M
		Tree     tree
		Embedded inner `bson:",inline"`
		hidden   int
		Skipped  int `bson:"-"`
	}
	// pointing has pointers to the types that are not encoded as their kind says.
	pointing struct {
		At, Left           *time.Time       `bson:",omitempty"`
		ID, NoID           *bson.ObjectID   `bson:",omitempty"`
		Stamp, NoStamp     *bson.Timestamp  `bson:",omitempty"`
		Decimal, NoDecimal *bson.Decimal128 `bson:",omitempty"`
		Date, NoDate       *bson.DateTime   `bson:",omitempty"`
		Data, NoData       *[]byte          `bson:",omitempty"`
		D, NoD             *bson.D          `bson:",omitempty"`
		M, NoM             *bson.M          `bson:",omitempty"`
		Always             *time.Time
		AlwaysID           *bson.ObjectID
	}
	hiding struct{ N struct{ a int } }
)

// structTypes are types with plans.
var structTypes = []reflect.Type{
	reflect.TypeFor[planned](), reflect.TypeFor[pointing](), reflect.TypeFor[inner](), reflect.TypeFor[tree](), reflect.TypeFor[*tree](),
	reflect.TypeFor[struct {
		In    inner
		Value string
	}](),
	reflect.TypeFor[struct{ In, Value, A any }](), reflect.TypeFor[struct{ In map[string]any }](), reflect.TypeFor[struct{ In []any }](),
	reflect.TypeFor[struct{ Value int }](), reflect.TypeFor[struct{ Value time.Time }](), reflect.TypeFor[struct{ Value []byte }](),
	reflect.TypeFor[struct{ Value float32 }](), reflect.TypeFor[struct{ Value bson.Decimal128 }](), reflect.TypeFor[struct{ Value *bool }](),
	reflect.TypeFor[struct{ Value bson.M }](), reflect.TypeFor[struct{ Value bson.D }](), reflect.TypeFor[struct{ Value bson.Timestamp }](),
	reflect.TypeFor[struct{ Value []int32 }](), reflect.TypeFor[struct{ Value bson.ObjectID }](), reflect.TypeFor[struct{ Value bson.DateTime }](),
}

func TestPlans(t *testing.T) {
	for _, typ := range structTypes {
		if !bsoncodec.HasPlan(typ) {
			t.Errorf("%v: got no plan, want one", typ)
		}
	}
	for _, typ := range []reflect.Type{
		reflect.TypeFor[hiding](), reflect.TypeFor[struct{ R bson.Regex }](), reflect.TypeFor[struct{ A bson.A }](),
		reflect.TypeFor[struct{ A [2]int }](), reflect.TypeFor[struct{ C chan int }](), reflect.TypeFor[struct{ M map[int]string }](),
		reflect.TypeFor[struct {
			A int `bson:"x"`
			B int `bson:"x"`
		}](), reflect.TypeFor[struct {
			In *inner `bson:",inline"`
		}](), reflect.TypeFor[struct {
			Rest map[string]any `bson:",inline"`
		}](), reflect.TypeFor[bson.M](), reflect.TypeFor[string](), reflect.TypeFor[time.Time](), reflect.TypeFor[*time.Time](), reflect.TypeFor[**inner](),
	} {
		if bsoncodec.HasPlan(typ) {
			t.Errorf("%v: got a plan, want none", typ)
		}
	}
}

// structDocuments are documents for the types.
func structDocuments() (all [][]byte) {
	n := 7
	full := planned{
		hidden: 1, Skipped: 2, // neither is encoded
		ID: bson.NewObjectID(), S: "ß", Named: "red", I: math.MaxInt32 + 1, I8: -1, I16: -2, I32: -3, I64: -4, Plain: 5, U: 6, U8: 7, Flags: 8,
		U32: math.MaxUint32, U64: math.MaxInt64, F: 1.5, F32: 2.5, OK: true, At: time.UnixMilli(-5).UTC(), Date: 9, Stamp: bson.Timestamp{T: 1, I: 2},
		Data: []byte{1}, Any: bson.D{{Key: "a", Value: bson.A{1, "x", nil}}}, D: bson.D{{Key: "a", Value: bson.D{}}}, M: bson.M{"a": bson.M{"b": 1}},
		Inner: inner{1, []string{"a", ""}}, Pointer: &inner{2, nil}, Number: &n, List: []int{1, 2}, Names: []string{"x"}, Times: []time.Time{time.UnixMilli(1).UTC()},
		Structs: []inner{{1, []string{}}, {}}, Pointers: []*inner{nil, {A: 1}}, Lists: [][]float64{{1}, nil, {}}, Anys: []any{nil, 1, inner{}, &inner{}, bson.M{"x": 1}},
		Map: map[string]int{"a": 1}, Maps: map[string]inner{"": {}}, Docs: map[string]bson.M{"a": {"b": bson.A{}}},
		Tree: tree{Name: "r", Children: []tree{{Name: "c"}}, Next: &tree{}}, Embedded: inner{9, []string{"z"}},
	}
	id, at := bson.NewObjectID(), time.UnixMilli(3).UTC()
	decimal, _ := bson.ParseDecimal128("1.5")
	pointers := pointing{
		At: &at, ID: &id, Stamp: &bson.Timestamp{I: 1}, Decimal: &decimal, Date: new(bson.DateTime), Data: &[]byte{1}, D: &bson.D{{Key: "a", Value: bson.D{}}},
		M: &bson.M{"a": bson.D{}}, Always: new(time.Time), AlwaysID: new(bson.ObjectID),
	}
	for _, v := range []any{full, planned{}, tree{}, pointers, bson.D{{Key: "S", Value: "other case"}, {Key: "s", Value: "again"}, {Key: "unknown", Value: bson.D{{Key: "x", Value: 1}}}},
		bson.D{{Key: "i", Value: 1.0}, {Key: "f", Value: 1}, {Key: "f32", Value: 0.1}, {Key: "i8", Value: 1000}, {Key: "u", Value: -1}},
		bson.D{{Key: "list", Value: bson.A{1, "x"}}}, bson.D{{Key: "anys", Value: bson.A{nil, 1}}, {Key: "at", Value: bson.Timestamp{}}},
		bson.D{{Key: "anys", Value: bson.A{nil, 1}}, {Key: "data", Value: bson.Binary{Subtype: 2}}},
		bson.D{{Key: "i", Value: 7.0}, {Key: "i64", Value: 1e17}, {Key: "f", Value: int64(math.MaxInt64)}}, bson.D{{Key: "i", Value: 7.5}},
		bson.D{{Key: "i", Value: -1e300}}, bson.D{{Key: "u8", Value: 256.0}}, bson.D{{Key: "i", Value: math.NaN()}}, bson.D{{Key: "f32", Value: 16777217}}, bson.D{{Key: "map", Value: bson.D{{Key: "a", Value: nil}}}, {Key: "pointer", Value: nil}},
		bson.D{{Key: "data", Value: bson.Binary{Subtype: 2, Data: []byte{1}}}, {Key: "any", Value: bson.Regex{Pattern: "a"}}},
	} {
		all = append(all, marshaled(v))
	}
	for _, s := range everyValue() {
		all = append(all, s.raw)
	}
	return append(all, oddDocuments()...)
}

// sameStruct fails if a document is decoded differently from the driver, or the result is encoded differently.
func sameStruct(t *testing.T, typ reflect.Type, raw []byte) {
	t.Helper()
	ours, theirs := reflect.New(typ), reflect.New(typ)
	var codec bsoncodec.Codec
	err := codec.Decode(raw, ours.Interface())
	if bsoncodec.Check(raw) != nil {
		return // the driver's decoder may not end
	}
	theirErr := bson.Unmarshal(raw, theirs.Interface())
	if (err == nil) != (theirErr == nil) {
		t.Fatalf("%v: %x: got error %v, driver error %v", typ, raw, err, theirErr)
	}
	if err != nil {
		return
	}
	if !reflect.DeepEqual(ours.Interface(), theirs.Interface()) && !hasNaN(raw) {
		t.Fatalf("%v: %x:\ngot  %#v\nwant %#v", typ, raw, ours.Elem().Interface(), theirs.Elem().Interface())
	}
	sameStructEncoding(t, ours.Interface())
}

func sameStructEncoding(t *testing.T, v any) {
	t.Helper()
	var codec bsoncodec.Codec
	want, theirErr := bson.Marshal(v)
	got, err := codec.Document("document", v)
	if theirErr != nil && err == nil {
		t.Fatalf("%#v: got no error, driver error %v", v, theirErr)
	}
	if err != nil {
		return // of text and dates, which the driver does not check
	}
	if bytes.Equal(got, want) {
		return
	}
	// The order of a map's keys is random.
	a, err := bsoncodec.UnmarshalDocument[bson.M](got, false)
	b, theirErr := bsoncodec.UnmarshalDocument[bson.M](want, false)
	if err != nil || theirErr != nil || len(got) != len(want) || !sameValue(a, b) {
		t.Fatalf("%#v:\ngot  %x\nwant %x", v, []byte(got), want)
	}
}

func hasNaN(raw []byte) bool {
	var doc, again bson.D
	return bson.Unmarshal(raw, &doc) == nil && bson.Unmarshal(raw, &again) == nil && !reflect.DeepEqual(doc, again)
}

func TestStructLikeDriver(t *testing.T) {
	for _, typ := range structTypes {
		for _, raw := range structDocuments() {
			sameStruct(t, typ, raw)
		}
	}
	for _, raw := range structDocuments()[:3] { // the documents with all fields
		for i := range raw {
			bad := bytes.Clone(raw)
			for _, other := range []byte{0, 1, 2, 3, 4, 5, 8, 0x10, 0x12, 0x7f, 0x80, 0xff} {
				bad[i] = other
				sameStruct(t, structTypes[0], bad)
			}
		}
	}
}

// The driver's decoder does not end for these: it goes back by a negative length.
func TestStructNegativeLength(t *testing.T) {
	for _, raw := range [][]byte{
		{0xd, 0, 0, 0, 2, 'c', 0, 0, 0, 0, 0x95, 0, 0}, {0xd, 0, 0, 0, 3, 'e', 0, 4, 0, 0, 0xd8, 0, 0}, {0xd, 0, 0, 0, 4, 'e', 0, 4, 0, 0, 0xd8, 0, 0},
		{0xe, 0, 0, 0, 5, 'e', 0, 0xf0, 0xff, 0xff, 0xff, 0, 0, 0}, {0xf, 0, 0, 0, 0xf, 'e', 0, 0xf0, 0xff, 0xff, 0xff, 0, 0, 0, 0},
	} {
		for _, into := range []any{new(inner), new(struct{ R bson.Regex }), new(map[string]int)} {
			var codec bsoncodec.Codec
			if err := codec.Decode(raw, into); err == nil {
				t.Errorf("%x into %T: got no error", raw, into)
			}
		}
	}
}

// omitempty leaves out nil pointers, and pointers to values that the driver calls zero.
func TestStructPointersLikeDriver(t *testing.T) {
	zero := pointing{
		At: new(time.Time), ID: new(bson.ObjectID), Stamp: new(bson.Timestamp), Decimal: new(bson.Decimal128), Date: new(bson.DateTime),
		Data: new([]byte), D: new(bson.D), M: new(bson.M), Always: new(time.Time), AlwaysID: new(bson.ObjectID),
	}
	date := time.UnixMilli(5)
	for _, v := range []pointing{{}, zero, {At: &date, Always: &date, ID: &bson.ObjectID{1}, Data: &[]byte{}, D: &bson.D{}, M: &bson.M{}}} {
		if _, ok := bsoncodec.WriteDocument(v); !ok {
			t.Errorf("%+v: left to the driver", v)
		}
		sameStructEncoding(t, v)
		sameStructEncoding(t, &v)
	}
}

// FuzzStruct checks that structs are decoded and encoded as by the driver.
func FuzzStruct(f *testing.F) {
	for _, raw := range structDocuments() {
		f.Add(raw, uint8(0))
		f.Add(raw, uint8(2))
	}
	f.Fuzz(func(t *testing.T, raw []byte, typ uint8) {
		sameStruct(t, structTypes[int(typ)%len(structTypes)], raw)
	})
}

// A decoded field that is there keeps what the driver would keep.
func TestStructDecodesIntoValues(t *testing.T) {
	n := 1
	list := make([]int, 3, 5)
	for _, raw := range structDocuments()[:9] {
		fill := func() *planned {
			return &planned{S: "old", Map: map[string]int{"old": 1}, M: bson.M{"old": 1}, List: list[:3:5], Number: &n, Any: "old", Pointer: &inner{A: 3}}
		}
		ours, theirs := fill(), fill()
		var codec bsoncodec.Codec
		err, theirErr := codec.Decode(raw, ours), bson.Unmarshal(raw, theirs)
		if (err == nil) != (theirErr == nil) || err == nil && !reflect.DeepEqual(ours, theirs) {
			t.Errorf("%x:\ngot  %#v, %v\nwant %#v, %v", raw, ours, err, theirs, theirErr)
		}
	}
}
