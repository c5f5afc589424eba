package guide

import (
	"os"
	"regexp"
	"testing"

	"github.com/gomotor/gomotor/motor_test/internal/python"
)

func TestPythonOfMigrationIsValid(t *testing.T) {
	text, err := os.ReadFile("../../MIGRATION.md")
	if err != nil {
		t.Fatal(err)
	}
	snippets := regexp.MustCompile("(?s)```python\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(snippets) < 20 {
		t.Errorf("got %d Python snippets in MIGRATION.md, want at least 20", len(snippets))
	}
	for _, match := range snippets {
		if _, err := python.Parse("snippet", match[1]); err != nil {
			t.Errorf("Parse: %v, in\n%s", err, match[1])
		}
	}
}
