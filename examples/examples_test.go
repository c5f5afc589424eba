package examples_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// TestExamples runs each program, and looks for lines of its output. Programs with a test of their own are not run.
func TestExamples(t *testing.T) {
	tested := map[string]bool{
		"encryption": true, // it has a build tag, and a step in CI
		"tour":       true, // quickstart runs it
	}
	for _, example := range [][]string{ // the name of a program, and parts of its output
		{"gather", "3 requests in"},
		{"gridfs", "GET /files/bottles.txt: 206 Partial Content, 35 bytes", "download 100%  25165824 of 25165824 bytes, done"},
		{"mainloop", "delivered on the main loop: 42 <nil>"},
		{"quickstart", "operations completed"},
		{"report", "report 5: events counted: true"},
		{"transaction"},
		{"workqueue", "8 pages"},
	} {
		name, want := example[0], example[1:]
		tested[name] = true
		t.Run(name, func(t *testing.T) {
			if name == "transaction" {
				mongotest.SkipIfEmbedded(t, "transactions")
			}
			program := filepath.Join(t.TempDir(), name)
			if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./"+name).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			cmd := exec.CommandContext(t.Context(), program)
			if name != "quickstart" { // it calls the go command, which looks for the module
				cmd.Dir = t.TempDir()
			}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Errorf("got %v, want success:\n%s", err, out)
			}
			for _, part := range want {
				if !strings.Contains(string(out), part) {
					t.Errorf("got\n%swant output with %q", out, part)
				}
			}
		})
	}
	files, err := filepath.Glob("*/*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tested[filepath.Dir(file)] = true
	}
	programs, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, program := range programs {
		if !tested[filepath.Dir(program)] {
			t.Errorf("%s: no test runs it", program)
		}
	}
}
