package specs

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// Verdict is the result of a test in a style.
type Verdict int

// The verdicts.
const (
	Passed  Verdict = iota
	Failed          // differs from what the file expects, or from the driver
	Unmet           // skipped by the requirements in the file
	Skipped         // skipped by skip.go
	Refused         // not supported by the server, and the same as with the driver
	Pending         // needs a missing feature
)

var verdictNames = [...]string{"passed", "failed", "skipped by the file", "skipped", "refused", "pending"}

// String returns the verdict in words.
func (v Verdict) String() string { return verdictNames[v] }

// Result is the result of one test in one style.
type Result struct {
	Suite, File, Test, Style string
	Verdict                  Verdict
	Reason                   string // "" for a test that simply passes
}

// attempt is the outcome of a test in a style.
type attempt struct {
	trace trace
	err   error
}

func try(ctx context.Context, s *server, style string, f *file, test *testCase) attempt {
	return bounded(caseTimeout+2*endTimeout, func() attempt {
		tr, err := runCase(ctx, s, style, f, test)
		return attempt{tr, err}
	})
}

// bounded calls run on its own goroutine. If run takes longer than the limit, because it ignores that its context has
// ended, it is left behind, and the other tests go on.
func bounded(limit time.Duration, run func() attempt) attempt {
	ended := make(chan attempt, 1)
	go func() {
		defer func() {
			if v := recover(); v != nil {
				ended <- attempt{err: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
			}
		}()
		ended <- run()
	}()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case a := <-ended:
		return a
	case <-timer.C:
		return attempt{err: fmt.Errorf("%w, and did not end %v later", errTimeout, limit-caseTimeout)}
	}
}

// judge returns the verdict on a test, given its outcome with the driver. Whatever the file expects, the test must end
// as with the driver, operation by operation and command by command, unless it ends as the file expects and the driver's
// does not.
func judge(style string, own, reference attempt, skipReason string) (Verdict, string) {
	var (
		waits, referenceWaits     *pending
		refused, referenceRefused refusal
	)
	if errors.As(own.err, &waits) {
		return Pending, waits.name
	}
	better := own.err == nil && reference.err != nil
	if !errors.As(reference.err, &referenceWaits) && !better {
		if difference := own.trace.difference(&reference.trace); difference != "" {
			return Failed, fmt.Sprintf("%v, but different from the driver:\n%s", own, difference)
		}
	}
	switch {
	case own.err == nil && skipReason != "":
		return Failed, "the test passes, but skip.go lists it: " + skipReason
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

// judgeInvalid is like judge, for a test that must fail. A missing feature proves nothing.
func judgeInvalid(own attempt, skipReason string) (Verdict, string) {
	var waits *pending
	switch {
	case errors.As(own.err, &waits):
		return Pending, waits.name
	case own.err != nil && skipReason != "":
		return Failed, "the test fails, as it must, but skip.go lists it: " + skipReason
	case own.err != nil:
		return Passed, "the test fails, as it must: " + own.err.Error()
	case skipReason != "":
		return Skipped, skipReason
	}
	return Failed, "the test passes, but must fail"
}

// String returns the error, or that there is none.
func (a attempt) String() string {
	if a.err == nil {
		return "as the file expects"
	}
	return a.err.Error()
}
