package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// CountOptions say which documents [Collection.Count] counts.
type CountOptions struct {
	Filter    any   // nil: all
	Skip      int64 // leave out so many
	Limit     int64 // count no more than so many; 0: all
	Hint      any   // the index to be used: its name, or its keys as a bson.D
	Collation *options.Collation
	Comment   any // for the server's log and profile
}

// Count counts the documents in the collection, or those that the options choose. Without a filter, it reads the
// metadata of the collection.
//
// Errors: [TypeError] for a filter or a hint that is none, [InvalidDocument] for what cannot be encoded, [ValueError]
// for a negative Skip or Limit; [OperationFailure], in a transaction always.
//
// Legacy: use CountDocuments or EstimatedDocumentCount. Motor: MotorCollection.count.
func (c *collection) Count(ctx context.Context, opts ...CountOptions) *future.Future[int64] {
	set, err := atMostOne("Count", opts)
	f := c.codec.command()
	f.Check(err)
	f.Add("count", c.name)
	f.AddDocument("query", set.Filter)
	f.AddPositive("skip", set.Skip)
	f.AddPositive("limit", set.Limit)
	f.AddKeysOrName("hint", set.Hint)
	f.AddCollation(set.Collation)
	f.AddValue("comment", set.Comment)
	readConcern(ctx, f, c)
	return legacyCommand(ctx, c, f, toPreferred, func(reply bson.Raw) (int64, error) {
		n, ok := reply.Lookup("n").AsInt64OK()
		if !ok {
			return 0, newError(ProtocolError, "Count: the reply has no number")
		}
		return n, nil
	})
}

// GroupOptions say more of [Collection.Group].
type GroupOptions struct {
	Finalize any // JavaScript that is given each result, to change or replace it
}

// Group makes the server put the documents that match condition into groups. The result is one document for each
// group: its key, and what reduce has made of a copy of initial. key is what the documents of a group have alike: a
// []string of names of fields, a document of them, or JavaScript that returns it of a document; with nil there is one
// group. JavaScript is a string, a bson.JavaScript or a bson.CodeWithScope. MongoDB has no such command since version
// 4.2.
//
// Errors: [OperationFailure] from today's servers, which do not know the command; [TypeError] for code that is none,
// and for a condition or an initial document that is none; [InvalidDocument] for what cannot be encoded.
//
// Legacy: use Aggregate, with $group. Motor: MotorCollection.group.
func (c *collection) Group(ctx context.Context, key, condition, initial, reduce any, opts ...GroupOptions) *future.Future[[]bson.M] {
	set, err := atMostOne("Group", opts)
	f := c.codec.command()
	f.Check(err)
	f.Add("ns", c.name)
	switch key.(type) {
	case string, bson.JavaScript, bson.CodeWithScope:
		f.AddJavaScript("$keyf", key)
	default:
		f.AddFieldNames("key", key)
	}
	raw, err := c.codec.encode("condition", condition)
	f.Check(err)
	f.Add("cond", raw)
	raw, err = c.codec.encode("initial", initial)
	f.Check(err)
	f.Add("initial", raw)
	if reduce == nil {
		f.Check(newError(TypeError, "reduce is nil"))
	}
	f.AddJavaScript("$reduce", reduce)
	f.AddJavaScript("finalize", set.Finalize)
	f.SetFields(bson.D{{Key: "group", Value: f.Fields()}})
	return legacyCommand(ctx, c, f, toPreferred, c.codec.documentsOf("retval"))
}
