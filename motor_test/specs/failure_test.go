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

func TestExpectedErrors(t *testing.T) {
	reply, err := bson.Marshal(bson.D{{Key: "ok", Value: 0}, {Key: "code", Value: 8000}, {Key: "errInfo", Value: bson.D{{Key: "a", Value: 1}}}})
	if err != nil {
		t.Fatal(err)
	}
	var (
		client  = errors.New("something that the client finds")
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
		{"the client's", `{"isClientError": true}`, client, true},
		{"the client's, expected of the server", `{"isClientError": false}`, client, false},
		{"the server's", `{"isClientError": false}`, command, true},
		{"the server's, expected of the client", `{"isClientError": true}`, command, false},
		{"of the network: the client's", `{"isClientError": true}`, network, true},
		{"of the network: not the server's", `{"isClientError": false}`, network, false},
		{"wrapped", `{"isClientError": false, "errorCode": 8000}`, fmt.Errorf("wrapped: %w", command), true},
		{"a code", `{"errorCode": 8000}`, command, true},
		{"another code", `{"errorCode": 8001}`, command, false},
		{"a code where there is none", `{"errorCode": 8000}`, client, false},
		{"a code name", `{"errorCodeName": "AtlasError"}`, command, true},
		{"another code name", `{"errorCodeName": "Atlas"}`, command, false},
		{"a part of the message, in whatever case", `{"errorContains": "in ATLAS"}`, command, true},
		{"a part that is not there", `{"errorContains": "in Mongo"}`, command, false},
		{"a label", `{"errorLabelsContain": ["Label"]}`, command, true},
		{"a label that is not there", `{"errorLabelsContain": ["Label", "Other"]}`, command, false},
		{"without a label", `{"errorLabelsOmit": ["Other"]}`, command, true},
		{"with a label that must not be there", `{"errorLabelsOmit": ["Label"]}`, command, false},
		{"no timeout", `{"isTimeoutError": true}`, command, false},
		{"the reply, which is a root", `{"errorResponse": {"code": 8000}}`, command, true},
		{"the reply with a nested key more", `{"errorResponse": {"errInfo": {}}}`, command, false},
		{"the reply where there is none", `{"errorResponse": {"code": 8000}}`, client, false},
		{"the reply to a write", `{"errorResponse": {"code": 8000}}`, write, true},
		{"the first code of a bulk write", `{"errorCode": 11000}`, bulk, true},
		{"another code of a bulk write", `{"errorCode": 121}`, bulk, true},
		{"the write concern's code of a bulk write", `{"errorCode": 64, "errorCodeName": "WriteConcernFailed"}`, bulk, true},
		{"a code that is none of a bulk write's", `{"errorCode": 65}`, bulk, false},
		{"a write of a bulk write", `{"errorResponse": {"code": 8000}, "errorLabelsContain": ["Label"]}`, bulk, true},
		{"the writes of a client's", `{"writeErrors": {"1": {"code": 11000}}, "writeConcernErrors": [{"message": "shutting down"}]}`, clientBulk, true},
		{"another write of a client's", `{"writeErrors": {"0": {"code": 11000}}}`, clientBulk, false},
		{"another error of a client's write concern", `{"writeConcernErrors": [{"code": 64}]}`, clientBulk, false},
		{"fewer writes of a client's", `{"writeErrors": {}}`, clientBulk, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := specs.CheckError(test.expected, test.err)
			if is := err == nil; is != test.is {
				t.Errorf("%v is %s: %v (%v)", test.err, test.expected, is, err)
			}
		})
	}
}

func TestWhatIsARefusal(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		is   bool
	}{
		{"the server's error", mongo.CommandError{Code: 59}, true},
		{"the server's error, wrapped", fmt.Errorf("wrapped: %w", mongo.CommandError{Code: 59}), true},
		{"a connection that it has dropped", mongo.CommandError{Labels: []string{"NetworkError"}}, true},
		{"the client's error", errors.New("the client's"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if is := specs.IsRefused(test.err); is != test.is {
				t.Errorf("a refusal: %v", is)
			}
		})
	}
}

func TestResults(t *testing.T) {
	for _, test := range []struct {
		name   string
		result any
		want   string // "": none
	}{
		{"of an insert", &mongo.InsertOneResult{InsertedID: int32(1), Acknowledged: true}, `{"insertedId": {"$numberInt":"1"}}`},
		{"of an insert that was not acknowledged", &mongo.InsertOneResult{InsertedID: 1}, ``},
		{"of motor's insert", &motor.InsertOneResult{InsertedID: int32(1), Acknowledged: true}, `{"insertedId": {"$numberInt":"1"}}`},
		{"of motor's insert that was not acknowledged", &motor.InsertOneResult{InsertedID: 1}, ``},
		{"of an update that was not acknowledged", &motor.UpdateResult{}, ``},
		{"of a deletion that was not acknowledged", &motor.DeleteResult{}, ``},
		{"of a bulk write that was not acknowledged", &motor.BulkWriteResult{}, ``},
		{"of an upsert", &mongo.UpdateResult{UpsertedCount: 1, UpsertedID: int32(1), Acknowledged: true},
			`{"matchedCount": {"$numberLong":"0"},"modifiedCount": {"$numberLong":"0"},"upsertedCount": {"$numberLong":"1"},"upsertedId": {"$numberInt":"1"}}`},
		{"of a find that has found nothing", bson.Raw(nil), `null`},
		{"of motor's find that has found nothing", bson.M(nil), `null`},
		{"of a count", int64(1), `{"$numberLong":"1"}`},
		{"of distinct", []any{int32(1), "a"}, `[{"$numberInt":"1"},"a"]`},
		{"of a drop", struct{}{}, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, err := specs.ResultOf(test.result); got != test.want || err != nil {
				t.Errorf("got %s, %v\nwant %s", got, err, test.want)
			}
		})
	}
}
