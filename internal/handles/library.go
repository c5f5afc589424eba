package main

import (
	"go/types"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

// generatedSuffix is how the names of the generated files end.
const generatedSuffix = "_gen.go"

// library is what the handles are made from.
type library struct {
	motor    *types.Package
	declared map[string]source.Declaration // of motor
	byHand   map[string]source.Declaration // of the files of callback that are not generated
	dir      string                        // of callback
}

// load reads motor and callback as they are in the module around the working directory. The callback package need not
// compile.
func load() (*library, error) {
	packages, err := source.List("-deps", "-export", source.Motor)
	if err != nil {
		return nil, err
	}
	motor, err := source.Importer(packages).Import(source.Motor)
	if err != nil {
		return nil, err
	}
	l := &library{motor: motor}
	if l.declared, err = packages[source.Motor].Declarations(); err != nil {
		return nil, err
	}
	if packages, err = source.List("-e", source.Callback); err != nil {
		return nil, err
	}
	own := packages[source.Callback]
	l.dir = own.Dir
	own.GoFiles = slices.DeleteFunc(own.GoFiles, func(name string) bool { return strings.HasSuffix(name, generatedSuffix) })
	l.byHand, err = own.Declarations()
	return l, err
}

// generatedFiles returns the names of the generated files that there are.
func (l *library) generatedFiles() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(l.dir, "*"+generatedSuffix))
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths, err
}
