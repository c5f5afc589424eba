package bsoncodec_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// FuzzDecode checks that both ways of decoding give the same result, or both an error, for any bytes.
func FuzzDecode(f *testing.F) {
	for _, s := range everyValue() {
		f.Add([]byte(s.raw), false)
		f.Add([]byte(s.raw), true)
		f.Add([]byte(s.raw[:len(s.raw)-1]), false)
	}
	for _, raw := range oddDocuments() {
		f.Add(raw, true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, tzAware bool) {
		sameDecoding(t, raw, tzAware)
	})
}

// sameDecoding fails if the reader and the driver's decoder give different results for raw.
func sameDecoding(t *testing.T, raw []byte, tzAware bool) {
	t.Helper()
	ours, err := bsoncodec.ReadDocument[bson.D](raw, tzAware)
	if isTooDeep(err) {
		return // the driver has no bound
	}
	// bson.Unmarshal allocates no memory for wrong lengths, but requires the length of the whole document to be right.
	exact := raw
	if len(raw) >= 4 {
		if n := binary.LittleEndian.Uint32(raw); uint64(n) < uint64(len(raw)) {
			exact = raw[:n]
		}
	}
	var plain bson.D
	theirErr := bson.Unmarshal(exact, &plain)
	if (err == nil) != (theirErr == nil) {
		t.Fatalf("%x: reader error = %v, driver error = %v", raw, err, theirErr)
	}
	if checked := bsoncodec.Check(exact); (checked == nil) != (err == nil) {
		t.Fatalf("%x: reader error = %v, Check error = %v", raw, err, checked)
	}
	maps, mapsErr := bsoncodec.ReadDocument[bson.M](raw, tzAware)
	if (mapsErr == nil) != (err == nil) {
		t.Fatalf("%x: bson.D error = %v, bson.M error = %v", raw, err, mapsErr)
	}
	if err != nil {
		return
	}
	theirs, err := bsoncodec.UnmarshalDocument[bson.D](exact, tzAware)
	if err != nil || !sameValue(ours, theirs) {
		t.Fatalf("%x:\ngot  %#v\nwant %#v\n%v", raw, ours, theirs, err)
	}
	theirMaps, err := bsoncodec.UnmarshalDocument[bson.M](exact, tzAware)
	if err != nil || !sameValue(maps, theirMaps) {
		t.Fatalf("%x:\ngot  %#v\nwant %#v\n%v", raw, maps, theirMaps, err)
	}
}

// sameValue compares types and values. A nil list differs from an empty one, and a NaN equals the same NaN.
func sameValue(a, b any) bool {
	switch a := a.(type) {
	case bson.M:
		b, ok := b.(bson.M)
		if !ok || len(a) != len(b) || (a == nil) != (b == nil) {
			return false
		}
		for key, value := range a {
			if other, ok := b[key]; !ok || !sameValue(value, other) {
				return false
			}
		}
		return true
	case bson.D:
		b, ok := b.(bson.D)
		if !ok || len(a) != len(b) || (a == nil) != (b == nil) {
			return false
		}
		for i := range a {
			if a[i].Key != b[i].Key || !sameValue(a[i].Value, b[i].Value) {
				return false
			}
		}
		return true
	case bson.A:
		b, ok := b.(bson.A)
		if !ok || len(a) != len(b) || (a == nil) != (b == nil) {
			return false
		}
		for i := range a {
			if !sameValue(a[i], b[i]) {
				return false
			}
		}
		return true
	case bson.CodeWithScope:
		b, ok := b.(bson.CodeWithScope)
		return ok && a.Code == b.Code && sameValue(a.Scope, b.Scope)
	case bson.Binary:
		b, ok := b.(bson.Binary)
		return ok && a.Subtype == b.Subtype && string(a.Data) == string(b.Data) && (a.Data == nil) == (b.Data == nil)
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	}
	return a == b
}

// sample is a document with a name.
type sample struct {
	name string
	raw  bson.Raw
}

