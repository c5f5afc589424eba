package drivercompat

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// SessionReads reports whether a session reads from a snapshot and whether it reads with causal consistency. The
// driver has no method for this. Both are false if the driver has changed its fields.
func SessionReads(session *mongo.Session) (snapshot, causal bool) {
	return sessionHas(session, "Snapshot"), sessionHas(session, "Consistent")
}

func sessionHas(session *mongo.Session, property string) bool {
	client := reflect.ValueOf(session).Elem().FieldByName("clientSession")
	if !client.IsValid() || client.Kind() != reflect.Pointer || client.IsNil() {
		return false
	}
	v := client.Elem().FieldByName(property)
	return v.IsValid() && v.Kind() == reflect.Bool && v.Bool()
}
