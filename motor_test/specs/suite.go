package specs

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// module is the source of the files if no folder is given. It is the driver's first major version, which the module of
// the tests requires only for the files: version 2 does not contain them.
const module = "go.mongodb.org/mongo-driver"

// Embedded lists the suites that the embedded server can run or reject.
var Embedded = []string{
	"crud", "collection-management", "run-command", "index-management", "command-monitoring", "read-write-concern",
	"versioned-api", "unified-test-format", "gridfs", "change-streams", "sessions", "transactions", "convenient-transactions",
	"retryable-reads", "retryable-writes", "client-side-operations-timeout", "server-discovery-and-monitoring",
	"load-balancers", "server-selection",
}

// DefaultDir returns the folder of the files in the required module.
func DefaultDir() (string, error) {
	cmd := exec.Command("go", "list", "-m", "-json", module)
	_, here, _, _ := runtime.Caller(0)
	if dir := filepath.Dir(here); filepath.IsAbs(dir) {
		if _, err := os.Stat(dir); err == nil {
			cmd.Dir = dir // the module, whatever the working directory
		}
	}
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("specs: cannot find module %s: %w", module, err)
	}
	var m struct{ Dir string }
	if err := json.Unmarshal(out, &m); err != nil {
		return "", fmt.Errorf("specs: cannot find module %s: %w", module, err)
	}
	if m.Dir == "" {
		return "", fmt.Errorf("specs: module %s has not been downloaded: run go mod download", module)
	}
	return filepath.Join(m.Dir, "testdata"), nil
}

// suite has the files of one folder.
type suite struct {
	name  string
	files []suiteFile
}

// suiteFile is one file of a suite.
type suiteFile struct {
	path    string // relative to the folder of all suites
	file    *file
	refused error // the error of a file that cannot be read
	invalid bool  // the file must fail
}

// suites returns the suites of a folder, one for each direct subfolder. It ignores files in other formats.
func suites(dir string, only []string) ([]*suite, error) {
	byName := map[string]*suite{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".json" {
			return err
		}
		path, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		path = filepath.ToSlash(path)
		first, _, below := strings.Cut(path, "/")
		if !below {
			first = filepath.Base(dir)
		}
		if len(only) > 0 && !slices.Contains(only, first) {
			return nil
		}
		files, err := readSuiteFile(name, path)
		if err != nil || len(files) == 0 {
			return err
		}
		if byName[first] == nil {
			byName[first] = &suite{name: first}
		}
		byName[first].files = append(byName[first].files, files...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, name := range only {
		if byName[name] == nil {
			return nil, fmt.Errorf("specs: unknown suite %q in %s", name, dir)
		}
	}
	var all []*suite
	for _, s := range byName {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *suite) int { return strings.Compare(a.name, b.name) })
	return all, nil
}

// readSuiteFile returns the tests of a file, or nothing if it is in another format.
func readSuiteFile(name, path string) ([]suiteFile, error) {
	invalid := strings.Contains(path, "/valid-fail/")
	if strings.Contains(path, "/invalid/") {
		return nil, nil // only the format's JSON schema can find their errors
	}
	f, err := readFile(name)
	switch {
	case f != nil:
		return []suiteFile{{path: path, file: f, refused: err, invalid: invalid}}, nil
	case err != nil:
		return nil, err
	}
	older, err := readOlder(name)
	var files []suiteFile
	for _, f := range older {
		files = append(files, suiteFile{path: path, file: f})
	}
	return files, err
}
