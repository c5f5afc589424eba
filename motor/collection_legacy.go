package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
)

// CountOptions are the options of [Collection.Count].
type CountOptions struct {
	Filter    any   // nil: all documents
	Skip      int64 // the number of documents to skip
	Limit     int64 // the most documents to count; 0: no limit
	Hint      any   // the index to use: its name, or its keys as a bson.D
	Collation *options.Collation
	Comment   any // for the server's log and profile
}

// Count counts the documents in the collection, or those that the options select. Without a filter, it reads the
// metadata of the collection.
//
// Errors: [TypeError] for a filter or a hint of the wrong type, [InvalidDocument] for one that cannot be encoded,
// [ValueError] for a negative Skip or Limit; [OperationFailure], always in a transaction.
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
	return legacyCommand(ctx, c, f, toPreferred, countOf)
}

// GroupOptions are the options of [Collection.Group].
type GroupOptions struct {
	Finalize any // JavaScript that may change or replace each result
}

// Group makes the server group the documents that match condition. The result has one document for each group: the key,
// and the fields of initial as reduce has changed them. key is a []string of field names, a document of them, or
// JavaScript that returns the key of a document; with nil there is one group. JavaScript is a string, a bson.JavaScript
// or a bson.CodeWithScope. MongoDB 4.2 removed the command.
//
// Errors: [OperationFailure] from servers since MongoDB 4.2; [TypeError] for code, a condition or an initial document
// of the wrong type; [InvalidDocument] for a value that cannot be encoded.
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

// FindAndModifyOptions are the options of [Collection.FindAndModify]. Exactly one of Update and Remove must be set.
type FindAndModifyOptions struct {
	Update any  // operators, as in bson.M{"$set": ...}, a pipeline, or a replacement
	Remove bool // delete the document
	Upsert bool // insert a document if none matches
	Sort   any  // a bson.D: the order in which the first match is found
	Fields any  // the fields of the result: a projection, or a []string of names; nil: all
	New    bool // the result is the document after the change, not before
}

// FindAndModify changes, replaces or deletes the first document that matches query. The result is the document, or, if
// none matches, the zero D: a nil map, a nil pointer. That is not an error. The driver does not retry this command.
//
// Errors: [ValueError] unless exactly one of Update and Remove is set, and for an empty update; [TypeError] for a nil
// query; [InvalidDocument] for a value that cannot be encoded; [DuplicateKeyError], [OperationFailure],
// [WriteConcernError].
//
// Legacy: use FindOneAndUpdate, FindOneAndReplace or FindOneAndDelete. Motor: MotorCollection.find_and_modify.
func (c *Collection[D]) FindAndModify(ctx context.Context, query any, opts ...FindAndModifyOptions) *future.Future[D] {
	now := c.snapshot()
	fetch, err := c.findAndModify(ctx, now, query, opts)
	return submit(ctx, c.db.client, documentOp[D](&c.collection, now, err, fetch))
}

// FindAndModifyFullResponse is FindAndModify with the server's whole reply as the result. The document is in "value";
// "lastErrorObject" says what was done.
//
// Legacy: use FindOneAndUpdate, FindOneAndReplace or FindOneAndDelete.
// Motor: MotorCollection.find_and_modify(full_response=True).
func (c *collection) FindAndModifyFullResponse(ctx context.Context, query any, opts ...FindAndModifyOptions) *future.Future[bson.M] {
	f := findAndModify(ctx, c, query, opts)
	return legacyCommand(ctx, c, f, toPrimary, c.codec.reply)
}

func (c *collection) findAndModify(ctx context.Context, now settings, query any, opts []FindAndModifyOptions) (fetchFunc, error) {
	f := findAndModify(ctx, c, query, opts)
	command := f.Raw()
	return func(ctx context.Context, coll *mongo.Collection) (bson.Raw, error) {
		reply, err := coll.Database().RunCommand(ctx, command).Raw()
		return valueOf(reply, err)
	}, f.err()
}

// findAndModify returns the command.
func findAndModify(ctx context.Context, c *collection, query any, opts []FindAndModifyOptions) *arguments {
	set, err := atMostOne("FindAndModify", opts)
	f := c.codec.command()
	f.Check(err)
	f.Add("findAndModify", c.name)
	raw, err := c.codec.encode("query", query)
	f.Check(err)
	f.Add("query", raw)
	switch {
	case set.Update == nil && !set.Remove:
		f.Check(newError(ValueError, "must either update or remove"))
	case set.Update != nil && set.Remove:
		f.Check(newError(ValueError, "cannot do both update and remove"))
	case set.Remove:
		f.Add("remove", true)
	case bsoncodec.IsList(set.Update):
		stages, err := c.codec.encodeUpdate(set.Update)
		f.Check(err)
		f.Add("update", stages)
	default:
		change, err := c.codec.encode("update", set.Update)
		f.Check(err)
		if _, none := change.IndexErr(0); none != nil {
			f.Check(newError(ValueError, "update must not be empty"))
		}
		f.Add("update", change)
	}
	if set.Upsert {
		f.Add("upsert", true)
	}
	f.AddKeys("sort", set.Sort)
	f.AddFieldNames("fields", set.Fields)
	if set.New {
		f.Add("new", true)
	}
	f.addConcern(ctx, c.snapshot())
	return f
}

// MapReduceOptions are the options of [Collection.MapReduce] and [Collection.InlineMapReduce].
type MapReduceOptions struct {
	Query    any   // which documents to map; nil: all
	Sort     any   // a bson.D: the order of the documents
	Limit    int64 // the most documents to map; 0: no limit
	Finalize any   // JavaScript that may change or replace each result
	Scope    any   // a document of global variables for the JavaScript
	JSMode   bool  // do not convert to BSON between map and reduce: faster, for fewer than 500,000 keys
	Verbose  bool  // add timings to the full response

	BypassDocumentValidation bool
	Collation                *options.Collation
	Comment                  any // for the server's log and profile
}

