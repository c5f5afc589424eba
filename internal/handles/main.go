// Handles generates the callback-style handles of package callback from the exported methods of package motor, so that
// the two stay the same. Run it with go generate, in callback.
//
// A handle type is an exported type of motor with a method that returns a future. There is no list of them. Each
// handle type gets a file with:
//   - the type, IOLoop, and Wrap… and Futures, which convert between the styles. If motor's type embeds a handle, the
//     type embeds that handle in callback style;
//   - if motor's type is a generic shell, whose struct does not depend on the type parameters: a non-generic struct
//     that the type embeds. It has every method that motor's type gets by embedding. These methods are compiled once,
//     not in the program that uses them;
//   - for a method that returns a future: a method with the same name and arguments that takes a callback instead,
//     after the last required argument;
//   - for a method that returns a handle: a method that returns the callback-style handle on the same loop;
//   - for a pair such as Each and EachVia: Each, which calls EachVia with the handle's loop;
//   - for every other method: a method that calls it;
//   - the functions of motor that return the handle. A function without an argument that has a loop takes one.
//
// The generator reads types, never sentences. It copies doc comments, and changes only their doc links and, in the
// snippets, the calls of the method itself, which get the callback. So a doc comment of motor must be true in both
// styles: "The result is ...", not "resolves to ...". What differs by style says so: "A future also has ...".
//
// The generator fails when a method or function does not fit these rules. Then write it by hand, in a file of package
// callback that is not generated. The generator skips it.
package main

import (
	"fmt"
	"go/types"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gomotor/gomotor/internal/source"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("handles: ")
	if err := write(); err != nil {
		log.Fatal(err)
	}
}

// write updates the generated files of package callback.
func write() error {
	src, err := load()
	if err != nil {
		return err
	}
	files, err := generate(src)
	if err != nil {
		return err
	}
	old, err := src.generatedFiles()
	if err != nil {
		return err
	}
	for _, name := range old {
		if _, keep := files[name]; !keep {
			if err := os.Remove(filepath.Join(src.dir, name)); err != nil {
				return err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := os.WriteFile(filepath.Join(src.dir, name), files[name], 0o644); err != nil {
			return fmt.Errorf("the generated files are incomplete: %w", err)
		}
	}
	return nil
}

// generatedSuffix is the suffix of the names of generated files.
const generatedSuffix = "_gen.go"

// library is the source of the generated code.
type library struct {
	motor    *types.Package
	declared map[string]source.Declaration // declarations of motor
	byHand   map[string]source.Declaration // declarations in the hand-written files of callback
	dir      string                        // the directory of callback
}

// load reads motor and callback from the current module. Package callback need not compile.
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

// generatedFiles returns the names of the existing generated files.
func (l *library) generatedFiles() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(l.dir, "*"+generatedSuffix))
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths, err
}
