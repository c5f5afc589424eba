package specs

import (
	"context"
	"errors"
	"fmt"
)

// Verdict is how a test has ended in a style.
type Verdict int

// The verdicts.
const (
	Passed  Verdict = iota
	Failed          // it differs from what the file expects, or from the driver
	Unmet           // skipped by the file's own requirements
	Skipped         // skipped with a reason of ours
	Refused         // the server refused, and everything ended as it did through the driver
	Pending         // it needs something that is not there yet
)

var verdictNames = [...]string{"passed", "failed", "skipped by the file", "skipped", "refused", "pending"}

// String is the verdict in a word or two.
func (v Verdict) String() string { return verdictNames[v] }

// Result is what has come of one test in one style.
type Result struct {
	Suite, File, Test, Style string
	Verdict                  Verdict
	Reason                   string // "" for what simply passes
}

// attempt is a test that was run in a style.
type attempt struct {
	trace trace
	err   error
}

func try(ctx context.Context, s *server, style string, f *file, test *testCase) attempt {
	tr, err := runCase(ctx, s, style, f, test)
	return attempt{tr, err}
}

// judge says how a test has ended, given how it ended through the driver. Whatever the file expects: it has to have
// ended as it did there, operation by operation and command by command.
func judge(style string, own, reference attempt, skipReason string) (Verdict, string) {
	var (
		waits, referenceWaits     *pending
		refused, referenceRefused refusal
	)
	if errors.As(own.err, &waits) {
		return Pending, waits.name
	}
	if !errors.As(reference.err, &referenceWaits) {
		if difference := own.trace.difference(&reference.trace); difference != "" {
			return Failed, fmt.Sprintf("%v, and not what happens through the driver:\n%s", own, difference)
		}
	}
	switch {
	case own.err == nil && skipReason != "":
		return Failed, "it passes, and is on the list of skips: " + skipReason
	case own.err == nil:
		return Passed, ""
	case skipReason != "":
		return Skipped, skipReason
	case !errors.As(own.err, &refused):
	case style == Driver, errors.As(reference.err, &referenceRefused), referenceWaits != nil:
		return Refused, own.err.Error()
	}
	return Failed, own.err.Error()
}

// judgeInvalid is judge for a test that must fail. Something that is not there yet proves nothing.
func judgeInvalid(own attempt, skipReason string) (Verdict, string) {
	var waits *pending
	switch {
	case errors.As(own.err, &waits):
		return Pending, waits.name
	case own.err != nil && skipReason != "":
		return Failed, "it fails, as it must, and is on the list of skips: " + skipReason
	case own.err != nil:
		return Passed, "it fails, as it must: " + own.err.Error()
	case skipReason != "":
		return Skipped, skipReason
	}
	return Failed, "it must fail, and passes"
}

// String says whether it has passed.
func (a attempt) String() string {
	if a.err == nil {
		return "as the file expects"
	}
	return a.err.Error()
}
