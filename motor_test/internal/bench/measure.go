package bench

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"runtime"
	"slices"
	"time"
)

// Row is a task, done in our way and in another.
type Row struct {
	Name  string
	Goal  float64 // the largest ratio of our time to the other's
	Other string  // what the other way is
	Unit  int     // a run does a multiple of it
	Needs string  // what the server must have, if the row needs more than the stub

	Ours, Theirs func(n int) error // do the task n times
}

// Figure is the cost of one task.
type Figure struct {
	Time        float64 `json:"time_ns"`
	Allocations float64 `json:"allocations"`
	Bytes       float64 `json:"bytes"`
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
}

// Config says how long rows are measured.
type Config struct {
	Rounds int
	Slice  time.Duration // of one run
	Only   *regexp.Regexp
}

// Measure measures rows and writes a line for each.
func Measure(ctx context.Context, rows []Row, config Config, out io.Writer) (results []Result, err error) {
	if _, err := fmt.Fprintf(out, "%-52s %14s %14s  %-6s %-6s %-5s\n", "row", "ours", "other", "ratio", "±", "goal"); err != nil {
		return nil, err
	}
	for _, r := range rows {
		if config.Only != nil && !config.Only.MatchString(r.Name) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return results, err
		}
		result, err := r.measure(config)
		if err != nil {
			return results, fmt.Errorf("bench: %s: %w", r.Name, err)
		}
		results = append(results, result)
		verdict := "ok"
		if !result.OK {
			verdict = "missed"
		}
		if _, err := fmt.Fprintf(out, "%-52s %11.0f ns %11.0f ns  %-6.2f %-6.2f %-5.2f %s\n",
			r.Name, result.Ours.Time, result.Theirs.Time, result.Ratio, result.Spread, r.Goal, verdict); err != nil {
			return results, err
		}
	}
	return results, nil
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

func (r *Row) measure(config Config) (Result, error) {
	result := Result{Name: r.Name, Other: r.Other, Goal: r.Goal}
	ours, err := r.size(r.Ours, config.Slice)
	if err != nil {
		return result, err
	}
	theirs, err := r.size(r.Theirs, config.Slice)
	if err != nil {
		return result, err
	}
	var all, others []Figure
	var ratios []float64
	for range config.Rounds {
		one, err := measure(r.Ours, ours)
		if err != nil {
			return result, err
		}
		other, err := measure(r.Theirs, theirs)
		if err != nil {
			return result, err
		}
		all, others, ratios = append(all, one), append(others, other), append(ratios, one.Time/other.Time)
	}
	slices.Sort(ratios)
	result.Ours, result.Theirs, result.Ratio = middle(all), middle(others), quantile(ratios, 0.5)
	result.Spread = (quantile(ratios, 0.75) - quantile(ratios, 0.25)) / 2
	result.OK = result.Ratio-result.Spread <= r.Goal
	return result, nil
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
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	err := do(n)
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	per := float64(n)
	return Figure{
		Time:        float64(took.Nanoseconds()) / per,
		Allocations: float64(after.Mallocs-before.Mallocs) / per,
		Bytes:       float64(after.TotalAlloc-before.TotalAlloc) / per,
	}, err
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
		Allocations: of(func(f Figure) float64 { return f.Allocations }),
		Bytes:       of(func(f Figure) float64 { return f.Bytes }),
	}
}

// quantile returns a quantile of sorted numbers.
func quantile(xs []float64, q float64) float64 { return xs[int(q*float64(len(xs)-1)+0.5)] }
