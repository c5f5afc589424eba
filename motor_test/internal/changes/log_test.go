package changes

import (
	"errors"
	"fmt"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

var collection = Namespace{Database: "d", Collection: "c"}

func inserts(from, to int) (events []*Event) {
	for i := from; i < to; i++ {
		doc := marshal(bson.D{{Key: "_id", Value: i}})
		events = append(events, &Event{Operation: Insert, Namespace: collection, Time: bson.Timestamp{T: uint32(i)}, ID: doc.Lookup("_id"), After: doc})
	}
	return events
}

// read reads the documents that are there, in batches of two, and returns their ids.
func read(t *testing.T, s *Stream) (ids []int32, err error) {
	t.Helper()
	for {
		docs, _, err := s.Next(2, nil)
		if err != nil || len(docs) == 0 {
			return ids, err
		}
		for _, doc := range docs {
			ids = append(ids, doc.Lookup("documentKey", "_id").Int32())
		}
	}
}

func TestStreamStart(t *testing.T) {
	log := NewLog()
	if _, err := log.Open(Scope{Database: "d"}, Options{}, bson.Timestamp{}); err != nil {
		t.Fatal(err)
	}
	log.Add(inserts(0, 5)...)
	first, err := log.Open(Scope(collection), Options{StartAt: &bson.Timestamp{T: 0}}, bson.Timestamp{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := first.Next(3, nil); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		scope   Scope
		options Options
		want    string
	}{
		{"now", Scope(collection), Options{}, "[]"},
		{"after a token", Scope(collection), Options{ResumeAfter: first.Token()}, "[3 4]"},
		{"at a time", Scope(collection), Options{StartAt: &bson.Timestamp{T: 4}}, "[4]"},
		{"of the database", Scope{Database: "d"}, Options{StartAfter: first.Token()}, "[3 4]"},
		{"of another collection", Scope{"d", "other"}, Options{StartAfter: first.Token()}, "[]"},
	} {
		s, err := log.Open(test.scope, test.options, bson.Timestamp{})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := read(t, s); fmt.Sprint(got) != test.want || err != nil {
			t.Errorf("%s: got %v, %v, want %s", test.name, got, err, test.want)
		}
	}
	if _, err := log.Open(Scope{Database: "new"}, Options{StartAt: &bson.Timestamp{T: 1}}, bson.Timestamp{T: 2}); !isHistoryLost(err) {
		t.Errorf("before it was watched: got %v, want the code %d", err, CodeHistoryLost)
	}
	// Other databases are not watched. So a stream of all has missed their events.
	if _, err := log.Open(Scope{}, Options{StartAfter: first.Token()}, bson.Timestamp{}); !isHistoryLost(err) {
		t.Errorf("of all databases: got %v, want the code %d", err, CodeHistoryLost)
	}
	if log.Records(Namespace{"other", "c"}) != true || NewLog().Records(collection) {
		t.Error("Records: want true with a stream of all databases, and false without a stream")
	}
}

func isHistoryLost(err error) bool {
	own := new(Error)
	return errors.As(err, &own) && own.Code == CodeHistoryLost
}

func TestHistoryLost(t *testing.T) {
	log := NewLog()
	log.max = 1000 // four events
	old, err := log.Open(Scope(collection), Options{}, bson.Timestamp{})
	if err != nil {
		t.Fatal(err)
	}
	token := old.Token()
	log.Add(inserts(0, 10)...)
	recent, err := log.Open(Scope(collection), Options{StartAt: &bson.Timestamp{T: 9}}, bson.Timestamp{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = old.log.Open(Scope(collection), Options{ResumeAfter: token}, bson.Timestamp{})
	_, _, behind := old.Next(1, nil)
	for _, err := range []error{err, behind} {
		if !isHistoryLost(err) {
			t.Errorf("got %v, want the code %d", err, CodeHistoryLost)
		}
	}
	if got, err := read(t, recent); fmt.Sprint(got) != "[9]" || err != nil {
		t.Errorf("got %v, %v, want [9]", got, err)
	}
	changed := log.Changed()
	log.Lose()
	<-changed
	if _, _, err := recent.Next(1, nil); err == nil {
		t.Error("after Lose: got nil, want an error")
	}
	if s, err := log.Open(Scope(collection), Options{}, bson.Timestamp{}); err != nil {
		t.Errorf("new stream after Lose: got %v, want nil", err)
	} else if got, err := read(t, s); len(got) > 0 || err != nil {
		t.Errorf("new stream after Lose: got %v, %v, want nothing", got, err)
	}
}

func TestUpdateDescription(t *testing.T) {
	for _, test := range []struct{ before, after, want string }{
		{`{"a": 1}`, `{"a": 2}`, `{"updatedFields": {"a": 2},"removedFields": [],"truncatedArrays": []}`},
		{`{"a": 1}`, `{"a": 1,"b": 1}`, `{"updatedFields": {"b": 1},"removedFields": [],"truncatedArrays": []}`},
		{`{"a": {"b": 1,"c": 1}}`, `{"a": {"b": 2}}`, `{"updatedFields": {"a.b": 2},"removedFields": ["a.c"],"truncatedArrays": []}`},
		{`{"a": {"b": 1,"c": 1}}`, `{"a": {"c": 1,"b": 1}}`,
			`{"updatedFields": {"a": {"c": 1,"b": 1}},"removedFields": [],"truncatedArrays": []}`},
		{`{"a": [1,2,3]}`, `{"a": [1,9]}`,
			`{"updatedFields": {"a.1": 9},"removedFields": [],"truncatedArrays": [{"field": "a","newSize": 2}]}`},
		{`{"a": [1]}`, `{"a": [1,2]}`, `{"updatedFields": {"a.1": 2},"removedFields": [],"truncatedArrays": []}`},
		{`{"a": [{"b": 1}]}`, `{"a": [{"b": 2}]}`, `{"updatedFields": {"a.0.b": 2},"removedFields": [],"truncatedArrays": []}`},
		{`{"a": 1}`, `{"a": "1"}`, `{"updatedFields": {"a": "1"},"removedFields": [],"truncatedArrays": []}`},
	} {
		got, err := bson.MarshalExtJSON(describe(document(t, test.before), document(t, test.after), false), false, false)
		var plain, want bson.D
		if err != nil || bson.UnmarshalExtJSON(got, false, &plain) != nil || bson.UnmarshalExtJSON([]byte(test.want), false, &want) != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(plain) != fmt.Sprint(want) {
			t.Errorf("%s to %s: got %s, want %s", test.before, test.after, got, test.want)
		}
	}
}

func document(t *testing.T, text string) bson.Raw {
	t.Helper()
	var doc bson.D
	if err := bson.UnmarshalExtJSON([]byte(text), false, &doc); err != nil {
		t.Fatal(err)
	}
	return marshal(doc)
}
