// Package source reads the packages of this module: the types from the compiler's export data, and the doc comments
// from the source. The generated code and documents are made from them.
package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The packages of the module.
const (
	Module   = "github.com/gomotor/gomotor"
	Future   = Module + "/future"
	Motor    = Module + "/motor"
	Web      = Module + "/motor/web"
	Callback = Module + "/callback"
)

// Package describes a package, with the fields of "go list -json".
type Package struct {
	ImportPath string
	Dir        string
	Export     string // the file with the compiler's export data
	GoFiles    []string
}

// List returns the packages that "go list" prints for these arguments, by import path.
func List(args ...string) (map[string]*Package, error) {
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Export,GoFiles"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	packages := make(map[string]*Package)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(Package)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages[p.ImportPath] = p
	}
}

// Importer returns an importer for packages that were listed with -export.
func Importer(packages map[string]*Package) types.Importer {
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		p, ok := packages[path]
		if !ok || p.Export == "" {
			return nil, fmt.Errorf("package %s was not listed", path)
		}
		return os.Open(p.Export)
	})
}

// Declaration has the parts of a declaration that its type does not have.
type Declaration struct {
	Doc   string
	Order int    // in the source
	File  string // its path
	Start int    // the offset of the doc comment in the file, or of the declaration if it has none
	End   int    // the offset of the end of the comment, or Start if there is none
}

// Declarations returns the top-level declarations of the package, by "Type", "Type.Method", "Function", "Constant" or
// "Variable".
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

// Declare adds the top-level declarations of a file to all.
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
				if decl.Lparen.IsValid() { // a comment on a group does not belong to a member
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

// receiver returns the name of the type of a receiver.
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

// Named returns the type that t is or points to, or nil.
func Named(t types.Type) *types.Named {
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, _ := types.Unalias(t).(*types.Named)
	return n
}

// FutureOf returns the type of a future's result, or nil if t is not a future.
func FutureOf(t types.Type) types.Type {
	n := Named(t)
	if n == nil || n.Obj().Name() != "Future" || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() != Future {
		return nil
	}
	return n.TypeArgs().At(0)
}

// ReturnsFuture reports whether a function returns a future.
func ReturnsFuture(f *types.Func) bool {
	for r := range f.Signature().Results().Variables() {
		if FutureOf(r.Type()) != nil {
			return true
		}
	}
	return false
}

// DeclaredAs returns the key of a function or method in the declarations of its package. A promoted method is declared
// with the embedded type.
func DeclaredAs(f *types.Func) string {
	if recv := f.Signature().Recv(); recv != nil {
		return Named(recv.Type()).Obj().Name() + "." + f.Name()
	}
	return f.Name()
}

// Width is the maximal length of a line of text in a comment.
const Width = 116

// Wrap breaks a paragraph into lines of at most Width.
func Wrap(text string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		n := len([]rune(word))
		switch {
		case i == 0:
		case column+1+n > Width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}

// AsComment turns text into a comment: it puts // before each line.
func AsComment(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case line == "":
			b.WriteString("//\n")
		case line[0] == '\t':
			b.WriteString("//" + line + "\n")
		default:
			b.WriteString("// " + line + "\n")
		}
	}
	return b.String()
}