// everyValue returns documents with a value of every type, at the top, in a document, in a list, and in the scope of
// a code.
func everyValue() []sample {
	id := bson.ObjectID{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	decimal, _ := bson.ParseDecimal128("-1.25E+3")
	var all []sample
	for _, v := range []struct {
		name  string
		value any
	}{
		{"double", 1.5},
		{"NaN", math.NaN()},
		{"negative zero", math.Copysign(0, -1)},
		{"infinity", math.Inf(-1)},
		{"another NaN", math.Float64frombits(0x7ff8000000000123)},
		{"string", "Größe"},
		{"empty string", ""},
		{"string with NUL", "a\x00b"},
		{"invalid UTF-8", "\xff\xfe"},
		{"document", bson.D{{Key: "a", Value: 1}}},
		{"empty document", bson.D{}},
		{"duplicate keys", bson.D{{Key: "a", Value: 1}, {Key: "a", Value: "2"}}},
		{"array", bson.A{int32(1), "two", bson.A{}, bson.D{{Key: "x", Value: nil}}}},
		{"empty array", bson.A{}},
		{"binary", bson.Binary{Subtype: 0, Data: []byte{1, 2}}},
		{"old binary", bson.Binary{Subtype: 2, Data: []byte{1, 2, 3}}},
		{"empty binary", bson.Binary{}},
		{"UUID", bson.Binary{Subtype: 4, Data: make([]byte, 16)}},
		{"old empty binary", bson.Binary{Subtype: 2}},
		{"undefined", bson.Undefined{}},
		{"ObjectID", id},
		{"true", true},
		{"false", false},
		{"date", bson.DateTime(1_700_000_000_123)},
		{"date before 1970", bson.DateTime(-1)},
		{"date out of range", bson.DateTime(math.MaxInt64)},
		{"null", nil},
		{"regular expression", bson.Regex{Pattern: "^a", Options: "im"}},
		{"empty regular expression", bson.Regex{}},
		{"DBPointer", bson.DBPointer{DB: "d.c", Pointer: id}},
		{"JavaScript", bson.JavaScript("f()")},
		{"symbol", bson.Symbol("s")},
		{"code with scope", bson.CodeWithScope{Code: "f", Scope: bson.D{{Key: "a", Value: bson.D{{Key: "b", Value: bson.DateTime(1)}}}}}},
		{"code with empty scope", bson.CodeWithScope{Scope: bson.D{}}},
		{"int32", int32(-5)},
		{"small int32", int32(5)},
		{"timestamp", bson.Timestamp{T: 1, I: 2}},
		{"int64", int64(1 << 40)},
		{"decimal", decimal},
		{"min key", bson.MinKey{}},
		{"max key", bson.MaxKey{}},
	} {
		name, value := v.name, v.value
		all = append(all, []sample{
			{name, marshaled(bson.D{{Key: "value", Value: value}})},
			{name + " twice", marshaled(bson.D{{Key: "", Value: value}, {Key: "", Value: value}})},
			{name + " in a document", marshaled(bson.D{{Key: "in", Value: bson.D{{Key: "value", Value: value}, {Key: "after", Value: 1}}}})},
			{name + " in a list", marshaled(bson.D{{Key: "in", Value: bson.A{value, value}}})},
			{name + " in a scope", marshaled(bson.D{{Key: "in", Value: bson.CodeWithScope{Scope: bson.D{{Key: "value", Value: value}}}}})},
		}...)
	}
	return all
}

func marshaled(v any) bson.Raw {
	raw, err := bson.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("%v: %v", v, err))
	}
	return raw
}

// oddDocuments returns valid and invalid documents that no driver sends.
func oddDocuments() [][]byte {
	return [][]byte{
		nil, {0}, {5}, {5, 0, 0, 0}, {5, 0, 0, 0, 0}, {4, 0, 0, 0}, {5, 0, 0, 0, 1}, {6, 0, 0, 0, 0, 0}, {255, 255, 255, 255, 0},
		{5, 0, 0, 0, 0, 1, 2, 3},                                           // trailing bytes
		{8, 0, 0, 0, 0xA, 'a', 0, 0},                                       // a null
		{8, 0, 0, 0, 0xA, 'a', 'b', 0},                                     // a name that ends with the document
		{8, 0, 0, 0, 0x20, 'a', 0, 0},                                      // an unknown type
		{9, 0, 0, 0, 8, 'a', 0, 2, 0},                                      // a boolean of 2
		{13, 0, 0, 0, 2, 'a', 0, 1, 0, 0, 0, 1, 0},                         // a string without its NUL
		{13, 0, 0, 0, 2, 'a', 0, 0, 0, 0, 0, 0, 0},                         // a string of length 0
		{13, 0, 0, 0, 4, '7', 0, 5, 0, 0, 0, 0, 0},                         // a list
		{13, 0, 0, 0, 3, 'a', 0, 6, 0, 0, 0, 0, 0},                         // a document that is longer than its parent
		{13, 0, 0, 0, 3, 'a', 0, 4, 0, 0, 0, 0, 0},                         // a document that is too short
		{16, 0, 0, 0, 4, 0, 8, 0, 0, 0, 0xA, 'x', 0, 0, 0, 0},              // a list whose key is not a number
		{21, 0, 0, 0, 5, 'b', 0, 8, 0, 0, 0, 2, 3, 0, 0, 0, 1, 2, 3, 9, 0}, // an old binary whose two lengths differ
		{21, 0, 0, 0, 5, 'b', 0, 9, 0, 0, 0, 2, 4, 0, 0, 0, 1, 2, 3, 9, 0},
		{16, 0, 0, 0, 5, 'b', 0, 3, 0, 0, 0, 2, 1, 2, 3, 0}, // an old binary with no room for the second
		nested(3, 100), nested(4, 100), nested(3, 3_000),
	}
}

