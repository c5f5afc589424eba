package command

import (
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// Builder encodes arguments and collects the fields of a command. It keeps the first error; its results are
// meaningless after that. The zero Builder is ready to use.
type Builder struct {
	Codec bsoncodec.Codec
	Limit int // the maximal document size in bytes that the server accepts; 0 means no limit

	doc bson.D
	err error
}

// New returns a builder of a command that starts with fields.
func New(codec bsoncodec.Codec, fields ...bson.E) *Builder {
	return &Builder{Codec: codec, doc: fields}
}

// Check records an error, unless there is one already, and reports whether err is nil.
func (b *Builder) Check(err error) bool {
	if b.err == nil {
		b.err = err
	}
	return err == nil
}

// Failf records an error.
func (b *Builder) Failf(kind bsoncodec.Kind, format string, args ...any) {
	b.Check(bsoncodec.Errorf(kind, format, args...))
}

// Err returns the first error.
func (b *Builder) Err() error { return b.err }

// Fields returns the fields of the command so far.
func (b *Builder) Fields() bson.D { return b.doc }

// SetFields replaces the fields of the command.
func (b *Builder) SetFields(doc bson.D) { b.doc = doc }

// Raw returns the encoded command, or nil if there is an error.
func (b *Builder) Raw() bson.Raw {
	if b.err != nil {
		return nil
	}
	raw, err := bson.Marshal(b.doc)
	if err != nil {
		b.Check(&bsoncodec.Error{Kind: bsoncodec.InvalidDocument, Cause: err})
	}
	return raw
}

// The methods below encode an argument and return it.

// CheckSize records an error if a document is too large for the server.
func (b *Builder) CheckSize(argument string, raw bson.Raw) {
	if b.Limit > 0 && len(raw) > b.Limit {
		b.Failf(bsoncodec.TooLarge, "%s", bsoncodec.TooLargeText(argument, len(raw), b.Limit))
	}
}

// Document encodes a document.
func (b *Builder) Document(argument string, v any) bson.Raw {
	raw, err := b.Codec.Document(argument, v)
	if b.Check(err) {
		b.CheckSize(argument, raw)
	}
	return raw
}

// OptionalDocument encodes a document. Nil stays nil.
func (b *Builder) OptionalDocument(argument string, v any) any {
	if v == nil {
		return nil
	}
	return b.Document(argument, v)
}

// Documents encodes the elements of v, a slice of documents.
func (b *Builder) Documents(v any) []bson.Raw {
	raws, err := b.Codec.Documents(v)
	if b.Check(err) {
		for _, raw := range raws {
			b.CheckSize("a document", raw)
		}
	}
	return raws
}

// OptionalDocuments encodes a list of documents for an option of the driver. Nil stays nil.
func (b *Builder) OptionalDocuments(argument string, values []any) []any {
	if values == nil {
		return nil
	}
	all := make([]any, len(values))
	for i, v := range values {
		all[i] = b.Document(argument, v)
	}
	return all
}

// Inserted encodes a document and adds an _id if it has none.
func (b *Builder) Inserted(v any) bson.Raw {
	raw := b.Document("document", v)
	if _, err := raw.LookupErr("_id"); err != nil && b.err == nil {
		raw, _, err = bsoncodec.WithID(raw)
		b.Check(err)
	}
	return raw
}

// Replacement encodes a document that must not have operators.
func (b *Builder) Replacement(v any) bson.Raw {
	raw, err := b.Codec.Replacement(v)
	if b.Check(err) {
		b.CheckSize("replacement", raw)
	}
	return raw
}

// Update encodes an update document or a pipeline.
func (b *Builder) Update(v any) any {
	update, err := b.Codec.Update(v)
	if raw, ok := update.(bson.Raw); b.Check(err) && ok {
		b.CheckSize("update", raw)
	}
	return update
}

// KeysOrName encodes a document whose order matters, or returns a name. Nil stays nil.
func (b *Builder) KeysOrName(argument string, v any) any {
	if name, ok := v.(string); ok || v == nil {
		b.CheckText(argument, name)
		return v
	}
	raw, err := b.Codec.Ordered(argument, v)
	b.Check(err)
	return raw
}

// Value encodes a value of any type. Nil becomes null.
func (b *Builder) Value(argument string, v any) bson.RawValue {
	return b.Document(argument, bson.D{{Key: argument, Value: v}}).Lookup(argument)
}

// OptionalValue encodes a value of any type. Nil stays nil.
func (b *Builder) OptionalValue(argument string, v any) any {
	if v == nil {
		return nil
	}
	return b.Value(argument, v)
}

// Values encodes a map of values of any type for an option of the driver. A nil map stays nil.
func (b *Builder) Values(m bson.M) bson.M {
	if m == nil {
		return nil
	}
	all := make(bson.M, len(m))
	for name, v := range m {
		all[name] = b.Value(name, v)
	}
	return all
}

// The methods below add a field to the command. They skip options that are not set.

// Add adds a field. Text must be valid UTF-8.
func (b *Builder) Add(key string, value any) {
	if text, ok := value.(string); ok {
		b.CheckText(key, text)
	}
	b.doc = append(b.doc, bson.E{Key: key, Value: value})
}

// AddOptional adds an option if it is set.
func AddOptional[T any](b *Builder, key string, value *T) {
	if value != nil {
		b.Add(key, *value)
	}
}

// AddTrue adds a flag if it is set.
func (b *Builder) AddTrue(key string, set bool) {
	if set {
		b.Add(key, true)
	}
}

// AddValue adds a value of any type.
func (b *Builder) AddValue(key string, value any) {
	if value == nil {
		return
	}
	if raw, err := b.Codec.Document(key, bson.D{{Key: key, Value: value}}); b.Check(err) {
		b.Add(key, raw.Lookup(key))
	}
}

// AddDocument adds a document.
func (b *Builder) AddDocument(key string, value any) {
	if value == nil {
		return
	}
	if raw, err := b.Codec.Document(key, value); b.Check(err) {
		b.Add(key, raw)
	}
}

// AddKeys adds a document whose order matters.
func (b *Builder) AddKeys(key string, value any) {
	if value == nil {
		return
	}
	if raw, err := b.Codec.Ordered(key, value); b.Check(err) {
		b.Add(key, raw)
	}
}

// AddKeysOrName adds a document whose order matters, or a name.
func (b *Builder) AddKeysOrName(key string, value any) {
	if name, ok := value.(string); ok {
		b.Add(key, name)
		return
	}
	b.AddKeys(key, value)
}

// AddDocuments adds a list of documents.
func (b *Builder) AddDocuments(key string, values []any) {
	if len(values) == 0 {
		return
	}
	if raws, err := b.Codec.Documents(values); b.Check(err) {
		b.Add(key, raws)
	}
}

// AddSeconds adds a duration in whole seconds.
func (b *Builder) AddSeconds(key string, d *time.Duration) {
	if d != nil {
		b.Add(key, int64(*d/time.Second))
	}
}

// AddPositive adds a number unless it is 0. A negative number is an error.
func (b *Builder) AddPositive(key string, n int64) {
	switch {
	case n < 0:
		b.Failf(bsoncodec.WrongValue, "%s must be at least 0, not %d", key, n)
	case n > 0:
		b.Add(key, n)
	}
}

// AddFieldNames adds a document, or a list of field names, each with the value 1.
func (b *Builder) AddFieldNames(key string, value any) {
	if names, ok := value.([]string); ok {
		doc := make(bson.D, len(names))
		for i, name := range names {
			doc[i] = bson.E{Key: name, Value: 1}
		}
		value = doc
	}
	b.AddDocument(key, value)
}

// AddJavaScript adds code; see [JavaScript].
func (b *Builder) AddJavaScript(key string, code any) {
	if code == nil {
		return
	}
	code, err := JavaScript(key, code)
	b.Check(err)
	b.AddValue(key, code)
}

// JavaScript returns code in a form that the server accepts. code is a string, a bson.JavaScript or a
// bson.CodeWithScope.
func JavaScript(argument string, code any) (any, error) {
	switch c := code.(type) {
	case string:
		return bson.JavaScript(c), nil
	case bson.JavaScript, bson.CodeWithScope:
		return c, nil
	}
	return nil, bsoncodec.Errorf(bsoncodec.WrongType, "%s must be a string, bson.JavaScript or bson.CodeWithScope, not %T", argument, code)
}

// AddCollation adds a collation.
func (b *Builder) AddCollation(c *options.Collation) {
	if c == nil {
		return
	}
	var doc bson.D
	for _, e := range (bson.D{
		{Key: "locale", Value: c.Locale},
		{Key: "caseLevel", Value: c.CaseLevel},
		{Key: "caseFirst", Value: c.CaseFirst},
		{Key: "strength", Value: c.Strength},
		{Key: "numericOrdering", Value: c.NumericOrdering},
		{Key: "alternate", Value: c.Alternate},
		{Key: "maxVariable", Value: c.MaxVariable},
		{Key: "normalization", Value: c.Normalization},
		{Key: "backwards", Value: c.Backwards},
	}) {
		if e.Value != "" && e.Value != false && e.Value != 0 {
			doc = append(doc, e)
		}
	}
	b.Add("collation", doc)
}

// ErrEncryption means that the driver would split a command into several for encryption. This package does not.
var ErrEncryption = errors.New("encrypted collections are not supported")
