package parity

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/internal/source"
	"github.com/gomotor/gomotor/internal/source/sourcetest"
)

func TestLines(t *testing.T) {
	res := check(t, nil)
	lines := res.Lines()
	for _, test := range []struct{ name, want string }{
		{"motor.Client.Open", "Motor: MotorClient.open."},
		{"motor.Client.Database", `Motor: client.name, client["name"], MotorClient.get_database.`},
		{"motor.ReplicaSetClient.Seeds", "Motor: MotorReplicaSetClient.seeds."},
		{"motor.Database", "Motor: MotorDatabase."},
		{"motor.CommandCursor", "Motor: MotorCommandCursor, MotorLatentCommandCursor."},
		{"motor.Cursor.FetchNext", "Motor: MotorCursor.fetch_next, MotorCommandCursor.fetch_next."},
		{"motor.Client.WriteConcern", "Motor: write_concern."},
		{"motor.Database.SetTagSets", "Motor: tag_sets = [...]."},
		{"motor.Client.Close", "Motor: MotorClient.close, as it was until 2.x."},
		{"callback.Loop.AddCallback", "Motor: frameworks.call_soon."},
		{"motor.WaitQueueTimeoutError", "Motor: MotorPoolTimeout."},
		{"motor.Database.Equal", ""},
		{"motor.Database.DropCollection", "Motor: MotorDatabase.drop_collection."},
	} {
		symbol, err := res.module.lookup(test.name)
		if err != nil {
			t.Error(err)
			continue
		}
		// A promoted method has its comment at the embedded struct.
		if got, ok := lines[symbol.pkg+"."+symbol.declaredAs()]; got != test.want || !ok {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
	for symbol := range lines {
		if strings.HasPrefix(symbol, "future.") {
			t.Errorf("%s: got the line %q, want none", symbol, lines[symbol])
		}
	}
}

// thin is a package motor whose generic types have methods on non-generic structs.
const thin = `package motor

import "github.com/gomotor/gomotor/future"

// Collection is a collection.
type Collection[D any] struct{ collection }

type collection struct{ namespace }

type namespace struct{ name string }

// Name returns the name.
func (n *namespace) Name() string { return n.name }

// Drop drops the collection.
func (c *collection) Drop() *future.Future[struct{}] { return nil }

// FindOne returns a document.
func (c *Collection[D]) FindOne() *future.Future[D] { return nil }

// Other has its name from the same struct.
type Other[D any] struct{ namespace }
`

// thinCallback is the callback form of thin.
const thinCallback = `package callback

// Collection is a collection.
type Collection[D any] struct{ collection }

type collection struct{}

// Name returns the name.
func (c *collection) Name() string { return "" }

// Drop drops the collection.
func (c *collection) Drop(callback func(struct{}, error)) {}

// FindOne returns a document.
func (c *Collection[D]) FindOne(callback func(D, error)) {}
`

func TestPromotedMethods(t *testing.T) {
	const future = "package future\n\n// Future is a future.\ntype Future[T any] struct{}"
	m, fixture := newModule(), make(sourcetest.Packages)
	fixture.Check(t, source.Future, future)
	for _, file := range []struct{ path, text string }{{source.Motor, thin}, {source.Callback, thinCallback}} {
		p, declared := fixture.Check(t, file.path, file.text)
		m.packages[p.Name()], m.declared[p.Name()] = p, declared
	}
	row := func(class, member, symbol string) *Row {
		return &Row{Class: class, Member: member, Kind: "async-method", Go: []string{symbol}, Lines: []string{byRule}}
	}
	rows := []*Row{
		row("MotorCollection", "drop", "motor.Collection.Drop"),
		row("MotorCollection", "find_one", "motor.Collection.FindOne"),
		row("MotorCollection", "name", "motor.Collection.Name"),
		row("MotorCursor", "name", "motor.Other.Name"),
	}
	rows[2].Kind, rows[3].Kind = "property", "property"
	res := Check(m, rows)
	for r, err := range res.Missing {
		t.Errorf("%s: got missing (%v), want found", r.Name(), err)
	}
	for _, test := range []struct{ symbol, want string }{
		{"motor.collection.Drop", "Motor: MotorCollection.drop."},
		{"motor.Collection.FindOne", "Motor: MotorCollection.find_one."},
		{"motor.namespace.Name", "Motor: MotorCollection.name, MotorCursor.name."},
	} {
		if got := res.Lines()[test.symbol]; got != test.want {
			t.Errorf("%s: got the line %q, want %q", test.symbol, got, test.want)
		}
	}
	for _, want := range []string{
		"| `drop` | `Collection.Drop() *Future[struct{}]` | `Collection.Drop(callback func(struct{}, error))` |  |",
		"| `find_one` | `Collection.FindOne() *Future[D]` | `Collection.FindOne(callback func(D, error))` |  |",
		"| `name` | `Collection.Name() string` | the same |  |",
	} {
		if table := res.table("MotorCollection"); !strings.Contains(table, want+"\n") {
			t.Errorf("got the table\n%s\nwant it to contain\n%s", table, want)
		}
	}
}

func TestWithLine(t *testing.T) {
	const line = "Motor: MotorClient.f."
	for _, test := range []struct{ name, before, line, after string }{
		{
			"no line",
			"// F does.\nfunc F() {}", line, "// F does.\n//\n// Motor: MotorClient.f.\nfunc F() {}",
		},
		{
			"another line",
			"// F does.\n//\n// Motor: MotorClient.g,\n// MotorClient.h.\nfunc F() {}", line, "// F does.\n//\n// Motor: MotorClient.f.\nfunc F() {}",
		},
		{
			"same line, wrapped",
			"// F does.\n//\n// Motor:\n// MotorClient.f.\nfunc F() {}", line, "// F does.\n//\n// Motor:\n// MotorClient.f.\nfunc F() {}",
		},
		{
			"after a sentence",
			"// F does.\n//\n// Legacy: use G. Motor: x.\nfunc F() {}", line, "// F does.\n//\n// Legacy: use G. Motor: MotorClient.f.\nfunc F() {}",
		},
		{
			"after a sentence, no line",
			"// F does.\n//\n// Tornado: x.\nfunc F() {}", line, "// F does.\n//\n// Tornado: x. Motor: MotorClient.f.\nfunc F() {}",
		},
		{
			"after code",
			"// F does:\n//\n//\tF()\nfunc F() {}", line, "// F does:\n//\n//\tF()\n//\n// Motor: MotorClient.f.\nfunc F() {}",
		},
		{
			"remove line",
			"// F does.\n//\n// Motor: x.\nfunc F() {}", "", "// F does.\nfunc F() {}",
		},
		{
			"remove line after a sentence",
			"// F does.\n//\n// Legacy: use G. Motor: x.\nfunc F() {}", "", "// F does.\n//\n// Legacy: use G.\nfunc F() {}",
		},
		{
			"in a group",
			"const (\n\t// F is.\n\tF = 1\n)", line, "const (\n\t// F is.\n\t//\n\t// Motor: MotorClient.f.\n\tF = 1\n)",
		},
		{
			"long line",
			"// F does.\ntype F int", "Motor: " + strings.Repeat("a", 60) + ", " + strings.Repeat("b", 60) + ".",
			"// F does.\n//\n// Motor: " + strings.Repeat("a", 60) + ",\n// " + strings.Repeat("b", 60) + ".\ntype F int",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
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
