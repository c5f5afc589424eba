package motor_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

type (
	request = *wiretest.Request
	details = map[string]any
)

// TestServerErrors makes operations fail in every way that has an error class.
func TestServerErrors(t *testing.T) {
	dropped := wantError{class: motor.AutoReconnect, driver: asA[mongo.CommandError], labels: []string{"NetworkError"}}
	late := dropped
	late.class, late.timeout = motor.NetworkTimeout, true
	hangUp, silence := request.HangUp, request.Nothing
	commandError, writeException := asA[mongo.CommandError], asA[mongo.WriteException]
	label := []string{"Label"}

	type test struct {
		name    string
		role    wiretest.Role
		hello   bson.M
		uri     string
		call    operation
		command string        // the command that fails; a getMore follows a find
		sent    bson.M        // expected fields of the command
		answer  func(request) // nil: no command is sent
		want    wantError
	}
	tests := []test{
		{name: "the server hangs up on a read", call: findOne, command: "find",
			sent: bson.M{"filter": bson.M{"_id": 1}, "limit": 1, "$db": "d"}, answer: hangUp, want: dropped},
		{name: "the server hangs up on a write", call: insertOne, command: "insert",
			sent: bson.M{"insert": "c", "documents": []bson.M{{"_id": 1}}}, answer: hangUp, want: dropped},
		{name: "the server hangs up between batches", call: readAll, command: "getMore",
			sent: bson.M{"getMore": 7, "collection": "c"}, answer: hangUp, want: dropped},
		{name: "no answer within the time of the context", call: within(time.Second, findOne), command: "find",
			sent: bson.M{"maxTimeMS": wiretest.Present}, answer: silence, want: late},
		{name: "no answer to a write within the time of the context", call: within(time.Second, insertOne),
			command: "insert", answer: silence, want: late},
		{name: "no answer within timeoutMS", uri: "timeoutMS=1000", call: findOne, command: "find", answer: silence, want: late},
		{name: "no primary", role: wiretest.Secondary, uri: "serverSelectionTimeoutMS=50", call: insertOne,
			want: wantError{class: motor.ServerSelectionTimeoutError, timeout: true}},

		{name: "wrong credentials", uri: "authMechanism=SCRAM-SHA-256", call: findOne, command: "saslStart",
			sent:   bson.M{"mechanism": "SCRAM-SHA-256", "$db": "admin"},
			answer: func(r request) { r.Fail(18, "AuthenticationFailed", "Authentication failed.") },
			want: wantError{class: motor.OperationFailure, driver: commandError, code: 18,
				details: details{"codeName": "AuthenticationFailed"}}},
		{name: "an unknown command", call: command("copydb"), command: "copydb",
			sent:   bson.M{"copydb": 1, "$db": "d", "lsid": wiretest.Present, "txnNumber": wiretest.Absent},
			answer: func(r request) { r.Fail(59, "CommandNotFound", "no such command: 'copydb'") },
			want: wantError{class: motor.OperationFailure, driver: commandError, code: 59,
				details: details{"codeName": "CommandNotFound", "errmsg": "no such command: 'copydb'"}}},
		{name: "labels", call: readAll, command: "find",
			answer: func(r request) { r.Fail(251, "NoSuchTransaction", "no", "TransientTransactionError", "Label") },
			want: wantError{class: motor.OperationFailure, driver: commandError, code: 251,
				labels: []string{"TransientTransactionError", "Label"}}},
		{name: "no code", call: readAll, command: "find",
			answer: func(r request) { r.Reply(bson.M{"ok": 0, "errmsg": "no"}) },
			want:   wantError{class: motor.OperationFailure, driver: commandError, details: details{"errmsg": "no"}}},
		{name: "maxTimeMS exceeded", call: findOne, command: "find",
			answer: func(r request) { r.Fail(50, "MaxTimeMSExpired", "operation exceeded time limit") },
			want:   wantError{class: motor.ExecutionTimeout, driver: commandError, code: 50, timeout: true}},
		{name: "the server does not know the cursor", call: readAll, command: "getMore",
			answer: func(r request) { r.Fail(43, "CursorNotFound", "cursor id 7 not found") },
			want:   wantError{class: motor.CursorNotFound, driver: commandError, code: 43}},
		{name: "a duplicate key, of a command", call: command("findAndModify"), command: "findAndModify",
			answer: func(r request) { r.Fail(11000, "DuplicateKey", "E11000 duplicate key error") },
			want:   wantError{class: motor.DuplicateKeyError, driver: commandError, code: 11000}},
		{name: "a write concern error, of a command", call: command("create"), command: "create",
			answer: func(r request) { r.WriteConcernError(100, "UnsatisfiableWriteConcern", "no", "Label") },
			want:   wantError{class: motor.WriteConcernError, driver: writeException, code: 100, labels: label}},
		{name: "a write concern error, of a drop", call: drop, command: "drop", sent: bson.M{"drop": "c", "$db": "d"},
			answer: func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow", "Label") },
			want:   wantError{class: motor.WTimeoutError, driver: writeException, code: 64, labels: label, timeout: true}},

		{name: "a write error", call: insertOne, command: "insert", sent: bson.M{"ordered": true, "txnNumber": wiretest.Absent},
			answer: func(r request) { r.WriteError(0, 121, "Document failed validation", "Label") },
			want: wantError{class: motor.WriteError, driver: writeException, code: 121, labels: label,
				details: details{"code": int32(121), "errmsg": "Document failed validation"}}},
		{name: "a write error with a write concern error", call: insertOne, command: "insert",
			answer: func(r request) {
				r.OK(bson.M{"n": 0, "writeErrors": []bson.M{{"index": 0, "code": 28, "errmsg": "no"}},
					"writeConcernError": bson.M{"code": 64, "errmsg": "slow"}})
			},
			want: wantError{class: motor.WriteError, driver: writeException, code: 28, details: details{"code": int32(28)}}},
		{name: "a duplicate key", call: upsert, command: "update",
			sent: bson.M{"updates": []bson.M{{"q": bson.M{"_id": 1}, "u": bson.M{"$set": bson.M{"a": 2}}, "upsert": true}}},
			answer: func(r request) {
				r.OK(bson.M{"n": 0, "writeErrors": []bson.M{{"index": 0, "code": 11000, "keyPattern": bson.M{"a": 1}}}})
			},
			want: wantError{class: motor.DuplicateKeyError, driver: writeException, code: 11000,
				details: details{"code": int32(11000), "keyPattern.a": int32(1)}}},
		{name: "an unsatisfiable write concern", call: insertOne, command: "insert",
			answer: func(r request) { r.WriteConcernError(100, "UnsatisfiableWriteConcern", "no", "Label") },
			want: wantError{class: motor.WriteConcernError, driver: writeException, code: 100, labels: label,
				details: details{"codeName": "UnsatisfiableWriteConcern"}}},
		{name: "a wtimeout error", call: insertOne, command: "insert",
			answer: func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") },
			want: wantError{class: motor.WTimeoutError, driver: writeException, code: 64, timeout: true,
				details: details{"codeName": "WriteConcernTimeout"}}},
		{name: "a wtimeout error in errInfo", call: insertOne, command: "insert",
			answer: func(r request) {
				r.OK(bson.M{"n": 1, "writeConcernError": bson.M{"code": 100, "errInfo": bson.M{"wtimeout": true}}})
			},
			want: wantError{class: motor.WTimeoutError, driver: writeException, code: 100, timeout: true}},
		{name: "a bulk write", call: insertMany, command: "insert",
			sent:   bson.M{"documents": []bson.M{{"_id": 1}, {"_id": 2}, {"_id": 3}}, "ordered": true},
			answer: func(r request) { r.WriteError(1, 11000, "E11000 duplicate key error", "Label") },
			want: wantError{class: motor.BulkWriteError, driver: asA[mongo.BulkWriteException], code: 65, labels: label,
				details: details{"writeErrors.0.index": int32(1), "writeErrors.0.code": int32(11000)}}},
		{name: "a bulk write with a wtimeout error", call: insertMany, command: "insert",
			answer: func(r request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") },
			want: wantError{class: motor.BulkWriteError, driver: asA[mongo.BulkWriteException], code: 65, timeout: true,
				details: details{"writeConcernErrors.0.code": int32(64)}}},

		{name: "a bulk write of several kinds", call: bulkWrite, command: "delete",
			sent:   bson.M{"deletes": []bson.M{{"q": bson.M{"_id": 1}, "limit": 1}, {"q": bson.M{"_id": 2}, "limit": 1}}},
			answer: func(r request) { r.WriteError(1, 28, "no", "Label") },
			want: wantError{class: motor.BulkWriteError, driver: asA[mongo.BulkWriteException], code: 65, labels: label,
				details: details{"writeErrors.0.index": int32(1), "writeErrors.0.op.q._id": int32(2), "nRemoved": int32(1)}}},
		{name: "a bulk write of a client", call: clientBulkWrite, command: "bulkWrite",
			sent: bson.M{
				"ops": []bson.M{
					{"insert": 0, "document": bson.M{"_id": 1}},
					{"delete": 1, "filter": bson.M{"_id": 2}, "multi": false},
				},
				"nsInfo": []bson.M{{"ns": "d.c"}, {"ns": "d.e"}}, "ordered": true, "errorsOnly": true, "$db": "admin",
			},
			answer: func(r request) {
				r.OK(bson.M{"nErrors": 1, "nInserted": 1, "nMatched": 0, "nModified": 0, "nUpserted": 0, "nDeleted": 0,
					"cursor": bson.M{"id": int64(0), "ns": "admin.$cmd.bulkWrite", "firstBatch": bson.A{
						bson.M{"ok": 0.0, "idx": 1, "code": 28, "errmsg": "no", "n": 0},
					}}})
			},
			want: wantError{class: motor.ClientBulkWriteException, driver: asA[mongo.ClientBulkWriteException], code: 65,
				details: details{"writeErrors.0.index": int32(1), "writeErrors.0.code": int32(28), "nInserted": int32(1),
					"writeErrors.0.op.q._id": int32(2)}}},
		{name: "a server without bulkWrite", call: clientBulkWrite, command: "bulkWrite",
			answer: func(r request) { r.Fail(59, "CommandNotFound", "no such command: 'bulkWrite'") },
			want:   wantError{class: motor.OperationFailure, driver: commandError, code: 59}},
		{name: "a server that is too old", hello: bson.M{"maxWireVersion": 6}, call: insertOne,
			want: wantError{class: motor.ConfigurationError}},
		{name: "a server that is too new", hello: bson.M{"minWireVersion": 1000, "maxWireVersion": 1001}, call: readAll,
			want: wantError{class: motor.ConfigurationError}},
		{name: "a document that cannot be decoded", call: findOne, command: "find",
			answer: func(r request) {
				r.Cursor("d.c", 0, bson.M{"bool": bson.RawValue{Type: bson.TypeBoolean, Value: []byte{2}}})
			},
			want: wantError{class: motor.InvalidBSON}},
		{name: "an invalid reply", call: readAll, command: "find",
			answer: func(r request) { r.OK(bson.M{"cursor": 1}) }, want: wantError{class: motor.ProtocolError}},
	}
	for _, code := range []int{91, 189, 10058, 10107, 11600, 11602, 13435, 13436} {
		tests = append(tests, test{name: "not the primary: " + strconv.Itoa(code), role: wiretest.Primary,
			call: insertOne, command: "insert",
			answer: func(r request) { r.Fail(code, "Name", "not primary", "Label") },
			want: wantError{class: motor.NotPrimaryError, driver: commandError, code: code, labels: label,
				details: details{"errmsg": "not primary"}}})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer := wiretest.Start(t, test.role, test.hello)
			uri := peer.URI("retryReads=false", "retryWrites=false", test.uri)
			if strings.HasPrefix(test.uri, "authMechanism") {
				uri = strings.Replace(uri, "//", "//user:password@", 1)
			}
			wait := test.call(t.Context(), newClient(t, uri).Database("d").Collection("c"))
			if test.answer != nil {
				if test.command == "getMore" {
					peer.Receive("find").Cursor("d.c", 7, bson.M{"_id": 1})
				}
				test.answer(peer.Receive(test.command).Want(test.sent))
			}
			test.want.check(t, wait(t.Context()))
		})
	}
}

