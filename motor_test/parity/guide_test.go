package parity

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestGuideHasNoOtherGoCode holds that the template has Go code only from package guide, where it is tested.
func TestGuideHasNoOtherGoCode(t *testing.T) {
	if i := strings.Index(migrationMD, "```go"); i >= 0 {
		line, _, _ := strings.Cut(migrationMD[i+len("```go\n"):], "\n")
		t.Errorf("the template has Go code that package guide does not test: %q", line)
	}
}

func TestSnippets(t *testing.T) {
	write := func(t *testing.T, text string) string {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a_test.go"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	const text = "a()\n\t// begin one\n\n\tif b {\n\t\tc()\n\n\t}\n\t// end\nd()\n// begin two\ne()\n// end\n"
	all, err := snippets(write(t, text))
	if err != nil || len(all) != 2 || all["one"] != "if b {\n\tc()\n\n}" || all["two"] != "e()" {
		t.Errorf("got %q, %v, want the snippets one and two", all, err)
	}
	for _, test := range []struct{ name, text string }{
		{"no end", "// begin one\na()\n"},
		{"begins in another one", "// begin one\n// begin two\na()\n// end\n// end\n"},
		{"begins again", "// begin one\na()\n// end\n// begin one\nb()\n// end\n"},
	} {
		if all, err := snippets(write(t, test.text)); err == nil {
			t.Errorf("%s: got %q, want an error", test.name, all)
		}
	}
}

func TestSnippetFunc(t *testing.T) {
	show, unused := snippetFunc(map[string]string{"one": "a()"})
	if err := unused(); err == nil {
		t.Error("with a snippet that is not shown: got no error, want one")
	}
	if text, err := show("one"); err != nil || text != "```go\na()\n```" {
		t.Errorf("got %q, %v, want the code", text, err)
	}
	if text, err := show("two"); err == nil {
		t.Errorf("got %q for an unknown snippet, want an error", text)
	}
	if err := unused(); err != nil {
		t.Errorf("with every snippet shown: got %v, want nil", err)
	}
}
