package source

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
)

// The packages of the module.
const (
	Module   = "github.com/gomotor/gomotor"
	Future   = Module + "/future"
	Motor    = Module + "/motor"
	Web      = Module + "/motor/web"
	Callback = Module + "/callback"
)

// Package is what the go command says of a package.
type Package struct {
	ImportPath string
	Dir        string
	Export     string // the file with its types, as the compiler wrote it
	GoFiles    []string
}

// List returns the packages that "go list" with these arguments lists, by their import paths.
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

// Importer returns an importer of packages that were listed with -export.
func Importer(packages map[string]*Package) types.Importer {
	return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
		p, ok := packages[path]
		if !ok || p.Export == "" {
			return nil, fmt.Errorf("the go command has not listed %s", path)
		}
		return os.Open(p.Export)
	})
}
