package command

import (
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// Query is the query of a cursor: the driver's options, and options that the driver does not have.
type Query struct {
	Filter    bson.Raw
	Options   options.FindOptions // MaxAwaitTime and CursorType are not part of the command
	MaxTimeMS *int64
	MaxScan   *int64
	Tailable  bool
	AwaitData bool
}

// Find returns the find command, with the options that the driver sends.
func (q *Query) Find(c bsoncodec.Codec, collection string) *Builder {
	b, o := New(c, bson.E{Key: "find", Value: collection}), q.Options
	AddOptional(b, "allowDiskUse", o.AllowDiskUse)
	AddOptional(b, "allowPartialResults", o.AllowPartialResults)
	AddOptional(b, "batchSize", o.BatchSize)
	b.AddCollation(o.Collation)
	b.AddValue("comment", o.Comment)
	b.Add("filter", q.Filter)
	b.AddKeysOrName("hint", o.Hint)
	b.AddDocument("let", o.Let)
	if o.Limit != nil {
		b.Add("limit", max(*o.Limit, -*o.Limit))
		b.AddTrue("singleBatch", *o.Limit < 0)
	}
	b.AddDocument("max", o.Max)
	AddOptional(b, "maxScan", q.MaxScan)
	AddOptional(b, "maxTimeMS", q.MaxTimeMS)
	b.AddDocument("min", o.Min)
	AddOptional(b, "noCursorTimeout", o.NoCursorTimeout)
	AddOptional(b, "oplogReplay", o.OplogReplay)
	if o.Projection != nil {
		b.Add("projection", b.Projection(o.Projection))
	}
	AddOptional(b, "returnKey", o.ReturnKey)
	AddOptional(b, "showRecordId", o.ShowRecordID)
	AddOptional(b, "skip", o.Skip)
	b.AddKeysOrName("sort", o.Sort)
	b.AddTrue("tailable", q.Tailable)
	b.AddTrue("awaitData", q.AwaitData)
	return b
}

// Explain returns a command that explains the find command. A limit becomes negative, so that it counts for a single
// batch.
func (q *Query) Explain(c bsoncodec.Codec, collection string) *Builder {
	hard := *q
	if limit := q.Options.Limit; limit != nil {
		hard.Options.Limit = new(min(*limit, -*limit))
	}
	b := hard.Find(c, collection)
	b.SetFields(bson.D{{Key: "explain", Value: b.Fields()}})
	return b
}

// Count returns the count command. It includes limit and skip only if withLimitAndSkip is true.
func (q *Query) Count(c bsoncodec.Codec, collection string, withLimitAndSkip bool) *Builder {
	b := New(c, bson.E{Key: "count", Value: collection})
	q.addTo(b)
	b.AddKeysOrName("hint", q.Options.Hint)
	if limit := q.Options.Limit; withLimitAndSkip && limit != nil && *limit != 0 {
		b.Add("limit", *limit)
	}
	if skip := q.Options.Skip; withLimitAndSkip && skip != nil && *skip != 0 {
		b.Add("skip", *skip)
	}
	return b
}

// Counting has the options of an aggregate command that counts documents.
type Counting struct {
	options.AggregateOptions
	Skip, Limit *int64 // stages of its pipeline
}

// NewCounting converts options.
func NewCounting(o options.CountOptions) Counting {
	return Counting{
		AggregateOptions: options.AggregateOptions{Collation: o.Collation, Comment: o.Comment, Hint: o.Hint},
		Skip:             o.Skip, Limit: o.Limit,
	}
}

// Pipeline returns the pipeline that counts the documents that match filter. Its only result has the count as n. There is
// no result if no document matches.
func (c Counting) Pipeline(filter bson.Raw) bson.A {
	stages := bson.A{bson.D{{Key: "$match", Value: filter}}}
	if c.Skip != nil {
		stages = append(stages, bson.D{{Key: "$skip", Value: *c.Skip}})
	}
	if c.Limit != nil {
		stages = append(stages, bson.D{{Key: "$limit", Value: *c.Limit}})
	}
	one := int32(1)
	return append(stages, bson.D{{Key: "$group", Value: bson.D{{Key: "_id", Value: one}, {Key: "n", Value: bson.D{{Key: "$sum", Value: one}}}}}})
}

// Distinct returns the distinct command.
func (q *Query) Distinct(c bsoncodec.Codec, collection, key string) *Builder {
	b := New(c, bson.E{Key: "distinct", Value: collection}, bson.E{Key: "key", Value: key})
	q.addTo(b)
	return b
}

// addTo adds the fields that count and distinct share.
func (q *Query) addTo(b *Builder) {
	b.Add("query", q.Filter)
	b.AddCollation(q.Options.Collation)
	b.AddValue("comment", q.Options.Comment)
	AddOptional(b, "maxTimeMS", q.MaxTimeMS)
}
