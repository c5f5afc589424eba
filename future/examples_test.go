package future_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// The example of an error type also covers its methods Error and Unwrap.
func TestExportedFunctionsHaveExamples(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name.Name != "future" || !strings.HasSuffix(e.Name(), "_test.go") { // without export_test.go
			files = append(files, f)
		}
	}
	pkg, err := doc.NewFromFiles(fset, files, "github.com/gomotor/gomotor/future")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	check := func(owner string, shown []*doc.Example, funcs []*doc.Func) {
		for _, f := range funcs {
			switch {
			case len(f.Examples) > 0:
				seen++
			case len(shown) > 0 && (f.Name == "Error" || f.Name == "Unwrap"):
			default:
				t.Errorf("%s%s has no example, want one", owner, f.Name)
			}
		}
	}
	check("", nil, pkg.Funcs)
	for _, typ := range pkg.Types {
		check("", nil, typ.Funcs)
		check(typ.Name+".", typ.Examples, typ.Methods)
	}
	if seen < 50 {
		t.Errorf("found %d functions with examples, want at least 50", seen)
	}
}
