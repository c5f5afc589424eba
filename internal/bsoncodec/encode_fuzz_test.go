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
				t.Fatalf("%v is written, where the driver says %v", doc, err)
			}
			a, _ := bsoncodec.ReadDocument[bson.M](ours, false)
			b, _ := bsoncodec.ReadDocument[bson.M](theirs, false)
			if len(ours) != len(theirs) || !sameValue(a, b) {
				t.Errorf("%v:\nwe   %v\nthey %v", doc, a, b)
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
		t.Errorf("%v:\nwe   %x\nthey %x\n%v", doc, ours, theirs, err)
	}
	return true
}

func TestEncodeLikeDriver(t *testing.T) {
	id := bson.NewObjectID()
	decimal, _ := bson.ParseDecimal128("1.5")
	type text string
	for name, c := range map[string]struct {
		value any
		left  bool // to the driver
	}{
		"nil": {value: nil}, "string": {value: "a\x00ü"}, "true": {value: true}, "false": {value: false},
		"int": {value: 1}, "large int": {value: math.MaxInt64}, "least int of 32 bits": {value: math.MinInt32},
		"int8": {value: int8(-1)}, "int16": {value: int16(-1)}, "int32": {value: int32(-1)}, "int64": {value: int64(1)},
		"float64": {value: 1.5}, "float32": {value: float32(1.1)}, "NaN": {value: math.NaN()},
		"ObjectID": {value: id}, "date": {value: bson.DateTime(-5)}, "time": {value: time.UnixMilli(1_700_000_000_123)},
		"time before 1970": {value: time.UnixMilli(-1)}, "time with nanoseconds": {value: time.Unix(1, 999_999_999)},
		"document": {value: bson.D{{Key: "a", Value: bson.D{}}}}, "nil document": {value: bson.D(nil)},
		"map": {value: bson.M{"a": 1}}, "nil map": {value: bson.M(nil)}, "empty map": {value: bson.M{}},
		"map[string]any": {value: map[string]any{"a": 1}}, "nil map[string]any": {value: map[string]any(nil)},
		"array": {value: bson.A{1, "2", nil, bson.A{}}}, "nil array": {value: bson.A(nil)}, "array of eleven": {value: make(bson.A, 11)},
		"[]any": {value: []any{1, bson.D{}}}, "nil []any": {value: []any(nil)}, "[]string": {value: []string{"a", ""}}, "nil []string": {value: []string(nil)},
		"[]bson.D": {value: []bson.D{{}, nil}}, "[]bson.M": {value: []bson.M{{"a": 1}, nil}}, "nil []bson.D": {value: []bson.D(nil)}, "nil []bson.M": {value: []bson.M(nil)},
		"bytes": {value: []byte{1, 2}}, "nil bytes": {value: []byte(nil)}, "empty bytes": {value: []byte{}},
		"binary": {value: bson.Binary{Subtype: 4, Data: []byte{1}}}, "old binary": {value: bson.Binary{Subtype: 2, Data: []byte{1}}}, "nil binary": {value: bson.Binary{}},
		"raw": {value: marshaled(bson.D{{Key: "a", Value: 1}})}, "raw with something behind it": {value: append(marshaled(bson.D{}), 1), left: true},
		"nil raw": {value: bson.Raw(nil), left: true}, "decimal": {value: decimal}, "timestamp": {value: bson.Timestamp{T: 1, I: 2}},
		"JavaScript": {value: bson.JavaScript("f()")}, "symbol": {value: bson.Symbol("s")}, "null": {value: bson.Null{}}, "undefined": {value: bson.Undefined{}},
		"min key": {value: bson.MinKey{}}, "max key": {value: bson.MaxKey{}},
		"regular expression": {value: bson.Regex{Pattern: "a", Options: "mi"}, left: true}, "struct": {value: struct{ A int }{1}, left: true},
		"a string type of its own": {value: text("a"), left: true}, "pointer": {value: new(int), left: true}, "uint": {value: uint(1), left: true},
		"channel": {value: make(chan int), left: true},
	} {
		t.Run(name, func(t *testing.T) {
			for _, doc := range []bson.D{
				{{Key: "a", Value: c.value}},
				{{Key: "", Value: c.value}, {Key: "ü", Value: c.value}},
				{{Key: "in", Value: bson.D{{Key: "a", Value: c.value}, {Key: "b", Value: 1}}}},
				{{Key: "in", Value: bson.M{"a": c.value}}},
				{{Key: "in", Value: bson.A{c.value, 1}}},
			} {
				if sameEncoding(t, doc) == c.left {
					t.Errorf("left to the driver: %t", !c.left)
				}
			}
		})
	}
}
