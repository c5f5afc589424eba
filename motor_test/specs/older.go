package specs

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// olderFile is a file in one of the formats that preceded the unified one. A file has one collection or bucket, and
// operations on it, on its database, on the client, and on two sessions.
type olderFile struct {
	Database   string       `bson:"database_name"`
	Collection string       `bson:"collection_name"`
	Bucket     string       `bson:"bucket_name"`
	RunOn      []olderRunOn `bson:"runOn"`
	Min        string       `bson:"minServerVersion"`
	Max        string       `bson:"maxServerVersion"`
	Data       value        `bson:"data"` // documents, or for a bucket a document of them by collection
	Tests      []olderTest  `bson:"tests"`
}

type olderRunOn struct {
	Min      string   `bson:"minServerVersion"`
	Max      string   `bson:"maxServerVersion"`
	Topology []string `bson:"topology"`
}

type olderTest struct {
	Description    string              `bson:"description"`
	SkipReason     string              `bson:"skipReason"`
	ClientOptions  bson.Raw            `bson:"clientOptions"`
	SessionOptions map[string]bson.Raw `bson:"sessionOptions"`
	FailPoint      bson.Raw            `bson:"failPoint"`
	Operations     []olderCall         `bson:"operations"`
	Operation      *olderCall          `bson:"operation"` // in the oldest format, with its result in Outcome
	Expectations   []struct {
		Started bson.Raw `bson:"command_started_event"`
	} `bson:"expectations"`
	Outcome *struct {
		Error      bool  `bson:"error"`
		Result     value `bson:"result"`
		Collection *struct {
			Name string     `bson:"name"`
			Data []bson.Raw `bson:"data"`
		} `bson:"collection"`
	} `bson:"outcome"`
}

type olderCall struct {
	Name              string   `bson:"name"`
	Object            string   `bson:"object"`
	CollectionOptions bson.Raw `bson:"collectionOptions"`
	DatabaseOptions   bson.Raw `bson:"databaseOptions"`
	Arguments         bson.Raw `bson:"arguments"`
	Error             bool     `bson:"error"`
	Result            value    `bson:"result"`
}

// olderFolders are the folders with files in these formats.
var olderFolders = []string{
	"/read-write-concern/operation/", "/retryable-reads/", "/retryable-writes/", "/transactions/", "/convenient-transactions/",
	"/crud/v1/",
}

// readOlder converts such a file to the unified format. Each test becomes a file, since it has its own handles.
func readOlder(name string) ([]*file, error) {
	path := strings.ReplaceAll(name, "\\", "/")
	if !slices.ContainsFunc(olderFolders, func(folder string) bool { return strings.Contains(path, folder) }) {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var older olderFile
	if err := bson.UnmarshalExtJSON(text, false, &older); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if older.Database == "" {
		older.Database = "older-specification-tests"
	}
	if older.Collection == "" {
		older.Collection = "test"
	}
	var files []*file
	for _, test := range older.Tests {
		f, err := older.unified(test)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", name, test.Description, err)
		}
		files = append(files, f)
	}
	return files, nil
}

// olderConversion is the conversion of one test.
type olderConversion struct {
	file     *olderFile
	test     olderTest
	entities []bson.D
	calls    int
}

