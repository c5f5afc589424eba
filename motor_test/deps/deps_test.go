// Package deps_test checks the dependencies of a program that imports gomotor: the MongoDB driver and little else. No
// module that only the tests and the embedded server need is among them.
package deps_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

const root = "github.com/gomotor/gomotor"

// unwanted matches modules that the nested modules need and a user must not get.
var unwanted = regexp.MustCompile(`(?i)ferretdb|sqlite|opentelemetry|prometheus`)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUserInheritsNoTestDependency(t *testing.T) {
	scratch := scratchModule(t)
	for _, list := range []struct {
		name string
		args []string
	}{
		{"in the module graph", []string{"list", "-m", "-f", "{{.Path}}", "all"}},
		{"in the build", []string{"list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", "."}},
	} {
		t.Run(list.name, func(t *testing.T) {
			modules := strings.Fields(golang(t, scratch, list.args...))
			for _, want := range []string{root, "go.mongodb.org/mongo-driver/v2"} {
				if !slices.Contains(modules, want) {
					t.Errorf("got modules %q, want %s among them", modules, want)
				}
			}
			for _, m := range modules {
				if unwanted.MatchString(m) {
					t.Errorf("got module %s, want it in the nested modules only", m)
				}
			}
		})
	}
}

func TestRootModuleRequiresThreeModules(t *testing.T) {
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	out := golang(t, ".", "mod", "edit", "-json", filepath.Join(checkout(t), "go.mod"))
	if err := json.Unmarshal([]byte(out), &mod); err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, r := range mod.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	slices.Sort(direct)
	want := []string{"github.com/sourcegraph/conc", "go.mongodb.org/mongo-driver/v2", "go.uber.org/goleak"}
	if !slices.Equal(direct, want) {
		t.Errorf("direct requirements of %s:\n got %q\nwant %q", root, direct, want)
	}
}

// scratchModule writes a user's module outside the workspace and returns its directory. The module imports package motor
// of this checkout and nothing else. It has the checkout's go.sum, so the go command works offline with a filled module
// cache.
func scratchModule(t *testing.T) string {
	t.Helper()
	dir, checkout := t.TempDir(), checkout(t)
	sums, err := os.ReadFile(filepath.Join(checkout, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod":  fmt.Sprintf("module example.com/user\n\ngo 1.26\n\nrequire %s v0.0.0\n\nreplace %[1]s => %q\n", root, checkout),
		"go.sum":  string(sums),
		"main.go": fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", root+"/motor"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkout returns the directory of the root module.
func checkout(t *testing.T) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", root)
	return strings.TrimSpace(output(t, cmd))
}

// golang runs the go command in dir as a user without a workspace would, and returns its standard output.
func golang(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	return output(t, cmd)
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("%s: %v\n%s", cmd, err, exit.Stderr)
		}
		t.Fatalf("%s: %v", cmd, err)
	}
	return string(out)
}
