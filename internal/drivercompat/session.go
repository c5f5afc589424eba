package drivercompat

import (
	"reflect"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// SessionReads reports whether a session reads from a snapshot and whether it reads with causal consistency. The
// driver has no method for this. Both are false if the driver has changed its fields.
func SessionReads(session *mongo.Session) (snapshot, causal bool) {
	return sessionHas(session, "Snapshot"), sessionHas(session, "Consistent")
}

func sessionHas(session *mongo.Session, property string) bool {
	v := sessionField(session, property)
	return v.IsValid() && v.Kind() == reflect.Bool && v.Bool()
}

// TransactionConcern returns the write concern that the driver sends when the session's transaction is committed or
// aborted. It is nil if there is none, or if the driver has changed its fields.
func TransactionConcern(session *mongo.Session) *writeconcern.WriteConcern {
	if v := sessionField(session, "CurrentWc"); v.IsValid() {
		concern, _ := v.Interface().(*writeconcern.WriteConcern)
		return concern
	}
	return nil
}

// SetTransactionConcern replaces the concern of [TransactionConcern].
func SetTransactionConcern(session *mongo.Session, concern *writeconcern.WriteConcern) {
	setSessionField(session, "CurrentWc", concern)
}

// SetWTimeout sets the wtimeout that the driver sends with every write concern in the session; 0 is none. The driver
// sets it for a repeated commit and never resets it: see [ClearCommit].
func SetWTimeout(session *mongo.Session, timeout time.Duration) {
	setSessionField(session, "CurrentWTimeout", timeout)
}

// ClearCommit forgets a commit. Without it, the driver sends the wtimeout of a repeated commit with every later command of
// the session, and autocommit: false with the next one, which servers refuse outside a transaction.
func ClearCommit(session *mongo.Session) {
	SetWTimeout(session, 0)
	setSessionField(session, "RetryingCommit", false)
}

// ClearRecoveryToken forgets the recovery token of the session's previous transaction. The driver forgets it only at
// an operation between the two transactions.
func ClearRecoveryToken(session *mongo.Session) {
	setSessionField[[]byte](session, "RecoveryToken", nil)
}

// setSessionField sets a field, unless the driver has changed it.
func setSessionField[T any](session *mongo.Session, name string, to T) {
	v, value := sessionField(session, name), reflect.ValueOf(to)
	if v.IsValid() && value.CanConvert(v.Type()) {
		v.Set(value.Convert(v.Type()))
	}
}

// sessionField returns a field of the driver's inner session, or the zero value if there is none.
func sessionField(session *mongo.Session, name string) reflect.Value {
	client := reflect.ValueOf(session).Elem().FieldByName("clientSession")
	if !client.IsValid() || client.Kind() != reflect.Pointer || client.IsNil() {
		return reflect.Value{}
	}
	return reflect.NewAt(client.Type().Elem(), client.UnsafePointer()).Elem().FieldByName(name)
}
