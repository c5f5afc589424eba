package motor_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// bulkOf calls BulkWrite with a good write and the given one.
func bulkOf(m mongo.WriteModel) operation {
	return func(ctx context.Context, c collection) outcome {
		return started(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewInsertOneModel().SetDocument(bson.M{"_id": 1}), m}))
	}
}

// clientBulkOf does the same with Client.BulkWrite.
func clientBulkOf(m mongo.ClientWriteModel) operation {
	return func(ctx context.Context, c collection) outcome {
		good := mongo.NewClientInsertOneModel().SetDocument(bson.M{"_id": 1})
		return started(c.Database().Client().BulkWrite(ctx, []mongo.ClientBulkWrite{
			{Database: "d", Collection: "c", Model: good}, {Database: "d", Collection: "c", Model: m},
		}))
	}
}

func legacyInsert(documents any, opts ...motor.InsertOptions) operation {
	return func(ctx context.Context, c collection) outcome { return started(c.Insert(ctx, documents, opts...)) }
}

func legacySave(document any, opts ...motor.SaveOptions) operation {
	return func(ctx context.Context, c collection) outcome { return started(c.Save(ctx, document, opts...)) }
}

func legacyUpdate(spec, document any, opts ...motor.UpdateOptions) operation {
	return func(ctx context.Context, c collection) outcome {
		return started(c.Update(ctx, spec, document, opts...))
	}
}

func legacyRemove(specOrID any, opts ...motor.RemoveOptions) operation {
	return func(ctx context.Context, c collection) outcome { return started(c.Remove(ctx, specOrID, opts...)) }
}

// builder builds a bulk and executes it. Its errors are known before Execute.
func builder(name string, build func(*motor.BulkOperationBuilder), want *motor.ErrorClass) badWrite {
	return badWrite{"Bulk: " + name, func(ctx context.Context, c collection) outcome {
		b := c.InitializeOrderedBulkOp()
		build(b)
		return started(b.Execute(ctx))
	}, want}
}

// badWrite is a write that fails before anything is sent.
type badWrite struct {
	name string
	call operation
	want *motor.ErrorClass
}

