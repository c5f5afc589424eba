package motor_test

import (
	"flag"
	"regexp"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
)

// The figures compare motor with the driver called directly, side by side:
//
//	go test -run TestFigures -figures ./benchmarks/motor
//
// The two take turns in short runs; a row's figures are the medians of these, and the ratios are what travels between
// machines. Allocations and CPU are those of the whole process, its server with it, which takes no memory and the same
// CPU for both: their differences are the client's. Nothing is asserted: a busy machine is not a bug.
var (
	figures = flag.Bool("figures", false, "measure and print the figures")
	only    = flag.String("only", "", "a regular expression for the rows that are measured")
	rounds  = flag.Int("rounds", 9, "runs of each contestant of a row, of which the median counts")
	slice   = flag.Duration("slice", 200*time.Millisecond, "how long one run takes")
)

// row is one thing to do and those who do it. The first contestant is ours.
type row struct {
	name        string
	contestants []contestant
}

// contestant does something n times.
type contestant struct {
	name string
	do   func(n int)
}

// figure is what doing something once takes.
type figure struct{ time, cpu, allocations, bytes float64 }

// TestFigures prints the table.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("without -figures nothing is measured")
	}
	wanted := regexp.MustCompile(*only)
	for _, r := range table(t) {
		if !wanted.MatchString(r.name) {
			continue
		}
		measured := make([][]figure, len(r.contestants))
		sizes := make([]int, len(r.contestants))
		for i, c := range r.contestants {
			sizes[i] = size(c)
		}
		for range *rounds {
			for i, c := range r.contestants {
				measured[i] = append(measured[i], measure(c, sizes[i]))
			}
		}
		ours := median(measured[0])
		for i, c := range r.contestants {
			m := median(measured[i])
			t.Logf("%-36s %-8s %10.2f µs  %10.2f µs CPU  %9.1f allocs  %10.0f bytes  throughput ours/this %.2f",
				r.name, c.name, m.time, m.cpu, m.allocations, m.bytes, m.time/ours.time)
		}
	}
}

// size returns how often something is done in a slice.
func size(c contestant) int {
	for n := 1; ; n *= 4 {
		begin := time.Now()
		c.do(n)
		took := time.Since(begin)
		if took > *slice/4 {
			return max(1, int(float64(n)*float64(*slice)/float64(took)))
		}
	}
}

func measure(c contestant, n int) figure {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	used := processorTime()
	begin := time.Now()
	c.do(n)
	took := time.Since(begin)
	used = processorTime() - used
	runtime.ReadMemStats(&after)
	per := float64(n)
	return figure{
		time:        float64(took.Nanoseconds()) / 1000 / per,
		cpu:         float64(used.Nanoseconds()) / 1000 / per,
		allocations: float64(after.Mallocs-before.Mallocs) / per,
		bytes:       float64(after.TotalAlloc-before.TotalAlloc) / per,
	}
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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
