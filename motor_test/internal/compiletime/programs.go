package compiletime

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Root is the path of the module that is measured.
const Root = "github.com/gomotor/gomotor"

// Baseline is the program on the driver, with which the others are compared.
const Baseline = "driver"

// Programs are the programs to measure, in the order of the table. Each looks up one document.
var Programs = []string{Baseline, "futures", "callback", "coroutine"}

//go:embed testdata
var sources embed.FS

// marker is the text of a program that an edit replaces.
const marker = "edit 0"

// user is a module outside the workspace that imports the checkout, as a user's module does.
type user struct {
	dir string
}

// newUser writes the programs into a module in dir. The module has the checkout's go.sum, so the go command works
// offline with a filled module cache.
func newUser(dir, checkout string) (*user, error) {
	sums, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	if err != nil {
		return nil, err
	}
	u := &user{dir: dir}
	module := fmt.Sprintf("module example.com/user\n\ngo 1.26\n\nrequire %s v0.0.0\n\nreplace %[1]s => %q\n", Root, checkout)
	if err := u.write("go.mod", module); err != nil {
		return nil, err
	}
	if err := u.write("go.sum", string(sums)); err != nil {
		return nil, err
	}
	for _, program := range Programs {
		if err := u.edit(program, 1); err != nil {
			return nil, err
		}
	}
	return u, nil
}

// edit changes the source of a program. Two edits with different numbers give different executables.
func (u *user) edit(program string, number int64) error {
	source, err := sources.ReadFile("testdata/" + program + "/main.go")
	if err != nil {
		return err
	}
	edited, err := Edit(string(source), number)
	if err != nil {
		return fmt.Errorf("program %s: %w", program, err)
	}
	return u.write(filepath.Join(program, "main.go"), edited)
}

// Edit returns the source of a program with its marker replaced. The source must contain the marker once.
func Edit(source string, number int64) (string, error) {
	if n := strings.Count(source, marker); n != 1 {
		return "", fmt.Errorf("compiletime: source has %[2]d markers %[1]q, want 1", marker, n)
	}
	return strings.Replace(source, marker, fmt.Sprintf("edit %d", number), 1), nil
}

func (u *user) write(name, text string) error {
	path := filepath.Join(u.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o600)
}
