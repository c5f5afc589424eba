package structure

import "slices"

// Cut is a set of edges without which the largest cycle is smaller.
type Cut struct {
	Edges  []Edge
	Freed  []string // the files that leave the largest cycle
	Before int      // files in the largest cycle before the cut
	After  int      // and after it
}

// Cost returns the number of different things that have to be moved, passed in or given up: for each edge, the names
// that it uses.
func (c Cut) Cost() int {
	n := 0
	for _, e := range c.Edges {
		n += len(e.Uses)
	}
	return n
}

// Cuts returns the cheapest way that it finds to bring the largest cycle down to limit files, one cut after the
// other. Each cut is a minimum cut between two files of the cycle: the one that frees most files for its cost.
func (g *Graph) Cuts(limit int) []Cut {
	var cuts []Cut
	for rest := g; ; {
		cycle := rest.LargestCycle()
		if len(cycle) <= max(limit, 1) {
			return cuts
		}
		best := bestCut(rest, cycle)
		cuts = append(cuts, best)
		rest = rest.Without(best.Edges)
	}
}

func bestCut(g *Graph, cycle []string) Cut {
	part := g.Within(cycle)
	var best Cut
	for _, from := range hubs(part) {
		for _, other := range cycle {
			if other == from {
				continue
			}
			for _, ends := range [][2]string{{from, other}, {other, from}} {
				cut := Cut{Edges: part.minimumCut(ends[0], ends[1]), Before: len(cycle)}
				left := part.Without(cut.Edges).LargestCycle()
				cut.After = len(left)
				// Files freed for each unit of cost, compared without a division.
				if best.Edges != nil && (cut.Before-cut.After)*best.Cost() <= (best.Before-best.After)*cut.Cost() {
					continue
				}
				cut.Freed = slices.DeleteFunc(slices.Clone(cycle), func(f string) bool { return slices.Contains(left, f) })
				best = cut
			}
		}
	}
	return best
}

// hubs returns the three files with the most edges: they will stay in the cycle, so that cuts are looked for between
// them and the others.
func hubs(g *Graph) []string {
	degree := make(map[string]int)
	for _, e := range g.Edges {
		degree[e.From]++
		degree[e.To]++
	}
	files := slices.Clone(g.Files)
	slices.SortStableFunc(files, func(a, b string) int { return degree[b] - degree[a] })
	return files[:min(3, len(files))]
}

// minimumCut returns the edges of least total cost without which there is no way from a file to another: the maximum
// flow, by breadth-first augmenting paths, and then the edges that leave what is still reached.
func (g *Graph) minimumCut(from, to string) []Edge {
	number := make(map[string]int, len(g.Files))
	for i, file := range g.Files {
		number[file] = i
	}
	n := len(g.Files)
	capacity := make([][]int, n)
	for i := range capacity {
		capacity[i] = make([]int, n)
	}
	for _, e := range g.Edges {
		capacity[number[e.From]][number[e.To]] += len(e.Uses)
	}
	start, end := number[from], number[to]
	for {
		previous := breadthFirst(capacity, start)
		if previous[end] < 0 {
			return slices.DeleteFunc(slices.Clone(g.Edges), func(e Edge) bool {
				return previous[number[e.From]] < 0 || previous[number[e.To]] >= 0
			})
		}
		flow := capacity[previous[end]][end]
		for v := end; v != start; v = previous[v] {
			flow = min(flow, capacity[previous[v]][v])
		}
		for v := end; v != start; v = previous[v] {
			capacity[previous[v]][v] -= flow
			capacity[v][previous[v]] += flow
		}
	}
}

// breadthFirst returns for each file the one before it on a shortest way from start, -1 if there is none.
func breadthFirst(capacity [][]int, start int) []int {
	previous := slices.Repeat([]int{-1}, len(capacity))
	previous[start] = start
	for queue := []int{start}; len(queue) > 0; queue = queue[1:] {
		for to, c := range capacity[queue[0]] {
			if c > 0 && previous[to] < 0 {
				previous[to] = queue[0]
				queue = append(queue, to)
			}
		}
	}
	return previous
}
