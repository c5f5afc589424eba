// Package figures compares the cost of implementations. The contestants of a row take turns in short runs, and the
// package prints the median of each contestant's runs. Compare ratios between machines, not times. Allocations and CPU
// time are those of the whole process. The package asserts nothing, since a busy machine is not a bug.
//
// It adds the flags -figures, -only, -rounds and -slice to the tests that import it.
package figures

import (
	"flag"
	"regexp"
	"runtime"
	"slices"
	"testing"
	"time"
)

var (
	wanted = flag.Bool("figures", false, "measure and print the figures")
	only   = flag.String("only", "", "measure the rows that match this regular expression")
	rounds = flag.Int("rounds", 9, "runs of each contestant; the table shows their median")
	slice  = flag.Duration("slice", 0, "duration of one run; 0: the duration that the test chooses")
)

// Row is a task and the contestants that do it. The first contestant is ours.
type Row struct {
	Name        string
	Contestants []Contestant
}

// Contestant is an implementation. Do runs the task n times, where n is a multiple of Unit.
type Contestant struct {
	Name string
	Unit int
	Do   func(n int)
}

// Compare returns a Row.
func Compare(name string, contestants ...Contestant) Row { return Row{name, contestants} }

// By returns a Contestant.
func By(name string, unit int, do func(n int)) Contestant { return Contestant{name, unit, do} }

// figure is the cost of one task: times in nanoseconds, the number of allocations, bytes allocated.
type figure struct{ time, cpu, allocations, bytes float64 }

// Report measures the rows and prints the table. Without the flag -figures it skips the test. need is the duration of
// one run, unless the flag -slice is set.
func Report(t *testing.T, need time.Duration, rows func(*testing.T) []Row) {
	t.Helper()
	if !*wanted {
		t.Skip("measures only with the flag -figures")
	}
	if *slice > 0 {
		need = *slice
	}
	names := regexp.MustCompile(*only)
	for _, r := range rows(t) {
		if names.MatchString(r.Name) {
			report(t, need, r)
		}
	}
}

func report(t *testing.T, need time.Duration, r Row) {
	t.Helper()
	measured := make([][]figure, len(r.Contestants))
	sizes := make([]int, len(r.Contestants))
	for i, c := range r.Contestants {
		sizes[i] = c.size(need)
	}
	for range *rounds {
		for i, c := range r.Contestants {
			measured[i] = append(measured[i], c.measure(sizes[i]))
		}
	}
	ours := median(measured[0])
	for i, c := range r.Contestants {
		m := median(measured[i])
		t.Logf("%-38s %-26s %11.1f ns %11.1f ns CPU %8.1f allocations %9.0f bytes   time, ours/this %.2f",
			r.Name, c.Name, m.time, m.cpu, m.allocations, m.bytes, ours.time/m.time)
	}
}

// size returns the number of tasks that a run of duration need does.
func (c Contestant) size(need time.Duration) int {
	for n := c.Unit; ; n *= 4 {
		begin := time.Now()
		c.Do(n)
		if took := time.Since(begin); took > need/4 {
			return max(1, int(float64(n/c.Unit)*float64(need)/float64(took))) * c.Unit
		}
	}
}

func (c Contestant) measure(n int) figure {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := processorTime()
	begin := time.Now()
	c.Do(n)
	took := time.Since(begin)
	used = processorTime() - used
	runtime.ReadMemStats(&after)
	per := float64(n)
	return figure{
		time:        float64(took.Nanoseconds()) / per,
		cpu:         float64(used.Nanoseconds()) / per,
		allocations: float64(after.Mallocs-before.Mallocs) / per,
		bytes:       float64(after.TotalAlloc-before.TotalAlloc) / per,
	}
}

func median(all []figure) figure {
	middle := func(of func(figure) float64) float64 {
		xs := make([]float64, len(all))
		for i, f := range all {
			xs[i] = of(f)
		}
		slices.Sort(xs)
		return xs[len(xs)/2]
	}
	return figure{
		time:        middle(func(f figure) float64 { return f.time }),
		cpu:         middle(func(f figure) float64 { return f.cpu }),
		allocations: middle(func(f figure) float64 { return f.allocations }),
		bytes:       middle(func(f figure) float64 { return f.bytes }),
	}
}
