package specs_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/motor_test/specs"
)

// TestDifference compares two runs of a test: values that no two runs have in common do not count, all others do.
func TestDifference(t *testing.T) {
	operation := func(name, result string) []specs.Step { return []specs.Step{{Operation: name, Result: result}} }
	listed := func(name string, results ...string) []specs.Step {
		return []specs.Step{{Operation: name, Results: results}}
	}
	command := func(text string) []specs.Step { return []specs.Step{{Command: text}} }
	for _, test := range []struct {
		name           string
		own, reference []specs.Step
		same           bool
	}{
		{"resume tokens", operation("iterateOnce", `{"_id": {"_data": "82A"}, "operationType": "insert"}`),
			operation("iterateOnce", `{"_id": {"_data": "82B"}, "operationType": "insert"}`), true},
		{"kinds of changes", operation("iterateOnce", `{"_id": {"_data": "82A"}, "operationType": "insert"}`),
			operation("iterateOnce", `{"_id": {"_data": "82A"}, "operationType": "update"}`), false},
		{"resumed streams", command(`{"aggregate": "c", "pipeline": [{"$changeStream": {"resumeAfter": {"_data": "82A"}}}]}`),
			command(`{"aggregate": "c", "pipeline": [{"$changeStream": {"resumeAfter": {"_data": "82B"}}}]}`), true},
		{"a stream that does not resume", command(`{"aggregate": "c", "pipeline": [{"$changeStream": {}}]}`),
			command(`{"aggregate": "c", "pipeline": [{"$changeStream": {"resumeAfter": {"_data": "82B"}}}]}`), false},
		{"cluster times", command(`{"find": "c", "readConcern": {"afterClusterTime": {"$timestamp": {"t": 1, "i": 1}}}}`),
			command(`{"find": "c", "readConcern": {"afterClusterTime": {"$timestamp": {"t": 2, "i": 7}}}}`), true},
		{"no cluster time", command(`{"find": "c"}`),
			command(`{"find": "c", "readConcern": {"afterClusterTime": {"$timestamp": {"t": 2, "i": 7}}}}`), false},
		{"IDs made by the server", operation("insertOne", `{"insertedId": {"$oid": "000000000000000000000001"}}`),
			operation("insertOne", `{"insertedId": {"$oid": "000000000000000000000002"}}`), true},
		{"IDs of the file", operation("insertOne", `{"insertedId": 1}`), operation("insertOne", `{"insertedId": 2}`), false},
		{"order of listed collections", listed("listCollections", `{"name": "a"}`, `{"name": "b"}`),
			listed("listCollections", `{"name": "b"}`, `{"name": "a"}`), true},
		{"order of listed names", operation("listCollectionNames", `["a", "b"]`), operation("listCollectionNames", `["b", "a"]`), true},
		{"other collections", operation("listCollectionNames", `["a", "b"]`), operation("listCollectionNames", `["a", "c"]`), false},
		{"order of found documents", listed("find", `{"_id": 1}`, `{"_id": 2}`), listed("find", `{"_id": 2}`, `{"_id": 1}`), false},
		{"a collection to be dropped", []specs.Step{{Succeeded: "drop"}}, []specs.Step{{Failed: "drop", Code: 26}}, true},
		{"a drop that fails", []specs.Step{{Succeeded: "drop"}}, []specs.Step{{Failed: "drop", Code: 13}}, false},
		{"a missing collection in another command", []specs.Step{{Succeeded: "find"}}, []specs.Step{{Failed: "find", Code: 26}}, false},
		{"connections and times", operation("runCommand", `{"connectionId": 1, "localTime": {"$date": "2020-01-01T00:00:00Z"}}`),
			operation("runCommand", `{"connectionId": 2, "localTime": {"$date": "2021-01-01T00:00:00Z"}}`), true},
		{"one command more", append(command(`{"find": "c"}`), command(`{"find": "c"}`)...), command(`{"find": "c"}`), false},
	} {
		if got := specs.Difference(test.own, test.reference); (got == "") != test.same {
			t.Errorf("%s: got difference %q, want none: %t", test.name, got, test.same)
		}
	}
}

// A test that hangs or panics fails, and does not stop the others.
func TestBounded(t *testing.T) {
	want := errors.New("mine")
	if err := specs.Bounded(time.Hour, func() error { return want }); err != want {
		t.Errorf("got %v, want %v", err, want)
	}
	if err := specs.Bounded(time.Hour, func() error { panic("at the disco") }); err == nil || !strings.Contains(err.Error(), "at the disco") {
		t.Errorf("a panic: got %v, want an error with its value", err)
	}
	synctest.Test(t, func(t *testing.T) {
		hang := make(chan struct{})
		start := time.Now()
		if err := specs.Bounded(time.Minute, func() error { <-hang; return nil }); err == nil || time.Since(start) != time.Minute {
			t.Errorf("a hanging test: got %v after %v, want an error after 1m0s", err, time.Since(start))
		}
		close(hang)
	})
}
