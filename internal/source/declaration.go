package source

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
)

// Declaration is what the source code tells of something and its type does not.
type Declaration struct {
	Doc   string
	Order int    // in the source
	File  string // its path
	Start int    // the offset of the doc comment in the file, or, if there is none, of the declaration
	End   int    // that of the comment's end; Start if there is none
}

// Declarations returns what the package declares at its top level, by "Type", "Type.Method", "Function", "Constant"
// or "Variable".
func (p *Package) Declarations() (map[string]Declaration, error) {
	all := make(map[string]Declaration)
	for _, name := range p.GoFiles {
		path, fset := filepath.Join(p.Dir, name), token.NewFileSet()
		file, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		Declare(all, fset, file)
	}
	return all, nil
}

// Declare adds what a file declares at its top level.
func Declare(all map[string]Declaration, fset *token.FileSet, file *ast.File) {
	add := func(name string, doc *ast.CommentGroup, node ast.Node) {
		at := fset.Position(node.Pos())
		d := Declaration{Doc: doc.Text(), Order: len(all), File: at.Filename, Start: at.Offset, End: at.Offset}
		if doc != nil {
			d.Start, d.End = fset.Position(doc.Pos()).Offset, fset.Position(doc.End()).Offset
		}
		all[name] = d
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			name := decl.Name.Name
			if decl.Recv != nil {
				name = receiver(decl.Recv.List[0].Type) + "." + name
			}
			add(name, decl.Doc, decl)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				doc, node := decl.Doc, ast.Node(decl)
				if decl.Lparen.IsValid() { // a comment before a group is about none of it in particular
					doc, node = nil, spec
				}
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					if spec.Doc != nil {
						doc = spec.Doc
					}
					add(spec.Name.Name, doc, node)
				case *ast.ValueSpec:
					if spec.Doc != nil {
						doc = spec.Doc
					}
					for _, name := range spec.Names {
						add(name.Name, doc, node)
					}
				}
			}
		}
	}
}

// receiver returns the name of a receiver's type.
func receiver(t ast.Expr) string {
	for {
		switch e := t.(type) {
		case *ast.StarExpr:
			t = e.X
		case *ast.IndexExpr:
			t = e.X
		case *ast.IndexListExpr:
			t = e.X
		case *ast.ParenExpr:
			t = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}
