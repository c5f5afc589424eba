package motor

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// createCommand returns the create command that the driver makes of these options, with a write concern that it would
// lose a part of (see writeCommand).
func (d *Database) createCommand(name string, now moment, opts []options.Lister[options.CreateCollectionOptions]) (bson.D, error) {
	o, err := applied(opts)
	if err != nil {
		return nil, err
	}
	if o.EncryptedFields != nil || d.client.driver.AutoEncryptionOptions != nil {
		return nil, now.write.refuse("CreateCollection with encryption") // of which the driver makes several commands
	}
	f := fields{codec: &d.codec}
	f.add("create", name)
	optional(&f, "capped", o.Capped)
	f.document("changeStreamPreAndPostImages", o.ChangeStreamPreAndPostImages)
	f.collation(o.Collation)
	if o.DefaultIndexOptions != nil {
		index, err := applied([]options.Lister[options.DefaultIndexOptions]{o.DefaultIndexOptions})
		f.check(err)
		defaults := fields{codec: &d.codec, doc: bson.D{}}
		defaults.document("storageEngine", index.StorageEngine)
		f.add("indexOptionDefaults", defaults.statement())
		f.check(defaults.err)
	}
	optional(&f, "max", o.MaxDocuments)
	optional(&f, "size", o.SizeInBytes)
	f.document("storageEngine", o.StorageEngine)
	optional(&f, "validationAction", o.ValidationAction)
	optional(&f, "validationLevel", o.ValidationLevel)
	f.document("validator", o.Validator)
	optional(&f, "expireAfterSeconds", o.ExpireAfterSeconds)
	if o.TimeSeriesOptions != nil {
		f.timeSeries(o.TimeSeriesOptions)
	}
	f.document("clusteredIndex", o.ClusteredIndex)
	f.add("writeConcern", now.write.wire)
	return f.doc, f.err
}

func (f *fields) timeSeries(opts *options.TimeSeriesOptionsBuilder) {
	o, err := applied([]options.Lister[options.TimeSeriesOptions]{opts})
	f.check(err)
	t := fields{codec: f.codec}
	t.add("timeField", o.TimeField)
	optional(&t, "metaField", o.MetaField)
	optional(&t, "granularity", o.Granularity)
	t.seconds("bucketMaxSpanSeconds", o.BucketMaxSpan)
	t.seconds("bucketRoundingSeconds", o.BucketRounding)
	f.add("timeseries", t.doc)
}

// seconds adds a duration in whole seconds.
func (f *fields) seconds(key string, d *time.Duration) {
	if d != nil {
		f.add(key, int64(*d/time.Second))
	}
}
