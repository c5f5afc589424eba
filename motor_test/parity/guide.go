package parity

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// guideSource is the directory of the guide's Go code, below the module.
const guideSource = "motor_test/guide"

// snippets returns the Go code of the guide by name: the lines between "// begin NAME" and "// end" in the files of a
// directory, without their common indentation.
func snippets(dir string) (map[string]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		return nil, err
	}
	all := make(map[string]string)
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		name := "" // of the current snippet
		var lines []string
		for line := range strings.Lines(string(text)) {
			line = strings.TrimSuffix(line, "\n")
			begun, begins := strings.CutPrefix(strings.TrimSpace(line), "// begin ")
			switch {
			case begins && (name != "" || all[begun] != ""):
				return nil, fmt.Errorf("%s: the snippet %s begins in another one, or again", path, begun)
			case begins:
				name, lines = begun, nil
			case name != "" && strings.TrimSpace(line) == "// end":
				all[name], name = dedent(lines), ""
			case name != "":
				lines = append(lines, line)
			}
		}
		if name != "" {
			return nil, fmt.Errorf("%s: the snippet %s has no end", path, name)
		}
	}
	return all, nil
}

// dedent removes the tabs that all lines begin with, and empty lines at the start and the end.
func dedent(lines []string) string {
	common := -1
	for _, line := range lines {
		if tabs := len(line) - len(strings.TrimLeft(line, "\t")); line != "" && (common < 0 || tabs < common) {
			common = tabs
		}
	}
	var b strings.Builder
	for _, line := range lines {
		if line != "" {
			line = line[common:]
		}
		b.WriteString(line + "\n")
	}
	return strings.Trim(b.String(), "\n")
}

// snippetFunc returns the template function that shows a snippet, and a function that returns an error if a snippet was
// not shown.
func snippetFunc(all map[string]string) (show func(name string) (string, error), unused func() error) {
	left := maps.Clone(all)
	show = func(name string) (string, error) {
		code, ok := all[name]
		if !ok {
			return "", fmt.Errorf("%s has no snippet %s", guideSource, name)
		}
		delete(left, name)
		return "```go\n" + code + "\n```", nil
	}
	return show, func() error {
		if len(left) > 0 {
			return fmt.Errorf("the template does not show the snippets %s", strings.Join(slices.Sorted(maps.Keys(left)), ", "))
		}
		return nil
	}
}
