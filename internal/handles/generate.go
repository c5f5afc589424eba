package main

import (
	"cmp"
	"fmt"
	"go/format"
	"go/types"
	"regexp"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// generator makes the files of package callback.
type generator struct {
	src      *library
	handles  []*handle
	mirrored map[string]bool // the handle types, and the functions that return them
	refs     *regexp.Regexp  // motor.X where X is a handle type
	imports  map[string]bool // of the file being made
}

// handle is a handle type of motor.
type handle struct {
	name      string
	named     *types.Named
	methods   []*types.Func
	functions []*types.Func // that return it
	embeds    *types.Var    // the handle, by a pointer, whose methods it has as well; or nil

	core    string       // the name of the struct with the methods that need no type parameter; empty if there is none
	standIn *types.Named // the instance of the type that core has, if there is core
}

// recv returns the name of a receiver.
func (h *handle) recv() string { return strings.ToLower(h.name[:1]) }

// wrap returns the name of the function that wraps a handle of motor, and returns nil for nil.
func (h *handle) wrap() string { return strings.ToLower(h.name[:1]) + h.name[1:] + "On" }

// generate returns the generated files of package callback by their names.
func generate(src *library) (map[string][]byte, error) {
	g := newGenerator(src)
	files := make(map[string][]byte)
	for _, h := range g.handles {
		code, err := g.file(h)
		if err != nil {
			return nil, err
		}
		files[snake(h.name)+generatedSuffix] = code
	}
	return files, nil
}

func newGenerator(src *library) *generator {
	g := &generator{src: src, mirrored: make(map[string]bool)}
	g.find()
	for _, h := range g.handles {
		g.findEmbedded(h)
		g.findCore(h)
	}
	return g
}

// find finds the handle types and the functions that return them.
func (g *generator) find() {
	scope := g.src.motor.Scope()
	var names []string
	for _, name := range scope.Names() {
		t, ok := scope.Lookup(name).(*types.TypeName)
		if !ok || !t.Exported() || t.IsAlias() {
			continue
		}
		named := t.Type().(*types.Named)
		h := &handle{name: name, named: named, methods: g.methods(named)}
		if slices.ContainsFunc(h.methods, source.ReturnsFuture) {
			g.handles = append(g.handles, h)
			g.mirrored[name] = true
			names = append(names, name)
		}
	}
	names = append(names, g.findAliases()...)
	g.refs = regexp.MustCompile(`\bmotor\.(` + strings.Join(names, "|") + `)\b`)
	for _, name := range scope.Names() {
		f, ok := scope.Lookup(name).(*types.Func)
		if !ok || !f.Exported() {
			continue
		}
		if results := f.Signature().Results(); results.Len() > 0 {
			if h := g.handleOf(results.At(0).Type()); h != nil {
				h.functions = append(h.functions, f)
				g.mirrored[name] = true
			}
		}
	}
}

// findAliases finds the names of motor that stand for instances of generic handle types. Package callback has them, too,
// written by hand.
func (g *generator) findAliases() (names []string) {
	scope := g.src.motor.Scope()
	for _, name := range scope.Names() {
		t, ok := scope.Lookup(name).(*types.TypeName)
		if ok && t.Exported() && t.IsAlias() && g.handleOf(types.NewPointer(t.Type())) != nil {
			names = append(names, name)
			g.mirrored[name] = true
		}
	}
	return names
}

// findEmbedded finds the handle that h embeds. h gets the promoted methods by embedding, so they are not generated again.
func (g *generator) findEmbedded(h *handle) {
	s, ok := h.named.Underlying().(*types.Struct)
	if !ok {
		return
	}
	for i := range s.NumFields() {
		if field := s.Field(i); field.Embedded() && field.Exported() && g.handleOf(field.Type()) != nil {
			h.embeds = field
			methods := types.NewMethodSet(types.NewPointer(h.named))
			h.methods = slices.DeleteFunc(h.methods, func(m *types.Func) bool {
				index := methods.Lookup(m.Pkg(), m.Name()).Index()
				return len(index) > 1 && index[0] == i
			})
			return
		}
	}
}

// standInPath and standInName name the type that stands for every type argument in the struct of a handle that is not
// generic. It is the one that motor's own methods return handles of, so nothing has to be compiled for it.
const (
	standInPath = "go.mongodb.org/mongo-driver/v2/bson"
	standInName = "M"
)

// findCore finds out whether the handle is a generic type around a struct that does not depend on its type parameters.
// Then a pointer to one instance can be converted to one of another, and one method serves them all.
func (g *generator) findCore(h *handle) {
	i := slices.IndexFunc(g.src.motor.Imports(), func(p *types.Package) bool { return p.Path() == standInPath })
	if h.named.TypeParams().Len() == 0 || i < 0 {
		return
	}
	standIn := g.src.motor.Imports()[i].Scope().Lookup(standInName).Type()
	args := make([]types.Type, h.named.TypeParams().Len())
	for i := range args {
		args[i] = standIn
	}
	instance, err := types.Instantiate(nil, h.named, args, true)
	if err == nil && types.Identical(instance.Underlying(), h.named.Underlying()) {
		h.core, h.standIn = strings.ToLower(h.name[:1])+h.name[1:], instance.(*types.Named)
	}
}

// isInCore reports whether a method belongs to the struct that is not generic: it comes from one that motor embeds.
func (h *handle) isInCore(m *types.Func) bool {
	recv := source.Named(m.Signature().Recv().Type())
	return h.core != "" && recv.Origin() != h.named && recv.TypeArgs().Len() == 0
}

// methods returns the exported methods of a pointer to t, in the order of the source.
func (g *generator) methods(t *types.Named) []*types.Func {
	var all []*types.Func
	for m := range types.NewMethodSet(types.NewPointer(t)).Methods() {
		if f := m.Obj().(*types.Func); f.Exported() {
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b *types.Func) int {
		return cmp.Compare(g.declaration(a).Order, g.declaration(b).Order)
	})
	return all
}

// declaration returns what the source says of a function or method.
func (g *generator) declaration(f *types.Func) source.Declaration {
	return g.src.declared[source.DeclaredAs(f)]
}

// handleOf returns the handle type that t is a pointer to, or nil.
func (g *generator) handleOf(t types.Type) *handle {
	if _, ok := types.Unalias(t).(*types.Pointer); !ok {
		return nil
	}
	if n := source.Named(t); n != nil {
		for _, h := range g.handles {
			if n.Origin() == h.named {
				return h
			}
		}
	}
	return nil
}

// motorName writes a type as package motor has it, for use in package callback.
func (g *generator) motorName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		g.imports[p.Path()] = true
		return p.Name()
	})
}

