package wiretest

import (
	"bytes"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// mark is the type of Absent and Present.
type mark string

// [Request.Want] uses Absent for a field that must not be set and Present for a field that must be set to any value.
const (
	Absent  mark = "no such field"
	Present mark = "any value"
)

// Want compares fields of the command with the expected ones and fails the test with a line for each difference. want
// is a bson.M or bson.D; the command may have other fields. A key with dots names a field within documents and arrays:
// "documents.0.name".
//
// Values are equal if their types are equal too, except that all integer types are alike. A nested document must be
// equal as a whole. The order of its fields counts unless the expected one is a bson.M.
func (r *Request) Want(want any) *Request {
	r.t().Helper()
	fields, ok := want.(bson.D)
	if m, isMap := want.(bson.M); isMap {
		ok = true
		for key, value := range m {
			fields = append(fields, bson.E{Key: key, Value: value})
		}
	}
	if !ok {
		r.connection.peer.errorf("wiretest: Want needs a bson.M or bson.D, got %T", want)
		return r
	}
	var all []string
	for _, f := range fields {
		all = append(all, differences(f.Key, f.Value, r.Command.Lookup(strings.Split(f.Key, ".")...))...)
	}
	if len(all) > 0 {
		r.connection.peer.errorf("wiretest: unexpected fields of %s:\n\t%s\nin %s", r.Name, strings.Join(all, "\n\t"), r)
	}
	return r
}

// differences returns a line for each difference, or nil.
func differences(path string, want any, got bson.RawValue) []string {
	there := !got.IsZero()
	unequal := []string{fmt.Sprintf("%s: want %s, got %s", path, show(want), showRaw(got))}
	switch want {
	case Absent, Present:
		if there == (want == Present) {
			return nil
		}
		return unequal
	}
	if !there {
		return unequal
	}
	switch w := want.(type) {
	case bson.D:
		return documentDifferences(path, w, got, true, unequal)
	case bson.M:
		d := make(bson.D, 0, len(w))
		for key, value := range w {
			d = append(d, bson.E{Key: key, Value: value})
		}
		return documentDifferences(path, d, got, false, unequal)
	}
	if list := reflect.ValueOf(want); list.Kind() == reflect.Slice && list.Type().Elem().Kind() != reflect.Uint8 {
		return listDifferences(path, list, got, unequal)
	}
	if v, err := rawValue(want); err == nil && equal(v, got) {
		return nil
	}
	return unequal
}

func documentDifferences(path string, want bson.D, got bson.RawValue, ordered bool, unequal []string) []string {
	doc, ok := got.DocumentOK()
	if !ok {
		return unequal
	}
	elements, err := doc.Elements()
	if err != nil || len(elements) != len(want) {
		return unequal
	}
	var all []string
	for i, e := range want {
		if ordered && elements[i].Key() != e.Key {
			return unequal
		}
		all = append(all, differences(path+"."+e.Key, e.Value, doc.Lookup(e.Key))...)
	}
	return all
}

func listDifferences(path string, want reflect.Value, got bson.RawValue, unequal []string) []string {
	array, ok := got.ArrayOK()
	if !ok {
		return unequal
	}
	values, err := array.Values()
	if err != nil || len(values) != want.Len() {
		return unequal
	}
	var all []string
	for i, value := range values {
		all = append(all, differences(path+"."+strconv.Itoa(i), want.Index(i).Interface(), value)...)
	}
	return all
}

// equal compares the bytes of two values. Documents and lists are compared here only if they are structs or raw BSON.
func equal(want, got bson.RawValue) bool {
	if isInteger(want) && isInteger(got) {
		return want.AsInt64() == got.AsInt64()
	}
	return want.Type == got.Type && bytes.Equal(want.Value, got.Value)
}

func isInteger(v bson.RawValue) bool { return v.Type == bson.TypeInt32 || v.Type == bson.TypeInt64 }

// show returns an expected value as extended JSON, or as fmt prints it if it cannot be encoded.
func show(want any) string {
	if m, ok := want.(mark); ok {
		return string(m)
	}
	v, err := rawValue(want)
	if err != nil {
		return fmt.Sprint(want)
	}
	return showRaw(v)
}

// rawValue encodes a value. It handles nil, which bson.MarshalValue rejects.
func rawValue(v any) (bson.RawValue, error) {
	if v == nil {
		return bson.RawValue{Type: bson.TypeNull}, nil
	}
	kind, data, err := bson.MarshalValue(v)
	return bson.RawValue{Type: kind, Value: data}, err
}

func showRaw(v bson.RawValue) string {
	if v.IsZero() {
		return string(Absent)
	}
	return v.String()
}
