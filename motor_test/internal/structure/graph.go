package structure

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"path/filepath"
	"slices"

	"github.com/gomotor/gomotor/internal/source"
)

// Graph has the files of a package and the uses between them.
type Graph struct {
	Files []string // sorted
	Edges []Edge   // sorted by From and To
}

// Edge is the dependency of one file on another.
type Edge struct {
	From, To string
	Uses     []Use // sorted by Name
}

// Use is a name that the file To of an edge declares and the file From uses.
type Use struct {
	Name       string // "Name", "Type.Method" or "Type.Field"
	References int
}

// References returns how often From uses To.
func (e Edge) References() int {
	n := 0
	for _, u := range e.Uses {
		n += u.References
	}
	return n
}

// Load reads the one package that pattern names for "go list", without its tests.
func Load(pattern string) (*Graph, error) {
	packages, err := source.List("-export", "-deps", pattern)
	if err != nil {
		return nil, err
	}
	named, err := source.List(pattern)
	if err != nil {
		return nil, err
	}
	if len(named) != 1 {
		return nil, fmt.Errorf("structure: %q matches %d packages, want 1", pattern, len(named))
	}
	for _, p := range named {
		return check(p, source.Importer(packages))
	}
	panic("unreachable")
}

// check type-checks the files of a package and returns their graph.
func check(p *source.Package, importer types.Importer) (*Graph, error) {
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range p.GoFiles {
		file, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: make(map[*ast.Ident]types.Object)}
	config := types.Config{Importer: importer}
	pkg, err := config.Check(p.ImportPath, fset, files, info)
	if err != nil {
		return nil, err
	}
	return newGraph(fset, pkg, info, p.GoFiles), nil
}

func newGraph(fset *token.FileSet, pkg *types.Package, info *types.Info, files []string) *Graph {
	fileOf := func(pos token.Pos) string { return filepath.Base(fset.Position(pos).Filename) }
	members := memberNames(pkg)
	uses := make(map[[2]string]map[string]int)
	for identifier, object := range info.Uses {
		if object.Pkg() != pkg {
			continue
		}
		if _, ok := object.(*types.PkgName); ok {
			continue
		}
		edge := [2]string{fileOf(identifier.Pos()), fileOf(object.Pos())}
		if edge[0] == edge[1] {
			continue
		}
		if uses[edge] == nil {
			uses[edge] = make(map[string]int)
		}
		name := object.Name()
		if member, ok := members[object.Pos()]; ok {
			name = member
		}
		uses[edge][name]++
	}
	g := &Graph{Files: slices.Sorted(slices.Values(files))}
	for files, names := range uses {
		e := Edge{From: files[0], To: files[1]}
		for _, name := range slices.Sorted(maps.Keys(names)) {
			e.Uses = append(e.Uses, Use{name, names[name]})
		}
		g.Edges = append(g.Edges, e)
	}
	slices.SortFunc(g.Edges, func(a, b Edge) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To))
	})
	return g
}

// memberNames returns the names of methods and fields, qualified by their types, by their positions. An instantiated
// method or field has the position of the generic one.
func memberNames(pkg *types.Package) map[token.Pos]string {
	names := make(map[token.Pos]string)
	for _, name := range pkg.Scope().Names() {
		typeName, ok := pkg.Scope().Lookup(name).(*types.TypeName)
		if !ok {
			continue
		}
		named, ok := typeName.Type().(*types.Named)
		if !ok || typeName.IsAlias() {
			continue
		}
		for m := range named.Methods() {
			names[m.Pos()] = name + "." + m.Name()
		}
		switch t := named.Underlying().(type) {
		case *types.Struct:
			for f := range t.Fields() {
				names[f.Pos()] = name + "." + f.Name()
			}
		case *types.Interface:
			for m := range t.ExplicitMethods() {
				names[m.Pos()] = name + "." + m.Name()
			}
		}
	}
	return names
}

// LargestCycle returns the largest group of files that all depend on each other, sorted. It returns nil if there is no
// cycle. Of several groups of that size it returns the first in the order of names.
func (g *Graph) LargestCycle() []string {
	var largest []string
	for _, c := range g.components() {
		if len(c) > 1 && (len(c) > len(largest) || len(c) == len(largest) && slices.Compare(c, largest) < 0) {
			largest = c
		}
	}
	return largest
}

// components returns the strongly connected components, each sorted, by Tarjan's algorithm.
func (g *Graph) components() [][]string {
	next := make(map[string][]string)
	for _, e := range g.Edges {
		next[e.From] = append(next[e.From], e.To)
	}
	var (
		components [][]string
		stack      []string
		onStack    = make(map[string]bool)
		index      = make(map[string]int) // from 1, in the order of visits
		low        = make(map[string]int) // the lowest index on the stack that the file reaches
		visit      func(file string)
	)
	visit = func(file string) {
		index[file] = len(index) + 1
		low[file] = index[file]
		stack, onStack[file] = append(stack, file), true
		for _, to := range next[file] {
			if index[to] == 0 {
				visit(to)
				low[file] = min(low[file], low[to])
			} else if onStack[to] {
				low[file] = min(low[file], index[to])
			}
		}
		if low[file] != index[file] {
			return
		}
		start := slices.Index(stack, file)
		component := slices.Sorted(slices.Values(stack[start:]))
		for _, f := range component {
			delete(onStack, f)
		}
		stack = stack[:start]
		components = append(components, component)
	}
	for _, file := range g.Files {
		if index[file] == 0 {
			visit(file)
		}
	}
	return components
}

// Within returns the graph of these files and the edges between them.
func (g *Graph) Within(files []string) *Graph {
	part := &Graph{Files: files}
	for _, e := range g.Edges {
		if slices.Contains(files, e.From) && slices.Contains(files, e.To) {
			part.Edges = append(part.Edges, e)
		}
	}
	return part
}

// Without returns the graph without some edges.
func (g *Graph) Without(edges []Edge) *Graph {
	rest := &Graph{Files: g.Files}
	for _, e := range g.Edges {
		if !slices.ContainsFunc(edges, func(cut Edge) bool { return cut.From == e.From && cut.To == e.To }) {
			rest.Edges = append(rest.Edges, e)
		}
	}
	return rest
}
