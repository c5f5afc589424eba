package contract_test

import (
	"context"
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func findOneAndDelete(ops operations, filter any, opts ...options.Lister[options.FindOneAndDeleteOptions]) (bson.M, error) {
	return awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
		return c.FindOneAndDelete(ctx, filter, opts...)
	}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
		c.FindOneAndDelete(ctx, filter, done, opts...)
	})
}

func findOneAndReplace(
	ops operations, filter, replacement any, opts ...options.Lister[options.FindOneAndReplaceOptions],
) (bson.M, error) {
	return awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
		return c.FindOneAndReplace(ctx, filter, replacement, opts...)
	}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
		c.FindOneAndReplace(ctx, filter, replacement, done, opts...)
	})
}

func findOneAndUpdate(
	ops operations, filter, update any, opts ...options.Lister[options.FindOneAndUpdateOptions],
) (bson.M, error) {
	return awaitInStyle(ops, func(ctx context.Context, c futures) futureOfDocument {
		return c.FindOneAndUpdate(ctx, filter, update, opts...)
	}, func(ctx context.Context, c callbacks, done callbackOfDocument) {
		c.FindOneAndUpdate(ctx, filter, update, done, opts...)
	})
}

func TestFindOneAndReturnsDocumentBefore(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(3))
		noError(t, err)
		doc, err := findOneAndUpdate(ops, bson.M{"i": 1}, bson.M{"$set": bson.M{"nested": bson.M{"deep": true}}})
		if len(doc) != 2 || !isNumber(doc, 1) || err != nil {
			t.Errorf("FindOneAndUpdate: %v, %v; want the document before", doc, err)
		}
		doc, err = findOneAndReplace(ops, bson.M{"i": 1}, bson.M{"i": 11})
		if !isNumber(doc, 1) || err != nil {
			t.Fatalf("FindOneAndReplace: %v, %v; want the document before", doc, err)
		}
		if nested, ok := doc["nested"].(bson.M); !ok || nested["deep"] != true {
			t.Errorf("nested document is %#v, want bson.M with deep: true", doc["nested"])
		}
		doc, err = findOneAndDelete(ops, bson.M{"i": 11})
		if len(doc) != 2 || doc["_id"] != "0001" || err != nil {
			t.Errorf("FindOneAndDelete: %v, %v; want the replacement", doc, err)
		}
		if n, err := ops.CountDocuments(bson.D{}); n != 2 || err != nil {
			t.Errorf("%d documents are left, %v; want 2", n, err)
		}
	})
}

func TestFindOneAndReturnsDocumentAfter(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(3))
		noError(t, err)
		doc, err := findOneAndUpdate(ops, bson.D{}, bson.M{"$inc": bson.M{"i": 10}},
			options.FindOneAndUpdate().SetReturnDocument(options.After).SetSort(bson.M{"i": -1}))
		if !isNumber(doc, 12) || err != nil {
			t.Errorf("FindOneAndUpdate: %v, %v; want the last document after", doc, err)
		}
		doc, err = findOneAndReplace(ops, bson.M{"_id": "new"}, bson.M{"i": 100},
			options.FindOneAndReplace().SetReturnDocument(options.After).SetUpsert(true))
		if doc["_id"] != "new" || !isNumber(doc, 100) || err != nil {
			t.Errorf("FindOneAndReplace: %v, %v; want the document that was inserted", doc, err)
		}
	})
}

func TestFindOneAndWithoutMatchReturnsNil(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(1))
		noError(t, err)
		nobody := bson.M{"_id": "nobody"}
		if doc, err := findOneAndDelete(ops, nobody); doc != nil || err != nil {
			t.Errorf("FindOneAndDelete: %v, %v; want nil, nil", doc, err)
		}
		if doc, err := findOneAndReplace(ops, nobody, bson.M{}); doc != nil || err != nil {
			t.Errorf("FindOneAndReplace: %v, %v; want nil, nil", doc, err)
		}
		// An upsert has no document before it.
		doc, err := findOneAndUpdate(ops, nobody, bson.M{"$set": bson.M{"a": 1}}, options.FindOneAndUpdate().SetUpsert(true))
		if doc != nil || err != nil {
			t.Errorf("FindOneAndUpdate: %v, %v; want nil, nil", doc, err)
		}
		if doc, err := ops.FindOne(nobody); doc["a"] != int32(1) || err != nil {
			t.Errorf("upserted document: %v, %v; want a = 1", doc, err)
		}
	})
}

func TestFindOneAndWithWTimeout(t *testing.T) {
	inBothStyles(t, func(t *testing.T, ops operations) {
		noError(t, collectionOf(ops).SetWriteConcern(bson.M{"w": 1, "wtimeout": 10_000}))
		_, err := ops.InsertMany(numbered(2))
		noError(t, err)
		doc, err := findOneAndUpdate(ops, bson.M{"i": 1}, bson.M{"$set": bson.M{"a": 1}})
		if !isNumber(doc, 1) || err != nil {
			t.Errorf("FindOneAndUpdate: %v, %v; want document 1", doc, err)
		}
		if doc, err := findOneAndDelete(ops, bson.M{"i": 7}); doc != nil || err != nil {
			t.Errorf("FindOneAndDelete without a match: %v, %v; want nil, nil", doc, err)
		}
	})
}

func TestFindOneAndUpdateDuplicateKey(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "unique indexes on findAndModify")
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertMany(numbered(2))
		noError(t, err)
		ctx, coll := t.Context(), collectionOf(ops)
		_, err = coll.Database().Command(ctx, bson.D{{Key: "createIndexes", Value: coll.Name()}, {Key: "indexes", Value: bson.A{
			bson.M{"key": bson.M{"i": 1}, "name": "i_1", "unique": true},
		}}}).Await(ctx)
		noError(t, err)
		if _, err := findOneAndUpdate(ops, bson.M{"i": 0}, bson.M{"$set": bson.M{"i": 1}}); !errors.Is(err, motor.DuplicateKeyError) {
			t.Errorf("got %v, want a DuplicateKeyError", err)
		}
	})
}

func TestFindOneAndUpdateArrayFilters(t *testing.T) {
	mongotest.SkipIfEmbedded(t, "array filters")
	inBothStyles(t, func(t *testing.T, ops operations) {
		_, err := ops.InsertOne(bson.M{"_id": 1, "grades": bson.A{95, 102, 110}})
		noError(t, err)
		doc, err := findOneAndUpdate(ops, bson.M{"_id": 1}, bson.M{"$set": bson.M{"grades.$[high]": 100}}, options.FindOneAndUpdate().
			SetArrayFilters([]any{bson.M{"high": bson.M{"$gt": 100}}}).SetReturnDocument(options.After).
			SetCollation(&options.Collation{Locale: "fr"}).SetComment("why").SetProjection(bson.M{"_id": 0}))
		grades, _ := doc["grades"].(bson.A)
		if len(doc) != 1 || len(grades) != 3 || grades[0] != int32(95) || grades[1] != int32(100) || grades[2] != int32(100) || err != nil {
			t.Errorf("FindOneAndUpdate: %v, %v; want grades 95, 100, 100", doc, err)
		}
	})
}
