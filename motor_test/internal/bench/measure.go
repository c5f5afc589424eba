package bench

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"runtime/metrics"
	"slices"
	"time"
)

// Row is a task, done in our way and in another.
type Row struct {
	Name  string
	Goal  float64 // the largest ratio of our time to the other's, or 0 if the row is about memory only
	Other string  // what the other way is
	Unit  int     // a run does a multiple of it
	Size  int     // bytes of data that a task processes, or 0
	Needs string  // what the server must have, if the row needs more than the stub
	Bare  bool    // the row runs without the ballast

	// Memory returns the peak memory that we may have where the other way has so much, if the row is about memory.
	Memory func(theirs float64) float64

	Ours, Theirs func(n int) error // do the task n times
}

// Figure is the cost of one task.
type Figure struct {
	Time        float64 `json:"time_ns"`
	CPU         float64 `json:"cpu_ns"` // of this process, 0 where the system does not tell it
	Allocations float64 `json:"allocations"`
	Bytes       float64 `json:"bytes"`
	Peak        float64 `json:"peak_bytes"` // memory of a whole run: heap and stacks beyond what there was before
}

// Result holds the figures of a row.
type Result struct {
	Name   string  `json:"name"`
	Other  string  `json:"other"`
	Ours   Figure  `json:"ours"`
	Theirs Figure  `json:"theirs"`
	Ratio  float64 `json:"ratio"`
	Spread float64 `json:"spread"` // half of the distance between the quartiles of the ratio
	Goal   float64 `json:"goal"`
	OK     bool    `json:"ok"`
	Size   int     `json:"size_bytes,omitempty"` // of the data of a task
	Memory bool    `json:"memory,omitempty"`     // the ratio is that of the peaks of memory
}

// Config says how long rows are measured.
type Config struct {
	Rounds int
	Slice  time.Duration // of one run
	Limit  time.Duration // of all runs of a row: a round after it is left out, except the first
	Only   *regexp.Regexp
}

// Measure measures rows and writes a line for each result. A row with goals for time and for memory has two results.
func Measure(ctx context.Context, rows []Row, config Config, out io.Writer) (results []Result, err error) {
	if err := writeLine(out, columns); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if config.Only != nil && !config.Only.MatchString(r.Name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return results, err
		}
		setBallast(!r.Bare)
		of, err := r.measure(config)
		if err != nil {
			return results, fmt.Errorf("bench: %s: %w", r.Name, err)
		}
		for _, result := range of {
			results = append(results, result)
			if err := writeLine(out, result.cells()); err != nil {
				return results, err
			}
		}
	}
	return results, nil
}

// ballast is memory that rows run beside, as in a program that holds data. The collector lets a program have as much garbage
// as it has other memory. In a process that holds nothing else it runs every few megabytes, and rows would measure it.
var ballast []byte

// setBallast makes the ballast, or frees it. Rows about memory run without, so that they show what is in use, and not what
// the collector has no reason to free.
func setBallast(there bool) {
	switch {
	case !there:
		ballast = nil
	case ballast == nil:
		ballast = make([]byte, 64<<20)
	}
}

// Summary returns the last line of a report.
func Summary(results []Result) (line string, missed int) {
	for _, r := range results {
		if !r.OK {
			missed++
		}
	}
	return fmt.Sprintf("bench: %d rows, %d ok, %d missed", len(results), len(results)-missed, missed), missed
}

