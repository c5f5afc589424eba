// Handles writes the callback-style handles of package callback from the exported methods of package motor, so that
// the two cannot drift apart. It is run by go generate, in callback.
//
// A handle type is an exported type of motor with a method that returns a future; nothing lists them. Each gets a
// file of its own, with
//   - the type, Wrap… and Futures, which lead from one style to the other, and IOLoop; it embeds the handle that
//     motor's embeds, and has that one's methods from there;
//   - for a method that returns a future: one of the same name and arguments that takes a callback instead, after the
//     last required argument;
//   - for a method that returns a handle: one that returns the callback-style handle on the same loop;
//   - for a pair like Each and EachVia: Each, over EachVia on the handle's loop;
//   - for every other method: one that passes the call on;
//   - the functions of motor that return the handle, which take a loop if they are given no handle that has one.
//
// The generator reads types, never sentences. Doc comments are copied; only their doc links are changed. So a doc comment
// of motor must be true in both styles: "The result is ...", not "resolves to ...". What differs by style belongs in the
// comment of the type, which is not copied. A method or function that package callback has in a file that is not
// generated is left out. That is the way out for one that these rules do not fit; the generator fails when it meets one.
package main

import (
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("handles: ")
	if err := write(); err != nil {
		log.Fatal(err)
	}
}

// write makes the generated files of package callback what they should be.
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
			return fmt.Errorf("the handles are incomplete now: %w", err)
		}
	}
	return nil
}
