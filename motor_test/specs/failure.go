package specs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// expectedError is the error that a file expects from an operation.
type expectedError struct {
	IsError            bool             `bson:"isError"`
	IsClientError      *bool            `bson:"isClientError"`
	IsTimeoutError     *bool            `bson:"isTimeoutError"`
	Contains           *string          `bson:"errorContains"`
	Code               *int             `bson:"errorCode"`
	CodeName           *string          `bson:"errorCodeName"`
	LabelsContain      []string         `bson:"errorLabelsContain"`
	LabelsOmit         []string         `bson:"errorLabelsOmit"`
	Response           bson.Raw         `bson:"errorResponse"`
	Result             value            `bson:"expectResult"`
	WriteErrors        map[int]bson.Raw `bson:"writeErrors"`
	WriteConcernErrors []bson.Raw       `bson:"writeConcernErrors"`
}

// failure has the properties of an error of the driver or of motor, which wraps the driver's.
type failure struct {
	err    error
	server bool // an error of the server; not a network error
	codes  []int
	names  []string
	labels []string
	reply  bson.Raw
	bulk   mongo.ClientBulkWriteException
}

func failureOf(err error) failure {
	f := failure{err: err}
	var (
		command    mongo.CommandError
		write      mongo.WriteException
		bulk       mongo.BulkWriteException
		clientBulk mongo.ClientBulkWriteException
	)
	switch {
	case errors.As(err, &clientBulk):
		f.server, f.bulk = true, clientBulk
		if clientBulk.WriteError != nil {
			f.codes, f.reply = append(f.codes, clientBulk.WriteError.Code), clientBulk.WriteError.Raw
		}
		for _, one := range clientBulk.WriteConcernErrors {
			f.codes = append(f.codes, one.Code)
		}
		for _, one := range clientBulk.WriteErrors {
			f.codes = append(f.codes, one.Code)
		}
	case errors.As(err, &bulk):
		f.server, f.labels = true, bulk.Labels
		f.concern(bulk.WriteConcernError)
		for _, one := range bulk.WriteErrors {
			f.codes, f.reply = append(f.codes, one.Code), one.Raw
		}
	case errors.As(err, &write):
		f.server, f.labels, f.reply = true, write.Labels, write.Raw
		f.concern(write.WriteConcernError)
		for _, one := range write.WriteErrors {
			f.codes = append(f.codes, one.Code)
		}
	case errors.As(err, &command):
		f.server, f.labels, f.reply = true, command.Labels, command.Raw
		f.codes, f.names = []int{int(command.Code)}, []string{command.Name}
	}
	if mongo.IsNetworkError(err) {
		f.server = false
	}
	return f
}

func (f *failure) concern(err *mongo.WriteConcernError) {
	if err != nil {
		f.codes, f.names = append(f.codes, err.Code), append(f.names, err.Name)
	}
}

// hasLabel asks the error itself, since errors of motor have labels too.
func (f *failure) hasLabel(label string) bool {
	var labeled interface{ HasErrorLabel(string) bool }
	return errors.As(f.err, &labeled) && labeled.HasErrorLabel(label)
}

// String returns the properties that must be the same in all styles. Messages are not among them.
func (f *failure) String() string {
	slices.Sort(f.labels)
	slices.Sort(f.codes)
	return fmt.Sprintf("error: server %v, network %v, timeout %v, codes %v, names %v, labels %v",
		f.server, mongo.IsNetworkError(f.err), mongo.IsTimeout(f.err), f.codes, f.names, f.labels)
}

// check compares everything except the result.
func (e *expectedError) check(m *matcher, f failure) error {
	switch {
	case e.IsClientError != nil && *e.IsClientError == f.server:
		return fmt.Errorf("want client error %v, got %v: %w", *e.IsClientError, !f.server, f.err)
	case e.IsTimeoutError != nil && *e.IsTimeoutError != mongo.IsTimeout(f.err):
		return fmt.Errorf("want timeout %v, got %w", *e.IsTimeoutError, f.err)
	case e.Code != nil && !slices.Contains(f.codes, *e.Code):
		return fmt.Errorf("want code %d, got %v: %w", *e.Code, f.codes, f.err)
	case e.CodeName != nil && !slices.Contains(f.names, *e.CodeName):
		return fmt.Errorf("want code name %s, got %v: %w", *e.CodeName, f.names, f.err)
	// The format has no other way to identify an error for which the server has no code.
	case e.Contains != nil && !strings.Contains(strings.ToLower(f.err.Error()), strings.ToLower(*e.Contains)):
		return fmt.Errorf("want an error that contains %q, got %w", *e.Contains, f.err)
	}
	for _, label := range e.LabelsContain {
		if !f.hasLabel(label) {
			return fmt.Errorf("want label %s, got %w", label, f.err)
		}
	}
	for _, label := range e.LabelsOmit {
		if f.hasLabel(label) {
			return fmt.Errorf("want no label %s, got %w", label, f.err)
		}
	}
	if e.Response != nil {
		if f.reply == nil {
			return fmt.Errorf("want an error with the server's reply, got %w", f.err)
		}
		if err := m.match(ofDocument(e.Response), ofDocument(f.reply), true); err != nil {
			return fmt.Errorf("errorResponse: %w", err)
		}
	}
	return e.checkBulk(m, f)
}

// checkBulk compares the errors of the individual writes of a client bulk write.
func (e *expectedError) checkBulk(m *matcher, f failure) error {
	if e.WriteErrors != nil {
		if len(e.WriteErrors) != len(f.bulk.WriteErrors) {
			return fmt.Errorf("want %d write errors, got %d: %w", len(e.WriteErrors), len(f.bulk.WriteErrors), f.err)
		}
		for i, want := range e.WriteErrors {
			got := f.bulk.WriteErrors[i]
			if err := m.match(ofDocument(want), codeAndMessage(got.Code, got.Message), true); err != nil {
				return fmt.Errorf("write error %d: %w", i, err)
			}
		}
	}
	if e.WriteConcernErrors != nil {
		if len(e.WriteConcernErrors) != len(f.bulk.WriteConcernErrors) {
			return fmt.Errorf("want %d write concern errors, got %d: %w",
				len(e.WriteConcernErrors), len(f.bulk.WriteConcernErrors), f.err)
		}
		for i, want := range e.WriteConcernErrors {
			got := f.bulk.WriteConcernErrors[i]
			if err := m.match(ofDocument(want), codeAndMessage(got.Code, got.Message), true); err != nil {
				return fmt.Errorf("write concern error %d: %w", i, err)
			}
		}
	}
	return nil
}

func codeAndMessage(code int, message string) value {
	doc, _ := bson.Marshal(bson.D{{Key: "code", Value: code}, {Key: "message", Value: message}})
	return ofDocument(doc)
}
