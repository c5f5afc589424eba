package compiletime

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"
)

// Report has the results of the programs, in the order of the table.
type Report []Row

// Row is the result of one program.
type Row struct {
	Program   string
	Functions int // compiled in the program's own package
	Builds    []Build
}

// Limits are the maximum costs of a program.
type Limits struct {
	Functions int     // compiled in its package
	CPU       float64 // as a multiple of the baseline's
}

// CPU returns the median CPU time of the builds.
func (r Row) CPU() time.Duration {
	return median(r.Builds, func(b Build) int64 { return int64(b.CPU) }, func(n int64) time.Duration { return time.Duration(n) })
}

// Peak returns the median peak memory of the builds, in bytes.
func (r Row) Peak() int64 {
	return median(r.Builds, func(b Build) int64 { return b.Peak }, func(n int64) int64 { return n })
}

// median returns the middle value, or the mean of the two middle ones. It returns 0 if there are no builds.
func median[T any](builds []Build, value func(Build) int64, convert func(int64) T) T {
	all := make([]int64, 0, len(builds))
	for _, b := range builds {
		all = append(all, value(b))
	}
	slices.Sort(all)
	n := len(all)
	switch {
	case n == 0:
		return convert(0)
	case n%2 == 1:
		return convert(all[n/2])
	default:
		return convert((all[n/2-1] + all[n/2]) / 2)
	}
}

// Ratio returns a row's CPU time as a multiple of the baseline's. It returns 0 if the report has no baseline.
func (r Report) Ratio(row Row) float64 {
	i := slices.IndexFunc(r, func(row Row) bool { return row.Program == Baseline })
	if i < 0 || r[i].CPU() == 0 {
		return 0
	}
	return float64(row.CPU()) / float64(r[i].CPU())
}

// Write prints the table.
func (r Report) Write(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "program\tCPU\tpeak memory\tfunctions\tCPU / %s\t\n", Baseline)
	for _, row := range r {
		fmt.Fprintf(t, "%s\t%.2f s\t%d MB\t%d\t%.2f\t\n",
			row.Program, row.CPU().Seconds(), row.Peak()/1_000_000, row.Functions, r.Ratio(row))
	}
	return t.Flush()
}

// Exceeded returns a sentence for every figure of a program above its limit. The baseline has no limits.
func (r Report) Exceeded(limits Limits) []string {
	var all []string
	for _, row := range r {
		if row.Program == Baseline {
			continue
		}
		if row.Functions > limits.Functions {
			all = append(all, fmt.Sprintf("%s: %d functions compiled in the user's package: want at most %d",
				row.Program, row.Functions, limits.Functions))
		}
		if ratio := r.Ratio(row); ratio > limits.CPU {
			all = append(all, fmt.Sprintf("%s: CPU time %.2f times that of %s: want at most %.2f",
				row.Program, ratio, Baseline, limits.CPU))
		}
	}
	return all
}

// compiledFunctions matches the line of the compiler's phase that compiles functions, as in
//
//	BenchmarkCompile:main:be:compilefuncs  1  123456 ns/op  12.34 %  20834 funcs  168756 funcs/s
var compiledFunctions = regexp.MustCompile(`(?m)^\S*be:compilefuncs\s.*?\s(\d+)\s+funcs\s`)

// ParseFunctions returns the number of compiled functions in the compiler's output with its flag -bench.
func ParseFunctions(text string) (int, error) {
	found := compiledFunctions.FindAllStringSubmatch(text, -1)
	if len(found) != 1 {
		return 0, fmt.Errorf("compiletime: got %d reports of compiled functions, want 1, in\n%s", len(found), text)
	}
	return strconv.Atoi(found[0][1])
}
