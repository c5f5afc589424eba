package motor

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Get returns the value of key in doc, or nil if there is none.
//
// Python: doc.get(key).
func Get(doc bson.D, key string) any {
	for _, e := range doc {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// Set sets the value of key in doc. A new key comes last. It panics for a nil doc.
//
// Python: doc[key] = value.
func Set(doc *bson.D, key string, value any) {
	mustHave(doc != nil, "Set", "doc")
	for i, e := range *doc {
		if e.Key == key {
			(*doc)[i].Value = value
			return
		}
	}
	*doc = append(*doc, bson.E{Key: key, Value: value})
}

// Repr returns v as Python prints what PyMongo 4 decodes: a document or a value of one. A [bson.D] and a [bson.Raw] keep
// the order of their keys; the keys of a [bson.M] are sorted. A document with $ref and $id is a DBRef. For JSON in the
// order of the keys, use [bson.MarshalExtJSON].
//
// Python: repr(v), with the types of PyMongo.
func Repr(v any) string {
	return string(appendRepr(nil, v))
}

func appendRepr(b []byte, v any) []byte {
	switch v := v.(type) {
	case nil, bson.Null, bson.Undefined:
		return append(b, "None"...)
	case bool:
		if v {
			return append(b, "True"...)
		}
		return append(b, "False"...)
	case int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64:
		return fmt.Append(b, v)
	case float64:
		return appendFloat(b, v)
	case string:
		return appendText(b, v, false)
	case bson.Symbol:
		return appendText(b, string(v), false)
	case []byte:
		return appendText(append(b, 'b'), string(v), true)
	case bson.Binary:
		if v.Subtype == bson.TypeBinaryGeneric {
			return appendRepr(b, v.Data)
		}
		return fmt.Appendf(appendRepr(append(b, "Binary("...), v.Data), ", %d)", v.Subtype)
	case time.Time:
		return appendDate(b, v.UTC())
	case bson.DateTime:
		return appendDate(b, v.Time().UTC())
	case bson.ObjectID:
		return fmt.Appendf(b, "ObjectId('%s')", v.Hex())
	case bson.Decimal128:
		return fmt.Appendf(b, "Decimal128('%s')", v)
	case bson.Timestamp:
		return fmt.Appendf(b, "Timestamp(%d, %d)", v.T, v.I)
	case bson.Regex:
		return fmt.Appendf(appendRepr(append(b, "Regex("...), v.Pattern), ", %d)", regexFlags(v.Options))
	case bson.DBPointer:
		return append(appendRepr(append(appendRepr(append(b, "DBRef("...), v.DB), ", "...), v.Pointer), ')')
	case bson.JavaScript:
		return append(appendRepr(append(b, "Code("...), string(v)), ", None)"...)
	case bson.CodeWithScope:
		b = appendRepr(append(b, "Code("...), string(v.Code))
		return append(appendRepr(append(b, ", "...), v.Scope), ')')
	case bson.MinKey:
		return append(b, "MinKey()"...)
	case bson.MaxKey:
		return append(b, "MaxKey()"...)
	case bson.D:
		return appendDocument(b, v)
	case bson.M:
		doc := make(bson.D, 0, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			doc = append(doc, bson.E{Key: key, Value: v[key]})
		}
		return appendDocument(b, doc)
	case bson.A:
		return appendList(b, v)
	case []any:
		return appendList(b, v)
	}
	return appendEncoded(b, v)
}

// appendEncoded appends a value of any other type as the value that it is stored as.
func appendEncoded(b []byte, v any) []byte {
	var stored struct{ V any }
	raw, err := bson.Marshal(bson.D{{Key: "v", Value: v}})
	if err == nil {
		err = bson.Unmarshal(raw, &stored)
	}
	if err != nil {
		return fmt.Append(b, v)
	}
	return appendRepr(b, stored.V)
}

func appendDocument(b []byte, doc bson.D) []byte {
	if isReference(doc) {
		return appendReference(b, doc)
	}
	b = append(b, '{')
	for i, e := range doc {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendText(b, e.Key, false)
		b = appendRepr(append(b, ": "...), e.Value)
	}
	return append(b, '}')
}

// isReference reports whether PyMongo decodes doc as a DBRef.
func isReference(doc bson.D) bool {
	_, named := Get(doc, "$ref").(string)
	hasID := slices.ContainsFunc(doc, func(e bson.E) bool { return e.Key == "$id" })
	db := Get(doc, "$db")
	_, ok := db.(string)
	return named && hasID && (ok || db == nil)
}

// appendReference writes the fields of a DBRef in the order of its constructor, and then the others.
func appendReference(b []byte, doc bson.D) []byte {
	b = appendRepr(append(b, "DBRef("...), Get(doc, "$ref"))
	b = appendRepr(append(b, ", "...), Get(doc, "$id"))
	if db := Get(doc, "$db"); db != nil {
		b = appendRepr(append(b, ", "...), db)
	}
	for _, e := range doc {
		if e.Key != "$ref" && e.Key != "$id" && e.Key != "$db" {
			b = appendRepr(fmt.Appendf(b, ", %s=", e.Key), e.Value)
		}
	}
	return append(b, ')')
}

func appendList(b []byte, list []any) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendRepr(b, v)
	}
	return append(b, ']')
}