// nested returns documents, or lists, one within the other.
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

func TestDecodeLikeDriver(t *testing.T) {
	for _, s := range everyValue() {
		t.Run(s.name, func(t *testing.T) {
			for _, tzAware := range []bool{false, true} {
				sameDecoding(t, s.raw, tzAware)
				for n := range s.raw {
					sameDecoding(t, s.raw[:n], tzAware)
				}
			}
			for i := range s.raw {
				bad := append([]byte(nil), s.raw...)
				for _, other := range []byte{0, 1, 2, 4, 5, 0x7f, 0x80, 0xff, s.raw[i] + 1, s.raw[i] - 1} {
					bad[i] = other
					sameDecoding(t, bad, false)
				}
			}
		})
	}
	for _, raw := range oddDocuments() {
		sameDecoding(t, raw, false)
		sameDecoding(t, raw, true)
	}
}

func TestDecodeTooDeep(t *testing.T) {
	for _, kind := range []byte{3, 4} {
		if _, err := bsoncodec.ReadDocument[bson.M](nested(kind, bsoncodec.MaxDepth-1), false); err != nil {
			t.Errorf("type %d: %v", kind, err)
		}
		deep := nested(kind, 5_000_000)
		for _, c := range []struct {
			name   string
			decode func([]byte, bool) (bson.M, error)
		}{
			{"reader", bsoncodec.ReadDocument[bson.M]},
			{"driver's decoder", bsoncodec.UnmarshalDocument[bson.M]},
		} {
			if doc, err := c.decode(deep, false); !isTooDeep(err) || doc != nil {
				t.Errorf("type %d, %s: error = %v, want %v", kind, c.name, err, bsoncodec.ErrTooDeep)
			}
		}
		if err := bsoncodec.Check(deep); !isTooDeep(err) {
			t.Errorf("type %d: Check() = %v, want %v", kind, err, bsoncodec.ErrTooDeep)
		}
	}
}

func TestDecodeCopiesBytes(t *testing.T) {
	for _, s := range everyValue() {
		raw := append([]byte(nil), s.raw...)
		read, err := bsoncodec.ReadDocument[bson.D](raw, false)
		if err != nil {
			t.Fatal(s.name, err)
		}
		for i := range raw {
			raw[i] = 0xAA
		}
		if again, _ := bsoncodec.ReadDocument[bson.D](s.raw, false); !sameValue(read, again) {
			t.Errorf("%s: decoded value changed with its input", s.name)
		}
	}
}

func TestDecodeTZAware(t *testing.T) {
	date := bson.DateTime(1_700_000_000_123)
	raw := marshaled(bson.D{{Key: "a", Value: date}, {Key: "b", Value: bson.A{date}},
		{Key: "c", Value: bson.D{{Key: "d", Value: date}}}, {Key: "e", Value: bson.CodeWithScope{Scope: bson.D{{Key: "f", Value: date}}}}})
	at := time.UnixMilli(1_700_000_000_123).UTC()
	want := bson.M{"a": at, "b": bson.A{at}, "c": bson.M{"d": at}, "e": bson.CodeWithScope{Scope: bson.D{{Key: "f", Value: at}}}}
	doc, err := bsoncodec.ReadDocument[bson.M](raw, true)
	if err != nil || !sameValue(doc, want) {
		t.Errorf("ReadDocument() = %v, %v, want %v", doc, err, want)
	}
}
