// Package future_test measures the future package against what it has to beat, side by side:
//
//	go test -run TestFigures -figures ./benchmarks/future
//
// The contestants of a row take turns in short runs; a row's figures are the medians of these, and the ratios are
// what travels between machines. Nothing is asserted: a busy machine is not a bug.
package future_test

import (
	"flag"
	"slices"
	"testing"
	"time"
)

var (
	figures = flag.Bool("figures", false, "measure and print the figures")
	rounds  = flag.Int("rounds", 9, "runs of each contestant of a row, of which the median counts")
	slice   = flag.Duration("slice", 60*time.Millisecond, "how long one run takes")
)

// row is one thing to do and those who do it. The first contestant is ours.
type row struct {
	name        string
	contestants []contestant
}

// contestant does n operations, a multiple of unit.
type contestant struct {
	name string
	unit int
	do   func(n int)
}

// TestFigures prints the table.
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("without -figures nothing is measured")
	}
	for _, r := range table(t) {
		times := make([][]float64, len(r.contestants))
		sizes := make([]int, len(r.contestants))
		for i, c := range r.contestants {
			sizes[i] = size(c)
		}
		for range *rounds {
			for i, c := range r.contestants {
				times[i] = append(times[i], perOperation(c, sizes[i]))
			}
		}
		ours := median(times[0])
		for i, c := range r.contestants {
			m := median(times[i])
			t.Logf("%-34s %-22s %9.1f ns  ours/this %.2f", r.name, c.name, m, ours/m)
		}
	}
}

// size returns how many operations fill a slice.
func size(c contestant) int {
	n := c.unit
	for {
		begin := time.Now()
		c.do(n)
		took := time.Since(begin)
		if took > *slice/4 {
			return max(1, int(float64(n/c.unit)*float64(*slice)/float64(took))) * c.unit
		}
		n *= 4
	}
}

func perOperation(c contestant, n int) float64 {
	begin := time.Now()
	c.do(n)
	return float64(time.Since(begin).Nanoseconds()) / float64(n)
}

func median(xs []float64) float64 {
	xs = slices.Clone(xs)
	slices.Sort(xs)
	return xs[len(xs)/2]
}
