package specs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
	"github.com/gomotor/gomotor/motor_test/specs"
)

// waiting lists the features that tests may be pending for.
var waiting = []string{
	"rename(dropTarget)", "createCommandCursor(timeoutMode)", "runCursorCommand(timeoutMode)", "timeoutMS of a handle",
	"maxCommitTimeMS", "a write concern with wtimeout",
	"mapReduce", "count", // not in the driver
	"find(maxTimeMS)", "estimatedDocumentCount(maxTimeMS)", "upload(contentType)", // no longer in the driver
}

// passedWithProxy is the number of tests that must pass with the embedded server and its proxies.
const passedWithProxy = 1080

// TestSpecifications runs MongoDB's specification tests with the driver, with futures and with callbacks.
func TestSpecifications(t *testing.T) {
	report := run(t, specs.Config{Suites: specs.Embedded})
	for _, suite := range specs.Embedded {
		for _, style := range specs.Styles {
			if !slices.ContainsFunc(report.Results, func(r specs.Result) bool { return r.Suite == suite && r.Style == style }) {
				t.Errorf("got no tests of %s in style %s, want some", suite, style)
			}
		}
	}
	for _, style := range specs.Styles {
		if passed := report.Count("", style, specs.Passed); mongotest.Embedded() && passed < passedWithProxy {
			t.Errorf("got %d passed tests in style %s, want at least %d", passed, style, passedWithProxy)
		}
		for name := range report.Waiting(style) {
			if mongotest.Embedded() && !slices.Contains(waiting, name) {
				t.Errorf("got tests in style %s that are pending for %s, want none", style, name)
			}
		}
	}
}

// TestRunner runs the files in testdata. Each file in valid-fail must fail, for one difference that the runner has to
// notice.
func TestRunner(t *testing.T) {
	report := run(t, specs.Config{Dir: "testdata"})
	for _, r := range report.Results {
		if r.Verdict != specs.Passed && r.Verdict != specs.Failed {
			t.Errorf("%s: %s: %s: got %v (%s), want passed or failed", r.Style, r.File, r.Test, r.Verdict, r.Reason)
		}
	}
}

// run runs suites and reports failed tests. With a server other than the embedded one, the driver itself may fail a
// test. If the test then fails in the same way with this library, run only logs it.
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
			t.Logf("%s, as with the driver: %s: %s: %s", r.Style, r.File, r.Test, r.Reason)
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
