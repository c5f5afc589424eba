package parity

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Report writes the result of the check: a table for each class, the errors, and the summary as the last line.
func (res *Result) Report(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, class := range classes(res.Rows) {
		fmt.Fprintf(table, "%s\n", class)
		for _, r := range res.Rows {
			if r.Class == class {
				fmt.Fprintf(table, "  %s\t%s\n", r.Member, res.outcome(r))
			}
		}
		fmt.Fprintln(table)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range res.Rows {
		if err := res.Missing[r]; err != nil {
			fmt.Fprintf(w, "missing: %s: %v\n", r.Name(), err)
		}
	}
	for _, err := range res.Problems {
		fmt.Fprintf(w, "wrong: %v\n", err)
	}
	_, err := fmt.Fprintln(w, res.Summary())
	return err
}

// outcome returns the replacement of a member, or why there is none.
func (res *Result) outcome(r *Row) string {
	switch {
	case res.Missing[r] != nil:
		return "missing: " + strings.Join(r.Go, ", ")
	case r.Mark == notApplicable:
		return "n/a: " + r.Remark
	case r.Mark != "":
		return r.Mark
	}
	return strings.Join(r.Go, ", ")
}
