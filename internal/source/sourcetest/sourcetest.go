// Package sourcetest type-checks packages whose source is in a test. It is for tests of code that reads packages.
package sourcetest

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"github.com/gomotor/gomotor/internal/source"
)

// Packages holds the checked packages, by import path. A package may import packages that were checked earlier, and
// the standard library.
type Packages map[string]*types.Package

// standard imports packages of the standard library.
var standard = importer.ForCompiler(token.NewFileSet(), "source", nil)

// Check parses and type-checks a package. texts are the contents of its files.
func (p Packages) Check(t testing.TB, path string, texts ...string) (*types.Package, map[string]source.Declaration) {
	t.Helper()
	fset := token.NewFileSet()
	declared := make(map[string]source.Declaration)
	var files []*ast.File
	for _, text := range texts {
		file, err := parser.ParseFile(fset, "fixture.go", text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		source.Declare(declared, fset, file)
	}
	conf := types.Config{Importer: p}
	checked, err := conf.Check(path, fset, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	p[path] = checked
	return checked, declared
}

// Import implements [types.Importer].
func (p Packages) Import(path string) (*types.Package, error) {
	if own, ok := p[path]; ok {
		return own, nil
	}
	return standard.Import(path)
}
