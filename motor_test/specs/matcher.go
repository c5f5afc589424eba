package specs

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// value is a BSON value. The zero value is unset, which is different from null.
type value = bson.RawValue

// matcher compares actual values with the values that a file expects.
type matcher struct {
	entity func(id string) (value, error) // for $$matchesEntity
	lsid   func(id string) (value, error) // for $$sessionLsid
}

// match returns an error that names the first difference between actual and expected. If root is true, actual may have
// keys that expected does not have. The specification allows this for root documents, but not for nested ones.
func (m *matcher) match(expected, actual value, root bool) error {
	return m.at("", expected, actual, root)
}

// matchList compares two lists whose elements are root documents, such as the documents of a cursor.
func (m *matcher) matchList(expected value, actual []value) error {
	array, ok := expected.ArrayOK()
	if !ok {
		return fmt.Errorf("want %s, got a list of %d", expected, len(actual))
	}
	wanted, err := array.Values()
	if err != nil {
		return err
	}
	if len(wanted) != len(actual) {
		return fmt.Errorf("want %d documents, got %d: %v", len(wanted), len(actual), actual)
	}
	for i, want := range wanted {
		if err := m.at(fmt.Sprint(i), want, actual[i], true); err != nil {
			return err
		}
	}
	return nil
}

func (m *matcher) at(path string, expected, actual value, root bool) error {
	if name, operand, ok := operator(expected); ok {
		return m.operate(path, name, operand, actual, root)
	}
	if actual.IsZero() {
		return mismatch(path, "want %s, got nothing", expected)
	}
	switch {
	case expected.Type == bson.TypeEmbeddedDocument:
		return m.document(path, expected, actual, root)
	case expected.Type == bson.TypeArray:
		return m.array(path, expected, actual)
	case isNumber(expected) && isNumber(actual):
		if compare(expected, actual) != 0 {
			return mismatch(path, "want %s, got %s", expected, actual)
		}
	case !expected.Equal(actual):
		return mismatch(path, "want %s, got %s", expected, actual)
	}
	return nil
}

func (m *matcher) document(path string, expected, actual value, root bool) error {
	doc, ok := actual.DocumentOK()
	if !ok {
		return mismatch(path, "want a document, got %s", actual)
	}
	wanted, err := expected.Document().Elements()
	if err != nil {
		return err
	}
	known := make(map[string]bool, len(wanted))
	for _, want := range wanted {
		known[want.Key()] = true
		if err := m.at(join(path, want.Key()), want.Value(), doc.Lookup(want.Key()), false); err != nil {
			return err
		}
	}
	if root {
		return nil
	}
	elements, err := doc.Elements()
	if err != nil {
		return err
	}
	for _, element := range elements {
		if !known[element.Key()] {
			return mismatch(join(path, element.Key()), "want nothing, got %s", element.Value())
		}
	}
	return nil
}

func (m *matcher) array(path string, expected, actual value) error {
	array, ok := actual.ArrayOK()
	if !ok {
		return mismatch(path, "want an array, got %s", actual)
	}
	wanted, err := expected.Array().Values()
	if err != nil {
		return err
	}
	elements, err := array.Values()
	if err != nil {
		return err
	}
	if len(wanted) != len(elements) {
		return mismatch(path, "want %d elements, got %d: %s", len(wanted), len(elements), actual)
	}
	for i := range wanted {
		if err := m.at(join(path, fmt.Sprint(i)), wanted[i], elements[i], false); err != nil {
			return err
		}
	}
	return nil
}

// operator returns the operator in expected. An operator is a document with a single key that starts with two dollar
// signs.
func operator(expected value) (name string, operand value, ok bool) {
	doc, ok := expected.DocumentOK()
	if !ok {
		return "", value{}, false
	}
	elements, err := doc.Elements()
	if err != nil || len(elements) != 1 || !strings.HasPrefix(elements[0].Key(), "$$") {
		return "", value{}, false
	}
	return elements[0].Key(), elements[0].Value(), true
}

