package motor2go

import (
	"fmt"
	"io"
	"strings"
)

// Write prints a report for people.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s:%d: %s\n", r.File, f.Line, f.Python)
		for line := range strings.SplitSeq(f.Go, "\n") {
			if line != "" {
				fmt.Fprintf(&b, "    %s\n", line)
			}
		}
		if len(f.Docs) > 0 {
			fmt.Fprintf(&b, "  docs: %s\n", strings.Join(f.Docs, ", "))
		}
		for _, note := range f.Notes {
			fmt.Fprintf(&b, "  note: %s\n", note)
		}
		for _, unknown := range f.Unknown {
			fmt.Fprintf(&b, "  unknown: %s\n", unknown)
		}
		b.WriteByte('\n')
	}
	members, unknown := r.counts()
	fmt.Fprintf(&b, "%s: %d statements, %d members, %d unknown\n", r.File, len(r.Findings), members, unknown)
	_, err := io.WriteString(w, b.String())
	return err
}

// counts returns the number of different members that the file uses, and of unknown members.
func (r *Report) counts() (members, unknown int) {
	seen := make(map[string]bool)
	for _, f := range r.Findings {
		for _, m := range f.Members {
			seen[m] = true
		}
		unknown += len(f.Unknown)
	}
	return len(seen), unknown
}
