package guide

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// invalidSnippets prints an error for each Python snippet of a list that Python cannot parse.
const invalidSnippets = `
import ast, json, sys
for snippet in json.load(sys.stdin):
    try:
        ast.parse(snippet)
    except SyntaxError as e:
        print("line %d of %r: %s" % (e.lineno, snippet, e.msg))
`

// invalidPython returns what invalidSnippets prints.
func invalidPython(t *testing.T, snippets []string) string {
	t.Helper()
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed")
	}
	list, err := json.Marshal(snippets)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", invalidSnippets)
	cmd.Stdin = strings.NewReader(string(list))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("python3: %v: %s", err, out)
	}
	return string(out)
}

func TestPythonOfMigrationIsValid(t *testing.T) {
	text, err := os.ReadFile("../../MIGRATION.md")
	if err != nil {
		t.Fatal(err)
	}
	var snippets []string
	for _, match := range regexp.MustCompile("(?s)```python\n(.*?)```").FindAllStringSubmatch(string(text), -1) {
		snippets = append(snippets, match[1])
	}
	if len(snippets) < 20 {
		t.Errorf("got %d Python snippets in MIGRATION.md, want at least 20", len(snippets))
	}
	if invalid := invalidPython(t, snippets); invalid != "" {
		t.Error(invalid)
	}
	if invalid := invalidPython(t, []string{"a = 1\n", "if a:\nb()\n"}); !strings.Contains(invalid, "b()") || strings.Contains(invalid, "a = 1") {
		t.Errorf("got %q for one valid and one invalid snippet, want only the second", invalid)
	}
}
