package specs

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
)

// parameter is a required argument of an operation: its name in the format, and the function that converts it.
type parameter struct {
	name     string
	as       func(value) (any, error)
	fallback any // the default, if the format makes the argument optional
}

// setters are the methods of the driver's options whose names differ from the format's.
var setters = map[string]string{
	"showRecordId":          "ShowRecordID",
	"maxAwaitTimeMS":        "MaxAwaitTime",
	"size":                  "SizeInBytes",
	"timeseries":            "TimeSeriesOptions",
	"2dsphereIndexVersion":  "SphereVersion",
	"textIndexVersion":      "TextVersion",
	"bucketMaxSpanSeconds":  "BucketMaxSpan",
	"bucketRoundingSeconds": "BucketRounding",
	"verboseResults":        "VerboseResults",
}

// without lists arguments that no option of the driver supports, either no longer or not yet.
var without = map[string]bool{
	"maxTimeMS": true, "timeoutMode": true, "cursorTimeout": true, "rawData": true, "cursorType": true,
	"readConcern": true, "writeConcern": true, "dropTarget": true,
	"contentType": true,
}

// set passes an argument to the method of the driver's options that has its name.
func set(builder any, operation, name string, v value) error {
	title := setters[name]
	if title == "" {
		title = strings.ToUpper(name[:1]) + name[1:]
	}
	if _, ok := builder.(*options.CreateCollectionOptionsBuilder); ok && name == "max" {
		title = "MaxDocuments"
	}
	var method reflect.Value
	if builder != nil {
		method = reflect.ValueOf(builder).MethodByName("Set" + title)
	}
	if !method.IsValid() || method.Type().NumIn() != 1 {
		if without[name] {
			return &pending{operation + "(" + name + ")"}
		}
		return fmt.Errorf("unknown argument of %s: %q", operation, name)
	}
	arg, err := convert(v, name, method.Type().In(0))
	if err != nil {
		return fmt.Errorf("%s: %s: %w", operation, name, err)
	}
	method.Call([]reflect.Value{arg})
	return nil
}

// convert converts v to a type.
func convert(v value, name string, to reflect.Type) (reflect.Value, error) {
	none := reflect.Value{}
	switch to {
	case reflect.TypeFor[any]():
		native, err := nativeOf(v)
		return reflect.ValueOf(&native).Elem(), err
	case reflect.TypeFor[*options.Collation]():
		// The driver's type has no BSON tags. The format's names are those of its fields in lower camel case.
		c := new(options.Collation)
		elements, err := v.Document().Elements()
		for _, element := range elements {
			field := reflect.ValueOf(c).Elem().FieldByName(strings.ToUpper(element.Key()[:1]) + element.Key()[1:])
			if !field.IsValid() {
				return none, fmt.Errorf("unknown collation field %q", element.Key())
			}
			if err := element.Value().Unmarshal(field.Addr().Interface()); err != nil {
				return none, err
			}
		}
		return reflect.ValueOf(c), err
	case reflect.TypeFor[[]any]():
		docs, err := documents(v)
		if err != nil {
			return none, err
		}
		list := make([]any, 0)
		for _, doc := range docs.([]bson.Raw) {
			list = append(list, doc)
		}
		return reflect.ValueOf(list), nil
	case reflect.TypeFor[time.Duration]():
		unit := time.Millisecond
		if strings.HasSuffix(name, "Seconds") {
			unit = time.Second
		}
		n, ok := v.AsInt64OK()
		if !ok {
			return none, fmt.Errorf("want a number, got %s", v)
		}
		return reflect.ValueOf(time.Duration(n) * unit), nil
	case reflect.TypeFor[options.ReturnDocument]():
		return oneOf(v, map[string]any{"Before": options.Before, "After": options.After})
	case reflect.TypeFor[options.CursorType]():
		return oneOf(v, map[string]any{
			"nonTailable": options.NonTailable, "tailable": options.Tailable, "tailableAwait": options.TailableAwait})
	case reflect.TypeFor[*readpref.ReadPref]():
		pref, err := readPreferenceOf(v)
		return reflect.ValueOf(pref), err
	case reflect.TypeFor[*options.TimeSeriesOptionsBuilder]():
		series := options.TimeSeries()
		elements, err := v.Document().Elements()
		for _, element := range elements {
			if err := set(series, "timeseries", element.Key(), element.Value()); err != nil {
				return none, err
			}
		}
		return reflect.ValueOf(series), err
	}
	target := reflect.New(to)
	if err := v.Unmarshal(target.Interface()); err != nil {
		return none, err
	}
	return target.Elem(), nil
}

func oneOf(v value, names map[string]any) (reflect.Value, error) {
	text, _ := v.StringValueOK()
	one, ok := names[text]
	if !ok {
		return reflect.Value{}, fmt.Errorf("unsupported value %s", v)
	}
	return reflect.ValueOf(one), nil
}

