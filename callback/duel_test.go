package callback_test

import (
	"slices"
	"testing"
	"time"
)

// duel runs two ways to do the same thing in turn, six times each, and reports the medians and their ratio: how
// many times as fast as theirs ours is. Ratios of one interleaved run travel between machines, and between the
// quiet and the busy moments of one.
func duel(b *testing.B, ours, theirs func(n int)) {
	b.Helper()
	const rounds = 6
	sides := [2]func(n int){ours, theirs}
	var took [2][]float64
	for range rounds {
		for i, run := range sides {
			began := time.Now()
			run(b.N)
			took[i] = append(took[i], float64(time.Since(began).Nanoseconds())/float64(b.N))
		}
	}
	var median [2]float64
	for i := range took {
		slices.Sort(took[i])
		median[i] = (took[i][rounds/2-1] + took[i][rounds/2]) / 2
	}
	b.ReportMetric(0, "ns/op") // of no meaning here
	b.ReportMetric(median[0], "ours-ns")
	b.ReportMetric(median[1], "theirs-ns")
	b.ReportMetric(median[1]/median[0], "times")
}