// The driver has these errors only in builds with encryption.
func TestEncryptionErrors(t *testing.T) {
	for _, err := range []error{
		mongo.MongocryptError{Code: 1, Message: "no key"},
		mongo.MongocryptdError{Wrapped: errors.New("not there")},
		mongo.EncryptionKeyVaultError{Wrapped: mongo.CommandError{Code: 13, Message: "not allowed"}},
	} {
		wrapped := motor.WrapError(err)
		if !errors.Is(wrapped, motor.EncryptionError) || !errors.Is(wrapped, motor.PyMongoError) {
			t.Errorf("%T: got %v, want an EncryptionError", err, wrapped)
		}
	}
}

// ConnectionError has the same name as an error type of the driver.
type ConnectionError struct{}

func (ConnectionError) Error() string { return "the user's own" }

func TestForeignErrors(t *testing.T) {
	for _, err := range []error{ConnectionError{}, errors.Join(ConnectionError{})} {
		if wrapped := motor.WrapError(err); errors.Is(wrapped, motor.AutoReconnect) {
			t.Errorf("%T: WrapError() = %v, want the error unchanged", err, wrapped)
		}
	}
}

func TestJoinedErrors(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Secondary)
	_, err := newClient(t, peer.URI("serverSelectionTimeoutMS=50")).Database("d").Collection("c").
		InsertOne(t.Context(), bson.M{"_id": 1}).Await(t.Context())
	var own *motor.Error
	if !errors.As(err, &own) {
		t.Fatalf("got %v, want a *motor.Error", err)
	}
	joined := motor.WrapError(errors.Join(errors.New("first"), own.Unwrap()))
	if !errors.Is(joined, motor.ServerSelectionTimeoutError) {
		t.Errorf("got %v, want a ServerSelectionTimeoutError", joined)
	}
}

