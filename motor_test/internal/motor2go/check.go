package motor2go

import (
	"errors"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// useAll adds a use of each variable that a skeleton does not use: Go rejects what Python allows.
func (t *Tool) useAll(skeleton string) string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", skeleton, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return skeleton
	}
	info := &types.Info{Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: t.module.Importer(), Error: func(error) {}}
	pkg, _ := config.Check("main", fset, []*ast.File{file}, info)
	used := make(map[types.Object]bool)
	assigned := assignedOnly(file)
	for ident, object := range info.Uses {
		used[object] = used[object] || !assigned[ident]
	}
	after := make(map[int][]string) // by the line after which they stand
	ast.Inspect(file, func(n ast.Node) bool {
		block, ok := n.(*ast.BlockStmt)
		if !ok {
			return true
		}
		for _, s := range block.List {
			for _, ident := range defined(s) {
				v, ok := info.Defs[ident].(*types.Var)
				if ok && v.Parent() != pkg.Scope() && !used[v] && ident.Name != "_" {
					line := fset.Position(s.End()).Line
					after[line] = append(after[line], "_ = "+ident.Name)
				}
			}
		}
		return true
	})
	var lines []string
	for i, line := range strings.Split(skeleton, "\n") {
		lines = append(append(lines, line), after[i+1]...)
	}
	if formatted, err := format.Source([]byte(strings.Join(lines, "\n"))); err == nil {
		return string(formatted)
	}
	return skeleton
}

// defined returns the variables that a statement of a block declares.
func defined(s ast.Stmt) (names []*ast.Ident) {
	switch s := s.(type) {
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			for _, e := range s.Lhs {
				if ident, ok := e.(*ast.Ident); ok {
					names = append(names, ident)
				}
			}
		}
	case *ast.DeclStmt:
		if d, ok := s.Decl.(*ast.GenDecl); ok {
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok {
					names = append(names, v.Names...)
				}
			}
		}
	}
	return names
}

// assignedOnly returns the identifiers that assignments set. They do not count as uses.
func assignedOnly(file *ast.File) map[*ast.Ident]bool {
	all := make(map[*ast.Ident]bool)
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.AssignStmt); ok && s.Tok == token.ASSIGN {
			for _, e := range s.Lhs {
				if ident, ok := e.(*ast.Ident); ok {
					all[ident] = true
				}
			}
		}
		return true
	})
	return all
}

// noteErrors adds a NOTE to each statement of a skeleton that does not compile. It returns code that does not parse
// unchanged.
func (t *Tool) noteErrors(skeleton string) string {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", skeleton, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return skeleton
	}
	notes := map[int][]string{} // by the line before which they stand
	config := types.Config{Importer: t.module.Importer(), Error: func(err error) {
		var e types.Error
		if !errors.As(err, &e) || strings.HasPrefix(e.Msg, "\t") { // a second line of the error before it
			return
		}
		line := fset.Position(statementAt(file, e.Pos)).Line
		text, _, _ := strings.Cut(e.Msg, "\n")
		text, _, _ = strings.Cut(text, " (declared at ") // a position in another package
		if note := "// NOTE: Go does not compile this yet: " + text; !slices.Contains(notes[line], note) {
			notes[line] = append(notes[line], note)
		}
	}}
	_, _ = config.Check("main", fset, []*ast.File{file}, nil) // Error gets all errors
	var lines []string
	for i, line := range strings.Split(skeleton, "\n") {
		lines = append(lines, append(notes[i+1], line)...)
	}
	noted := strings.Join(lines, "\n")
	if formatted, err := format.Source([]byte(noted)); err == nil {
		return string(formatted)
	}
	return noted
}

// statementAt returns the start of the innermost statement or declaration at a position.
func statementAt(file *ast.File, pos token.Pos) token.Pos {
	start := pos
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil || pos < n.Pos() || pos >= n.End() {
			return false
		}
		switch n.(type) {
		case *ast.BlockStmt: // its braces belong to the statement around it
		case ast.Stmt, ast.Decl:
			start = n.Pos()
		}
		return true
	})
	return start
}