// MapReduce makes the server run mapping on the documents and reducing on the values that it emits, and write the
// results to a collection. The result is that collection. mapping and reducing are JavaScript: a string, a
// bson.JavaScript or a bson.CodeWithScope. out is the name of the collection, or a bson.D such as {{"merge", "totals"},
// {"db", "reports"}}. mapReduce is deprecated since MongoDB 5.0.
//
// Errors: [TypeError] for code of the wrong type, and for an out that is neither a name nor a document; [ValueError]
// for an out of "inline"; [InvalidDocument] for a value that cannot be encoded; [OperationFailure],
// [WriteConcernError].
//
// Legacy: use Aggregate, with $merge or $out. Motor: MotorCollection.map_reduce.
func (c *collection) MapReduce(ctx context.Context, mapping, reducing, out any, opts ...MapReduceOptions) *future.Future[*Collection[bson.M]] {
	f, inline := mapReduce(ctx, c, "MapReduce", mapping, reducing, out, opts)
	if inline {
		f.Check(newError(ValueError, "MapReduce: inline results have no collection; use InlineMapReduce"))
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
			return nil, newError(ProtocolError, "MapReduce: the reply has no collection")
		}
		return c.db.client.Database(db).Collection(name), nil
	})
}

// MapReduceFullResponse is MapReduce with the server's whole reply as the result. out may also be bson.D{{"inline",
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

// InlineMapReduce is MapReduce without a collection. The result is a list of documents with "_id" and "value", of at
// most 16 megabytes together.
//
// Errors: [TypeError] for code of the wrong type; [InvalidDocument] for a value that cannot be encoded;
// [OperationFailure].
//
// Legacy: use Aggregate. Motor: MotorCollection.inline_map_reduce.
func (c *collection) InlineMapReduce(ctx context.Context, mapping, reducing any, opts ...MapReduceOptions) *future.Future[[]bson.M] {
	f, _ := mapReduce(ctx, c, "InlineMapReduce", mapping, reducing, inlineResults, opts)
	return legacyCommand(ctx, c, f, toPreferred, c.codec.documentsOf("results"))
}

// InlineMapReduceFullResponse is InlineMapReduce with the server's whole reply as the result. The documents are in
// "results".
//
// Legacy: use Aggregate. Motor: MotorCollection.inline_map_reduce(full_response=True).
func (c *collection) InlineMapReduceFullResponse(ctx context.Context, mapping, reducing any, opts ...MapReduceOptions) *future.Future[bson.M] {
	f, _ := mapReduce(ctx, c, "InlineMapReduceFullResponse", mapping, reducing, inlineResults, opts)
	return legacyCommand(ctx, c, f, toPreferred, c.codec.reply)
}

// inlineResults is the out of a mapReduce whose results are in the reply.
var inlineResults = bson.D{{Key: "inline", Value: 1}}

// mapReduce returns the command. inline reports whether its results are in the reply: the command is then a read,
// otherwise a write.
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
		f.addConcern(ctx, c.snapshot())
	}
	return f, inline
}

// The commands of the callback era without a method of the driver. The driver does not retry them.

// destination is the kind of server that a command goes to.
type destination int

const (
	toPrimary   destination = iota
	toPreferred             // by the collection's read preference
)

// legacyCommand starts a command. Its result is answer(reply).
func legacyCommand[T any](
	ctx context.Context, c *collection, f *arguments, to destination, answer func(reply bson.Raw) (T, error),
) *future.Future[T] {
	now, cmd := c.snapshot(), f.Raw()
	if f.err() != nil {
		return failed[T](c.db.client, f.err())
	}
	opts := options.RunCmd()
	if to == toPreferred && !inTransaction(ctx) { // a transaction has its own read preference
		opts.SetReadPreference(now.read.pref)
	}
	return submit(ctx, c.db.client, collectionOp(c, now, nil, func(ctx context.Context, coll *mongo.Collection) (none T, err error) {
		reply, err := coll.Database().RunCommand(ctx, cmd, opts).Raw()
		if err != nil {
			return none, err
		}
		return answer(reply)
	}))
}

// reply is an answer for legacyCommand. It returns the whole reply.
func (c *codec) reply(reply bson.Raw) (bson.M, error) { return decode[bson.M](c, reply) }

// documentsOf returns an answer for legacyCommand. It returns a list of documents in the reply.
func (c *codec) documentsOf(key string) func(reply bson.Raw) ([]bson.M, error) {
	return func(reply bson.Raw) ([]bson.M, error) {
		list, ok := reply.Lookup(key).ArrayOK()
		if !ok {
			return nil, newError(ProtocolError, "the reply has no list %q", key)
		}
		values, err := list.Values()
		if err != nil {
			return nil, &Error{class: InvalidBSON, cause: err}
		}
		docs := make([]bson.M, len(values))
		for i, v := range values {
			doc, ok := v.DocumentOK()
			if !ok {
				return nil, newError(ProtocolError, "the list %q of the reply has a %s: want a document", key, v.Type)
			}
			if docs[i], err = decode[bson.M](c, doc); err != nil {
				return nil, err
			}
		}
		return docs, nil
	}
}

// readConcern adds the collection's read concern.
func readConcern(ctx context.Context, f *arguments, c *collection) {
	if concern := c.ReadConcern(); concern != nil && concern.Level != "" && !inTransaction(ctx) {
		f.Add("readConcern", bson.D{{Key: "level", Value: concern.Level}})
	}
}