func (o *olderFile) unified(test olderTest) (*file, error) {
	c := &olderConversion{file: o, test: test}
	client := bson.D{{Key: "id", Value: "client"}, {Key: "observeEvents", Value: bson.A{"commandStartedEvent"}}}
	c.entity("client", withOption(client, "uriOptions", test.ClientOptions))
	for _, id := range []string{"session0", "session1"} {
		c.entity("session", withOption(bson.D{{Key: "id", Value: id}, {Key: "client", Value: "client"}},
			"sessionOptions", test.SessionOptions[id]))
	}
	one := testCase{Description: test.Description, SkipReason: test.SkipReason}
	if test.FailPoint != nil {
		args, err := bson.Marshal(bson.D{{Key: "client", Value: "client"}, {Key: "failPoint", Value: test.FailPoint}})
		if err != nil {
			return nil, err
		}
		one.Operations = append(one.Operations, call{Name: "failPoint", Object: "testRunner", Arguments: args})
	}
	calls := test.Operations
	if test.Operation != nil {
		own := *test.Operation
		if test.Outcome != nil {
			own.Error, own.Result = test.Outcome.Error, test.Outcome.Result
		}
		calls = []olderCall{own}
	}
	for _, older := range calls {
		unified, err := c.call(older)
		if err != nil {
			return nil, err
		}
		one.Operations = append(one.Operations, unified)
	}
	var err error
	if one.Events, err = test.events(o.Bucket != ""); err != nil {
		return nil, err
	}
	f := &file{SchemaVersion: "1.0"}
	if f.InitialData, err = o.data(); err != nil {
		return nil, err
	}
	if test.Outcome != nil && test.Outcome.Collection != nil {
		name := test.Outcome.Collection.Name
		if name == "" {
			name = o.Collection
		}
		one.Outcome = []collectionData{{Database: o.Database, Collection: name, Documents: test.Outcome.Collection.Data}}
	}
	for _, on := range o.RunOn {
		f.RunOn = append(f.RunOn, requirement{MinServerVersion: on.Min, MaxServerVersion: on.Max, Topologies: on.Topology})
	}
	if o.Min != "" || o.Max != "" {
		f.RunOn = append(f.RunOn, requirement{MinServerVersion: o.Min, MaxServerVersion: o.Max})
	}
	for _, e := range c.entities {
		raw, err := bson.Marshal(e)
		if err != nil {
			return nil, err
		}
		f.Entities = append(f.Entities, raw)
	}
	f.Tests = []testCase{one}
	return f, nil
}

func (c *olderConversion) entity(kind string, fields bson.D) {
	c.entities = append(c.entities, bson.D{{Key: kind, Value: fields}})
}

