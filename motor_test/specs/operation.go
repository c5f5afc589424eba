package specs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

// operation describes an operation of the format for all styles: the method of the handle, its arguments, and the
// handling of its result.
type operation struct {
	method   string
	required []parameter
	options  func() any // returns the driver's options, all unset; nil if the method takes none
	kind     resultKind
	run      func(r *run, e *entity, c call) (outcome, error) // for operations that are not a single method
}

type resultKind int

const (
	plain resultKind = iota
	list             // a cursor that is read to the end
	open             // a cursor that becomes an entity
)

// optional wraps a constructor of the driver's options.
func optional[B any](build func() B) func() any { return func() any { return build() } }

var (
	filter      = parameter{name: "filter", as: document}
	anyFilter   = parameter{name: "filter", as: document, fallback: bson.D{}}
	pipeline    = parameter{name: "pipeline", as: documents}
	change      = parameter{name: "update", as: update}
	replacement = parameter{name: "replacement", as: document}
	collection  = parameter{name: "collection", as: text}
	indexName   = parameter{name: "name", as: text}
)

// operations lists all supported operations by the kind of their object and their name.
var operations map[string]operation

func init() {
	changeStream := operation{method: "Watch", required: []parameter{pipeline}, options: optional(options.ChangeStream), kind: open}
	operations = map[string]operation{
		"collection.aggregate":              {method: "Aggregate", required: []parameter{pipeline}, options: optional(options.Aggregate), kind: list},
		"collection.bulkWrite":              {method: "BulkWrite", required: []parameter{{name: "requests", as: models}}, options: optional(options.BulkWrite)},
		"collection.countDocuments":         {method: "CountDocuments", required: []parameter{filter}, options: optional(options.Count)},
		"collection.createChangeStream":     changeStream,
		"collection.createFindCursor":       {method: "Find", required: []parameter{filter}, options: optional(options.Find), kind: open},
		"collection.createIndex":            {method: "CreateIndex", required: []parameter{{name: "keys", as: document}}, options: optional(options.Index)},
		"collection.createSearchIndex":      {method: "CreateSearchIndex", required: []parameter{{name: "model", as: searchModel}}},
		"collection.createSearchIndexes":    {method: "CreateSearchIndexes", required: []parameter{{name: "models", as: searchModels}}},
		"collection.deleteMany":             {method: "DeleteMany", required: []parameter{filter}, options: optional(options.DeleteMany)},
		"collection.deleteOne":              {method: "DeleteOne", required: []parameter{filter}, options: optional(options.DeleteOne)},
		"collection.distinct":               {method: "Distinct", required: []parameter{{name: "fieldName", as: text}, filter}, options: optional(options.Distinct)},
		"collection.dropIndex":              {method: "DropIndex", required: []parameter{indexName}, options: optional(options.DropIndexes)},
		"collection.dropIndexes":            {method: "DropIndexes", options: optional(options.DropIndexes)},
		"collection.dropSearchIndex":        {method: "DropSearchIndex", required: []parameter{indexName}},
		"collection.estimatedDocumentCount": {method: "EstimatedDocumentCount", options: optional(options.EstimatedDocumentCount)},
		"collection.find":                   {method: "Find", required: []parameter{filter}, options: optional(options.Find), kind: list},
		"collection.findOne":                {method: "FindOne", required: []parameter{filter}, options: optional(options.FindOne)},
		"collection.findOneAndDelete":       {method: "FindOneAndDelete", required: []parameter{filter}, options: optional(options.FindOneAndDelete)},
		"collection.findOneAndReplace":      {method: "FindOneAndReplace", required: []parameter{filter, replacement}, options: optional(options.FindOneAndReplace)},
		"collection.findOneAndUpdate":       {method: "FindOneAndUpdate", required: []parameter{filter, change}, options: optional(options.FindOneAndUpdate)},
		"collection.insertMany":             {method: "InsertMany", required: []parameter{{name: "documents", as: documents}}, options: optional(options.InsertMany)},
		"collection.insertOne":              {method: "InsertOne", required: []parameter{{name: "document", as: document}}, options: optional(options.InsertOne)},
		"collection.listIndexes":            {method: "ListIndexes", options: optional(options.ListIndexes), kind: list},
		"collection.listIndexNames":         {run: listIndexNames},
		"collection.listSearchIndexes":      {run: listSearchIndexes},
		"collection.rename":                 {method: "Rename", required: []parameter{{name: "to", as: text}}},
		"collection.replaceOne":             {method: "ReplaceOne", required: []parameter{filter, replacement}, options: optional(options.Replace)},
		"collection.updateMany":             {method: "UpdateMany", required: []parameter{filter, change}, options: optional(options.UpdateMany)},
		"collection.updateOne":              {method: "UpdateOne", required: []parameter{filter, change}, options: optional(options.UpdateOne)},
		"collection.updateSearchIndex":      {method: "UpdateSearchIndex", required: []parameter{indexName, {name: "definition", as: document}}},

		"database.aggregate":           {method: "Aggregate", required: []parameter{pipeline}, options: optional(options.Aggregate), kind: list},
		"database.createChangeStream":  changeStream,
		"database.createCollection":    {run: createCollection},
		"database.createCommandCursor": {run: commandCursor(open)},
		"database.dropCollection":      {method: "DropCollection", required: []parameter{collection}, options: optional(options.DropCollection)},
		"database.listCollectionNames": {method: "ListCollectionNames", required: []parameter{anyFilter}, options: optional(options.ListCollections)},
		"database.listCollections":     {method: "ListCollections", required: []parameter{anyFilter}, options: optional(options.ListCollections), kind: list},
		"database.modifyCollection":    {run: modifyCollection},
		"database.runCommand":          {method: "Command", required: []parameter{{name: "command", as: document}}, options: optional(options.RunCmd)},
		"database.runCursorCommand":    {run: commandCursor(list)},

		"client.clientBulkWrite":    {method: "BulkWrite", required: []parameter{{name: "models", as: clientModels}}, options: optional(options.ClientBulkWrite)},
		"client.createChangeStream": changeStream,
		"client.listDatabaseNames":  {method: "ListDatabaseNames", required: []parameter{anyFilter}, options: optional(options.ListDatabases)},
		"client.listDatabases":      {method: "ListDatabases", required: []parameter{anyFilter}, options: optional(options.ListDatabases), kind: list},
		"client.close":              {run: func(r *run, e *entity, _ call) (outcome, error) { return outcome{err: e.close(r.ctx)}, nil }},

		"bucket.delete":         {method: "Delete", required: []parameter{fileID}},
		"bucket.deleteByName":   {method: "DeleteByName", required: []parameter{filename}},
		"bucket.download":       {run: download("DownloadToStream", "id", anyValue)},
		"bucket.downloadByName": {run: download("DownloadToStreamByName", "filename", text)},
		"bucket.drop":           {method: "Drop"},
		"bucket.find":           {method: "Find", required: []parameter{filter}, options: optional(options.GridFSFind), kind: list},
		"bucket.rename":         {method: "Rename", required: []parameter{fileID, newFilename}},
		"bucket.renameByName":   {method: "RenameByName", required: []parameter{filename, newFilename}},
		"bucket.upload":         {run: uploading(operation{method: "UploadFromStream", required: []parameter{filename, source}})},
		"bucket.uploadWithId":   {run: uploading(operation{method: "UploadFromStreamWithID", required: []parameter{fileID, filename, source}})},

		"session.abortTransaction":  {run: sessionMethod("AbortTransaction")},
		"session.commitTransaction": {run: sessionMethod("CommitTransaction")},
		"session.endSession":        {run: sessionMethod("EndSession")},
		"session.startTransaction":  {run: startTransaction},
		"session.withTransaction":   {run: withTransaction},

		"cursor.close":                       {run: func(r *run, e *entity, _ call) (outcome, error) { return outcome{err: e.cursor.close(r.ctx)}, nil }},
		"cursor.iterateOnce":                 {run: func(r *run, e *entity, _ call) (outcome, error) { return read(e.cursor.try(r.ctx)) }},
		"cursor.iterateUntilDocumentOrError": {run: func(r *run, e *entity, _ call) (outcome, error) { return read(e.cursor.next(r.ctx)) }},
	}
}