// An operation that waits for a slot does not wait for the server. So its error is the context's error.
func TestErrorContextEndsInQueue(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	c := newClient(t, peer.URI(), motor.WithMaxWorkers(1)).Database("d").Collection("c")
	first := findOne(t.Context(), c)
	find := peer.Receive("find")
	err := within(20*time.Millisecond, insertOne)(t.Context(), c)(t.Context())
	var own *motor.Error
	if !errors.Is(err, context.DeadlineExceeded) || errors.As(err, &own) {
		t.Errorf("got %v, want the error of the context", err)
	}
	find.Cursor("d.c", 0)
	noError(t, first(t.Context()))
	if len(peer.Seen("insert")) > 0 {
		t.Error("got a command, want none")
	}
}

// The server fails the test at any command.
func TestErrorsBeforeSending(t *testing.T) {
	client := newClient(t, wiretest.Start(t, wiretest.Standalone).URI())
	c := client.Database("d").Collection("c")
	read := c.Find(bson.M{})
	for _, test := range []struct {
		name  string
		call  outcome
		class *motor.ErrorClass
	}{
		{"a collection's name", insertOneIn(client.Database("d").Collection("$")), motor.InvalidName},
		{"a database's name", insertOneIn(client.Database("a b").Collection("c")), motor.InvalidName},
		{"no document", started(c.InsertOne(t.Context(), 1)), motor.TypeError},
		{"a document that cannot be encoded", started(c.InsertOne(t.Context(), bson.M{"f": func() {}})), motor.InvalidDocument},
		{"an update without operators", started(c.UpdateOne(t.Context(), bson.M{}, bson.M{"a": 1})), motor.ValueError},
		{"a negative number", started(read.Skip(-1).ToList(t.Context())), motor.ValueError},
	} {
		t.Run(test.name, func(t *testing.T) {
			wantError{class: test.class}.check(t, test.call(t.Context()))
		})
	}
}

