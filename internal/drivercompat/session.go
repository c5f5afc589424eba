package drivercompat

import (
	"reflect"

	"go.mongodb.org/mongo-driver/v2/mongo"
)

// SessionReads reports how a session reads: from a snapshot, or causally consistent with what it has read before. The
// driver knows this, and has no method that tells it. Of a driver that has changed, both are false.
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
