package docs_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// packages are the public packages, by directory.
var packages = map[string]string{
	"future": "../../future", "callback": "../../callback", "motor": "../../motor", "web": "../../motor/web",
	"faultproxy": "../faultproxy", "mongotest": "../mongotest",
}

// load returns the documentation of a package, with the Examples of its tests.
func load(t *testing.T, dir string) *doc.Package {
	t.Helper()
	fset := token.NewFileSet()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	var files []*ast.File
	for _, path := range paths {
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if name := f.Name.Name; !strings.HasSuffix(path, "_test.go") || strings.HasSuffix(name, "_test") || hasExample(f) {
			files = append(files, f)
		}
	}
	p, err := doc.NewFromFiles(fset, files, dir)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func hasExample(f *ast.File) bool {
	return slices.ContainsFunc(f.Decls, func(d ast.Decl) bool {
		fn, ok := d.(*ast.FuncDecl)
		return ok && strings.HasPrefix(fn.Name.Name, "Example")
	})
}

func TestIdentifiersHaveComments(t *testing.T) {
	for name, dir := range packages {
		p := load(t, dir)
		check := func(identifier, comment string) {
			if strings.TrimSpace(comment) == "" {
				t.Errorf("%s.%s has no doc comment", name, identifier)
			}
		}
		if p.Doc == "" {
			t.Errorf("package %s has no doc comment", name)
		}
		values := func(all []*doc.Value) {
			for _, v := range all {
				for _, spec := range v.Decl.Specs {
					s := spec.(*ast.ValueSpec)
					for _, n := range s.Names {
						if n.IsExported() {
							check(n.Name, v.Doc+s.Doc.Text()+s.Comment.Text())
						}
					}
				}
			}
		}
		values(p.Consts)
		values(p.Vars)
		for _, f := range functions(p) {
			check(strings.TrimLeft(f.Recv, "*")+"."+f.Name, f.Doc)
		}
		for _, typ := range p.Types {
			check(typ.Name, typ.Doc)
			values(typ.Consts)
			values(typ.Vars)
		}
	}
}

// An Example shows a type if it has the name of the type, uses the type, or calls a function that takes or returns it.
func TestTypesHaveExamples(t *testing.T) {
	for name, dir := range packages {
		p := load(t, dir)
		used := make(map[string]bool)
		use := func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				used[id.Name] = true
			}
			return true
		}
		for _, e := range examples(p) {
			first, _, _ := strings.Cut(e.Name, "_")
			used[first] = true
			ast.Inspect(e.Code, use)
		}
		var signatures []ast.Node
		for _, f := range functions(p) {
			if used[f.Name] {
				signatures = append(signatures, f.Decl.Type)
			}
		}
		for _, s := range signatures {
			ast.Inspect(s, use)
		}
		for _, typ := range p.Types {
			if !used[typ.Name] {
				t.Errorf("%s.%s has no Example", name, typ.Name)
			}
		}
	}
}

// functions returns all functions and methods of a package.
func functions(p *doc.Package) []*doc.Func {
	all := slices.Clone(p.Funcs)
	for _, typ := range p.Types {
		all = append(append(all, typ.Funcs...), typ.Methods...)
	}
	return all
}

// examples returns all Examples of a package.
func examples(p *doc.Package) (all []*doc.Example) {
	all = append(all, p.Examples...)
	for _, typ := range p.Types {
		all = append(all, typ.Examples...)
	}
	for _, f := range functions(p) {
		all = append(all, f.Examples...)
	}
	return all
}
