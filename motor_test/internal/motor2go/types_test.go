package motor2go_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/internal/source"
	"github.com/gomotor/gomotor/motor_test/internal/motor2go"
)

// compileNote begins the note before a statement that does not compile.
const compileNote = "// NOTE: Go does not compile this yet: "

// typeErrors returns the errors of a skeleton, and the notes that announce them.
func typeErrors(t *testing.T, importer types.Importer, skeleton string) (found, noted map[string]bool) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, "", skeleton, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, noted = map[string]bool{}, map[string]bool{}
	config := types.Config{Importer: importer, Error: func(err error) {
		var e types.Error
		if errors.As(err, &e) && !strings.HasPrefix(e.Msg, "\t") {
			text, _, _ := strings.Cut(e.Msg, "\n")
			text, _, _ = strings.Cut(text, " (declared at ") // a position in another package
			found[text] = true
		}
	}}
	_, _ = config.Check("main", fset, []*ast.File{file}, nil) // Error gets all errors
	for line := range strings.Lines(skeleton) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), compileNote); ok {
			noted[text] = true
		}
	}
	return found, noted
}

func newImporter(t *testing.T) types.Importer {
	t.Helper()
	listed, err := source.List("-export", "-deps", source.Callback, source.Web)
	if err != nil {
		t.Fatal(err)
	}
	return source.Importer(listed)
}

// A skeleton says of each statement whether it compiles.
func TestSkeletonNotesTypeErrors(t *testing.T) {
	importer := newImporter(t)
	for name, src := range programs(t) {
		for _, style := range motor2go.Styles() {
			found, noted := typeErrors(t, importer, translate(t, src, style).Skeleton)
			for text := range found {
				if !noted[text] {
					t.Errorf("%s, %s: got no note, want one for %q", name, style, text)
				}
			}
			for text := range noted {
				if !found[text] {
					t.Errorf("%s, %s: got the note %q, want none: it compiles", name, style, text)
				}
			}
		}
	}
}

// The note stands directly before the statement, also in nested blocks.
func TestSkeletonNotesStatement(t *testing.T) {
	skeleton := translate(t, `
from motor.motor_asyncio import AsyncIOMotorClient
users = AsyncIOMotorClient().app.users
async def f(app):
    if app:
        await users.drop()
        app.start()
`, motor2go.Futures).Skeleton
	const want = "\t\t" + compileNote + "app.Start undefined (type any has no field or method Start)\n\t\tapp.Start()\n"
	if !strings.Contains(skeleton, want) || strings.Count(skeleton, "app.Start undefined") != 1 {
		t.Errorf("got\n%s\nwant once\n%s", skeleton, want)
	}
}
