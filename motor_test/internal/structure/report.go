package structure

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits are the maximum sizes of a package.
type Limits struct {
	Files int // source files
	Cycle int // files in the largest cycle
}

// Write prints the number of files and the largest cycle.
func (g *Graph) Write(w io.Writer) error {
	cycle := g.LargestCycle()
	_, err := fmt.Fprintf(w, "%d source files\n%d files in the largest cycle\n%s", len(g.Files), len(cycle), lines(cycle))
	return err
}

// WriteEdges prints the edges of the largest cycle, those with the fewest references first, and cuts that bring the
// cycle down to limit files.
func (g *Graph) WriteEdges(w io.Writer, limit int) error {
	part := g.Within(g.LargestCycle())
	edges := slices.Clone(part.Edges)
	slices.SortStableFunc(edges, func(a, b Edge) int { return cmp.Compare(a.References(), b.References()) })
	var b strings.Builder
	fmt.Fprintf(&b, "%d edges in the largest cycle, by references\n", len(edges))
	for _, e := range edges {
		fmt.Fprintf(&b, "\t%s\n", e)
	}
	cuts := g.Cuts(limit)
	total := 0
	for _, cut := range cuts {
		total += cut.Cost()
	}
	fmt.Fprintf(&b, "%d cuts bring it down to %d files, and remove %d uses\n", len(cuts), limit, total)
	for _, cut := range cuts {
		fmt.Fprintf(&b, "%d to %d files, by %d uses; freed: %s\n", cut.Before, cut.After, cut.Cost(), strings.Join(cut.Freed, " "))
		for _, e := range cut.Edges {
			fmt.Fprintf(&b, "\t%s\n", e)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// String returns the edge on one line, as in "a.go -> b.go: f×2 T.m×1".
func (e Edge) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s:", e.From, e.To)
	for _, u := range e.Uses {
		fmt.Fprintf(&b, " %s×%d", u.Name, u.References)
	}
	return b.String()
}

// Exceeded returns a sentence for every figure above its limit.
func (g *Graph) Exceeded(limits Limits) []string {
	var all []string
	if n := len(g.Files); n > limits.Files {
		all = append(all, fmt.Sprintf("%d source files: want at most %d", n, limits.Files))
	}
	if n := len(g.LargestCycle()); n > limits.Cycle {
		all = append(all, fmt.Sprintf("%d files in the largest cycle: want at most %d", n, limits.Cycle))
	}
	return all
}

func lines(names []string) string {
	var b strings.Builder
	for _, name := range names {
		fmt.Fprintf(&b, "\t%s\n", name)
	}
	return b.String()
}