func insertOneIn(c collection) outcome {
	return started(c.InsertOne(context.Background(), bson.M{"_id": 1}))
}

// TestResultErrors decodes results into types that do not fit.
func TestResultErrors(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	db := newClient(t, peer.URI()).Database("d")
	unacknowledged := db.Collection("c", options.Collection().SetWriteConcern(writeconcern.Unacknowledged()))

	deleted, err := unacknowledged.DeleteOne(t.Context(), bson.M{}).Await(t.Context())
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	peer.Receive("delete").Want(bson.M{"writeConcern": bson.M{"w": 0}, "lsid": wiretest.Absent}).Nothing()
	_, err = deleted.DeletedCount()
	wantError{class: motor.InvalidOperation}.check(t, err)

	cursor := db.Collection("c").Find(bson.M{})
	next := started(cursor.Next(t.Context()))
	peer.Receive("find").Cursor("d.c", 0)
	wantError{class: motor.StopAsyncIteration}.check(t, next(t.Context()))
	wantError{class: motor.InvalidOperation}.check(t, cursor.Limit(1).Err())
}

// Several operations may share a driver error. Each adds its details to a copy.
func TestErrorsAreImmutable(t *testing.T) {
	shared := motor.WrapError(mongo.BulkWriteException{})
	first, second := motor.FailBulk(shared, 1), motor.FailBulk(shared, 2)
	for want, err := range []error{shared, first, second} {
		var own *motor.Error
		if !errors.As(err, &own) || !errors.Is(err, motor.BulkWriteError) {
			t.Fatalf("got %v, want a BulkWriteError", err)
		}
		if got := own.PartialResult(); got != want && (want > 0 || got != nil) {
			t.Errorf("error %d: got partial result %v, want %d", want, got, want)
		}
	}
	around := fmt.Errorf("around: %w", shared)
	if err := motor.FailBulk(around, 3); !errors.Is(err, around) || !errors.Is(err, motor.BulkWriteError) {
		t.Errorf("got %v, want an error around %v", err, around)
	}
}
