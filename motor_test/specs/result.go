package specs

import (
	"fmt"
	"reflect"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/motor"
)

// resultOf converts a result of the driver or motor to the result in the format. An unacknowledged write has none.
func resultOf(result any) (value, error) {
	switch r := result.(type) {
	case nil, struct{}:
		return value{}, nil
	case value:
		return r, nil
	case bson.Raw:
		return ofDocument(r), nil
	case bson.RawArray:
		return value{Type: bson.TypeArray, Value: r}, nil
	case bson.M:
		if r == nil {
			return ofDocument(nil), nil
		}
	case *mongo.InsertOneResult:
		return acknowledged(r.Acknowledged, bson.D{{Key: "insertedId", Value: r.InsertedID}})
	case *motor.InsertOneResult:
		return acknowledged(r.Acknowledged, bson.D{{Key: "insertedId", Value: r.InsertedID}})
	case *mongo.InsertManyResult:
		return acknowledged(r.Acknowledged, inserted(r.InsertedIDs))
	case *motor.InsertManyResult:
		return acknowledged(r.Acknowledged, inserted(r.InsertedIDs))
	case *mongo.DeleteResult:
		return acknowledged(r.Acknowledged, bson.D{{Key: "deletedCount", Value: r.DeletedCount}})
	case *motor.DeleteResult:
		deleted, _ := r.DeletedCount()
		return acknowledged(r.Acknowledged, bson.D{{Key: "deletedCount", Value: deleted}})
	case *mongo.UpdateResult:
		return acknowledged(r.Acknowledged, updated(r.MatchedCount, r.ModifiedCount, r.UpsertedCount, r.UpsertedID))
	case *motor.UpdateResult:
		matched, _ := r.MatchedCount()
		modified, _ := r.ModifiedCount()
		upserted, _ := r.UpsertedCount()
		id, _ := r.UpsertedID()
		return acknowledged(r.Acknowledged, updated(matched, modified, upserted, id))
	case *mongo.BulkWriteResult:
		return acknowledged(r.Acknowledged, bulk(r.InsertedCount, r.DeletedCount, r.MatchedCount, r.ModifiedCount, r.UpsertedCount, r.UpsertedIDs))
	case *motor.BulkWriteResult:
		inserted, _ := r.InsertedCount()
		deleted, _ := r.DeletedCount()
		matched, _ := r.MatchedCount()
		modified, _ := r.ModifiedCount()
		upserted, _ := r.UpsertedCount()
		ids, _ := r.UpsertedIDs()
		return acknowledged(r.Acknowledged, bulk(inserted, deleted, matched, modified, upserted, ids))
	case *mongo.ClientBulkWriteResult:
		return acknowledged(r.Acknowledged, clientBulk(r))
	case interface{ Document() (bson.M, error) }: // a file
		doc, err := r.Document()
		if err != nil {
			return value{}, err
		}
		return resultOf(doc)
	}
	if v := reflect.ValueOf(result); v.Kind() == reflect.Pointer {
		return value{}, nil // a handle, such as the created collection
	}
	kind, data, err := bson.MarshalValue(result)
	if err != nil {
		return value{}, fmt.Errorf("result cannot be encoded: %w", err)
	}
	return value{Type: kind, Value: data}, nil
}

// partialResult is like resultOf, for a write that failed partway. Other results with an error have no meaning.
func partialResult(result any) (value, error) {
	switch r := result.(type) {
	case *mongo.InsertManyResult, *motor.InsertManyResult, *motor.BulkWriteResult, *mongo.ClientBulkWriteResult:
		return resultOf(r)
	case *mongo.BulkWriteResult:
		// For failed writes, the driver always says that they were not acknowledged.
		done := *r
		done.Acknowledged = true
		return resultOf(&done)
	}
	return value{}, nil
}

func acknowledged(yes bool, result bson.D) (value, error) {
	if !yes {
		return value{}, nil
	}
	doc, err := bson.Marshal(result)
	return ofDocument(doc), err
}

// inserted returns the result of a failed insertMany in the form of a bulk write, which the format requires.
func inserted(ids []any) bson.D {
	byIndex := bson.D{}
	for i, id := range ids {
		byIndex = append(byIndex, bson.E{Key: strconv.Itoa(i), Value: id})
	}
	return bson.D{
		{Key: "insertedCount", Value: len(ids)}, {Key: "deletedCount", Value: 0}, {Key: "matchedCount", Value: 0},
		{Key: "modifiedCount", Value: 0}, {Key: "upsertedCount", Value: 0}, {Key: "upsertedIds", Value: bson.D{}},
		{Key: "insertedIds", Value: byIndex},
	}
}

func updated(matched, modified, upserted int64, id any) bson.D {
	d := bson.D{{Key: "matchedCount", Value: matched}, {Key: "modifiedCount", Value: modified}, {Key: "upsertedCount", Value: upserted}}
	if id != nil {
		d = append(d, bson.E{Key: "upsertedId", Value: id})
	}
	return d
}

func bulk(inserted, deleted, matched, modified, upserted int64, ids map[int64]any) bson.D {
	byIndex := bson.D{}
	for i, id := range ids {
		byIndex = append(byIndex, bson.E{Key: strconv.FormatInt(i, 10), Value: id})
	}
	return bson.D{
		{Key: "insertedCount", Value: inserted}, {Key: "deletedCount", Value: deleted}, {Key: "matchedCount", Value: matched},
		{Key: "modifiedCount", Value: modified}, {Key: "upsertedCount", Value: upserted}, {Key: "upsertedIds", Value: byIndex},
	}
}

func clientBulk(r *mongo.ClientBulkWriteResult) bson.D {
	inserts, updates, deletes := bson.D{}, bson.D{}, bson.D{}
	for i, one := range r.InsertResults {
		inserts = append(inserts, bson.E{Key: strconv.Itoa(i), Value: bson.D{{Key: "insertedId", Value: one.InsertedID}}})
	}
	for i, one := range r.UpdateResults {
		d := bson.D{{Key: "matchedCount", Value: one.MatchedCount}, {Key: "modifiedCount", Value: one.ModifiedCount}}
		if one.UpsertedID != nil {
			d = append(d, bson.E{Key: "upsertedId", Value: one.UpsertedID})
		}
		updates = append(updates, bson.E{Key: strconv.Itoa(i), Value: d})
	}
	for i, one := range r.DeleteResults {
		deletes = append(deletes, bson.E{Key: strconv.Itoa(i), Value: bson.D{{Key: "deletedCount", Value: one.DeletedCount}}})
	}
	d := bson.D{
		{Key: "insertedCount", Value: r.InsertedCount}, {Key: "upsertedCount", Value: r.UpsertedCount},
		{Key: "matchedCount", Value: r.MatchedCount}, {Key: "modifiedCount", Value: r.ModifiedCount},
		{Key: "deletedCount", Value: r.DeletedCount},
	}
	if r.HasVerboseResults {
		d = append(d, bson.E{Key: "insertResults", Value: inserts}, bson.E{Key: "updateResults", Value: updates},
			bson.E{Key: "deleteResults", Value: deletes})
	}
	return d
}