// typeName writes a type as package callback has it, and records the imports that this needs.
func (g *generator) typeName(t types.Type) string {
	return g.refs.ReplaceAllString(g.motorName(t), "$1")
}

// file makes the file of a handle type.
func (g *generator) file(h *handle) ([]byte, error) {
	g.imports = map[string]bool{source.Future: true, source.Motor: true}
	var body strings.Builder
	if err := g.frame(&body, h); err != nil {
		return nil, err
	}
	for _, f := range h.functions {
		if err := g.function(&body, h, f); err != nil {
			return nil, err
		}
	}
	needsSame := false
	for _, m := range h.methods {
		same, err := g.method(&body, h, m)
		if err != nil {
			return nil, err
		}
		needsSame = needsSame || same
	}
	if needsSame {
		if err := g.same(&body, h); err != nil {
			return nil, err
		}
	}
	code := "// Code generated by internal/handles from package motor. DO NOT EDIT.\n\npackage callback\n\n" +
		g.importDecl() + body.String()
	formatted, err := format.Source([]byte(code))
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", h.name, err, code)
	}
	return formatted, nil
}

// importDecl writes the imports in three groups: the standard library, other modules, this module.
func (g *generator) importDecl() string {
	groups := make([][]string, 3)
	for path := range g.imports {
		i := 1
		switch {
		case strings.HasPrefix(path, source.Module+"/"):
			i = 2
		case !strings.Contains(strings.Split(path, "/")[0], "."):
			i = 0
		}
		groups[i] = append(groups[i], fmt.Sprintf("%q\n", path))
	}
	var b strings.Builder
	for _, group := range groups {
		slices.Sort(group)
		if len(group) > 0 {
			b.WriteString(strings.Join(group, "") + "\n")
		}
	}
	return "import (\n" + strings.TrimSpace(b.String()) + "\n)\n"
}

// snake returns the name of the file for a type.
func snake(name string) string {
	var b strings.Builder
	for i, r := range name {
		upper := r >= 'A' && r <= 'Z'
		if upper && i > 0 {
			next := byte('A')
			if i+1 < len(name) {
				next = name[i+1]
			}
			if prev := name[i-1]; prev >= 'a' || next >= 'a' {
				b.WriteByte('_')
			}
		}
		if upper {
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}
