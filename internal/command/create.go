package command

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// Create returns the create command without its write concern. The error is [ErrEncryption] for a collection with
// EncryptedFields, since the driver sends several commands for it.
func Create(c bsoncodec.Codec, name string, o options.CreateCollectionOptions) *Builder {
	b := New(c, bson.E{Key: "create", Value: name})
	if o.EncryptedFields != nil {
		b.Check(ErrEncryption)
	}
	AddOptional(b, "capped", o.Capped)
	b.AddDocument("changeStreamPreAndPostImages", o.ChangeStreamPreAndPostImages)
	b.AddCollation(o.Collation)
	if o.DefaultIndexOptions != nil {
		b.addDefaultIndexOptions(o.DefaultIndexOptions)
	}
	AddOptional(b, "max", o.MaxDocuments)
	AddOptional(b, "size", o.SizeInBytes)
	b.AddDocument("storageEngine", o.StorageEngine)
	AddOptional(b, "validationAction", o.ValidationAction)
	AddOptional(b, "validationLevel", o.ValidationLevel)
	b.AddDocument("validator", o.Validator)
	AddOptional(b, "expireAfterSeconds", o.ExpireAfterSeconds)
	if o.TimeSeriesOptions != nil {
		b.addTimeSeries(o.TimeSeriesOptions)
	}
	b.AddDocument("clusteredIndex", o.ClusteredIndex)
	return b
}

func (b *Builder) addDefaultIndexOptions(opts options.Lister[options.DefaultIndexOptions]) {
	o, err := Merge(opts)
	b.Check(err)
	defaults := Builder{Codec: b.Codec, doc: bson.D{}}
	defaults.AddDocument("storageEngine", o.StorageEngine)
	b.Add("indexOptionDefaults", defaults.doc)
	b.Check(defaults.err)
}

func (b *Builder) addTimeSeries(opts options.Lister[options.TimeSeriesOptions]) {
	o, err := Merge(opts)
	b.Check(err)
	series := New(b.Codec)
	series.Add("timeField", o.TimeField)
	AddOptional(series, "metaField", o.MetaField)
	AddOptional(series, "granularity", o.Granularity)
	series.AddSeconds("bucketMaxSpanSeconds", o.BucketMaxSpan)
	series.AddSeconds("bucketRoundingSeconds", o.BucketRounding)
	b.Add("timeseries", series.doc)
	b.Check(series.err)
}
