package specs

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// Config says what to run.
type Config struct {
	Dir    string   // "": the files that come with the module of the tests
	URI    string   // "": the server of package mongotest
	Styles []string // nil: all
	Suites []string // nil: those for the embedded server, or all of the folder with another
	Each   func(Result)
}

// Run runs suites in the styles and calls config.Each, if there is one, with every result as it comes.
func Run(ctx context.Context, config Config) (*Report, error) {
	for _, style := range config.Styles {
		if !slices.Contains(Styles, style) {
			return nil, fmt.Errorf("specs: there is no style %q", style)
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

// runTest runs a test in the styles, one after the other: the names of the databases are the file's. The driver goes
// first, also where it is not asked for: the others are held to it.
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
