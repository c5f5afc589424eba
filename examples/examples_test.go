package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamples runs each program, and looks for a line of its output. Programs with a test of their own are not run.
func TestExamples(t *testing.T) {
	tested := map[string]bool{
		"encryption": true, // it has a build tag, and a step in CI
		"tour":       true, // quickstart runs it
	}
	for _, example := range []struct{ name, want string }{
		{"gather", "3 requests in"},
		{"gridfs", "GET /files/bottles.txt: 206 Partial Content, 35 bytes"},
		{"mainloop", "delivered on the main loop: 42 <nil>"},
		{"quickstart", "operations completed"},
		{"report", "report 5: events counted: true"},
		{"transaction", ""},
		{"workqueue", "8 pages"},
	} {
		tested[example.name] = true
		t.Run(example.name, func(t *testing.T) {
			if example.name == "transaction" && os.Getenv("MONGODB_URI") == "" {
				t.Skip("transactions need a replica set: set MONGODB_URI")
			}
			program := filepath.Join(t.TempDir(), example.name)
			if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "./"+example.name).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			cmd := exec.CommandContext(t.Context(), program)
			if example.name != "quickstart" { // it calls the go command, which looks for the module
				cmd.Dir = t.TempDir()
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), example.want) {
				t.Errorf("got %v, want success and output with %q:\n%s", err, example.want, out)
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