// nativeOf returns v as the Go value that a program would use.
func nativeOf(v value) (any, error) {
	if doc, ok := v.DocumentOK(); ok {
		return doc, nil
	}
	if v.Type == bson.TypeArray {
		if docs, err := documents(v); err == nil {
			return docs, nil
		}
	}
	var native any
	err := v.Unmarshal(&native)
	return native, err
}

func document(v value) (any, error) {
	doc, ok := v.DocumentOK()
	if !ok {
		return nil, fmt.Errorf("want a document, got %s", v)
	}
	return doc, nil
}

func text(v value) (any, error) {
	s, ok := v.StringValueOK()
	if !ok {
		return nil, fmt.Errorf("want a string, got %s", v)
	}
	return s, nil
}

func documents(v value) (any, error) {
	array, ok := v.ArrayOK()
	if !ok {
		return nil, fmt.Errorf("want an array, got %s", v)
	}
	values, err := array.Values()
	docs := make([]bson.Raw, 0, len(values))
	for _, one := range values {
		doc, ok := one.DocumentOK()
		if !ok {
			return nil, fmt.Errorf("want documents, got %s", v)
		}
		docs = append(docs, doc)
	}
	return docs, err
}

// update converts a document or a pipeline.
func update(v value) (any, error) {
	if v.Type == bson.TypeArray {
		return documents(v)
	}
	return document(v)
}

// models converts the requests of a bulk write on a collection.
func models(v value) (any, error) {
	var all []mongo.WriteModel
	err := eachModel(v, map[string]func() any{
		"insertOne":  func() any { return mongo.NewInsertOneModel() },
		"updateOne":  func() any { return mongo.NewUpdateOneModel() },
		"updateMany": func() any { return mongo.NewUpdateManyModel() },
		"replaceOne": func() any { return mongo.NewReplaceOneModel() },
		"deleteOne":  func() any { return mongo.NewDeleteOneModel() },
		"deleteMany": func() any { return mongo.NewDeleteManyModel() },
	}, func(model any, _ string) {
		all = append(all, model.(mongo.WriteModel))
	})
	return all, err
}

// clientModels converts the requests of a bulk write on a client.
func clientModels(v value) (any, error) {
	var all []mongo.ClientBulkWrite
	err := eachModel(v, map[string]func() any{
		"insertOne":  func() any { return mongo.NewClientInsertOneModel() },
		"updateOne":  func() any { return mongo.NewClientUpdateOneModel() },
		"updateMany": func() any { return mongo.NewClientUpdateManyModel() },
		"replaceOne": func() any { return mongo.NewClientReplaceOneModel() },
		"deleteOne":  func() any { return mongo.NewClientDeleteOneModel() },
		"deleteMany": func() any { return mongo.NewClientDeleteManyModel() },
	}, func(model any, namespace string) {
		database, collection, _ := strings.Cut(namespace, ".")
		all = append(all, mongo.ClientBulkWrite{Database: database, Collection: collection, Model: model.(mongo.ClientWriteModel)})
	})
	return all, err
}

// eachModel converts requests such as {insertOne: {document: {x: 1}}} to the driver's models.
func eachModel(v value, constructors map[string]func() any, add func(model any, namespace string)) error {
	requests, err := documents(v)
	if err != nil {
		return err
	}
	for _, request := range requests.([]bson.Raw) {
		name, args, err := theOnly(request)
		if err != nil {
			return err
		}
		construct, ok := constructors[name]
		if !ok {
			return fmt.Errorf("unknown request %q", name)
		}
		model, namespace := construct(), ""
		elements, err := args.Elements()
		if err != nil {
			return err
		}
		for _, element := range elements {
			if element.Key() == "namespace" {
				namespace, _ = element.Value().StringValueOK()
				continue
			}
			if err := set(model, name, element.Key(), element.Value()); err != nil {
				return err
			}
		}
		add(model, namespace)
	}
	return nil
}

// searchModel converts the model of createSearchIndex.
func searchModel(v value) (any, error) {
	doc, ok := v.DocumentOK()
	if !ok {
		return nil, fmt.Errorf("want a document, got %s", v)
	}
	model := mongo.SearchIndexModel{Options: options.SearchIndexes()}
	elements, err := doc.Elements()
	if err != nil {
		return nil, err
	}
	for _, element := range elements {
		if element.Key() == "definition" {
			if model.Definition, err = document(element.Value()); err != nil {
				return nil, err
			}
			continue
		}
		if err := set(model.Options, "createSearchIndex", element.Key(), element.Value()); err != nil {
			return nil, err
		}
	}
	return model, nil
}

func searchModels(v value) (any, error) {
	docs, err := documents(v)
	if err != nil {
		return nil, err
	}
	list := []mongo.SearchIndexModel{}
	for _, doc := range docs.([]bson.Raw) {
		model, err := searchModel(ofDocument(doc))
		if err != nil {
			return nil, err
		}
		list = append(list, model.(mongo.SearchIndexModel))
	}
	return list, nil
}
