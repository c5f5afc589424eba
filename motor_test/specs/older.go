package specs

import (
	"fmt"
	"os"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// olderFile is a file in the format that preceded the unified one. The suite read-write-concern still has such files.
// A file has one collection, and operations on it or on its database.
type olderFile struct {
	Database   string       `bson:"database_name"`
	Collection string       `bson:"collection_name"`
	RunOn      []olderRunOn `bson:"runOn"`
	Data       []bson.Raw   `bson:"data"`
	Tests      []olderTest  `bson:"tests"`
}

type olderRunOn struct {
	Min      string   `bson:"minServerVersion"`
	Max      string   `bson:"maxServerVersion"`
	Topology []string `bson:"topology"`
}

type olderTest struct {
	Description string `bson:"description"`
	SkipReason  string `bson:"skipReason"`
	Operations  []struct {
		Name              string   `bson:"name"`
		Object            string   `bson:"object"`
		CollectionOptions bson.Raw `bson:"collectionOptions"`
		DatabaseOptions   bson.Raw `bson:"databaseOptions"`
		Arguments         bson.Raw `bson:"arguments"`
		Error             bool     `bson:"error"`
		Result            value    `bson:"result"`
	} `bson:"operations"`
	Expectations []struct {
		Started bson.Raw `bson:"command_started_event"`
	} `bson:"expectations"`
	Outcome *struct {
		Collection struct {
			Name string     `bson:"name"`
			Data []bson.Raw `bson:"data"`
		} `bson:"collection"`
	} `bson:"outcome"`
}

// olderFolder is the folder with the files in this format.
const olderFolder = "/read-write-concern/operation/"

// readOlder converts such a file to the unified format. Each test becomes a file, since it has its own handles.
func readOlder(name string) ([]*file, error) {
	if !strings.Contains(strings.ReplaceAll(name, "\\", "/"), olderFolder) {
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

func (o *olderFile) unified(test olderTest) (*file, error) {
	entities := []bson.D{
		{{Key: "client", Value: bson.D{{Key: "id", Value: "client"}, {Key: "observeEvents", Value: bson.A{"commandStartedEvent"}}}}},
	}
	one := testCase{Description: test.Description, SkipReason: test.SkipReason}
	for i, c := range test.Operations {
		database, collection := fmt.Sprint("database", i), fmt.Sprint("collection", i)
		entities = append(entities,
			bson.D{{Key: "database", Value: withOption(bson.D{{Key: "id", Value: database}, {Key: "client", Value: "client"},
				{Key: "databaseName", Value: o.Database}}, "databaseOptions", c.DatabaseOptions)}},
			bson.D{{Key: "collection", Value: withOption(bson.D{{Key: "id", Value: collection}, {Key: "database", Value: database},
				{Key: "collectionName", Value: o.Collection}}, "collectionOptions", c.CollectionOptions)}})
		var err error
		unified := call{Name: c.Name, Object: collection, Arguments: c.Arguments, ExpectResult: c.Result}
		if c.Name == "bulkWrite" {
			if unified.Arguments, err = olderRequests(c.Arguments); err != nil {
				return nil, err
			}
		}
		if c.Object == "database" {
			unified.Object = database
		}
		if c.Error {
			unified.ExpectError = &expectedError{IsError: true}
		}
		one.Operations = append(one.Operations, unified)
	}
	expected := expectedEvents{Client: "client"}
	for _, e := range test.Expectations {
		started := bson.D{}
		for _, names := range [][2]string{{"command", "command"}, {"command_name", "commandName"}, {"database_name", "databaseName"}} {
			if v := e.Started.Lookup(names[0]); !v.IsZero() {
				unset, err := withUnset(v)
				if err != nil {
					return nil, err
				}
				started = append(started, bson.E{Key: names[1], Value: unset})
			}
		}
		raw, err := bson.Marshal(bson.D{{Key: "commandStartedEvent", Value: started}})
		if err != nil {
			return nil, err
		}
		expected.Events = append(expected.Events, raw)
	}
	if test.Expectations != nil {
		one.Events = []expectedEvents{expected}
	}
	data := collectionData{Database: o.Database, Collection: o.Collection, Documents: o.Data}
	f := &file{SchemaVersion: "1.0", InitialData: []collectionData{data}}
	if test.Outcome != nil {
		name := test.Outcome.Collection.Name
		if name == "" {
			name = o.Collection
		}
		one.Outcome = []collectionData{{Database: o.Database, Collection: name, Documents: test.Outcome.Collection.Data}}
	}
	for _, on := range o.RunOn {
		f.RunOn = append(f.RunOn, requirement{MinServerVersion: on.Min, MaxServerVersion: on.Max, Topologies: on.Topology})
	}
	for _, e := range entities {
		raw, err := bson.Marshal(e)
		if err != nil {
			return nil, err
		}
		f.Entities = append(f.Entities, raw)
	}
	f.Tests = []testCase{one}
	return f, nil
}

// olderRequests converts {name: "insertOne", arguments: {...}} to {insertOne: {...}}.
func olderRequests(args bson.Raw) (bson.Raw, error) {
	var parts struct {
		Requests []struct {
			Name      string   `bson:"name"`
			Arguments bson.Raw `bson:"arguments"`
		} `bson:"requests"`
		Options bson.Raw `bson:"options"`
	}
	if err := bson.Unmarshal(args, &parts); err != nil {
		return nil, err
	}
	requests := bson.A{}
	for _, one := range parts.Requests {
		requests = append(requests, bson.D{{Key: one.Name, Value: one.Arguments}})
	}
	unified := bson.D{{Key: "requests", Value: requests}}
	elements, err := parts.Options.Elements()
	if parts.Options != nil && err != nil {
		return nil, err
	}
	for _, element := range elements {
		unified = append(unified, bson.E{Key: element.Key(), Value: element.Value()})
	}
	return bson.Marshal(unified)
}

func withOption(d bson.D, name string, doc bson.Raw) bson.D {
	if doc != nil {
		d = append(d, bson.E{Key: name, Value: doc})
	}
	return d
}

// withUnset converts null, which means that a key must be absent in the older format, to the operator of the unified
// format.
func withUnset(v value) (any, error) {
	doc, ok := v.DocumentOK()
	if !ok {
		return v, nil
	}
	elements, err := doc.Elements()
	if err != nil {
		return nil, err
	}
	d := bson.D{}
	for _, element := range elements {
		var below any = bson.D{{Key: "$$exists", Value: false}}
		if element.Value().Type != bson.TypeNull {
			if below, err = withUnset(element.Value()); err != nil {
				return nil, err
			}
		}
		d = append(d, bson.E{Key: element.Key(), Value: below})
	}
	return d, nil
}
