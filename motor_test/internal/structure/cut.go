package structure

import "slices"

// Cut is a set of edges. Removing them makes the largest cycle smaller.
type Cut struct {
	Edges  []Edge
	Freed  []string // the files that leave the largest cycle
	Before int      // files in the largest cycle before the cut
	After  int      // files in it after the cut
}

// Cost returns the number of names that the edges use. Each of them has to be moved, passed as a parameter or removed.
func (c Cut) Cost() int {
	n := 0
	for _, e := range c.Edges {
		n += len(e.Uses)
	}
	return n
}

// Cuts returns cuts that together bring the largest cycle down to limit files. It chooses one cut after the other: of
// the minimum cuts between two files of the cycle, the one that frees the most files for its cost. The total cost need
// not be the lowest possible one.
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
				// Compare the files freed per unit of cost. Cross-multiplying avoids a division.
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

// hubs returns the three files with the most edges. They are likely to stay in the cycle, so Cuts looks for cuts between
// them and the other files.
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

// minimumCut returns the edges of least total cost whose removal leaves no path from one file to the other. It computes
// the maximum flow by breadth-first augmenting paths. The cut has the edges that leave the files still reached.
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

// breadthFirst returns for each file its predecessor on a shortest path from start, or -1 if there is no path.
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
