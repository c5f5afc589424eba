package bench

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// columns are the names of the cells of a result.
var columns = []string{"row", "ours", "other", "ratio", "±", "goal", "", "CPU", "other", "memory", "other", "MB/s", "other"}

// cells returns a result as text, for the columns.
func (r *Result) cells() []string {
	verdict := "ok"
	if !r.OK {
		verdict = "missed"
	}
	ratio := []string{fmt.Sprintf("%.2f", r.Ratio), fmt.Sprintf("%.2f", r.Spread), fmt.Sprintf("%.2f", r.Goal), verdict}
	if r.Memory {
		cells := append([]string{r.Name, bytesOf(r.Ours.Peak), bytesOf(r.Theirs.Peak)}, ratio...)
		return append(cells, make([]string, len(columns)-len(cells))...)
	}
	cells := append([]string{r.Name, duration(r.Ours.Time), duration(r.Theirs.Time)}, ratio...)
	return append(cells, duration(r.Ours.CPU), duration(r.Theirs.CPU), bytesOf(r.Ours.Peak), bytesOf(r.Theirs.Peak),
		r.rate(r.Ours), r.rate(r.Theirs))
}

// rate returns the megabytes a second of a figure, or nothing if the row has no size.
func (r *Result) rate(f Figure) string {
	if r.Size == 0 {
		return ""
	}
	return digits(float64(r.Size) / f.Time * 1000)
}

// duration returns a number of nanoseconds with its unit. 0 is not known.
func duration(ns float64) string {
	switch {
	case ns == 0:
		return "-"
	case ns >= 1e9:
		return digits(ns/1e9) + " s"
	case ns >= 1e6:
		return digits(ns/1e6) + " ms"
	case ns >= 1e3:
		return digits(ns/1e3) + " µs"
	}
	return digits(ns) + " ns"
}

// bytesOf returns a number of bytes with its unit.
func bytesOf(n float64) string {
	if n >= 1e6 {
		return digits(n/1e6) + " MB"
	}
	return digits(n/1e3) + " KB"
}

// digits returns a number with three digits, or with all before the point.
func digits(x float64) string {
	switch {
	case x >= 99.95:
		return fmt.Sprintf("%.0f", x)
	case x >= 9.995:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.2f", x)
}

// writeLine writes a line of the table for people.
func writeLine(out io.Writer, cells []string) error {
	var b strings.Builder
	for i, cell := range cells {
		switch {
		case i == 0:
			b.WriteString(cell + strings.Repeat(" ", max(0, 60-utf8.RuneCountInString(cell))))
		case i < 3 || i > 6:
			fmt.Fprintf(&b, " %9s", cell)
		default:
			fmt.Fprintf(&b, " %6s", cell)
		}
	}
	_, err := fmt.Fprintln(out, strings.TrimRight(b.String(), " "))
	return err
}

// WriteMarkdown writes the table for a page.
func WriteMarkdown(out io.Writer, results []Result) error {
	var b strings.Builder
	b.WriteString("| row | ours | other | ratio | spread | goal | CPU | other | memory | other | MB/s | other |\n" +
		"|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, r := range results {
		cells := r.cells()
		if r.Other != "driver" && !strings.HasSuffix(r.Name, strings.TrimPrefix(r.Other, "a ")) {
			cells[0] += "; " + r.Other
		}
		if !r.OK {
			cells[5] += " missed"
		}
		cells = append(cells[:6], cells[7:]...)
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	_, err := io.WriteString(out, b.String())
	return err
}
