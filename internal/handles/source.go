package main

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

const (
	module       = "github.com/gomotor/gomotor"
	futurePath   = module + "/future"
	motorPath    = module + "/motor"
	callbackPath = module + "/callback"
)

// generatedSuffix is how the names of the generated files end.
const generatedSuffix = "_gen.go"

// source is what the handles are made from.
type source struct {
	motor    *types.Package
	declared map[string]declaration // of motor, by "Type", "Type.Method" or "Function"
	byHand   map[string]declaration // of the files of callback that are not generated
	dir      string                 // of callback
}

// declaration is what the source code tells of something and its type does not.
type declaration struct {
	doc   string
	order int // in the source
}

// load reads motor and callback as they are in the module around the working directory. The callback package need not
// compile.
func load() (*source, error) {
	packages, err := goList("-deps", "-export", motorPath)
	if err != nil {
		return nil, err
	}
	motor, err := newImporter(packages).Import(motorPath)
	if err != nil {
		return nil, err
	}
	s := &source{motor: motor}
	if s.declared, err = declarations(packages[motorPath]); err != nil {
		return nil, err
	}
	if packages, err = goList("-e", callbackPath); err != nil {
		return nil, err
	}
	own := packages[callbackPath]
	s.dir = own.Dir
	own.drop(generatedSuffix)
	s.byHand, err = declarations(own)
	return s, err
}

// generatedFiles returns the names of the generated files that there are.
func (s *source) generatedFiles() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(s.dir, "*"+generatedSuffix))
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths, err
}

// listed is what the go command says of a package.
type listed struct {
	ImportPath string
	Dir        string
	Export     string // the file with its types, as the compiler wrote it
	GoFiles    []string
}

func (p *listed) drop(suffix string) {
	kept := p.GoFiles[:0:0]
	for _, name := range p.GoFiles {
		if !strings.HasSuffix(name, suffix) {
			kept = append(kept, name)
		}
	}
	p.GoFiles = kept
}

func goList(args ...string) (map[string]*listed, error) {
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Export,GoFiles"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	packages := make(map[string]*listed)
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(listed)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		packages[p.ImportPath] = p
	}
}

// newImporter returns an importer of packages that were listed with -export.
func newImporter(packages map[string]*listed) types.Importer {
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		p, ok := packages[path]
		if !ok || p.Export == "" {
			return nil, fmt.Errorf("the go command has not listed %s", path)
		}
		return os.Open(p.Export)
	})
}

// declarations returns what the package declares at its top level.
func declarations(p *listed) (map[string]declaration, error) {
	all := make(map[string]declaration)
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		declare(all, file)
	}
	return all, nil
}

// declare adds what a file declares.
func declare(all map[string]declaration, file *ast.File) {
	add := func(name string, doc *ast.CommentGroup) {
		all[name] = declaration{doc: doc.Text(), order: len(all)}
	}
	for _, decl := range file.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			name := decl.Name.Name
			if decl.Recv != nil {
				name = receiver(decl.Recv.List[0].Type) + "." + name
			}
			add(name, decl.Doc)
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				if spec, ok := spec.(*ast.TypeSpec); ok {
					doc := spec.Doc
					if doc == nil {
						doc = decl.Doc
					}
					add(spec.Name.Name, doc)
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