// missing lists the operations of the format that are not supported yet. Those of key vaults are not in the list,
// since these entities are not supported at all.
var missing = map[string]bool{
	"client.appendMetadata": true, "collection.count": true, "collection.mapReduce": true,
}

// operate runs an operation on an entity. err reports an invalid file or a missing feature, not a failure of the
// operation.
func (r *run) operate(c call) (outcome, error) {
	e := r.entities.byID[c.Object]
	if e == nil {
		return outcome{}, fmt.Errorf("unknown entity %q", c.Object)
	}
	op, ok := operations[e.kind+"."+c.Name]
	switch {
	case missing[e.kind+"."+c.Name]:
		return outcome{}, &pending{c.Name}
	case !ok:
		return outcome{}, fmt.Errorf("%s has no operation %q", e.kind, c.Name)
	case op.run != nil:
		return op.run(r, e, c)
	}
	return r.perform(op, e, c)
}

// perform calls the method of an operation.
func (r *run) perform(op operation, e *entity, c call) (outcome, error) {
	var limit value // the driver no longer has an option for it, but Motor's cursors do
	if r.style.ofMotor() && op.method == "Find" {
		var err error
		if limit, c.Arguments, err = take(c.Arguments, "maxTimeMS"); err != nil {
			return outcome{}, err
		}
	}
	args, opts, err := op.arguments(c)
	if err != nil {
		return outcome{}, err
	}
	ctx, err := r.inSession(r.ctx, c.Arguments)
	if err != nil {
		return outcome{}, err
	}
	if ms, ok := c.Arguments.Lookup("timeoutMS").AsInt64OK(); ok {
		limited, cancel := context.WithTimeout(ctx, time.Duration(ms)*time.Millisecond)
		defer cancel()
		if ms == 0 {
			limited = motor.WithoutTimeout(ctx)
		}
		ctx = limited
	}
	o, err := r.style.call(ctx, e.handle, op.method, args, opts)
	if err != nil || o.err != nil {
		return o, err
	}
	if ms, ok := limit.AsInt64OK(); ok {
		if _, err := r.style.call(ctx, o.result, "MaxTimeMS", []any{ms}, nil); err != nil {
			return outcome{}, err
		}
	}
	return r.finish(ctx, op.kind, o, c)
}

