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
	"mapReduce",                                                                   // what motor does not have yet
	"find(maxTimeMS)", "estimatedDocumentCount(maxTimeMS)", "upload(contentType)", // what the driver does not have any more
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

// run runs suites and reports what fails. With a server of somebody's, that may be a test that the driver does not pass
// there, or has not yet heard of, and that ends in the same way through us: that is told, and is no failure of ours.
func run(t *testing.T, config specs.Config) *specs.Report {
	t.Helper()
	report, err := specs.Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	type failure struct{ file, test, reason string }
	drivers := make(map[failure]bool)
	for _, r := range report.Results {
		if r.Verdict == specs.Failed && r.Style == specs.Driver && !mongotest.Embedded() {
			drivers[failure{r.File, r.Test, r.Reason}] = true
		}
	}
	for _, r := range report.Results {
		switch {
		case r.Verdict != specs.Failed:
		case drivers[failure{r.File, r.Test, r.Reason}]:
			t.Logf("%s, as through the driver: %s: %s: %s", r.Style, r.File, r.Test, r.Reason)
		default:
			t.Errorf("%s: %s: %s: %s", r.Style, r.File, r.Test, r.Reason)
		}
	}
	var table strings.Builder
	if err := report.Write(&table); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + table.String())
	return report
}
