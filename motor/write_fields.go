package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// fields are those of a command, or of a statement of one, in the making: options that were given are added, others
// left out.
type fields struct {
	codec *codec
	doc   bson.D
	err   error // the first
}

func (f *fields) add(key string, value any) { f.doc = append(f.doc, bson.E{Key: key, Value: value}) }

// check notes err and reports whether there was none.
func (f *fields) check(err error) bool {
	if f.err == nil {
		f.err = err
	}
	return err == nil
}

// optional adds an option that was given.
func optional[T any](f *fields, key string, value *T) {
	if value != nil {
		f.add(key, *value)
	}
}

// value adds a value of any type.
func (f *fields) value(key string, value any) {
	if value == nil {
		return
	}
	if raw, err := f.codec.encode(key, bson.D{{Key: key, Value: value}}); f.check(err) {
		f.add(key, raw.Lookup(key))
	}
}

// document adds a document.
func (f *fields) document(key string, value any) {
	if value == nil {
		return
	}
	if raw, err := f.codec.encode(key, value); f.check(err) {
		f.add(key, raw)
	}
}

// keys adds a document whose order matters, or a name.
func (f *fields) keys(key string, value any) {
	if name, ok := value.(string); ok {
		f.add(key, name)
		return
	}
	f.ordered(key, value)
}

// ordered adds a document whose order matters.
func (f *fields) ordered(key string, value any) {
	if value == nil {
		return
	}
	if raw, err := f.codec.encodeCommand(key, value); f.check(err) {
		f.add(key, raw)
	}
}

// documents adds a list of documents.
func (f *fields) documents(key string, values []any) {
	if len(values) == 0 {
		return
	}
	if raws, err := f.codec.encodeAll(values); f.check(err) {
		f.add(key, raws)
	}
}

func (f *fields) collation(c *options.Collation) {
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
	f.add("collation", doc)
}

// statement returns the fields as a document.
func (f *fields) statement() bson.Raw {
	if f.err != nil {
		return nil
	}
	raw, err := bson.Marshal(f.doc)
	f.check(err)
	return raw
}

// concern adds the write concern of a moment to a command that the driver has no method for. Such a command is always
// answered, so w: 0 is left out, and in a transaction there is no write concern at all.
func (f *fields) concern(ctx context.Context, now moment) {
	if all := now.write.ordered(); len(all) > 0 && now.write.acknowledged() && !inTransaction(ctx) {
		f.add("writeConcern", all)
	}
}
