package parity

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/internal/source"
)

func TestLinesNameTheMembers(t *testing.T) {
	lines := check(t, nil).Lines()
	for symbol, want := range map[string]string{
		"motor.Client.Open":             "Motor: MotorClient.open.",
		"motor.Client.Database":         `Motor: client.name, client["name"], MotorClient.get_database.`,
		"motor.Client.Seeds":            "Motor: MotorReplicaSetClient.seeds.",
		"motor.Database":                "Motor: MotorDatabase.",
		"motor.CommandCursor":           "Motor: MotorCommandCursor, MotorLatentCommandCursor.",
		"motor.cursorReader.FetchNext":  "Motor: MotorCursor.fetch_next, MotorCommandCursor.fetch_next.",
		"motor.concerns.WriteConcern":   "Motor: write_concern.",
		"motor.concerns.SetTagSets":     "Motor: tag_sets = [...].",
		"motor.Client.Close":            "Motor: MotorClient.close, as it was until 2.x.",
		"callback.Loop.AddCallback":     "Motor: frameworks.call_soon.",
		"motor.WaitQueueTimeoutError":   "Motor: MotorPoolTimeout.",
		"motor.Database.Equal":          "",
		"motor.Database.DropCollection": "Motor: MotorDatabase.drop_collection.",
	} {
		if got, ok := lines[symbol]; got != want || !ok {
			t.Errorf("%s has %q, want %q", symbol, got, want)
		}
	}
	for symbol := range lines {
		if strings.HasPrefix(symbol, "future.") {
			t.Errorf("%s has a line, and knows nothing of Motor", symbol)
		}
	}
}

func TestLineIsPutIntoADocComment(t *testing.T) {
	const line = "Motor: MotorClient.f."
	for name, test := range map[string]struct{ before, line, after string }{
		"none before": {
			"// F does.\nfunc F() {}", line, "// F does.\n//\n// Motor: MotorClient.f.\nfunc F() {}",
		},
		"another one": {
			"// F does.\n//\n// Motor: MotorClient.g,\n// MotorClient.h.\nfunc F() {}", line, "// F does.\n//\n// Motor: MotorClient.f.\nfunc F() {}",
		},
		"the same, broken": {
			"// F does.\n//\n// Motor:\n// MotorClient.f.\nfunc F() {}", line, "// F does.\n//\n// Motor:\n// MotorClient.f.\nfunc F() {}",
		},
		"after a sentence": {
			"// F does.\n//\n// Legacy: use G. Motor: x.\nfunc F() {}", line, "// F does.\n//\n// Legacy: use G. Motor: MotorClient.f.\nfunc F() {}",
		},
		"after a sentence, none before": {
			"// F does.\n//\n// Tornado: x.\nfunc F() {}", line, "// F does.\n//\n// Tornado: x. Motor: MotorClient.f.\nfunc F() {}",
		},
		"after code": {
			"// F does:\n//\n//\tF()\nfunc F() {}", line, "// F does:\n//\n//\tF()\n//\n// Motor: MotorClient.f.\nfunc F() {}",
		},
		"one too many": {
			"// F does.\n//\n// Motor: x.\nfunc F() {}", "", "// F does.\nfunc F() {}",
		},
		"one too many, after a sentence": {
			"// F does.\n//\n// Legacy: use G. Motor: x.\nfunc F() {}", "", "// F does.\n//\n// Legacy: use G.\nfunc F() {}",
		},
		"in a group": {
			"const (\n\t// F is.\n\tF = 1\n)", line, "const (\n\t// F is.\n\t//\n\t// Motor: MotorClient.f.\n\tF = 1\n)",
		},
		"a long one": {
			"// F does.\ntype F int", "Motor: " + strings.Repeat("a", 60) + ", " + strings.Repeat("b", 60) + ".",
			"// F does.\n//\n// Motor: " + strings.Repeat("a", 60) + ",\n// " + strings.Repeat("b", 60) + ".\ntype F int",
		},
	} {
		t.Run(name, func(t *testing.T) {
			const head = "package p\n\n"
			fset, all := token.NewFileSet(), map[string]source.Declaration{}
			file, err := parser.ParseFile(fset, "p.go", head+test.before, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			source.Declare(all, fset, file)
			if got := withLine(head+test.before, all["F"], test.line); got != head+test.after {
				t.Errorf("got\n%s\nwant\n%s", got, test.after)
			}
		})
	}
}
