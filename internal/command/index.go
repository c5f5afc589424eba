package motor

import (
	"fmt"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// indexModel is an index that is to be created.
type indexModel struct {
	keys    bson.Raw
	options options.IndexOptions // with a name
}

// indexModel returns the index of keys: its name is that of the options, or made of the keys.
func (c *codec) indexModel(keys any, opts []options.Lister[options.IndexOptions]) (m indexModel, err error) {
	if m.keys, err = c.encodeIndexKeys(keys); err != nil {
		return m, err
	}
	if m.options, err = applied(opts); err != nil {
		return m, err
	}
	if m.options.Name == nil {
		m.options.Name = new(indexName(m.keys))
	}
	return m, nil
}

// indexModels returns the indexes of models of the driver's.
func (c *codec) indexModels(models []mongo.IndexModel) ([]indexModel, error) {
	if len(models) == 0 {
		return nil, newError(TypeError, "indexes must have at least one index")
	}
	all := make([]indexModel, len(models))
	for i, m := range models {
		var opts []options.Lister[options.IndexOptions]
		if m.Options != nil {
			opts = append(opts, m.Options)
		}
		var err error
		if all[i], err = c.indexModel(m.Keys, opts); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// driver returns the index as the driver takes it. It takes builders, and adds to them: they are not the caller's.
func (m indexModel) driver() mongo.IndexModel {
	set := func(o *options.IndexOptions) error { *o = m.options; return nil }
	builder := &options.IndexOptionsBuilder{Opts: []func(*options.IndexOptions) error{set}}
	return mongo.IndexModel{Keys: m.keys, Options: builder}
}

// statement returns the index as the server takes it, option for option as the driver sends them.
func (m indexModel) statement(c *codec) (bson.Raw, error) {
	f, o := fields{codec: c, doc: bson.D{{Key: "key", Value: m.keys}}}, m.options
	optional(&f, "expireAfterSeconds", o.ExpireAfterSeconds)
	optional(&f, "name", o.Name)
	optional(&f, "sparse", o.Sparse)
	f.document("storageEngine", o.StorageEngine)
	optional(&f, "unique", o.Unique)
	optional(&f, "v", o.Version)
	optional(&f, "default_language", o.DefaultLanguage)
	optional(&f, "language_override", o.LanguageOverride)
	optional(&f, "textIndexVersion", o.TextVersion)
	f.document("weights", o.Weights)
	optional(&f, "2dsphereIndexVersion", o.SphereVersion)
	optional(&f, "bits", o.Bits)
	optional(&f, "max", o.Max)
	optional(&f, "min", o.Min)
	optional(&f, "bucketSize", o.BucketSize)
	f.document("partialFilterExpression", o.PartialFilterExpression)
	f.collation(o.Collation)
	f.document("wildcardProjection", o.WildcardProjection)
	optional(&f, "hidden", o.Hidden)
	return f.statement(), f.err
}

// encodeIndexKeys returns the keys of an index: a document of keys and their directions or kinds, or the name of a
// single key, which is ascending. [TypeError] for what is no such document, [ValueError] where there is no key.
func (c *codec) encodeIndexKeys(v any) (bson.Raw, error) {
	if key, ok := v.(string); ok {
		v = bson.D{{Key: key, Value: Ascending}}
	}
	raw, err := c.encodeCommand("keys", v)
	if err != nil {
		return nil, err
	}
	elements, err := raw.Elements()
	if err != nil {
		return nil, &Error{class: InvalidDocument, text: "keys", cause: err}
	}
	if len(elements) == 0 {
		return nil, newError(ValueError, "keys must have at least one key")
	}
	for _, e := range elements {
		if e.Key() == "" {
			return nil, newError(ValueError, "a key of an index cannot be empty")
		}
		switch value := e.Value(); value.Type {
		case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeString:
		default:
			return nil, newError(TypeError, "the key %q of an index must be 1, -1 or a kind such as \"text\", not a BSON %s",
				e.Key(), value.Type)
		}
	}
	return raw, nil
}

// indexName returns the name of an index that was given none: "age_-1_name_1".
func indexName(keys bson.Raw) string {
	var parts []string
	elements, _ := keys.Elements() // encodeIndexKeys has seen them
	for _, e := range elements {
		kind := ""
		switch value := e.Value(); value.Type {
		case bson.TypeString:
			kind = value.StringValue()
		case bson.TypeDouble:
			kind = strconv.FormatFloat(value.Double(), 'f', -1, 64)
		default:
			kind = fmt.Sprint(value.AsInt64())
		}
		parts = append(parts, e.Key(), kind)
	}
	return strings.Join(parts, "_")
}