func (m *matcher) operate(path, name string, operand, actual value, root bool) error {
	switch name {
	case "$$exists":
		if want, got := operand.Boolean(), !actual.IsZero(); want != got {
			return mismatch(path, "exists: want %v, got %v: %s", want, got, actual)
		}
		return nil
	case "$$unsetOrMatches":
		if actual.IsZero() {
			return nil
		}
		return m.at(path, operand, actual, root)
	case "$$type":
		return matchType(path, operand, actual)
	case "$$lte":
		if !isNumber(operand) || !isNumber(actual) || !(compare(actual, operand) <= 0) {
			return mismatch(path, "want at most %s, got %s", operand, actual)
		}
		return nil
	case "$$matchesHexBytes":
		want, err := hex.DecodeString(operand.StringValue())
		if err != nil {
			return mismatch(path, "%w", err)
		}
		if _, got, ok := actual.BinaryOK(); !ok || !bytes.Equal(got, want) {
			return mismatch(path, "want the bytes %x, got %s", want, actual)
		}
		return nil
	case "$$matchAsDocument":
		text, ok := actual.StringValueOK()
		if !ok {
			return mismatch(path, "want a document as a string, got %s", actual)
		}
		var doc bson.Raw
		if err := bson.UnmarshalExtJSON([]byte(text), false, &doc); err != nil {
			return mismatch(path, "want a document as a string, got %q: %w", text, err)
		}
		return m.at(path, operand, ofDocument(doc), false)
	case "$$matchAsRoot":
		return m.at(path, operand, actual, true)
	case "$$matchesEntity", "$$sessionLsid":
		find := m.entity
		if name == "$$sessionLsid" {
			find = m.lsid
		}
		want, err := find(operand.StringValue())
		if err != nil {
			return err
		}
		return m.at(path, want, actual, root)
	}
	return mismatch(path, "unknown operator %s", name)
}

// typeNames are the type aliases of the server's $type.
var typeNames = map[string][]bson.Type{
	"double": {bson.TypeDouble}, "string": {bson.TypeString}, "object": {bson.TypeEmbeddedDocument},
	"array": {bson.TypeArray}, "binData": {bson.TypeBinary}, "undefined": {bson.TypeUndefined},
	"objectId": {bson.TypeObjectID}, "bool": {bson.TypeBoolean}, "date": {bson.TypeDateTime}, "null": {bson.TypeNull},
	"regex": {bson.TypeRegex}, "dbPointer": {bson.TypeDBPointer}, "javascript": {bson.TypeJavaScript},
	"symbol": {bson.TypeSymbol}, "javascriptWithScope": {bson.TypeCodeWithScope}, "int": {bson.TypeInt32},
	"timestamp": {bson.TypeTimestamp}, "long": {bson.TypeInt64}, "decimal": {bson.TypeDecimal128},
	"minKey": {bson.TypeMinKey}, "maxKey": {bson.TypeMaxKey},
	"number": {bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128},
}

func matchType(path string, operand, actual value) error {
	names := []value{operand}
	if array, ok := operand.ArrayOK(); ok {
		var err error
		if names, err = array.Values(); err != nil {
			return err
		}
	}
	for _, name := range names {
		text, _ := name.StringValueOK()
		types, ok := typeNames[text]
		if !ok {
			return mismatch(path, "unknown type %s", name)
		}
		if slices.Contains(types, actual.Type) {
			return nil
		}
	}
	return mismatch(path, "want one of the types %s, got %s", operand, actual)
}

// isNumber reports whether v is compared by its numeric value, whatever its type. A Decimal128 is not: 1.0 and 1.00
// differ.
func isNumber(v value) bool {
	return v.Type == bson.TypeInt32 || v.Type == bson.TypeInt64 || v.Type == bson.TypeDouble
}

// compare returns -1, 0 or 1, or 2 if a NaN is compared to a number.
func compare(a, b value) int {
	x, wholeA := whole(a)
	y, wholeB := whole(b)
	if wholeA && wholeB {
		return order(x, y)
	}
	f, g := a.AsFloat64(), b.AsFloat64()
	switch {
	case math.IsNaN(f) && math.IsNaN(g):
		return 0
	case math.IsNaN(f) || math.IsNaN(g):
		return 2
	}
	return order(f, g)
}

func order[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// whole returns a number as an integer, if it is one. A float64 cannot represent all integers beyond 2^53.
func whole(v value) (int64, bool) {
	if v.Type != bson.TypeDouble {
		return v.AsInt64(), true
	}
	f := v.Double()
	if f != math.Trunc(f) || f < math.MinInt64 || f >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// ofDocument returns a document as a value; nil is null.
func ofDocument(doc bson.Raw) value {
	if doc == nil {
		return value{Type: bson.TypeNull}
	}
	return value{Type: bson.TypeEmbeddedDocument, Value: doc}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func mismatch(path, format string, args ...any) error {
	if path == "" {
		return fmt.Errorf(format, args...)
	}
	return fmt.Errorf("%s: "+format, append([]any{path}, args...)...)
}
