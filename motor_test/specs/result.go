package specs

import (
	"fmt"
	"reflect"
	"strconv"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/motor"
)

// resultOf returns what the format calls the result of an operation, given what the driver or motor has returned. A
// write that is not acknowledged has none.
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
	case *mongo.ClientBulkWriteResult:
		return acknowledged(r.Acknowledged, clientBulk(r))
	}
	if isBulkWriteResult(result) {
		return bulk(result)
	}
	if v := reflect.ValueOf(result); v.Kind() == reflect.Pointer {
		return value{}, nil // a handle, such as the collection that was created
	}
	kind, data, err := bson.MarshalValue(result)
	if err != nil {
		return value{}, fmt.Errorf("a result that cannot be encoded: %w", err)
	}
	return value{Type: kind, Value: data}, nil
}

func acknowledged(yes bool, result bson.D) (value, error) {
	if !yes {
		return value{}, nil
	}
	doc, err := bson.Marshal(result)
	return ofDocument(doc), err
}

// inserted is what an insertMany has done, as a bulk write says it: the format asks for it so where it fails.
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

// isBulkWriteResult knows the driver's result of a collection's bulk write and motor's, which has the same names.
func isBulkWriteResult(result any) bool {
	t := reflect.TypeOf(result)
	return t.Kind() == reflect.Pointer && t.Elem().Name() == "BulkWriteResult"
}

// bulk reads fields, or methods that may fail with an unacknowledged write.
func bulk(result any) (value, error) {
	r := reflect.ValueOf(result)
	if flag := r.Elem().FieldByName("Acknowledged"); flag.IsValid() && !flag.Bool() {
		return value{}, nil
	}
	d := bson.D{}
	for _, name := range []struct{ format, field string }{
		{"insertedCount", "InsertedCount"}, {"deletedCount", "DeletedCount"}, {"matchedCount", "MatchedCount"},
		{"modifiedCount", "ModifiedCount"}, {"upsertedCount", "UpsertedCount"}, {"upsertedIds", "UpsertedIDs"},
	} {
		v := r.Elem().FieldByName(name.field)
		if method := r.MethodByName(name.field); method.IsValid() {
			v = method.Call(nil)[0]
		}
		if !v.IsValid() {
			return value{}, fmt.Errorf("a %T has no %s", result, name.field)
		}
		if v.Kind() != reflect.Map {
			d = append(d, bson.E{Key: name.format, Value: v.Interface()})
			continue
		}
		ids := bson.D{}
		for _, index := range v.MapKeys() {
			ids = append(ids, bson.E{Key: fmt.Sprint(index), Value: v.MapIndex(index).Interface()})
		}
		d = append(d, bson.E{Key: name.format, Value: ids})
	}
	doc, err := bson.Marshal(d)
	return ofDocument(doc), err
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
