package specs_test

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/specs"
)

func TestCheckError(t *testing.T) {
	reply, err := bson.Marshal(bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: 8000}, {Key: "errInfo", Value: bson.D{{Key: "a", Value: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	var (
		client  = errors.New("client error")
		command = mongo.CommandError{Code: 8000, Name: "AtlasError", Message: "In Atlas only", Labels: []string{"Label"}, Raw: reply}
		network = mongo.CommandError{Message: "gone", Labels: []string{"NetworkError"}}
		bulk    = mongo.BulkWriteException{
			WriteErrors: []mongo.BulkWriteError{
				{WriteError: mongo.WriteError{Code: 11000, Raw: reply}}, {WriteError: mongo.WriteError{Code: 121, Raw: reply}},
			},
			WriteConcernError: &mongo.WriteConcernError{Code: 64, Name: "WriteConcernFailed"},
			Labels:            []string{"Label"},
		}
		write      = mongo.WriteException{WriteErrors: mongo.WriteErrors{{Code: 11000}}, Raw: reply}
		clientBulk = mongo.ClientBulkWriteException{
			WriteErrors:        map[int]mongo.WriteError{1: {Code: 11000, Message: "duplicate"}},
			WriteConcernErrors: []mongo.WriteConcernError{{Code: 91, Message: "shutting down"}},
		}
	)
	for _, test := range []struct {
		name     string
		expected string
		err      error
		is       bool
	}{
		{"any", `{"isError": true}`, client, true},
		{"client error", `{"isClientError": true}`, client, true},
		{"client error, want server error", `{"isClientError": false}`, client, false},
		{"server error", `{"isClientError": false}`, command, true},
		{"server error, want client error", `{"isClientError": true}`, command, false},
		{"network error is a client error", `{"isClientError": true}`, network, true},
		{"network error is not a server error", `{"isClientError": false}`, network, false},
		{"wrapped", `{"isClientError": false, "errorCode": 8000}`, fmt.Errorf("wrapped: %w", command), true},
		{"code", `{"errorCode": 8000}`, command, true},
		{"wrong code", `{"errorCode": 8001}`, command, false},
		{"code of an error without code", `{"errorCode": 8000}`, client, false},
		{"code name", `{"errorCodeName": "AtlasError"}`, command, true},
		{"wrong code name", `{"errorCodeName": "Atlas"}`, command, false},
		{"part of the message in another case", `{"errorContains": "in ATLAS"}`, command, true},
		{"missing part of the message", `{"errorContains": "in Mongo"}`, command, false},
		{"label", `{"errorLabelsContain": ["Label"]}`, command, true},
		{"missing label", `{"errorLabelsContain": ["Label", "Other"]}`, command, false},
		{"label that must be absent", `{"errorLabelsOmit": ["Other"]}`, command, true},
		{"label that must be absent is present", `{"errorLabelsOmit": ["Label"]}`, command, false},
		{"not a timeout", `{"isTimeoutError": true}`, command, false},
		{"reply as a root document", `{"errorResponse": {"code": 8000}}`, command, true},
		{"reply with an extra nested key", `{"errorResponse": {"errInfo": {}}}`, command, false},
		{"reply of an error without reply", `{"errorResponse": {"code": 8000}}`, client, false},
		{"reply to a write", `{"errorResponse": {"code": 8000}}`, write, true},
		{"first code of a bulk write", `{"errorCode": 11000}`, bulk, true},
		{"second code of a bulk write", `{"errorCode": 121}`, bulk, true},
		{"write concern code of a bulk write", `{"errorCode": 64, "errorCodeName": "WriteConcernFailed"}`, bulk, true},
		{"wrong code of a bulk write", `{"errorCode": 65}`, bulk, false},
		{"reply and label of a bulk write", `{"errorResponse": {"code": 8000}, "errorLabelsContain": ["Label"]}`, bulk, true},
		{"errors of a client bulk write", `{"writeErrors": {"1": {"code": 11000}}, "writeConcernErrors": [{"message": "shutting down"}]}`, clientBulk, true},
		{"wrong write error of a client bulk write", `{"writeErrors": {"0": {"code": 11000}}}`, clientBulk, false},
		{"wrong write concern error of a client bulk write", `{"writeConcernErrors": [{"code": 64}]}`, clientBulk, false},
		{"extra write error of a client bulk write", `{"writeErrors": {}}`, clientBulk, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := specs.CheckError(test.expected, test.err)
			if is := err == nil; is != test.is {
				t.Errorf("got a match of %v with %s: %v (%v), want %v", test.err, test.expected, is, err, test.is)
			}
		})
	}
}

func TestIsRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		is   bool
	}{
		{"server error", mongo.CommandError{Code: 59}, true},
		{"wrapped server error", fmt.Errorf("wrapped: %w", mongo.CommandError{Code: 59}), true},
		{"network error", mongo.CommandError{Labels: []string{"NetworkError"}}, true},
		{"client error", errors.New("client error"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if is := specs.IsRefused(test.err); is != test.is {
				t.Errorf("got a refusal: %v, want %v", is, test.is)
			}
		})
	}
}

func TestResultOf(t *testing.T) {
	for _, test := range []struct {
		name   string
		result any
		want   string // "": no result
	}{
		{"insert", &mongo.InsertOneResult{InsertedID: int32(1), Acknowledged: true}, `{"insertedId": {"$numberInt":"1"}}`},
		{"unacknowledged insert", &mongo.InsertOneResult{InsertedID: 1}, ``},
		{"insert of motor", &motor.InsertOneResult{InsertedID: int32(1), Acknowledged: true}, `{"insertedId": {"$numberInt":"1"}}`},
		{"unacknowledged insert of motor", &motor.InsertOneResult{InsertedID: 1}, ``},
		{"unacknowledged update", &motor.UpdateResult{}, ``},
		{"unacknowledged delete", &motor.DeleteResult{}, ``},
		{"unacknowledged bulk write", &motor.BulkWriteResult{}, ``},
		{"upsert", &mongo.UpdateResult{UpsertedCount: 1, UpsertedID: int32(1), Acknowledged: true},
			`{"matchedCount": {"$numberLong":"0"},"modifiedCount": {"$numberLong":"0"},"upsertedCount": {"$numberLong":"1"},"upsertedId": {"$numberInt":"1"}}`},
		{"find without a match", bson.Raw(nil), `null`},
		{"find of motor without a match", bson.M(nil), `null`},
		{"count", int64(1), `{"$numberLong":"1"}`},
		{"distinct", []any{int32(1), "a"}, `[{"$numberInt":"1"},"a"]`},
		{"drop", struct{}{}, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := specs.ResultOf(test.result); got != test.want || err != nil {
				t.Errorf("got %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}
