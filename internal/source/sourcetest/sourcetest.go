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

// Check parses and checks the text of a package of one file.
func (p Packages) Check(t testing.TB, path, text string) (*types.Package, map[string]source.Declaration) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "fixture.go", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	conf := types.Config{Importer: p}
	checked, err := conf.Check(path, fset, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	p[path] = checked
	declared := make(map[string]source.Declaration)
	source.Declare(declared, fset, file)
	return checked, declared
}

// Import implements [types.Importer].
func (p Packages) Import(path string) (*types.Package, error) {
	if own, ok := p[path]; ok {
		return own, nil
	}
	return standard.Import(path)
}
