package structure_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/motor_test/internal/structure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func load(t *testing.T, pattern string) *structure.Graph {
	t.Helper()
	g, err := structure.Load(pattern)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestLoad(t *testing.T) {
	g := load(t, "./testdata/cycle")
	if want := []string{"a.go", "b.go", "c.go", "d.go", "e.go"}; !slices.Equal(g.Files, want) {
		t.Errorf("got files %q, want %q", g.Files, want)
	}
	var got []string
	for _, e := range g.Edges {
		got = append(got, e.String())
	}
	want := []string{
		"a.go -> b.go: Tree.sum×2",
		"b.go -> a.go: Tree×1 Tree.left×1 Tree.right×1 Tree.value×1",
		"b.go -> c.go: base×1 depth×1",
		"c.go -> a.go: Tree×1 Tree.value×2",
		"d.go -> a.go: Tree×1 total×1 walker×2 walker.walk×1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got edges\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestLoad_invalidPattern(t *testing.T) {
	for _, pattern := range []string{"./testdata/...", "./testdata/missing"} {
		if g, err := structure.Load(pattern); err == nil {
			t.Errorf("Load(%q): got %v, want an error", pattern, g)
		}
	}
}

func TestLargestCycle(t *testing.T) {
	for _, c := range []struct {
		pattern string
		want    []string
	}{
		{"./testdata/cycle", []string{"a.go", "b.go", "c.go"}},
		{"./testdata/apart", nil},
	} {
		t.Run(c.pattern, func(t *testing.T) {
			if got := load(t, c.pattern).LargestCycle(); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestExceeded(t *testing.T) {
	g := load(t, "./testdata/cycle")
	if got := g.Exceeded(structure.Limits{Files: 5, Cycle: 3}); got != nil {
		t.Errorf("at the limits: got %q, want none", got)
	}
	got := g.Exceeded(structure.Limits{Files: 4, Cycle: 2})
	want := []string{"5 source files: want at most 4", "3 files in the largest cycle: want at most 2"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWrite(t *testing.T) {
	var got strings.Builder
	g := load(t, "./testdata/cycle")
	if err := g.Write(&got); err != nil {
		t.Fatal(err)
	}
	if err := g.WriteEdges(&got, 2); err != nil {
		t.Fatal(err)
	}
	const want = `
5 source files
3 files in the largest cycle
	a.go
	b.go
	c.go
4 edges in the largest cycle, by references
	a.go -> b.go: Tree.sum×2
	b.go -> c.go: base×1 depth×1
	c.go -> a.go: Tree×1 Tree.value×2
	b.go -> a.go: Tree×1 Tree.left×1 Tree.right×1 Tree.value×1
1 cuts bring it down to 2 files, and remove 1 uses
3 to 0 files, by 1 uses; freed: a.go b.go c.go
	a.go -> b.go: Tree.sum×2
`
	if got.String() != want[1:] {
		t.Errorf("got\n%swant%s", got.String(), want)
	}
}

// ring returns the edges of n files. Each file uses the next one, and the last file uses the first.
func ring(prefix string, n int) []structure.Edge {
	var edges []structure.Edge
	for i := range n {
		edges = append(edges, edge(fmt.Sprint(prefix, i), fmt.Sprint(prefix, (i+1)%n), 3))
	}
	return edges
}

func edge(from, to string, uses int) structure.Edge {
	e := structure.Edge{From: from, To: to}
	for i := range uses {
		e.Uses = append(e.Uses, structure.Use{Name: fmt.Sprint("x", i), References: 1})
	}
	return e
}

func graph(edges ...structure.Edge) *structure.Graph {
	files := make(map[string]bool)
	for _, e := range edges {
		files[e.From], files[e.To] = true, true
	}
	return &structure.Graph{Files: slices.Sorted(maps.Keys(files)), Edges: edges}
}

func TestCuts(t *testing.T) {
	// Two edges lead from one ring to the other, and one edge leads back. Cutting the one edge is cheaper.
	edges := append(ring("a", 5), ring("b", 5)...)
	edges = append(edges, edge("a0", "b0", 2), edge("a1", "b1", 2), edge("b3", "a3", 1))
	cuts := graph(edges...).Cuts(5)
	if len(cuts) != 1 || len(cuts[0].Edges) != 1 || cuts[0].Edges[0].String() != "b3 -> a3: x0×1" {
		t.Fatalf("got %+v, want the edge from b3 to a3", cuts)
	}
	if cuts[0].Before != 10 || cuts[0].After != 5 || len(cuts[0].Freed) != 5 || cuts[0].Cost() != 1 {
		t.Errorf("got %+v, want a cut from 10 files to 5 at cost 1", cuts[0])
	}
	if cuts := graph(edges...).Cuts(10); cuts != nil {
		t.Errorf("at the limit: got %+v, want none", cuts)
	}
}

func TestReadCounters(t *testing.T) {
	const with = `mode: atomic
github.com/gomotor/gomotor/future/pool.go:5.1,6.2 1 3
github.com/gomotor/gomotor/future/pool.go:7.1,8.2 1 0
github.com/gomotor/gomotor/motor/client.go:5.1,6.2 2 1
github.com/gomotor/gomotor/motor/cursor.go:5.1,6.2 2 0
`
	const without = `mode: atomic
github.com/gomotor/gomotor/future/pool.go:5.1,6.2 1 2
github.com/gomotor/gomotor/motor/client.go:5.1,6.2 2 1
`
	executed, err := structure.ReadCounters(strings.NewReader(with))
	if err != nil {
		t.Fatal(err)
	}
	idle, err := structure.ReadCounters(strings.NewReader(without))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Collect(maps.Keys(executed.Beyond(idle))), []string{"future/pool.go"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, line := range []string{"no position", "f.go:1.2,3.4 1 x", "f.go:1.2,3.4 1"} {
		if got, err := structure.ReadCounters(strings.NewReader(line)); err == nil {
			t.Errorf("ReadCounters(%q): got %v, want an error", line, got)
		}
	}
}

func TestCrossing_unknownOperation(t *testing.T) {
	if got, err := structure.Crossing(t.Context(), "Fly"); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}
