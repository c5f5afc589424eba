package drivercompat

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// BatchIsCorrupt reports whether Next or TryNext of a cursor failed because the next element of the batch cannot be read
// and not because a command failed. The driver returns an error without a type for both. It is false if the driver has
// changed its fields.
func BatchIsCorrupt(cursor *mongo.Cursor) bool {
	batch := reflect.ValueOf(cursor).Elem().FieldByName("batch")
	if !batch.IsValid() || batch.Kind() != reflect.Pointer || batch.IsNil() {
		return false
	}
	list, position := batch.Elem().FieldByName("List"), batch.Elem().FieldByName("pos")
	if !list.IsValid() || list.Kind() != reflect.Slice || !position.IsValid() || !position.CanInt() {
		return false
	}
	const terminator = 1
	return cursor.Err() != nil && position.Int() < int64(list.Len()-terminator)
}
