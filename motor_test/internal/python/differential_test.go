package python_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// interpreter returns the command of Python 3, or skips the test. Trees of versions before 3.9 have other nodes.
func interpreter(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil || exec.CommandContext(t.Context(), path, "-c", "import sys; sys.exit(sys.version_info < (3, 9))").Run() != nil {
		t.Skip("there is no python3 of version 3.9 or later")
	}
	return path
}

// Files of Python's own library have the same trees here as in Python.
func TestParseLikePython(t *testing.T) {
	py := interpreter(t)
	out, err := exec.CommandContext(t.Context(), py, "-c", "import os; print(os.path.dirname(os.__file__))").Output()
	if err != nil {
		t.Fatal(err)
	}
	lib := strings.TrimSpace(string(out))
	var files []string
	for _, pattern := range []string{"a*.py", "t*.py", "asyncio/*.py", "json/*.py", "test/test_grammar.py", "test/test_f*.py"} {
		found, err := filepath.Glob(filepath.Join(lib, pattern))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	out, err = exec.CommandContext(t.Context(), py, append([]string{"testdata/dump.py"}, files...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	trees := strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
	if len(trees) != len(files) {
		t.Fatalf("Python printed %d trees, want %d", len(trees), len(files))
	}
	for i, name := range files {
		if trees[i] == "error" {
			continue // it is a test of syntax errors
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `\N{`) {
			continue // escapes with the names of characters are kept
		}
		file, err := python.Parse(name, string(text))
		if err != nil {
			t.Errorf("Parse: %v", err)
			continue
		}
		if got := stmts(file.Body); got != trees[i] {
			at := 0
			for at < min(len(got), len(trees[i])) && got[at] == trees[i][at] {
				at++
			}
			from := max(0, at-200)
			t.Errorf("%s: the tree is\n...%s\nwant\n...%s", name, got[from:min(len(got), at+100)], trees[i][from:min(len(trees[i]), at+100)])
		}
	}
}