// take removes an argument from args and returns it.
func take(args bson.Raw, name string) (taken value, others bson.Raw, err error) {
	if taken = args.Lookup(name); taken.IsZero() {
		return taken, args, nil
	}
	elements, err := args.Elements()
	if err != nil {
		return taken, args, err
	}
	rest := bson.D{}
	for _, element := range elements {
		if element.Key() != name {
			rest = append(rest, bson.E{Key: element.Key(), Value: element.Value()})
		}
	}
	others, err = bson.Marshal(rest)
	return taken, others, err
}

// arguments converts the arguments in a file to the arguments and options of a method.
func (op *operation) arguments(c call) (args, opts []any, err error) {
	var builder any
	if op.options != nil {
		builder = op.options()
		opts = []any{builder}
	}
	args = make([]any, len(op.required))
	for i, p := range op.required {
		args[i] = p.fallback
	}
	elements, err := c.Arguments.Elements()
	if c.Arguments != nil && err != nil {
		return nil, nil, err
	}
	for _, element := range elements {
		name, v := element.Key(), element.Value()
		i := slices.IndexFunc(op.required, func(p parameter) bool { return p.name == name })
		switch {
		case i >= 0:
			args[i], err = op.required[i].as(v)
		case name == "session", name == "timeoutMS": // part of the context
		case name == "commandName" && strings.HasSuffix(op.method, "Command"): // for languages with unordered maps
		default:
			err = set(builder, c.Name, name, v)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	for i, p := range op.required {
		if args[i] == nil {
			return nil, nil, fmt.Errorf("missing argument %q", p.name)
		}
	}
	return args, opts, nil
}

// finish converts the result of a method to the result of the operation.
func (r *run) finish(ctx context.Context, kind resultKind, o outcome, c call) (outcome, error) {
	if kind == plain {
		return o, nil
	}
	cur := cursorOf(r.style, o.result)
	if cur == nil {
		return o, fmt.Errorf("%s: want a cursor, got %T", c.Name, o.result)
	}
	if kind == open {
		o, err := cur.start(ctx)
		if err != nil || o.err != nil {
			return o, err
		}
		return outcome{result: cur}, nil
	}
	docs, o, err := cur.all(ctx)
	if err != nil || o.err != nil {
		return o, errors.Join(err, cur.close(ctx))
	}
	return outcome{result: docs}, cur.close(ctx)
}

// read returns the outcome of an operation that reads a document of a cursor.
func read(doc value, o outcome, err error) (outcome, error) {
	if err == nil && o.err == nil {
		o.result = doc
	}
	return o, err
}

// commandCursor sends a command whose reply has a cursor. batchSize, maxTimeMS and comment apply to the fetching of
// further batches.
func commandCursor(kind resultKind) func(*run, *entity, call) (outcome, error) {
	op := operation{method: "CursorCommand", required: []parameter{{name: "command", as: document}}, options: optional(options.RunCmd)}
	return func(r *run, e *entity, c call) (outcome, error) {
		later := map[string]value{}
		var err error
		for _, option := range []string{"batchSize", "maxTimeMS", "comment", "cursorType"} {
			if later[option], c.Arguments, err = take(c.Arguments, option); err != nil {
				return outcome{}, err
			}
		}
		delete(later, "cursorType") // the command has the cursor type itself
		o, err := r.perform(op, e, c)
		if err != nil || o.err != nil {
			return o, err
		}
		cur := cursorOf(r.style, o.result)
		if cur == nil {
			return o, fmt.Errorf("%s: want a cursor, got %T", c.Name, o.result)
		}
		for option, v := range later {
			if v.IsZero() {
				continue
			}
			if err := cur.set(r.ctx, option, v); err != nil {
				return outcome{}, errors.Join(err, cur.close(r.ctx))
			}
		}
		return r.finish(r.ctx, kind, o, c)
	}
}

// createCollection uses a command to create a view, since motor has no method for it.
func createCollection(r *run, e *entity, c call) (outcome, error) {
	if c.Arguments.Lookup("viewOn").IsZero() {
		op := operation{method: "CreateCollection", required: []parameter{collection}, options: optional(options.CreateCollection)}
		if !r.style.ofMotor() {
			return r.perform(op, e, c)
		}
		var (
			o   outcome
			err error
		)
		// Motor's create_collection first checks whether the collection exists (check_exists). The files do not expect
		// that.
		r.withoutEvents("listCollections", func() { o, err = r.perform(op, e, c) })
		return o, err
	}
	return r.command(e, "create", c)
}

func modifyCollection(r *run, e *entity, c call) (outcome, error) { return r.command(e, "collMod", c) }

// command sends a command whose value is the collection's name and whose other fields are the arguments.
func (r *run) command(e *entity, name string, c call) (outcome, error) {
	elements, err := c.Arguments.Elements()
	if err != nil {
		return outcome{}, err
	}
	command := bson.D{{Key: name, Value: c.Arguments.Lookup("collection")}}
	for _, element := range elements {
		switch element.Key() {
		case "collection", "session":
		default:
			command = append(command, bson.E{Key: element.Key(), Value: element.Value()})
		}
	}
	ctx, err := r.inSession(r.ctx, c.Arguments)
	if err != nil {
		return outcome{}, err
	}
	return r.style.call(ctx, e.handle, "Command", []any{command}, nil)
}

// listIndexNames returns the names of the indexes.
func listIndexNames(r *run, e *entity, c call) (outcome, error) {
	o, err := r.perform(operations["collection.listIndexes"], e, c)
	if err != nil || o.err != nil {
		return o, err
	}
	names := []string{}
	for _, index := range o.result.([]value) {
		names = append(names, index.Document().Lookup("name").StringValue())
	}
	return outcome{result: names}, nil
}

// listSearchIndexes passes the options of the aggregation, which the format has in a nested document.
func listSearchIndexes(r *run, e *entity, c call) (outcome, error) {
	name, _ := c.Arguments.Lookup("name").StringValueOK()
	aggregate := options.Aggregate()
	if doc, ok := c.Arguments.Lookup("aggregationOptions").DocumentOK(); ok {
		elements, err := doc.Elements()
		if err != nil {
			return outcome{}, err
		}
		for _, element := range elements {
			if err := set(aggregate, c.Name, element.Key(), element.Value()); err != nil {
				return outcome{}, err
			}
		}
	}
	opts := &options.ListSearchIndexesOptionsBuilder{Opts: []func(*options.ListSearchIndexesOptions) error{
		func(o *options.ListSearchIndexesOptions) error {
			o.AggregateOptions = new(options.AggregateOptions)
			for _, set := range aggregate.List() {
				if err := set(o.AggregateOptions); err != nil {
					return err
				}
			}
			return nil
		},
	}}
	o, err := r.style.call(r.ctx, e.handle, "ListSearchIndexes", []any{name}, []any{opts})
	if err != nil || o.err != nil {
		return o, err
	}
	return r.finish(r.ctx, list, o, c)
}
