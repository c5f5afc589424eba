// Package porting holds programs for Motor beside the same programs for gomotor: see README.md.
package porting

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

// hang is the time after which a program is killed.
const hang = time.Minute

// programs returns the names of the directories that have a program.
func programs(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 12 {
		t.Fatalf("there are %d programs, want at least 12", len(files))
	}
	for i, f := range files {
		files[i] = filepath.Dir(f)
	}
	return files
}

// ofCallbackEra reports whether a program needs Motor 1. It says so in its first line.
func ofCallbackEra(t *testing.T, program string) bool {
	t.Helper()
	return strings.HasPrefix(read(t, filepath.Join(program, "main.py")), "# needs Motor 1")
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// python returns an interpreter with Motor, or "".
func python(ctx context.Context) string {
	for _, name := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(ctx, name, "-c", "import motor.motor_asyncio, motor.motor_tornado").Run() == nil {
			return name
		}
	}
	return ""
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	var stderr bytes.Buffer
	command.Stderr = &stderr
	out, err := command.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, &stderr)
	}
	return string(out)
}

// Each program prints the same bytes in Go as in Python. The output of a program of the callback era is in its want.txt.
// MOTOR1_PYTHON names an interpreter with Motor 1.1, which checks it.
func TestProgramsPrintTheSame(t *testing.T) {
	interpreter, old := python(t.Context()), os.Getenv("MOTOR1_PYTHON")
	uri, bin := mongotest.URI(t), t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin+string(filepath.Separator), "./...")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	for _, program := range programs(t) {
		t.Run(program, func(t *testing.T) {
			got := output(t, filepath.Join(bin, program), uri)
			if got == "" {
				t.Error("the program has printed nothing")
			}
			inPython := func(name string) string {
				return output(t, name, "-W", "ignore", filepath.Join(program, "main.py"), uri)
			}
			want := ""
			switch {
			case ofCallbackEra(t, program):
				want = read(t, filepath.Join(program, "want.txt"))
				if old != "" {
					if printed := inPython(old); printed != want {
						t.Errorf("Python printed\n%s\nbut want.txt has\n%s", printed, want)
					}
				}
			case interpreter == "":
				t.Skip("the Go program has run; the Python program has not, because python3 has no Motor (python3-motor)")
			default:
				want = inPython(interpreter)
			}
			if got != want {
				t.Errorf("Go printed\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// lines returns the number of lines that are neither empty nor a comment.
func lines(t *testing.T, file, comment string) (n int) {
	t.Helper()
	for line := range strings.Lines(read(t, file)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, comment) {
			n++
		}
	}
	return n
}

func TestReadmeTable(t *testing.T) {
	row := func(name string, inPython, inGo int) string {
		return fmt.Sprintf("| %s | %d | %d | %.2f |", name, inPython, inGo, float64(inGo)/float64(inPython))
	}
	var want []string
	allPython, allGo := 0, 0
	for _, p := range programs(t) {
		inPython, inGo := lines(t, filepath.Join(p, "main.py"), "#"), lines(t, filepath.Join(p, "main.go"), "//")
		want = append(want, row("["+p+"]("+p+")", inPython, inGo))
		allPython, allGo = allPython+inPython, allGo+inGo
	}
	want = append(want, row("all", allPython, allGo))
	got := strings.Split(read(t, "README.md"), "\n")
	for _, line := range want {
		if !slices.Contains(got, line) {
			t.Errorf("README.md has no line %q", line)
		}
	}
	if ratio := float64(allGo) / float64(allPython); ratio > 1.5 {
		t.Errorf("%.2f lines of Go for one of Python, want at most 1.5", ratio)
	}
}
