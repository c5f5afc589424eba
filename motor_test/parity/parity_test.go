package parity

import (
	"go/types"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gomotor/gomotor/internal/source"
)

// load is Load, once for all tests: none changes what it gives.
var load = sync.OnceValues(Load)

// check holds rows against the module as it is; nil stands for the ledger's.
func check(t *testing.T, rows []*Row) *Result {
	t.Helper()
	m, err := load()
	if err != nil {
		t.Fatal(err)
	}
	if rows == nil {
		if rows, err = Rows(); err != nil {
			t.Fatal(err)
		}
	}
	return Check(m, rows)
}

func TestMigrationIsFresh(t *testing.T) {
	res := check(t, nil)
	want, err := res.Migration()
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile(res.module.migrationPath())
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("MIGRATION.md is stale: run go generate in motor_test/parity")
	}
}

func TestDocCommentsNameTheirMembers(t *testing.T) {
	comments, err := check(t, nil).staleComments()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range comments {
		t.Errorf("%v: run go generate in motor_test/parity", c)
	}
}

// altered returns the ledger with one row changed.
func altered(t *testing.T, name string, change func(*Row)) []*Row {
	t.Helper()
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Name() == name {
			change(r)
			return rows
		}
	}
	t.Fatalf("the ledger has no %s", name)
	return nil
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	mark := func(mark, remark string) func(*Row) {
		return func(r *Row) { r.Go, r.Lines, r.Mark, r.Remark = nil, nil, mark, remark }
	}
	to := func(symbols ...string) func(*Row) {
		return func(r *Row) { r.Go, r.Lines = symbols, make([]string, len(symbols)) }
	}
	const reason = "It has no meaning in Go."
	for name, test := range map[string]struct {
		member  string
		change  func(*Row)
		missing bool // or else wrong
	}{
		"a package that there is none of":  {"MotorCursor.clone", to("mongo.Client"), true},
		"a type that there is none of":     {"MotorCursor.clone", to("motor.Cursors.Clone"), true},
		"a method that there is none of":   {"MotorCursor.clone", to("motor.Cursor.Clones"), true},
		"a method of what has none":        {"MotorCursor.clone", to("motor.NewClient.Clone"), true},
		"what is not exported":             {"MotorCursor.clone", to("motor.Cursor.find"), true},
		"one of several":                   {"MotorCursor.clone", to("motor.Cursor.Clone", "motor.Cursor.Clones"), true},
		"what is not asynchronous":         {"MotorDatabase.command", to("motor.Database.Name"), true},
		"what is no method":                {"MotorDatabase.command", to("motor.Database"), true},
		"n/a in the first era":             {"MotorClient.open", mark(notApplicable, reason), false},
		"pending in the first era":         {"MotorClient.open", mark(pending, ""), false},
		"missing in the first era":         {"MotorClient.open", to("motor.Client.Opens"), false},
		"n/a without a reason":             {"MotorCursor.clone", mark(notApplicable, ""), false},
		"n/a without a sentence":           {"MotorCursor.clone", mark(notApplicable, "internal"), false},
		"pending, and nobody knows why":    {"MotorCursor.clone", mark(pending, ""), false},
		"twice there, and another one not": {"MotorCursor.clone", func(r *Row) { r.Member = "rewind" }, false},
	} {
		t.Run(name, func(t *testing.T) {
			rows := altered(t, test.member, test.change)
			res := check(t, rows)
			var is bool
			if test.missing {
				for r := range res.Missing {
					is = is || r.Name() == test.member
				}
			} else {
				is = len(res.Problems) > 0
			}
			if !is || res.OK() {
				t.Errorf("it is not found; missing: %v; wrong: %v", res.Missing, res.Problems)
			}
		})
	}
}

func TestCheckFindsALostRowAndTooManyThatDoNotApply(t *testing.T) {
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	if res := check(t, rows[1:]); len(res.Problems) != 1 {
		t.Errorf("with a row lost: %v", res.Problems)
	}
	left := most * members / 100
	for _, r := range rows {
		if r.Mark == notApplicable {
			left--
		}
	}
	for _, r := range rows {
		if r.Mark == "" && !r.isOf("seed") && left >= 0 {
			r.Go, r.Mark, r.Remark = nil, notApplicable, "It has no meaning in Go."
			if left--; left == 0 {
				if res := check(t, rows); len(res.Problems) != 0 {
					t.Errorf("as many as may be: %v", res.Problems)
				}
			}
		}
	}
	if res := check(t, rows); len(res.Problems) != 1 {
		t.Errorf("one too many: %v", res.Problems)
	}
}

func TestCheckFindsAMissingCallbackForm(t *testing.T) {
	m, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	m.packages["callback"] = types.NewPackage(source.Callback, "callback") // in which there is nothing
	missing := make(map[string]bool)
	for r := range Check(m, rows).Missing {
		missing[r.Name()] = true
	}
	for name, want := range map[string]bool{
		"MotorClient.open": true, "MotorClient.host": true, "MotorCursor.each": true, "MotorClient.__init__": true,
		"(module) motor.MotorDatabase": true, "MotorClient.PORT": false,
	} {
		if missing[name] != want {
			t.Errorf("%s is missing: %t, want %t", name, missing[name], want)
		}
	}
}

func TestLedgerIsReadStrictly(t *testing.T) {
	head := strings.Join(columns, "\t") + "\n"
	row := func(goes, line string) string {
		return "C\tm\tproperty\tcurrent\t\t\t\t\t" + goes + "\t\t" + line + "\n"
	}
	for name, tsv := range map[string]string{
		"other columns":         "class\tmember\n",
		"a column too few":      head + "C\tm\n",
		"no symbol and no mark": head + row("", ""),
		"a line for no symbol":  head + row(pending, "x"),
		"a line too many":       head + row("motor.Client", "a|b"),
	} {
		if rows, err := parse(tsv); err == nil {
			t.Errorf("%s: read as %v", name, rows)
		} else {
			t.Log(err)
		}
	}
	rows, err := parse(head + row("motor.A, motor.B", "|x") + row("motor.A", "") + row(notApplicable, ""))
	if err != nil || len(rows) != 3 || strings.Join(rows[0].Lines, ";") != ";x" || len(rows[1].Go) != 1 || rows[2].Mark != notApplicable {
		t.Errorf("read as %+v, %v", rows, err)
	}
}
