package specs

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// Config selects what to run.
type Config struct {
	Dir    string   // "": the files of the required module
	URI    string   // "": the server of package mongotest
	Styles []string // nil: all
	Suites []string // nil: the suites for the embedded server, or all suites of the folder with another server
	Each   func(Result)
}

// Run runs suites in the styles. It calls config.Each, if set, with each result as soon as it is known.
func Run(ctx context.Context, config Config) (*Report, error) {
	for _, style := range config.Styles {
		if !slices.Contains(Styles, style) {
			return nil, fmt.Errorf("specs: unknown style %q", style)
		}
	}
	if config.Styles == nil {
		config.Styles = Styles
	}
	embedded := config.URI == "" && mongotest.Embedded()
	if config.URI == "" {
		started, err := mongotest.Run(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = started.Close() }()
		config.URI = started.URI()
	}
	ownFiles := config.Dir == ""
	if ownFiles {
		var err error
		if config.Dir, err = DefaultDir(); err != nil {
			return nil, err
		}
	}
	if config.Suites == nil && embedded && ownFiles {
		config.Suites = Embedded
	}
	all, err := suites(config.Dir, config.Suites)
	if err != nil {
		return nil, err
	}
	s, err := connect(ctx, config.URI)
	if err != nil {
		return nil, err
	}
	defer func() {
		after := context.WithoutCancel(ctx)
		s.clean(after, all)
		_ = s.close(after)
	}()
	report := new(Report)
	for _, suite := range all {
		for _, f := range suite.files {
			for i := range f.file.Tests {
				for _, result := range runTest(ctx, s, config.Styles, f, &f.file.Tests[i]) {
					result.Suite = suite.name
					report.Results = append(report.Results, result)
					if config.Each != nil {
						config.Each(result)
					}
				}
				if err := context.Cause(ctx); err != nil {
					return report, err
				}
			}
		}
	}
	return report, nil
}

// runTest runs a test in each style, one after the other, since they use the same databases. The driver runs first,
// even if it is not in styles, because it is the reference for the others.
func runTest(ctx context.Context, s *server, styles []string, f suiteFile, test *testCase) []Result {
	var results []Result
	add := func(style string, v Verdict, reason string) {
		results = append(results, Result{File: f.path, Test: test.Description, Style: style, Verdict: v, Reason: reason})
	}
	reason := unmet(f.file.RunOn, s)
	if reason == "" {
		reason = unmet(test.RunOn, s)
	}
	if reason == "" {
		reason = test.SkipReason
	}
	if reason != "" || f.refused != nil {
		for _, style := range styles {
			switch {
			case f.refused != nil && f.invalid:
				add(style, Passed, "")
			case f.refused != nil:
				add(style, Failed, f.refused.Error())
			default:
				add(style, Unmet, reason)
			}
		}
		return results
	}
	reference := try(ctx, s, Driver, f.file, test)
	for _, style := range styles {
		own := reference
		if style != Driver {
			own = try(ctx, s, style, f.file, test)
		}
		skip := skipped(s, f.path, test.Description)
		if f.invalid {
			verdict, reason := judgeInvalid(own, skip)
			add(style, verdict, reason)
			continue
		}
		verdict, reason := judge(style, own, reference, skip)
		add(style, verdict, reason)
	}
	return results
}