func (r *Row) measure(config Config) ([]Result, error) {
	begin := time.Now()
	ours, err := r.size(r.Ours, config.Slice)
	if err != nil {
		return nil, err
	}
	theirs, err := r.size(r.Theirs, config.Slice)
	if err != nil {
		return nil, err
	}
	var all, others []Figure
	for round := range config.Rounds {
		if round > 0 && time.Since(begin) > config.Limit {
			break
		}
		one, err := measure(r.Ours, ours)
		if err != nil {
			return nil, err
		}
		other, err := measure(r.Theirs, theirs)
		if err != nil {
			return nil, err
		}
		all, others = append(all, one), append(others, other)
	}
	result := Result{Name: r.Name, Other: r.Other, Ours: middle(all), Theirs: middle(others), Goal: r.Goal, Size: r.Size}
	var results []Result
	if r.Goal > 0 {
		results = append(results, result.compare(all, others, func(f Figure) float64 { return f.Time }))
	}
	if r.Memory != nil {
		peak := max(result.Theirs.Peak, 1)
		result.Name, result.Goal, result.Size, result.Memory = r.Name+": memory", r.Memory(peak)/peak, 0, true
		results = append(results, result.compare(all, others, func(f Figure) float64 { return max(f.Peak, 1) }))
	}
	return results, nil
}

// compare returns the result with the ratio of one value of the figures of each turn.
func (r Result) compare(ours, theirs []Figure, value func(Figure) float64) Result {
	ratios := make([]float64, len(ours))
	for i := range ours {
		ratios[i] = value(ours[i]) / value(theirs[i])
	}
	slices.Sort(ratios)
	r.Ratio, r.Spread = quantile(ratios, 0.5), (quantile(ratios, 0.75)-quantile(ratios, 0.25))/2
	r.OK = r.Ratio-r.Spread <= r.Goal
	return r
}

// size returns the number of tasks that a run of a duration does.
func (r *Row) size(do func(int) error, duration time.Duration) (int, error) {
	unit := max(1, r.Unit)
	for n := unit; ; n *= 4 {
		begin := time.Now()
		if err := do(n); err != nil {
			return 0, err
		}
		if took := time.Since(begin); took > duration/4 {
			return max(1, int(float64(n/unit)*float64(duration)/float64(took))) * unit, nil
		}
	}
}

func measure(do func(int) error, n int) (Figure, error) {
	runtime.GC()
	runtime.GC() // frees what the first one left in pools
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := watchMemory()
	used, begin := cpuTime(), time.Now()
	err := do(n)
	took := time.Since(begin)
	used = cpuTime() - used
	most := peak()
	runtime.ReadMemStats(&after)
	per := float64(n)
	return Figure{
		Time:        float64(took.Nanoseconds()) / per,
		CPU:         float64(used.Nanoseconds()) / per,
		Allocations: float64(after.Mallocs-before.Mallocs) / per,
		Bytes:       float64(after.TotalAlloc-before.TotalAlloc) / per,
		Peak:        float64(most),
	}, err
}

// watchMemory looks at the memory in use every millisecond. peak ends that and returns the most that there was beyond
// what there is now.
func watchMemory() (peak func() uint64) {
	first := memoryInUse()
	stop, most := make(chan struct{}), make(chan uint64)
	go func() {
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		highest := first
		for {
			select {
			case <-ticker.C:
				highest = max(highest, memoryInUse())
			case <-stop:
				most <- max(highest, memoryInUse()) - first
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		return <-most
	}
}

// memoryInUse returns the bytes of objects that the collector has not freed yet, and of stacks.
func memoryInUse() uint64 {
	samples := [...]metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples[:])
	return samples[0].Value.Uint64() + samples[1].Value.Uint64()
}

// middle returns the medians of figures.
func middle(all []Figure) Figure {
	of := func(value func(Figure) float64) float64 {
		xs := make([]float64, len(all))
		for i, f := range all {
			xs[i] = value(f)
		}
		slices.Sort(xs)
		return quantile(xs, 0.5)
	}
	return Figure{
		Time:        of(func(f Figure) float64 { return f.Time }),
		CPU:         of(func(f Figure) float64 { return f.CPU }),
		Allocations: of(func(f Figure) float64 { return f.Allocations }),
		Bytes:       of(func(f Figure) float64 { return f.Bytes }),
		Peak:        of(func(f Figure) float64 { return f.Peak }),
	}
}

// quantile returns a quantile of sorted numbers.
func quantile(xs []float64, q float64) float64 { return xs[int(q*float64(len(xs)-1)+0.5)] }
