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

// generator generates the files of package callback.
type generator struct {
	src      *library
	handles  []*handle
	mirrored map[string]bool // the handle types and the functions that return them
	refs     *regexp.Regexp  // matches motor.X where X is a handle type
	imports  map[string]bool // the imports of the current file
}

// handle is a handle type of package motor.
type handle struct {
	name      string
	named     *types.Named
	methods   []*types.Func
	functions []*types.Func // the functions that return it
	embeds    *types.Var    // the embedded pointer to a handle, whose methods are promoted; or nil

	core    string       // the name of the struct with the methods that need no type parameter, or empty
	standIn *types.Named // the instance of the type that core holds, or nil
}

// recv returns the receiver name of the handle's methods.
func (h *handle) recv() string { return strings.ToLower(h.name[:1]) }

// wrap returns the name of the function that wraps a handle of motor and returns nil for nil.
func (h *handle) wrap() string { return strings.ToLower(h.name[:1]) + h.name[1:] + "On" }

// generate returns the contents of the generated files, by name.
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

// findEmbedded finds the handle that h embeds. It removes the promoted methods from h, since h gets them by embedding.
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

// standInPath and standInName name the type that replaces every type argument in the non-generic struct of a handle.
// Methods of motor return handles of this type, so it needs no additional compilation.
const (
	standInPath = "go.mongodb.org/mongo-driver/v2/bson"
	standInName = "M"
)

// findCore checks whether the handle is a generic type around a struct that does not depend on its type parameters. If
// so, a pointer to one instance can be converted to a pointer to another, and one method serves all instances.
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

// isInCore reports whether a method belongs to the non-generic struct: its receiver is a non-generic struct that
// motor's type embeds.
func (h *handle) isInCore(m *types.Func) bool {
	recv := source.Named(m.Signature().Recv().Type())
	return h.core != "" && recv.Origin() != h.named && recv.TypeArgs().Len() == 0
}

// methods returns the exported methods of *t, in source order.
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

// declaration returns the source declaration of a function or method.
func (g *generator) declaration(f *types.Func) source.Declaration {
	return g.src.declared[source.DeclaredAs(f)]
}

// handleOf returns the handle if t is a pointer to a handle type, or nil.
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

// motorName returns the name of a type of package motor for use in package callback.
func (g *generator) motorName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string {
		g.imports[p.Path()] = true
		return p.Name()
	})
}

// typeName returns the name of the type in package callback and records the imports that it needs.
func (g *generator) typeName(t types.Type) string {
	return g.refs.ReplaceAllString(g.motorName(t), "$1")
}

// file returns the file of a handle type.
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

// importDecl returns the imports in three groups: standard library, other modules, this module.
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

// snake returns the file name for a type.
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