// data returns the contents of the collections before a test.
func (o *olderFile) data() ([]collectionData, error) {
	if o.Data.IsZero() {
		return []collectionData{{Database: o.Database, Collection: o.Collection}}, nil
	}
	if o.Data.Type == bson.TypeArray {
		data := collectionData{Database: o.Database, Collection: o.Collection}
		err := o.Data.Unmarshal(&data.Documents)
		return []collectionData{data}, err
	}
	byName := bson.D{}
	if err := o.Data.Unmarshal(&byName); err != nil {
		return nil, err
	}
	var all []collectionData
	for _, e := range byName {
		data := collectionData{Database: o.Database, Collection: e.Key}
		if err := o.Data.Document().Lookup(e.Key).Unmarshal(&data.Documents); err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

// olderNames are the operations with another name in the unified format.
var olderNames = map[string]string{
	"watch": "createChangeStream", "download_by_name": "downloadByName", "listDatabaseObjects": "listDatabases",
	"listCollectionObjects": "listCollections",
}

// call converts an operation. Each has its own handles, since each may have its own options.
func (c *olderConversion) call(o olderCall) (call, error) {
	unified := call{Name: o.Name, Object: o.Object, ExpectResult: o.Result}
	if name := olderNames[o.Name]; name != "" {
		unified.Name = name
	}
	id := fmt.Sprint(c.calls)
	c.calls++
	switch o.Object {
	case "", "collection", "database", "gridfsbucket":
		database := "database" + id
		c.entity("database", withOption(bson.D{{Key: "id", Value: database}, {Key: "client", Value: "client"},
			{Key: "databaseName", Value: c.file.Database}}, "databaseOptions", o.DatabaseOptions))
		unified.Object = database
		switch o.Object {
		case "", "collection":
			unified.Object = "collection" + id
			c.entity("collection", withOption(bson.D{{Key: "id", Value: unified.Object}, {Key: "database", Value: database},
				{Key: "collectionName", Value: c.file.Collection}}, "collectionOptions", o.CollectionOptions))
		case "gridfsbucket":
			unified.Object = "bucket" + id
			c.entity("bucket", bson.D{{Key: "id", Value: unified.Object}, {Key: "database", Value: database}})
		}
	}
	var err error
	if unified.Arguments, err = c.arguments(o); err != nil {
		return unified, err
	}
	if expected, ok := olderError(o.Result); ok {
		unified.ExpectError, unified.ExpectResult = expected, value{}
	} else if o.Error {
		unified.ExpectError, unified.ExpectResult = &expectedError{IsError: true}, value{}
	} else if unified.ExpectResult, err = olderResult(o.Result); err != nil {
		return unified, err
	}
	if unified.Name == "createChangeStream" && unified.ExpectError == nil {
		unified.SaveAs = "stream" + id
	}
	return unified, nil
}

// olderArguments are the arguments of the test runner with another name in the unified format.
var olderArguments = map[string]string{"database": "databaseName", "collection": "collectionName", "index": "indexName"}

// arguments converts the arguments of an operation. Options become arguments themselves.
func (c *olderConversion) arguments(o olderCall) (bson.Raw, error) {
	elements, err := o.Arguments.Elements()
	if o.Arguments != nil && err != nil {
		return nil, err
	}
	args := bson.D{}
	for _, e := range elements {
		switch key := e.Key(); {
		case key == "options":
			inner, err := e.Value().Document().Elements()
			if err != nil {
				return nil, err
			}
			for _, one := range inner {
				args = append(args, bson.E{Key: one.Key(), Value: one.Value()})
			}
		case key == "requests":
			requests, err := olderRequests(e.Value())
			if err != nil {
				return nil, err
			}
			args = append(args, bson.E{Key: key, Value: requests})
		case key == "callback":
			var callback struct {
				Operations []olderCall `bson:"operations"`
			}
			if err := e.Value().Unmarshal(&callback); err != nil {
				return nil, err
			}
			inner := bson.A{}
			for _, one := range callback.Operations {
				unified, err := c.call(one)
				if err != nil {
					return nil, err
				}
				inner = append(inner, unified.document())
			}
			args = append(args, bson.E{Key: key, Value: inner})
		case o.Object == "testRunner" && olderArguments[key] != "":
			args = append(args, bson.E{Key: olderArguments[key], Value: e.Value()})
		default:
			args = append(args, bson.E{Key: key, Value: e.Value()})
		}
	}
	switch o.Name {
	case "watch":
		if o.Arguments.Lookup("pipeline").IsZero() {
			args = append(args, bson.E{Key: "pipeline", Value: bson.A{}})
		}
	case "countDocuments", "distinct", "find", "findOne":
		if o.Arguments.Lookup("filter").IsZero() {
			args = append(args, bson.E{Key: "filter", Value: bson.D{}})
		}
	}
	return bson.Marshal(args)
}

// document returns the operation as it stands in a file.
func (c *call) document() bson.D {
	doc := bson.D{{Key: "name", Value: c.Name}, {Key: "object", Value: c.Object}, {Key: "arguments", Value: c.Arguments}}
	if c.ExpectError != nil {
		doc = append(doc, bson.E{Key: "expectError", Value: bson.D{{Key: "isError", Value: true},
			{Key: "errorContains", Value: c.ExpectError.Contains}, {Key: "errorCode", Value: c.ExpectError.Code},
			{Key: "errorCodeName", Value: c.ExpectError.CodeName}, {Key: "errorLabelsContain", Value: c.ExpectError.LabelsContain},
			{Key: "errorLabelsOmit", Value: c.ExpectError.LabelsOmit}}})
	}
	if !c.ExpectResult.IsZero() {
		doc = append(doc, bson.E{Key: "expectResult", Value: c.ExpectResult})
	}
	if c.SaveAs != "" {
		doc = append(doc, bson.E{Key: "saveResultAsEntity", Value: c.SaveAs})
	}
	return doc
}

// olderError converts a result that describes an error.
func olderError(result value) (*expectedError, bool) {
	doc, ok := result.DocumentOK()
	if !ok {
		return nil, false
	}
	elements, err := doc.Elements()
	if err != nil || len(elements) == 0 {
		return nil, false
	}
	expected := &expectedError{IsError: true}
	for _, e := range elements {
		if !strings.HasPrefix(e.Key(), "error") {
			return nil, false
		}
	}
	return expected, bson.Unmarshal(doc, expected) == nil
}

// optionalResults are the fields of results that a driver may leave out.
var optionalResults = []string{"insertedId", "insertedIds", "insertedCount", "upsertedId", "upsertedIds", "upsertedCount"}

// olderResult converts a result.
func olderResult(result value) (value, error) {
	doc, ok := result.DocumentOK()
	if !ok {
		return result, nil
	}
	elements, err := doc.Elements()
	if err != nil {
		return value{}, err
	}
	unified := bson.D{}
	for _, e := range elements {
		var field any = e.Value()
		if slices.Contains(optionalResults, e.Key()) {
			field = bson.D{{Key: "$$unsetOrMatches", Value: field}}
		}
		unified = append(unified, bson.E{Key: e.Key(), Value: field})
	}
	raw, err := bson.Marshal(unified)
	return ofDocument(raw), err
}

// events converts the expected events.
func (t *olderTest) events(inBucket bool) ([]expectedEvents, error) {
	if t.Expectations == nil {
		return nil, nil
	}
	expected := expectedEvents{Client: "client"}
	for _, e := range t.Expectations {
		started := bson.D{}
		for _, names := range [][2]string{{"command", "command"}, {"command_name", "commandName"}, {"database_name", "databaseName"}} {
			if v := e.Started.Lookup(names[0]); !v.IsZero() {
				unified, err := withOperators("", v, inBucket)
				if err != nil {
					return nil, err
				}
				started = append(started, bson.E{Key: names[1], Value: unified})
			}
		}
		raw, err := bson.Marshal(bson.D{{Key: "commandStartedEvent", Value: started}})
		if err != nil {
			return nil, err
		}
		expected.Events = append(expected.Events, raw)
	}
	return []expectedEvents{expected}, nil
}

// olderRequests converts {name: "insertOne", arguments: {...}} to {insertOne: {...}}.
func olderRequests(list value) (bson.A, error) {
	var older []struct {
		Name      string   `bson:"name"`
		Arguments bson.Raw `bson:"arguments"`
	}
	if err := list.Unmarshal(&older); err != nil {
		return nil, err
	}
	requests := bson.A{}
	for _, one := range older {
		requests = append(requests, bson.D{{Key: one.Name, Value: one.Arguments}})
	}
	return requests, nil
}

func withOption(d bson.D, name string, doc bson.Raw) bson.D {
	if doc != nil {
		d = append(d, bson.E{Key: name, Value: doc})
	}
	return d
}

// withOperators converts an expected value to the operators of the unified format: null means that a key must be
// absent, 42 stands for any value, and the lsid is the name of a session. The driver asks for the files of a bucket with
// $eq, which means the same.
func withOperators(key string, v value, inBucket bool) (any, error) {
	session, _ := v.StringValueOK()
	number, isNumber := v.AsInt64OK()
	switch {
	case v.Type == bson.TypeNull:
		return bson.D{{Key: "$$exists", Value: false}}, nil
	case key == "lsid" && session != "":
		return bson.D{{Key: "$$sessionLsid", Value: session}}, nil
	case isNumber && number == 42, session == "42":
		return bson.D{{Key: "$$exists", Value: true}}, nil
	}
	doc, ok := v.DocumentOK()
	switch {
	case inBucket && (key == "_id" || key == "files_id"):
		return bson.D{{Key: "$eq", Value: v}}, nil
	case !ok:
		return v, nil
	}
	elements, err := doc.Elements()
	if err != nil {
		return nil, err
	}
	d := bson.D{}
	for _, e := range elements {
		below, err := withOperators(e.Key(), e.Value(), inBucket)
		if err != nil {
			return nil, err
		}
		d = append(d, bson.E{Key: e.Key(), Value: below})
	}
	return d, nil
}
