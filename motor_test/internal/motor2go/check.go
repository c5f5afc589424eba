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
