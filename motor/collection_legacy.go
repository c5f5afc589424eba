package motor

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/bsoncodec"
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

// FindAndModifyOptions say what [Collection.FindAndModify] does to a document: exactly one of Update and Remove.
type FindAndModifyOptions struct {
	Update any  // operators, as in bson.M{"$set": ...}, a pipeline of these, or the document that replaces it
	Remove bool // delete it
	Upsert bool // insert it if there is none
	Sort   any  // a bson.D: the first document in this order is the one
	Fields any  // which fields are resolved to: a projection, or a []string of names; nil: all
	New    bool // resolve to the document as it is afterwards, instead of as it was
}

// FindAndModify changes, replaces or deletes the first document that matches query, as the options say. The result is
// the document, or, if none matches, the zero D: a nil map, a nil pointer. That is not an error. The driver does not
// retry it.
//
// Errors: [ValueError] unless there is either an update or Remove, and for an update that is empty; [TypeError] for a
// nil query; [InvalidDocument] for what cannot be encoded; [DuplicateKeyError], [OperationFailure], [WriteConcernError].
//
// Legacy: use FindOneAndUpdate, FindOneAndReplace or FindOneAndDelete. Motor: MotorCollection.find_and_modify.
func (c *Collection[D]) FindAndModify(ctx context.Context, query any, opts ...FindAndModifyOptions) *future.Future[D] {
	now := c.snapshot()
	fetch, err := c.findAndModify(ctx, now, query, opts)
	return submit(ctx, c.db.client, documentOp[D](&c.collection, now, err, fetch))
}

// FindAndModifyFullResponse is FindAndModify with the server's whole reply as the result: the document is its "value",
// and "lastErrorObject" tells what was done.
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
		return valueOf(reply), err
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
		f.Check(newError(ValueError, "FindAndModify must either update or remove"))
	case set.Update != nil && set.Remove:
		f.Check(newError(ValueError, "FindAndModify cannot both update and remove"))
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
			f.Check(newError(ValueError, "update is empty"))
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
		f.addConcern(ctx, c.snapshot())
	}
	return f, inline
}

// The commands of the callback era that the driver has no methods for. The driver does not retry them.

// destination is which server a command goes to.
type destination int

const (
	toPrimary   destination = iota
	toPreferred             // by the collection's read preference
)

// legacyCommand starts a command. The result is what answer makes of the reply.
func legacyCommand[T any](
	ctx context.Context, c *collection, f *arguments, to destination, answer func(reply bson.Raw) (T, error),
) *future.Future[T] {
	now, cmd := c.snapshot(), f.Raw()
	if f.err() != nil {
		return failed[T](c.db.client, f.err())
	}
	opts := options.RunCmd()
	if to == toPreferred && !inTransaction(ctx) { // a transaction has a read preference of its own
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

// reply is legacyCommand's answer where it is the whole reply.
func (c *codec) reply(reply bson.Raw) (bson.M, error) { return decode[bson.M](c, reply) }

// documentsOf returns legacyCommand's answer where it is a list of documents in the reply.
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
				return nil, newError(ProtocolError, "%q has a %s where a document is due", key, v.Type)
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
