package specs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
	"github.com/gomotor/gomotor/motor_test/specs"
)

// waiting is all that tests may be pending for.
var waiting = []string{
	"session", "assertSessionNotDirty", "bucket", "mapReduce", // what motor does not have yet
	"find(maxTimeMS)", "estimatedDocumentCount(maxTimeMS)", // what the driver does not have any more
	"Cursor.MaxTimeMS", "Cursor.TryNext", "CommandCursor.TryNext", "CommandCursor.MaxAwaitTimeMS",
}

// TestSpecifications runs MongoDB's own tests, through the driver, through futures and through callbacks.
func TestSpecifications(t *testing.T) {
	report := run(t, specs.Config{Suites: specs.Embedded})
	for _, suite := range specs.Embedded {
		for _, style := range specs.Styles {
			if !slices.ContainsFunc(report.Results, func(r specs.Result) bool { return r.Suite == suite && r.Style == style }) {
				t.Errorf("%s has no tests in the style %s", suite, style)
			}
		}
	}
	for _, style := range specs.Styles {
		if report.Count("", style, specs.Passed) == 0 {
			t.Errorf("nothing passes in the style %s", style)
		}
		for name := range report.Waiting(style) {
			if mongotest.Embedded() && !slices.Contains(waiting, name) {
				t.Errorf("%s: tests wait for %s", style, name)
			}
		}
	}
}

// TestRunner runs files of our own, of which those in valid-fail must fail, each in one thing that the runner compares.
func TestRunner(t *testing.T) {
	report := run(t, specs.Config{Dir: "testdata"})
	for _, r := range report.Results {
		if r.Verdict != specs.Passed && r.Verdict != specs.Failed {
			t.Errorf("%s: %s: %s: %v: %s", r.Style, r.File, r.Test, r.Verdict, r.Reason)
		}
	}
}

// run runs suites and reports what fails.
func run(t *testing.T, config specs.Config) *specs.Report {
	t.Helper()
	config.Each = func(r specs.Result) {
		if r.Verdict == specs.Failed {
			t.Errorf("%s: %s: %s: %s", r.Style, r.File, r.Test, r.Reason)
		}
	}
	report, err := specs.Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := report.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	return report
}
