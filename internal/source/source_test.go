package source_test

import (
	"go/types"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/source"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestImporter(t *testing.T) {
	listed, err := source.List("-deps", "-export", source.Callback)
	if err != nil {
		t.Fatal(err)
	}
	callback, err := source.Importer(listed).Import(source.Callback)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		async bool
	}{{"RunInExecutor", true}, {"NewLoop", false}} {
		f, ok := callback.Scope().Lookup(test.name).(*types.Func)
		if !ok || source.ReturnsFuture(f) != test.async || source.DeclaredAs(f) != test.name {
			t.Errorf("%s: got %v, want a function that is declared under this name and returns a future: %t", test.name, f, test.async)
		}
	}
	if _, err := source.Importer(listed).Import("not/listed"); err == nil {
		t.Error("Import of a package that was not listed: got no error, want one")
	}
	if _, err := source.List("./nowhere"); err == nil {
		t.Error("List of an unknown package: got no error, want one")
	}
}

func TestDeclarations(t *testing.T) {
	dir := t.TempDir()
	const text = `package p

// T is a type.
type T[A any] struct{}

// M is a method.
func (t *T[A]) M() {}

// A comment on a group does not belong to a member.
const (
	// One is one.
	One = 1
	Two = 2
)

// F is a function.
//
//	F()
func F() {}

func Bare() {}
`
	if err := os.WriteFile(dir+"/p.go", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	all, err := (&source.Package{Dir: dir, GoFiles: []string{"p.go"}}).Declarations()
	if err != nil {
		t.Fatal(err)
	}
	last := -1
	for _, want := range []struct{ name, comment, doc string }{
		{"T", "// T is a type.", "T is a type.\n"},
		{"T.M", "// M is a method.", "M is a method.\n"},
		{"One", "// One is one.", "One is one.\n"},
		{"Two", "", ""},
		{"F", "// F is a function.\n//\n//\tF()", "F is a function.\n\n\tF()\n"},
		{"Bare", "", ""},
	} {
		d, ok := all[want.name]
		if !ok || d.Doc != want.doc || text[d.Start:d.End] != want.comment || d.Order <= last {
			t.Errorf("%s: got %+v with the comment %q, want the doc %q and the comment %q", want.name, d, text[d.Start:d.End], want.doc, want.comment)
		}
		last = d.Order
	}
	if len(all) != 6 {
		t.Errorf("got %d declarations, want 6", len(all))
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("word ", 40)
	for line := range strings.Lines(source.AsComment(source.Wrap(long))) {
		if !strings.HasPrefix(line, "// word") || len(line) > source.Width+len("// \n") {
			t.Errorf("got the line %q, want words, at most %d characters long", line, source.Width)
		}
	}
	if got := source.AsComment("a\n\n\tcode"); got != "// a\n//\n//\tcode\n" {
		t.Errorf("AsComment() = %q, want each line commented", got)
	}
}
