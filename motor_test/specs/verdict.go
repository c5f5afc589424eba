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
	Reason                   string // of all but Passed
	Differs                  string // of Passed: what was not as it was through the driver
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

// judge says how a test has ended that was run, given how it ended through the driver; reference is the driver's own
// attempt for the driver.
func judge(style string, own, reference attempt, skipReason string) (Verdict, string) {
	var (
		waits   *pending
		refused refusal
	)
	verdict, reason := Failed, ""
	if own.err != nil {
		reason = own.err.Error()
	}
	switch {
	case own.err == nil:
		verdict = Passed
	case errors.As(own.err, &waits):
		verdict, reason = Pending, waits.name
	case style == Driver && errors.As(own.err, &refused):
		verdict = Refused
	case errors.As(own.err, &refused) && errors.As(reference.err, &refused):
		if difference := own.trace.difference(&reference.trace); difference != "" {
			reason = fmt.Sprintf("%s\n\tends otherwise:\n\t\t%s", reason, difference)
		} else {
			verdict = Refused
		}
	case errors.As(own.err, &refused) && errors.As(reference.err, &waits):
		verdict = Refused // the driver cannot even ask
	}
	if skipReason != "" {
		if verdict == Passed {
			return Failed, "it is on the list of skips, and passes: " + skipReason
		}
		if verdict == Failed || verdict == Refused {
			return Skipped, skipReason
		}
	}
	return verdict, reason
}

// judgeInvalid says how a test has ended that must fail. Something that is not there yet proves nothing.
func judgeInvalid(own attempt) (Verdict, string) {
	var waits *pending
	switch {
	case own.err == nil:
		return Failed, "it must fail, and passes"
	case errors.As(own.err, &waits):
		return Pending, waits.name
	}
	return Passed, ""
}
