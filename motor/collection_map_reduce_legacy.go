package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
)

// MapReduceOptions say more of [Collection.MapReduce] and [Collection.InlineMapReduce].
type MapReduceOptions struct {
	Query    any   // which documents are mapped; nil: all
	Sort     any   // a bson.D: in which order
	Limit    int64 // at most so many; 0: all
	Finalize any   // JavaScript that is given each result, to change or replace it
	Scope    any   // a document of what the JavaScript sees as global variables
	JSMode   bool  // keep what is between map and reduce in JavaScript: faster, for fewer than 500,000 keys
	Verbose  bool  // tell the times in the full response

	BypassDocumentValidation bool
	Collation                *options.Collation
	Comment                  any // for the server's log and profile
}

// MapReduce makes the server run mapping on the documents and reducing on what that emits, and put the results into a
// collection. The result is that collection. mapping and reducing are JavaScript: a string, a bson.JavaScript or a
// bson.CodeWithScope. out is the name of the collection, or a bson.D such as {{"merge", "totals"}, {"db", "reports"}}.
// MongoDB advises against mapReduce since version 5.0.
//
// Errors: [TypeError] for code that is none, and for an out that is neither a name nor a document; [ValueError] for an
// out of "inline"; [InvalidDocument] for what cannot be encoded; [OperationFailure], [WriteConcernError].
//
// Legacy: use Aggregate, with $merge or $out. Motor: MotorCollection.map_reduce.
func (c *collection) MapReduce(ctx context.Context, mapping, reducing, out any, opts ...MapReduceOptions) *future.Future[*Collection[bson.M]] {
	f, inline := mapReduce(ctx, c, "MapReduce", mapping, reducing, out, opts)
	if inline {
		f.Check(newError(ValueError, "MapReduce: there is no collection with inline results; use InlineMapReduce"))
	}
	return legacyCommand(ctx, c, f, toPrimary, func(reply bson.Raw) (*Collection[bson.M], error) {
		result := reply.Lookup("result")
		if name, ok := result.StringValueOK(); ok {
			return c.db.Collection(name), nil
		}
		doc, _ := result.DocumentOK()
		db, inDB := doc.Lookup("db").StringValueOK()
		name, named := doc.Lookup("collection").StringValueOK()
		if !inDB || !named {
			return nil, newError(ProtocolError, "MapReduce: the reply names no collection")
		}
		return c.db.client.Database(db).Collection(name), nil
	})
}

// MapReduceFullResponse is MapReduce with the server's whole reply as the result. Here out may be bson.D{{"inline",
// 1}}.
//
// Legacy: use Aggregate, with $merge or $out. Motor: MotorCollection.map_reduce(full_response=True).
func (c *collection) MapReduceFullResponse(ctx context.Context, mapping, reducing, out any, opts ...MapReduceOptions) *future.Future[bson.M] {
	f, inline := mapReduce(ctx, c, "MapReduceFullResponse", mapping, reducing, out, opts)
	to := toPrimary
	if inline {
		to = toPreferred
	}
	return legacyCommand(ctx, c, f, to, c.codec.reply)
}

// InlineMapReduce is MapReduce without a collection for the results: the result is a list of them, documents with an
// "_id" and a "value", of at most 16 megabytes together.
//
// Errors: [TypeError] for code that is none; [InvalidDocument] for what cannot be encoded; [OperationFailure].
//
// Legacy: use Aggregate. Motor: MotorCollection.inline_map_reduce.
func (c *collection) InlineMapReduce(ctx context.Context, mapping, reducing any, opts ...MapReduceOptions) *future.Future[[]bson.M] {
	f, _ := mapReduce(ctx, c, "InlineMapReduce", mapping, reducing, inlineResults, opts)
	return legacyCommand(ctx, c, f, toPreferred, c.codec.documentsOf("results"))
}

// InlineMapReduceFullResponse is InlineMapReduce with the server's whole reply as the result: the documents are its
// "results".
//
// Legacy: use Aggregate. Motor: MotorCollection.inline_map_reduce(full_response=True).
func (c *collection) InlineMapReduceFullResponse(ctx context.Context, mapping, reducing any, opts ...MapReduceOptions) *future.Future[bson.M] {
	f, _ := mapReduce(ctx, c, "InlineMapReduceFullResponse", mapping, reducing, inlineResults, opts)
	return legacyCommand(ctx, c, f, toPreferred, c.codec.reply)
}

// inlineResults is the out of a mapReduce whose results are in the reply.
var inlineResults = bson.D{{Key: "inline", Value: 1}}

// mapReduce returns the command, and whether its results come inline: then it is a read, otherwise a write.
func mapReduce(
	ctx context.Context, c *collection, method string, mapping, reducing, out any, opts []MapReduceOptions,
) (f *arguments, inline bool) {
	set, err := atMostOne(method, opts)
	f = c.codec.command()
	f.Check(err)
	f.Add("mapReduce", c.name)
	for _, code := range []bson.E{{Key: "map", Value: mapping}, {Key: "reduce", Value: reducing}} {
		if code.Value == nil {
			f.Check(newError(TypeError, "%s is nil", code.Key))
		}
		f.AddJavaScript(code.Key, code.Value)
	}
	if name, ok := out.(string); ok {
		f.Check(checkCollectionName(name))
		f.Add("out", name)
	} else if raw, err := c.codec.encodeCommand("out", out); f.Check(err) {
		_, e := raw.LookupErr("inline")
		inline = e == nil
		f.Add("out", raw)
	}
	f.AddDocument("query", set.Query)
	f.AddKeys("sort", set.Sort)
	f.AddPositive("limit", set.Limit)
	f.AddJavaScript("finalize", set.Finalize)
	f.AddDocument("scope", set.Scope)
	f.AddTrue("jsMode", set.JSMode)
	f.AddTrue("verbose", set.Verbose)
	f.AddTrue("bypassDocumentValidation", set.BypassDocumentValidation)
	f.AddCollation(set.Collation)
	f.AddValue("comment", set.Comment)
	if inline {
		readConcern(ctx, f, c)
	} else {
		f.addConcern(ctx, c.now())
	}
	return f, inline
}