// appendFloat writes the shortest text that gives v again, with an exponent from 16 digits on and below 0.0001.
func appendFloat(b []byte, v float64) []byte {
	switch abs := math.Abs(v); {
	case math.IsNaN(v):
		return append(b, "nan"...)
	case math.IsInf(v, 1):
		return append(b, "inf"...)
	case math.IsInf(v, -1):
		return append(b, "-inf"...)
	case abs != 0 && (abs < 1e-4 || abs >= 1e16):
		return strconv.AppendFloat(b, v, 'e', -1, 64)
	case v == math.Trunc(v):
		return strconv.AppendFloat(b, v, 'f', 1, 64)
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

func appendDate(b []byte, t time.Time) []byte {
	b = fmt.Appendf(b, "datetime.datetime(%d, %d, %d, %d, %d", t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute())
	micro := t.Nanosecond() / 1000
	if t.Second() != 0 || micro != 0 {
		b = fmt.Appendf(b, ", %d", t.Second())
	}
	if micro != 0 {
		b = fmt.Appendf(b, ", %d", micro)
	}
	return append(b, ')')
}

// appendText writes a literal of Python's str, or of bytes. It is in double quotes only if it has single quotes and no
// double ones.
func appendText(b []byte, s string, isBytes bool) []byte {
	quote := rune('\'')
	if strings.ContainsRune(s, '\'') && !strings.ContainsRune(s, '"') {
		quote = '"'
	}
	b = append(b, byte(quote))
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if isBytes {
			r, size = rune(s[0]), 1
		}
		s = s[size:]
		switch {
		case r == quote || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, `\n`...)
		case r == '\r':
			b = append(b, `\r`...)
		case r == '\t':
			b = append(b, `\t`...)
		case r >= ' ' && r < 0x7f, r >= 0x7f && !isBytes && unicode.IsPrint(r):
			b = utf8.AppendRune(b, r)
		case r <= 0xff:
			b = fmt.Appendf(b, `\x%02x`, r)
		case r <= 0xffff:
			b = fmt.Appendf(b, `\u%04x`, r)
		default:
			b = fmt.Appendf(b, `\U%08x`, r)
		}
	}
	return append(b, byte(quote))
}

// regexFlags returns the options of a regular expression as flags of Python's module re. PyMongo decodes them as a number.
func regexFlags(options string) (flags int) {
	for i, option := range "ilmsux" { // re.IGNORECASE is 2, re.VERBOSE is 64
		if strings.ContainsRune(options, option) {
			flags |= 2 << i
		}
	}
	return flags
}
