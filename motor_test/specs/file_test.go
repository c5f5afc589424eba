package specs_test

import (
	"testing"

	"github.com/gomotor/gomotor/motor_test/specs"
)

func TestParseFile(t *testing.T) {
	for _, test := range []struct {
		name, text string
		read       bool
	}{
		{"first version", `{"schemaVersion": "1.0", "tests": []}`, true},
		{"patch version", `{"schemaVersion": "1.21.1", "tests": []}`, true},
		{"earlier version", `{"schemaVersion": "0.1", "tests": []}`, false},
		{"future major version", `{"schemaVersion": "2.0", "tests": []}`, false},
		{"future minor version", `{"schemaVersion": "1.999", "tests": []}`, false},
		{"no version", `{"schemaVersion": "", "tests": []}`, false},
		{"unknown event", `{"schemaVersion": "1.0", "tests": [{"expectEvents": [{"client": "c", "events": [{"commandBegun": {}}]}]}]}`, false},
		{"unknown field of an event", `{"schemaVersion": "1.0", "tests": [{"expectEvents": [{"client": "c", "events": [{"commandFailedEvent": {"reply": {}}}]}]}]}`, false},
		{"event of another type", `{"schemaVersion": "1.0", "tests": [{"expectEvents": [{"client": "c", "eventType": "cmap", "events": [{"commandFailedEvent": {}}]}]}]}`, false},
		{"event of the right type", `{"schemaVersion": "1.0", "tests": [{"expectEvents": [{"client": "c", "eventType": "cmap", "events": [{"poolReadyEvent": {}}]}]}]}`, true},
		{"operations are not a list", `{"schemaVersion": "1.0", "tests": [{"operations": {}}]}`, false},
		{"flag is not a boolean", `{"schemaVersion": "1.0", "tests": [{"expectLogMessages": [{"ignoreExtraMessages": "true"}]}]}`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := specs.ParseFile(test.text)
			if read := err == nil; read != test.read {
				t.Errorf("got read %v (%v), want %v", read, err, test.read)
			}
		})
	}
}

func TestRequirements(t *testing.T) {
	for _, test := range []struct {
		name, requirements string
		met                bool
	}{
		{"none", `[]`, true},
		{"version", `[{"minServerVersion": "7.0.5"}]`, true},
		{"version with two digits", `[{"minServerVersion": "7.0.10"}]`, true},
		{"later version", `[{"minServerVersion": "7.0.11"}]`, false},
		{"earlier version", `[{"maxServerVersion": "6.99"}]`, false},
		{"topology", `[{"topologies": ["replicaset", "single"]}]`, true},
		{"another topology", `[{"topologies": ["replicaset"]}]`, false},
		{"one of two", `[{"minServerVersion": "8.0"}, {"topologies": ["single"]}]`, true},
		{"both", `[{"minServerVersion": "8.0", "topologies": ["single"]}]`, false},
		{"no serverless", `[{"serverless": "forbid"}]`, true},
		{"serverless", `[{"serverless": "require"}]`, false},
		{"authentication", `[{"auth": true}]`, false},
		{"no authentication", `[{"auth": false}]`, true},
		{"encryption", `[{"csfle": true}]`, false},
		{"encryption of a version", `[{"csfle": {"minLibmongocryptVersion": "1.0"}}]`, false},
		{"no encryption", `[{"csfle": false}]`, true},
		{"parameter", `[{"serverParameters": {"quiet": false}}]`, true},
		{"another value of a parameter", `[{"serverParameters": {"quiet": true}}]`, false},
		{"unknown parameter", `[{"serverParameters": {"requireApiVersion": false}}]`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			reason := specs.WhyUnmet(test.requirements, "7.0.10-rc1", `{"quiet": false}`)
			if met := reason == ""; met != test.met {
				t.Errorf("got met %v (%s), want %v", met, reason, test.met)
			}
		})
	}
}

func TestWithOptions(t *testing.T) {
	for _, test := range []struct{ uri, extra, want string }{
		{"mongodb://h", `{"w": 1}`, "mongodb://h/?w=1"},
		{"mongodb://h/", `{"w": "majority", "retryReads": false}`, "mongodb://h/?w=majority&retryReads=false"},
		{"mongodb://h/?w=1&appName=a", `{"W": 2}`, "mongodb://h/?appName=a&W=2"},
		{"mongodb://h/", `{"readPreferenceTags": ["a:b", "c:d"]}`, "mongodb://h/?readPreferenceTags=a%3Ab&readPreferenceTags=c%3Ad"},
		{"mongodb://h/?w=1", `{}`, "mongodb://h/?w=1"},
	} {
		t.Run(test.want, func(t *testing.T) {
			if got, err := specs.WithOptions(test.uri, test.extra); got != test.want || err != nil {
				t.Errorf("WithOptions() = %s, %v, want %s", got, err, test.want)
			}
		})
	}
}

func TestFailingOnly(t *testing.T) {
	for _, test := range []struct{ given, want string }{
		{`{"configureFailPoint":"failCommand","mode":{"times":1},"data":{"failCommands":["find"],"errorCode":1}}`, `{"configureFailPoint":"failCommand","mode":{"times":1},"data":{"failCommands":["find"],"errorCode":1,"appName":"gomotor-specs-fail-point"}}`},
		{`{"configureFailPoint":"failCommand","data":{"appName":"own"}}`, `{"configureFailPoint":"failCommand","data":{"appName":"own"}}`},
		{`{"configureFailPoint":"onPrimaryTransactionalWrite","mode":"off"}`, `{"configureFailPoint":"onPrimaryTransactionalWrite","mode":"off"}`},
	} {
		if got, err := specs.FailingOnly(test.given); got != test.want || err != nil {
			t.Errorf("FailingOnly(%s) = %s, %v, want %s", test.given, got, err, test.want)
		}
	}
}
