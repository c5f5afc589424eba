// Handles writes the callback-style handles of package callback from the exported methods of package motor, so that
// the two cannot drift apart. It is run by go generate, in callback.
//
// A handle type is an exported type of motor with a method that returns a future; nothing lists them. Each gets its
// own file, with
//   - the type, Wrap… and Futures, which lead from one style to the other, and IOLoop; it embeds the handle that
//     motor's embeds, and gets the methods of that handle by embedding;
//   - if motor's type is a generic shell, whose struct does not depend on the type parameters: a struct that is not
//     generic, which the type embeds, with every method that motor's type gets by embedding. Such methods are compiled
//     once, and not in the program that uses them;
//   - for a method that returns a future: one of the same name and arguments that takes a callback instead, after the
//     last required argument;
//   - for a method that returns a handle: one that returns the callback-style handle on the same loop;
//   - for a pair like Each and EachVia: Each, over EachVia on the handle's loop;
//   - for every other method: one that passes the call on;
//   - the functions of motor that return the handle, which take a loop if they are given no handle that has one.
//
// The generator reads types, never sentences. Doc comments are copied; only their doc links are changed. So a doc comment
// of motor must be true in both styles: "The result is ...", not "resolves to ...". Examples that differ by style belong in
// the comment of the type, which is not copied.
//
// The generator fails when a method or function does not fit these rules. Then package callback must have it in a file
// that is not generated, and the generator leaves it out.
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

// write brings the generated files of package callback up to date.
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

// generatedSuffix is how the names of the generated files end.
const generatedSuffix = "_gen.go"

// library has the sources of the generated code.
type library struct {
	motor    *types.Package
	declared map[string]source.Declaration // of motor
	byHand   map[string]source.Declaration // of the files of callback that are not generated
	dir      string                        // of callback
}

// load reads motor and callback from the module around the working directory. Package callback need not compile.
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

// generatedFiles returns the names of the generated files that exist.
func (l *library) generatedFiles() ([]string, error) {
	paths, err := filepath.Glob(filepath.Join(l.dir, "*"+generatedSuffix))
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths, err
}
