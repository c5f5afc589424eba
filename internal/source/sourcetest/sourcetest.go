// Package sourcetest type-checks packages that a test writes down, for what reads packages of this module.
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

// Packages holds what a test has checked, by import paths. A package may import those that were checked before it, and
// the standard library.
type Packages map[string]*types.Package

// standard imports packages of the standard library.
var standard = importer.ForCompiler(token.NewFileSet(), "source", nil)

// Check parses and checks the texts of the files of a package.
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
