package command_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/command"
)

// The tests of this file set each field of a driver option struct separately. They fail if a field does not change the
// result: then the driver has added an option that this package does not know.

// internal are fields that only the driver's own packages set.
var internal = []string{"Internal"}

// sample returns a non-default value for an option.
func sample(t *testing.T, field reflect.StructField) reflect.Value {
	t.Helper()
	set := field.Name != "Ordered" // Ordered is the only option whose default is true
	for _, v := range []any{
		&set, new("text"), new(int32(7)), new(int64(7)), new(7.5), new(5 * time.Second), "text", true, 7,
		&options.Collation{Locale: "de"}, new(options.After), new(options.TailableAwait), []any{bson.D{{Key: "a", Value: 1}}},
		options.TimeSeries().SetTimeField("t"), options.DefaultIndex().SetStorageEngine(bson.D{{Key: "a", Value: 1}}),
	} {
		if reflect.TypeOf(v) == field.Type {
			return reflect.ValueOf(v)
		}
	}
	if field.Type.Kind() == reflect.Interface {
		return reflect.ValueOf(bson.D{{Key: "$a", Value: 1}})
	}
	t.Fatalf("%s: no sample for type %s; add one", field.Name, field.Type)
	return reflect.Value{}
}

// eachField calls check once for each exported field, with a copy of o that has this field set.
func eachField[O any](t *testing.T, o O, except []string, check func(field string, o O)) {
	t.Helper()
	typ := reflect.TypeFor[O]()
	for i := range typ.NumField() {
		field := typ.Field(i)
		if contains(except, field.Name) {
			continue
		}
		with := o
		reflect.ValueOf(&with).Elem().Field(i).Set(sample(t, field))
		check(field.Name, with)
	}
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// checkCommand tests that each option changes the command that build returns.
func checkCommand[O any](name string, except []string, build func(O) ([]*command.Builder, error)) func(*testing.T) {
	return func(t *testing.T) {
		outcome := func(o O) string {
			builders, err := build(o)
			all := fmt.Sprint(err)
			for _, b := range builders {
				all += fmt.Sprintln(b.Raw(), b.Err())
			}
			return all
		}
		var none O
		without := outcome(none)
		if strings.Contains(without, "error") {
			t.Fatal(without)
		}
		eachField(t, none, except, func(field string, o O) {
			if outcome(o) == without {
				t.Errorf("The %[3]s of this package ignores the driver's option %[1]T.%[2]s.", o, field, name)
			}
		})
	}
}

func one(b *command.Builder) ([]*command.Builder, error) { return []*command.Builder{b}, nil }

// and adds a statement to a command.
func and(b *command.Builder, statement bson.Raw, err error) ([]*command.Builder, error) {
	return []*command.Builder{b, command.New(bsoncodec.Codec{}, bson.E{Key: "statement", Value: statement})}, err
}

func TestCommandOptions(t *testing.T) {
	var c bsoncodec.Codec
	empty, change := document(bson.D{}), document(bson.D{{Key: "$set", Value: bson.D{}}})
	for _, test := range []struct {
		name  string
		check func(*testing.T)
	}{
		{"insert one", checkCommand("insert command", internal, func(o options.InsertOneOptions) ([]*command.Builder, error) {
			return one(command.InsertOne(c, "c", o))
		})},
		{"insert many", checkCommand("insert command", internal, func(o options.InsertManyOptions) ([]*command.Builder, error) {
			return one(command.InsertMany(c, "c", o))
		})},
		{"update", checkCommand("update command", internal, func(o options.UpdateOneOptions) ([]*command.Builder, error) {
			statement, err := command.UpdateStatement(c, empty, change, false, o)
			return and(command.Update(c, "c", o), statement, err)
		})},
		{"delete", checkCommand("delete command", internal, func(o options.DeleteOneOptions) ([]*command.Builder, error) {
			statement, err := command.DeleteStatement(c, empty, false, o)
			return and(command.Delete(c, "c", o), statement, err)
		})},
		{"bulk", checkCommand("bulk write command", internal, func(o options.BulkWriteOptions) ([]*command.Builder, error) {
			return one(command.Bulk(c, "c", command.UpdateKind, o))
		})},
		{"findAndModify", checkCommand("findAndModify command", internal, func(o options.FindOneAndUpdateOptions) ([]*command.Builder, error) {
			return one(command.FindAndModify(c, "c", empty, change, o))
		})},
		{"find", checkCommand("find command", []string{
			"Internal",
			"MaxAwaitTime", // the driver's cursor sends it with getMore
			"CursorType",   // sent as tailable and awaitData
		}, func(o options.FindOptions) ([]*command.Builder, error) {
			return one((&command.Query{Filter: empty, Options: o}).Find(c, "c"))
		})},
		{"create", checkCommand("create command", nil, func(o options.CreateCollectionOptions) ([]*command.Builder, error) {
			return one(command.Create(c, "c", o))
		})},
		{"create, time series", checkCommand("create command", nil, func(o options.TimeSeriesOptions) ([]*command.Builder, error) {
			literal := &options.TimeSeriesOptionsBuilder{Opts: (&command.Literal[options.TimeSeriesOptions]{Options: o}).List()}
			return one(command.Create(c, "c", options.CreateCollectionOptions{TimeSeriesOptions: literal}))
		})},
		{"create, default index", checkCommand("create command", nil, func(o options.DefaultIndexOptions) ([]*command.Builder, error) {
			literal := &options.DefaultIndexOptionsBuilder{Opts: (&command.Literal[options.DefaultIndexOptions]{Options: o}).List()}
			return one(command.Create(c, "c", options.CreateCollectionOptions{DefaultIndexOptions: literal}))
		})},
		{"createIndexes", checkCommand("createIndexes command", internal, func(o options.CreateIndexesOptions) ([]*command.Builder, error) {
			return one(command.CreateIndexes(c, "c", nil, o))
		})},
		{"index", checkCommand("index description", nil, func(o options.IndexOptions) ([]*command.Builder, error) {
			index, err := command.NewIndex(c, "key", o)
			if err != nil {
				return nil, err
			}
			return one(command.CreateIndexes(c, "c", []command.Index{index}, options.CreateIndexesOptions{}))
		})},
		{"collation", checkCommand("collation", nil, func(o options.Collation) ([]*command.Builder, error) {
			b := command.New(c)
			b.AddCollation(&o)
			return one(b)
		})},
	} {
		t.Run(test.name, test.check)
	}
}

func document(v any) bson.Raw {
	raw, err := bson.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

// checkConverter tests that each option has the same value after the conversion.
func checkConverter[O, P any](convert func(O) P) func(*testing.T) {
	return func(t *testing.T) {
		var none O
		eachField(t, none, internal, func(field string, o O) {
			want := reflect.ValueOf(o).FieldByName(field).Interface()
			got := reflect.ValueOf(convert(o)).FieldByName(field)
			if !got.IsValid() || !reflect.DeepEqual(got.Interface(), want) {
				t.Errorf("The conversion loses the driver's option %T.%s. It must be in %T.", o, field, convert(o))
			}
		})
	}
}

func TestConverterOptions(t *testing.T) {
	for _, test := range []struct {
		name  string
		check func(*testing.T)
	}{
		{"Counting", checkConverter(command.NewCounting)},
		{"UpdateMany", checkConverter(command.UpdateMany)},
		{"Replace", checkConverter(command.Replace)},
		{"DeleteMany", checkConverter(command.DeleteMany)},
		{"FindOneAndDelete", checkConverter(command.FindOneAndDelete)},
		{"FindOneAndReplace", checkConverter(command.FindOneAndReplace)},
	} {
		t.Run(test.name, test.check)
	}
}

// checkModel tests that each field of a write model is part of the encoded model and of its statement.
func checkModel[M any](valid M) func(*testing.T) {
	return func(t *testing.T) {
		var c bsoncodec.Codec
		encode := func(m M) (mongo.WriteModel, bson.Raw) {
			var b command.Builder
			model := b.Model(any(&m).(mongo.WriteModel))
			if b.Err() != nil {
				t.Fatalf("%+v: %v", m, b.Err())
			}
			s, err := command.StatementOf(c, model)
			if err != nil {
				t.Fatalf("%+v: %v", m, err)
			}
			return model, s.Doc
		}
		_, without := encode(valid)
		eachField(t, valid, []string{"Replacement", "Document"}, func(field string, m M) {
			model, statement := encode(m)
			if reflect.ValueOf(model).Elem().FieldByName(field).IsZero() {
				t.Errorf("The encoded write model loses the driver's field %T.%s.", m, field)
			}
			if reflect.DeepEqual(statement, without) {
				t.Errorf("The statement of this package ignores the driver's field %T.%s.", m, field)
			}
		})
	}
}

func TestModelFields(t *testing.T) {
	empty, change := bson.D{}, bson.D{{Key: "$set", Value: bson.D{}}}
	for _, test := range []struct {
		name  string
		check func(*testing.T)
	}{
		{"InsertOne", checkModel(mongo.InsertOneModel{Document: empty})},
		{"UpdateOne", checkModel(mongo.UpdateOneModel{Filter: empty, Update: change})},
		{"UpdateMany", checkModel(mongo.UpdateManyModel{Filter: empty, Update: change})},
		{"ReplaceOne", checkModel(mongo.ReplaceOneModel{Filter: empty, Replacement: empty})},
		{"DeleteOne", checkModel(mongo.DeleteOneModel{Filter: empty})},
		{"DeleteMany", checkModel(mongo.DeleteManyModel{Filter: empty})},
	} {
		t.Run(test.name, test.check)
	}
}
