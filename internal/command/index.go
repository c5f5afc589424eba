package command

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// Index is an index to be created.
type Index struct {
	Keys    bson.Raw
	Options options.IndexOptions // with a name
}

// NewIndex returns the index of keys. Without a name in the options, the name is made from the keys.
//
// Errors: those of [IndexKeys] and [Encoded].
func NewIndex(c bsoncodec.Codec, keys any, o options.IndexOptions) (Index, error) {
	raw, err := IndexKeys(c, keys)
	if err != nil {
		return Index{}, err
	}
	if o.Name == nil {
		o.Name = new(IndexName(raw))
	}
	err = encodeFields(New(c), reflect.ValueOf(&o).Elem())
	return Index{raw, o}, err
}

// Name returns the name of the index.
func (i Index) Name() string { return *i.Options.Name }

// Driver returns the index in the driver's form. It has a new options builder, since the driver changes the builder.
func (i Index) Driver() mongo.IndexModel {
	set := func(o *options.IndexOptions) error { *o = i.Options; return nil }
	builder := &options.IndexOptionsBuilder{Opts: []func(*options.IndexOptions) error{set}}
	return mongo.IndexModel{Keys: i.Keys, Options: builder}
}

// Statement returns the index in the server's form, with the options that the driver sends.
func (i Index) Statement(c bsoncodec.Codec) (bson.Raw, error) {
	b, o := New(c, bson.E{Key: "key", Value: i.Keys}), i.Options
	AddOptional(b, "expireAfterSeconds", o.ExpireAfterSeconds)
	AddOptional(b, "name", o.Name)
	AddOptional(b, "sparse", o.Sparse)
	b.AddDocument("storageEngine", o.StorageEngine)
	AddOptional(b, "unique", o.Unique)
	AddOptional(b, "v", o.Version)
	AddOptional(b, "default_language", o.DefaultLanguage)
	AddOptional(b, "language_override", o.LanguageOverride)
	AddOptional(b, "textIndexVersion", o.TextVersion)
	b.AddDocument("weights", o.Weights)
	AddOptional(b, "2dsphereIndexVersion", o.SphereVersion)
	AddOptional(b, "bits", o.Bits)
	AddOptional(b, "max", o.Max)
	AddOptional(b, "min", o.Min)
	AddOptional(b, "bucketSize", o.BucketSize)
	b.AddDocument("partialFilterExpression", o.PartialFilterExpression)
	b.AddCollation(o.Collation)
	b.AddDocument("wildcardProjection", o.WildcardProjection)
	AddOptional(b, "hidden", o.Hidden)
	return b.Raw(), b.Err()
}

// CreateIndexes returns the createIndexes command without its write concern.
func CreateIndexes(
	c bsoncodec.Codec, collection string, indexes []Index, o options.CreateIndexesOptions,
) *Builder {
	b := New(c, bson.E{Key: "createIndexes", Value: collection})
	b.AddValue("commitQuorum", o.CommitQuorum)
	statements := make([]bson.Raw, len(indexes))
	for i, index := range indexes {
		var err error
		statements[i], err = index.Statement(c)
		b.Check(err)
	}
	b.Add("indexes", statements)
	return b
}

// IndexKeys encodes the keys of an index: a document of keys and their directions or types, or the name of a single
// ascending key.
//
// Errors: those of Codec.Ordered; WrongType for a value that is neither a direction nor a type; WrongValue if there is
// no key or an empty one.
func IndexKeys(c bsoncodec.Codec, v any) (bson.Raw, error) {
	if key, ok := v.(string); ok {
		v = bson.D{{Key: key, Value: 1}}
	}
	raw, err := c.Ordered("keys", v)
	if err != nil {
		return nil, err
	}
	elements, err := raw.Elements()
	if err != nil {
		return nil, &bsoncodec.Error{Kind: bsoncodec.InvalidDocument, Text: "keys", Cause: err}
	}
	if len(elements) == 0 {
		return nil, bsoncodec.Errorf(bsoncodec.WrongValue, "keys must not be empty")
	}
	for _, e := range elements {
		if e.Key() == "" {
			return nil, bsoncodec.Errorf(bsoncodec.WrongValue, "keys must not contain an empty name")
		}
		switch value := e.Value(); value.Type {
		case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeString:
		default:
			return nil, bsoncodec.Errorf(bsoncodec.WrongType, "index key %q must be 1, -1 or a type such as \"text\", not a BSON %s",
				e.Key(), value.Type)
		}
	}
	return raw, nil
}

// IndexName returns the default name of an index, such as "age_-1_name_1".
func IndexName(keys bson.Raw) string {
	var parts []string
	elements, _ := keys.Elements() // IndexKeys has checked them
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