func TestWriteBadArguments(t *testing.T) {
	query, set := bson.M{"a": 1}, bson.M{"$set": bson.M{"a": 1}}
	large := strings.Repeat("x", 16<<20)
	bulk := func(name string, m mongo.WriteModel, want *motor.ErrorClass) badWrite {
		return badWrite{"BulkWrite: " + name, bulkOf(m), want}
	}
	clientBulk := func(name string, m mongo.ClientWriteModel, want *motor.ErrorClass) badWrite {
		return badWrite{"Client.BulkWrite: " + name, clientBulkOf(m), want}
	}
	var noInsert *mongo.InsertOneModel
	var noClientInsert *mongo.ClientInsertOneModel
	tests := []badWrite{
		{"BulkWrite: nil", func(ctx context.Context, c collection) outcome {
			return started(c.BulkWrite(ctx, nil))
		}, motor.TypeError},
		{"BulkWrite: an empty list", func(ctx context.Context, c collection) outcome {
			return started(c.BulkWrite(ctx, []mongo.WriteModel{}))
		}, motor.InvalidOperation},
		{"BulkWrite: let", func(ctx context.Context, c collection) outcome {
			return started(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewInsertOneModel().SetDocument(query)},
				options.BulkWrite().SetLet(1)))
		}, motor.TypeError},
		{"BulkWrite: comment", func(ctx context.Context, c collection) outcome {
			return started(c.BulkWrite(ctx, []mongo.WriteModel{mongo.NewInsertOneModel().SetDocument(query)},
				options.BulkWrite().SetComment(make(chan int))))
		}, motor.InvalidDocument},
		bulk("a nil in the list", nil, motor.TypeError),
		bulk("a nil pointer in the list", noInsert, motor.TypeError),
		bulk("no document", mongo.NewInsertOneModel(), motor.TypeError),
		bulk("not a document", mongo.NewInsertOneModel().SetDocument(7), motor.TypeError),
		bulk("what cannot be encoded", mongo.NewInsertOneModel().SetDocument(panicked{}), motor.InvalidDocument),
		bulk("a large document", mongo.NewInsertOneModel().SetDocument(bson.M{"a": large}), motor.DocumentTooLarge),
		bulk("UpdateOne: no filter", mongo.NewUpdateOneModel().SetUpdate(set), motor.TypeError),
		bulk("UpdateOne: no update", mongo.NewUpdateOneModel().SetFilter(query), motor.TypeError),
		bulk("UpdateOne: no operators", mongo.NewUpdateOneModel().SetFilter(query).SetUpdate(query), motor.ValueError),
		bulk("UpdateOne: an array filter", mongo.NewUpdateOneModel().SetFilter(query).SetUpdate(set).
			SetArrayFilters([]any{nil}), motor.TypeError),
		bulk("UpdateOne: a hint without an order", mongo.NewUpdateOneModel().SetFilter(query).SetUpdate(set).
			SetHint(bson.M{"a": 1, "b": 1}), motor.TypeError),
		bulk("UpdateOne: a sort without an order", mongo.NewUpdateOneModel().SetFilter(query).SetUpdate(set).
			SetSort(bson.M{"a": 1, "b": 1}), motor.TypeError),
		bulk("UpdateOne: a large update", mongo.NewUpdateOneModel().SetFilter(query).
			SetUpdate(bson.M{"$set": bson.M{"a": large}}), motor.DocumentTooLarge),
		bulk("UpdateMany: an empty update", mongo.NewUpdateManyModel().SetFilter(query).SetUpdate(bson.M{}), motor.ValueError),
		bulk("ReplaceOne: operators", mongo.NewReplaceOneModel().SetFilter(query).SetReplacement(set), motor.ValueError),
		bulk("ReplaceOne: a large filter", mongo.NewReplaceOneModel().SetFilter(bson.M{"a": large}).SetReplacement(query),
			motor.DocumentTooLarge),
		bulk("DeleteOne: no filter", mongo.NewDeleteOneModel(), motor.TypeError),
		bulk("DeleteMany: a filter that cannot be encoded", mongo.NewDeleteManyModel().SetFilter(failing{}), motor.InvalidDocument),

		{"Client.BulkWrite: nil", func(ctx context.Context, c collection) outcome {
			return started(c.Database().Client().BulkWrite(ctx, nil))
		}, motor.TypeError},
		{"Client.BulkWrite: an empty list", func(ctx context.Context, c collection) outcome {
			return started(c.Database().Client().BulkWrite(ctx, []mongo.ClientBulkWrite{}))
		}, motor.InvalidOperation},
		{"Client.BulkWrite: the name of a database", func(ctx context.Context, c collection) outcome {
			return started(c.Database().Client().BulkWrite(ctx, []mongo.ClientBulkWrite{
				{Database: "a.b", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(query)},
			}))
		}, motor.InvalidName},
		{"Client.BulkWrite: the name of a collection", func(ctx context.Context, c collection) outcome {
			return started(c.Database().Client().BulkWrite(ctx, []mongo.ClientBulkWrite{
				{Database: "a", Collection: "", Model: mongo.NewClientInsertOneModel().SetDocument(query)},
			}))
		}, motor.InvalidName},
		clientBulk("no model", nil, motor.TypeError),
		clientBulk("a nil pointer", noClientInsert, motor.TypeError),
		clientBulk("no document", mongo.NewClientInsertOneModel(), motor.TypeError),
		clientBulk("a large document", mongo.NewClientInsertOneModel().SetDocument(bson.M{"a": large}), motor.DocumentTooLarge),
		clientBulk("UpdateOne: no operators", mongo.NewClientUpdateOneModel().SetFilter(query).SetUpdate(query), motor.ValueError),
		clientBulk("UpdateMany: no filter", mongo.NewClientUpdateManyModel().SetUpdate(set), motor.TypeError),
		clientBulk("ReplaceOne: operators", mongo.NewClientReplaceOneModel().SetFilter(query).SetReplacement(set), motor.ValueError),
		clientBulk("DeleteOne: no filter", mongo.NewClientDeleteOneModel(), motor.TypeError),
		clientBulk("DeleteMany: what cannot be encoded", mongo.NewClientDeleteManyModel().SetFilter(panicked{}), motor.InvalidDocument),

		{"Insert: nil", legacyInsert(nil), motor.TypeError},
		{"Insert: no document", legacyInsert(7), motor.TypeError},
		{"Insert: no documents", legacyInsert([]bson.M{}), motor.InvalidOperation},
		{"Insert: a nil among documents", legacyInsert([]bson.M{query, nil}), motor.TypeError},
		{"Insert: value that cannot be encoded", legacyInsert([]any{query, panicked{}}), motor.InvalidDocument},
		{"Insert: a large document", legacyInsert([]bson.M{query, {"a": large}}), motor.DocumentTooLarge},
		{"Insert: a key with '$'", legacyInsert(bson.M{"$a": 1}), motor.InvalidDocument},
		{"Insert: a key with '.'", legacyInsert(bson.M{"a.b": 1}), motor.InvalidDocument},
		{"Insert: a nested key", legacyInsert([]bson.M{{"a": bson.A{bson.A{bson.M{"$b": 1}}}}}), motor.InvalidDocument},
		{"Insert: a key beside $ref", legacyInsert(bson.M{"a": bson.D{{Key: "$ref", Value: "c"}}}), motor.InvalidDocument},
		{"Insert: a write concern", legacyInsert(query, motor.InsertOptions{W: 1.5}), motor.ConfigurationError},
		{"Insert: a negative wtimeout", legacyInsert(query, motor.InsertOptions{WTimeout: -1}), motor.ConfigurationError},
		{"Insert: j and fsync", legacyInsert([]bson.M{query}, motor.InsertOptions{J: true, FSync: true}), motor.ConfigurationError},
		{"Insert: w: 0 and j", legacyInsert(query, motor.InsertOptions{W: 0, J: true}), motor.ConfigurationError},
		{"Insert: two options", legacyInsert(query, motor.InsertOptions{}, motor.InsertOptions{}), motor.TypeError},
		{"Save: nil", legacySave(nil), motor.TypeError},
		{"Save: a list", legacySave([]bson.M{query}), motor.TypeError},
		{"Save: a key with '.'", legacySave(bson.M{"_id": 1, "a.b": 1}), motor.InvalidDocument},
		{"Save: a key with '$' and no _id", legacySave(bson.M{"$a": 1}), motor.InvalidDocument},
		{"Save: operators", legacySave(bson.D{{Key: "$set", Value: query}, {Key: "_id", Value: 1}},
			motor.SaveOptions{CheckKeys: new(false)}), motor.ValueError},
		{"Save: a write concern", legacySave(query, motor.SaveOptions{W: -1}), motor.ConfigurationError},
		{"Save: two options", legacySave(query, motor.SaveOptions{}, motor.SaveOptions{}), motor.TypeError},
		{"Update: no spec", legacyUpdate(nil, set), motor.TypeError},
		{"Update: no document", legacyUpdate(query, nil), motor.TypeError},
		{"Update: a pipeline", legacyUpdate(query, []bson.M{set}), motor.TypeError},
		{"Update: a replacement with Multi", legacyUpdate(query, query, motor.UpdateOptions{Multi: true}), motor.ValueError},
		{"Update: a key with '.'", legacyUpdate(query, bson.M{"a.b": 1}), motor.InvalidDocument},
		{"Update: value that cannot be encoded", legacyUpdate(query, failing{}), motor.InvalidDocument},
		{"Update: a large document", legacyUpdate(query, bson.M{"a": large}), motor.DocumentTooLarge},
		{"Update: a write concern", legacyUpdate(query, set, motor.UpdateOptions{W: ""}), motor.ConfigurationError},
		{"Update: two options", legacyUpdate(query, set, motor.UpdateOptions{}, motor.UpdateOptions{}), motor.TypeError},
		{"Remove: a nil map", legacyRemove(bson.M(nil)), motor.TypeError},
		{"Remove: a nil pointer", legacyRemove((*bson.ObjectID)(nil)), motor.TypeError},
		{"Remove: value that cannot be encoded", legacyRemove(bson.M{"a": make(chan int)}), motor.InvalidDocument},
		{"Remove: an _id that cannot be encoded", legacyRemove(make(chan int)), motor.InvalidDocument},
		{"Remove: a write concern", legacyRemove(query, motor.RemoveOptions{WTimeout: -1}), motor.ConfigurationError},
		{"Remove: two options", legacyRemove(query, motor.RemoveOptions{}, motor.RemoveOptions{}), motor.TypeError},

		builder("no writes", func(*motor.BulkOperationBuilder) {}, motor.InvalidOperation),
		builder("Insert: nil", func(b *motor.BulkOperationBuilder) { b.Insert(nil) }, motor.TypeError),
		builder("Insert: a key", func(b *motor.BulkOperationBuilder) { b.Insert(bson.M{"a.b": 1}) }, motor.InvalidDocument),
		builder("Insert: a large document", func(b *motor.BulkOperationBuilder) { b.Insert(bson.M{"a": large}) }, motor.DocumentTooLarge),
		builder("Find: nil", func(b *motor.BulkOperationBuilder) { b.Find(nil).Remove() }, motor.TypeError),
		builder("Find: two collations", func(b *motor.BulkOperationBuilder) { b.Find(query, nil, nil).RemoveOne() }, motor.TypeError),
		builder("Update: no operators", func(b *motor.BulkOperationBuilder) { b.Find(query).Update(query) }, motor.ValueError),
		builder("UpdateOne: nil", func(b *motor.BulkOperationBuilder) { b.Find(query).UpdateOne(nil) }, motor.TypeError),
		builder("ReplaceOne: operators", func(b *motor.BulkOperationBuilder) { b.Find(query).Upsert().ReplaceOne(set) }, motor.ValueError),
		{"Execute: a write concern", func(ctx context.Context, c collection) outcome {
			b := c.InitializeOrderedBulkOp()
			b.Insert(query)
			return started(b.Execute(ctx, bson.M{"zz": 1}))
		}, motor.ConfigurationError},
		{"Execute: two write concerns", func(ctx context.Context, c collection) outcome {
			b := c.InitializeOrderedBulkOp()
			b.Insert(query)
			return started(b.Execute(ctx, bson.M{}, bson.M{}))
		}, motor.TypeError},
		{"InitializeUnorderedBulkOp: two options", func(ctx context.Context, c collection) outcome {
			b := c.InitializeUnorderedBulkOp(motor.BulkOptions{}, motor.BulkOptions{})
			b.Insert(query)
			return started(b.Execute(ctx))
		}, motor.TypeError},

		{"InsertOne: a large document", func(ctx context.Context, c collection) outcome {
			return started(c.InsertOne(ctx, bson.M{"a": large}))
		}, motor.DocumentTooLarge},
		{"InsertOne: a key with NUL", func(ctx context.Context, c collection) outcome {
			return started(c.InsertOne(ctx, bson.M{"a\x00b": 1}))
		}, motor.InvalidDocument},
		{"InsertMany: a large document", func(ctx context.Context, c collection) outcome {
			return started(c.InsertMany(ctx, []bson.M{query, {"a": large}}))
		}, motor.DocumentTooLarge},
		{"UpdateOne: a large update", func(ctx context.Context, c collection) outcome {
			return started(c.UpdateOne(ctx, query, bson.M{"$set": bson.M{"a": large}}))
		}, motor.DocumentTooLarge},
		{"UpdateMany: a large filter", func(ctx context.Context, c collection) outcome {
			return started(c.UpdateMany(ctx, bson.M{"a": large}, set))
		}, motor.DocumentTooLarge},
		{"ReplaceOne: a large replacement", func(ctx context.Context, c collection) outcome {
			return started(c.ReplaceOne(ctx, query, bson.M{"a": large}))
		}, motor.DocumentTooLarge},
		{"DeleteMany: a large filter", func(ctx context.Context, c collection) outcome {
			return started(c.DeleteMany(ctx, bson.M{"a": large}))
		}, motor.DocumentTooLarge},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			coll := newClient(t, wiretest.Start(t, wiretest.Standalone).URI()).Database("d").Collection("c")
			if err := test.call(t.Context(), coll)(t.Context()); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %s", err, test.want.Name())
			}
			if coll.Database().Client().Stats().Completed != 0 {
				t.Error("got a command, want none")
			}
		})
	}
}

func TestWriteTooLarge(t *testing.T) {
	client := newClient(t, wiretest.Start(t, wiretest.Standalone, bson.M{"maxBsonObjectSize": 100}).URI())
	_, err := client.Open(t.Context()).Await(t.Context())
	noError(t, err)
	doc := bson.M{"a": strings.Repeat("x", 100)}
	for _, test := range []struct {
		name string
		wait outcome
	}{
		{"InsertOne", started(client.Database("d").Collection("c").InsertOne(t.Context(), doc))},
		{"InsertMany", started(client.Database("d").Collection("c").InsertMany(t.Context(), []bson.M{{}, doc}))},
		{"BulkWrite", bulkOf(mongo.NewInsertOneModel().SetDocument(doc))(t.Context(), client.Database("d").Collection("c"))},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantError{class: motor.DocumentTooLarge}.check(t, test.wait(t.Context()))
		})
	}
}
