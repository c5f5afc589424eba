package specs

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Report has the results of suites.
type Report struct {
	Results []Result
}

// Count returns the number of results with this verdict. An empty suite stands for all suites.
func (r *Report) Count(suite, style string, verdict Verdict) int {
	n := 0
	for _, one := range r.Results {
		if (suite == "" || one.Suite == suite) && one.Style == style && one.Verdict == verdict {
			n++
		}
	}
	return n
}

// Failed reports whether any test failed.
func (r *Report) Failed() bool {
	return slices.ContainsFunc(r.Results, func(one Result) bool { return one.Verdict == Failed })
}

// Waiting returns the missing features that tests in a style need, with the number of these tests.
func (r *Report) Waiting(style string) map[string]int {
	names := map[string]int{}
	for _, one := range r.Results {
		if one.Style == style && one.Verdict == Pending {
			names[one.Reason]++
		}
	}
	return names
}

// Write writes a line for each suite and style, then the missing features, then a summary for each style. The summary
// counts all tests that neither passed nor failed as skipped.
func (r *Report) Write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	var styles []string
	for _, suite := range r.suites() {
		for _, style := range Styles {
			if !slices.ContainsFunc(r.Results, func(one Result) bool { return one.Suite == suite && one.Style == style }) {
				continue
			}
			if !slices.Contains(styles, style) {
				styles = append(styles, style)
			}
			n := func(v Verdict) int { return r.Count(suite, style, v) }
			fmt.Fprintf(table, "%s\t%s\t%d passed\t%d failed\t%d skipped by the file\t%d skipped by skip.go\t%d not supported by the server\t%d pending\n",
				suite, style, n(Passed), n(Failed), n(Unmet), n(Skipped), n(Refused), n(Pending))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, style := range styles {
		waiting := r.Waiting(style)
		names := make([]string, 0, len(waiting))
		for name := range waiting {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			fmt.Fprintf(w, "pending: %s %s: %d\n", style, name, waiting[name])
		}
	}
	for _, style := range styles {
		n := func(v Verdict) int { return r.Count("", style, v) }
		if _, err := fmt.Fprintf(w, "specs: %s %d passed, %d failed, %d skipped\n",
			style, n(Passed), n(Failed), n(Unmet)+n(Skipped)+n(Refused)+n(Pending)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) suites() []string {
	var names []string
	for _, one := range r.Results {
		if !slices.Contains(names, one.Suite) {
			names = append(names, one.Suite)
		}
	}
	return names
}
