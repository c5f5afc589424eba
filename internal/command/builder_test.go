package command_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/bsoncodec"
	"github.com/gomotor/gomotor/internal/command"
)

func TestBuilder(t *testing.T) {
	b := command.New(bsoncodec.Codec{}, bson.E{Key: "say", Value: 1})
	b.AddValue("nothing", nil)
	b.AddDocument("nothing", nil)
	b.AddKeysOrName("nothing", nil)
	b.AddDocuments("nothing", nil)
	b.AddCollation(nil)
	b.AddTrue("nothing", false)
	b.AddPositive("nothing", 0)
	b.AddJavaScript("nothing", nil)
	command.AddOptional[bool](b, "nothing", nil)
	b.AddKeysOrName("name", "a_1")
	b.AddKeysOrName("keys", bson.D{{Key: "a", Value: 1}})
	b.AddFieldNames("fields", []string{"x", "y"})
	b.AddJavaScript("code", "f()")
	command.AddOptional(b, "flag", new(false))
	want := document(bson.D{
		{Key: "say", Value: 1}, {Key: "name", Value: "a_1"}, {Key: "keys", Value: bson.D{{Key: "a", Value: 1}}},
		{Key: "fields", Value: bson.D{{Key: "x", Value: 1}, {Key: "y", Value: 1}}}, {Key: "code", Value: bson.JavaScript("f()")},
		{Key: "flag", Value: false},
	})
	if got := b.Raw(); string(got) != string(want) || b.Err() != nil {
		t.Errorf("got %s, %v, want %s", got, b.Err(), want)
	}
}

func TestBuilderErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		add  func(*command.Builder)
		want bsoncodec.Kind
	}{
		{"document", func(b *command.Builder) { b.Document("argument", 1) }, bsoncodec.WrongType},
		{"too large", func(b *command.Builder) { b.Document("argument", bson.D{{Key: "a", Value: "0123456789"}}) }, bsoncodec.TooLarge},
		{"not encodable", func(b *command.Builder) { b.AddValue("value", func() {}) }, bsoncodec.CannotEncode},
		{"keys without order", func(b *command.Builder) { b.AddKeys("keys", bson.M{"a": 1, "b": 1}) }, bsoncodec.WrongType},
		{"negative number", func(b *command.Builder) { b.AddPositive("limit", -1) }, bsoncodec.WrongValue},
		{"code", func(b *command.Builder) { b.AddJavaScript("code", 1) }, bsoncodec.WrongType},
		{"update without operators", func(b *command.Builder) { b.Update(bson.D{{Key: "a", Value: 1}}) }, bsoncodec.WrongValue},
		{"replacement with operators", func(b *command.Builder) { b.Replacement(bson.D{{Key: "$a", Value: 1}}) }, bsoncodec.WrongValue},
		{"nil write", func(b *command.Builder) { b.Model((*mongo.InsertOneModel)(nil)) }, bsoncodec.WrongType},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := command.Builder{Limit: 20}
			c.add(&b)
			b.Failf(bsoncodec.InvalidDocument, "a later error")
			var got *bsoncodec.Error
			if !errors.As(b.Err(), &got) || got.Kind != c.want {
				t.Errorf("Err() = %v, want the kind of the first error", b.Err())
			}
			if raw := b.Raw(); raw != nil {
				t.Errorf("Raw() = %s, want nil after an error", raw)
			}
		})
	}
}

func TestCreateWithEncryption(t *testing.T) {
	b := command.Create(bsoncodec.Codec{}, "c", options.CreateCollectionOptions{EncryptedFields: bson.D{}})
	if !errors.Is(b.Err(), command.ErrEncryption) {
		t.Errorf("got %v, want ErrEncryption", b.Err())
	}
}

func TestIndexName(t *testing.T) {
	for _, test := range []struct {
		keys any
		want string
	}{
		{"a", "a_1"},
		{bson.D{{Key: "a", Value: 1}, {Key: "b", Value: -1}}, "a_1_b_-1"},
		{bson.D{{Key: "a", Value: "text"}}, "a_text"},
		{bson.D{{Key: "a", Value: 1.5}}, "a_1.5"},
	} {
		index, err := command.NewIndex(bsoncodec.Codec{}, test.keys, options.IndexOptions{})
		if err != nil {
			t.Errorf("NewIndex(%v): got error %v, want none", test.keys, err)
			continue
		}
		if got := index.Name(); got != test.want {
			t.Errorf("NewIndex(%v).Name() = %q, want %q", test.keys, got, test.want)
		}
	}
}
