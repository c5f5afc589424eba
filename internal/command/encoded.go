package command

import (
	"reflect"
	"unicode/utf8"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// The driver encodes the values of options when it sends a command, and does not refuse what BSON cannot hold. So
// options are encoded here, before, as documents are.

// Encoded merges options and encodes their values. The result passes them to the driver: a list of one element, or nil
// if there are no options.
//
// Errors: [OptionError]; those of [bsoncodec.Codec.Document] and [bsoncodec.Codec.Ordered].
func Encoded[T any](c bsoncodec.Codec, opts []options.Lister[T]) ([]options.Lister[T], error) {
	if len(opts) == 0 {
		return nil, nil
	}
	merged, err := Merge(opts...)
	if err != nil {
		return nil, err
	}
	if err := encodeFields(New(c), reflect.ValueOf(&merged).Elem()); err != nil {
		return nil, err
	}
	return []options.Lister[T]{&Literal[T]{merged}}, nil
}

// ordered are the options whose documents have keys in an order that matters.
var ordered = map[string]bool{"Hint": true, "Max": true, "Min": true, "Sort": true}

// encodeFields encodes the fields of a struct of options that hold values, and checks those that hold text.
func encodeFields(b *Builder, of reflect.Value) error {
	for i := range of.NumField() {
		field, name := of.Field(i), of.Type().Field(i).Name
		if field.IsZero() || !field.CanInterface() {
			continue
		}
		if field.Kind() == reflect.Interface && field.NumMethod() == 0 {
			if encoded := b.option(name, field.Interface()); encoded != nil {
				field.Set(reflect.ValueOf(encoded))
			}
			continue
		}
		switch v := field.Interface().(type) {
		case string:
			b.CheckText(name, v)
		case *string:
			b.CheckText(name, *v)
		case []string:
			for _, s := range v {
				b.CheckText(name, s)
			}
		case []any:
			field.Set(reflect.ValueOf(b.OptionalDocuments(name, v)))
		case bson.M:
			field.Set(reflect.ValueOf(b.Values(v)))
		default:
			if isOptions(field.Type()) {
				inner := reflect.New(field.Type().Elem())
				inner.Elem().Set(field.Elem())
				b.Check(encodeFields(b, inner.Elem()))
				field.Set(inner)
			}
		}
	}
	return b.Err()
}

// isOptions reports whether a type is a pointer to a struct of options, such as a collation.
func isOptions(t reflect.Type) bool {
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return false
	}
	_, isBuilder := t.MethodByName("List")
	return !isBuilder && t.Elem().PkgPath() == reflect.TypeFor[options.Collation]().PkgPath()
}

// option encodes the value of an option. Values that are not documents stay as they are, after a check.
func (b *Builder) option(name string, v any) any {
	switch text, isText := v.(string); {
	case isText:
		b.CheckText(name, text)
		return v
	case name == "Projection":
		return b.Projection(v)
	case ordered[name]:
		raw, err := b.Codec.Ordered(name, v)
		b.Check(err)
		return raw
	}
	value := b.Value(name, v)
	if doc, ok := value.DocumentOK(); ok {
		return doc
	}
	return value
}

// Projection encodes a projection: a document, or a list of the names of fields. Nil stays nil. An empty list means
// only the _id.
func (b *Builder) Projection(v any) any {
	names, ok := v.([]string)
	if !ok {
		return b.OptionalDocument("projection", v)
	}
	if len(names) == 0 {
		names = []string{"_id"}
	}
	fields := make(bson.D, len(names))
	for i, name := range names {
		fields[i] = bson.E{Key: name, Value: 1}
	}
	return b.Document("projection", fields)
}

// CheckText records an error if text is not valid UTF-8. argument names it.
func (b *Builder) CheckText(argument, text string) { b.Check(CheckText(argument, text)) }

// CheckText returns an error if text is not valid UTF-8. argument names it.
func CheckText(argument, text string) error {
	if utf8.ValidString(text) {
		return nil
	}
	return bsoncodec.Errorf(bsoncodec.InvalidText, "%s: invalid UTF-8: %q", argument, text)
}
