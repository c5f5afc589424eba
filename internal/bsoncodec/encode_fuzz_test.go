package bsoncodec_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// FuzzEncode checks that the writer and the driver's encoder write the same bytes. Its values come from decoded documents.
func FuzzEncode(f *testing.F) {
	for _, s := range everyValue() {
		f.Add([]byte(s.raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if doc, err := bsoncodec.ReadDocument[bson.D](raw, len(raw)%2 == 0); err == nil {
			sameEncoding(t, doc)
		}
		doc, err := bsoncodec.ReadDocument[bson.M](raw, false)
		if err != nil {
			return
		}
		// The order of a map's keys is random.
		if ours, ok := bsoncodec.WriteDocument(doc); ok {
			theirs, err := bson.Marshal(doc)
			if err != nil {
				t.Fatalf("%v: writer error = nil, driver error = %v", doc, err)
			}
			a, _ := bsoncodec.ReadDocument[bson.M](ours, false)
			b, _ := bsoncodec.ReadDocument[bson.M](theirs, false)
			if len(ours) != len(theirs) || !sameValue(a, b) {
				t.Errorf("%v:\ngot  %v\nwant %v", doc, a, b)
			}
		}
	})
}

// sameEncoding fails if the writer and the driver's encoder write different bytes. It returns false if the writer leaves
// doc to the driver.
func sameEncoding(t *testing.T, doc bson.D) bool {
	t.Helper()
	ours, ok := bsoncodec.WriteDocument(doc)
	if !ok {
		return false
	}
	theirs, err := bson.Marshal(doc)
	if err != nil || !bytes.Equal(ours, theirs) {
		t.Errorf("%v:\ngot  %x\nwant %x\n%v", doc, ours, theirs, err)
	}
	return true
}

func TestEncodeLikeDriver(t *testing.T) {
	id := bson.NewObjectID()
	decimal, _ := bson.ParseDecimal128("1.5")
	type text string
	for _, c := range []struct {
		name  string
		value any
		left  bool // to the driver
	}{
		{name: "nil", value: nil},
		{name: "string", value: "a\x00ü"},
		{name: "true", value: true},
		{name: "false", value: false},
		{name: "int", value: 1},
		{name: "large int", value: math.MaxInt64},
		{name: "minimal int32", value: math.MinInt32},
		{name: "int8", value: int8(-1)},
		{name: "int16", value: int16(-1)},
		{name: "int32", value: int32(-1)},
		{name: "int64", value: int64(1)},
		{name: "float64", value: 1.5},
		{name: "float32", value: float32(1.1)},
		{name: "NaN", value: math.NaN()},
		{name: "ObjectID", value: id},
		{name: "date", value: bson.DateTime(-5)},
		{name: "time", value: time.UnixMilli(1_700_000_000_123)},
		{name: "time before 1970", value: time.UnixMilli(-1)},
		{name: "time with nanoseconds", value: time.Unix(1, 999_999_999)},
		{name: "document", value: bson.D{{Key: "a", Value: bson.D{}}}},
		{name: "nil document", value: bson.D(nil)},
		{name: "map", value: bson.M{"a": 1}},
		{name: "nil map", value: bson.M(nil)},
		{name: "empty map", value: bson.M{}},
		{name: "map[string]any", value: map[string]any{"a": 1}},
		{name: "nil map[string]any", value: map[string]any(nil)},
		{name: "array", value: bson.A{1, "2", nil, bson.A{}}},
		{name: "nil array", value: bson.A(nil)},
		{name: "array of eleven", value: make(bson.A, 11)},
		{name: "[]any", value: []any{1, bson.D{}}},
		{name: "nil []any", value: []any(nil)},
		{name: "[]string", value: []string{"a", ""}},
		{name: "nil []string", value: []string(nil)},
		{name: "[]bson.D", value: []bson.D{{}, nil}},
		{name: "[]bson.M", value: []bson.M{{"a": 1}, nil}},
		{name: "nil []bson.D", value: []bson.D(nil)},
		{name: "nil []bson.M", value: []bson.M(nil)},
		{name: "bytes", value: []byte{1, 2}},
		{name: "nil bytes", value: []byte(nil)},
		{name: "empty bytes", value: []byte{}},
		{name: "binary", value: bson.Binary{Subtype: 4, Data: []byte{1}}},
		{name: "old binary", value: bson.Binary{Subtype: 2, Data: []byte{1}}},
		{name: "nil binary", value: bson.Binary{}},
		{name: "raw", value: marshaled(bson.D{{Key: "a", Value: 1}})},
		{name: "raw with trailing bytes", value: append(marshaled(bson.D{}), 1), left: true},
		{name: "nil raw", value: bson.Raw(nil), left: true},
		{name: "decimal", value: decimal},
		{name: "timestamp", value: bson.Timestamp{T: 1, I: 2}},
		{name: "JavaScript", value: bson.JavaScript("f()")},
		{name: "symbol", value: bson.Symbol("s")},
		{name: "null", value: bson.Null{}},
		{name: "undefined", value: bson.Undefined{}},
		{name: "min key", value: bson.MinKey{}},
		{name: "max key", value: bson.MaxKey{}},
		{name: "regular expression", value: bson.Regex{Pattern: "ä|b", Options: "xmi"}},
		{name: "empty regular expression", value: bson.Regex{}},
		{name: "code with a bson.D", value: bson.CodeWithScope{Code: "f()\x00", Scope: bson.D{{Key: "a", Value: bson.A{1}}}}},
		{name: "code with a bson.M", value: bson.CodeWithScope{Scope: bson.M{"a": 1}}},
		{name: "code with an empty scope", value: bson.CodeWithScope{Code: "f()", Scope: bson.D{}}},
		{name: "code with a struct", value: bson.CodeWithScope{Code: "f()", Scope: struct{ A int }{1}}, left: true},
		{name: "DBPointer", value: bson.DBPointer{DB: "db.ü", Pointer: id}},
		{name: "list of ids", value: []bson.ObjectID{id, {}}},
		{name: "list of numbers", value: []int{1, math.MaxInt64, -1}},
		{name: "empty list of numbers", value: []int64{}},
		{name: "nil list of numbers", value: []float64(nil)},
		{name: "list of lists", value: [][]int32{{1}, nil, {}}},
		{name: "list of structs", value: []inner{{}, {}}},
		{name: "list of pointers", value: []*inner{{}, nil}},
		{name: "list of times", value: []time.Time{time.UnixMilli(5)}},
		{name: "list of texts of a named type", value: []text{"a", "ü"}},
		{name: "list of regular expressions", value: []bson.Regex{{}}, left: true},
		{name: "list of lists of bytes", value: [][]byte{{1}, nil}},
		{name: "map of texts", value: map[string]string{"a": "b"}},
		{name: "nil map of texts", value: map[string]string(nil)},
		{name: "map with numbers as keys", value: map[int]string{1: "b"}, left: true},
		{name: "array of a fixed length", value: [2]int{1, 2}, left: true},
		{name: "struct", value: struct{ A int }{1}},
		{name: "pointer to a struct", value: &struct{ A int }{1}},
		{name: "nil pointer to a struct", value: (*inner)(nil)},
		{name: "pointer to a time", value: new(time.Time)},
		{name: "nil pointer to a time", value: (*time.Time)(nil)},
		{name: "pointer to a bson.D", value: &bson.D{{Key: "a", Value: 1}}},
		{name: "pointer to a nil bson.D", value: new(bson.D)},
		{name: "pointer to a pointer", value: new(*int), left: true},
		{name: "struct with unexported fields", value: hiding{}, left: true},
		{name: "named string type", value: text("a")},
		{name: "number of a named type", value: time.Duration(5)},
		{name: "pointer", value: new(int)},
		{name: "uint", value: uint(1)},
		{name: "uint8", value: uint8(255)},
		{name: "uint16", value: uint16(1)},
		{name: "uint32", value: uint32(math.MaxUint32)},
		{name: "uint64", value: uint64(1 << 40)},
		{name: "channel", value: make(chan int), left: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, doc := range []bson.D{
				{{Key: "a", Value: c.value}},
				{{Key: "", Value: c.value}, {Key: "ü", Value: c.value}},
				{{Key: "in", Value: bson.D{{Key: "a", Value: c.value}, {Key: "b", Value: 1}}}},
				{{Key: "in", Value: bson.M{"a": c.value}}},
				{{Key: "in", Value: bson.A{c.value, 1}}},
			} {
				if sameEncoding(t, doc) == c.left {
					t.Errorf("%v: left to the driver = %t, want %t", doc, !c.left, c.left)
				}
			}
		})
	}
}
