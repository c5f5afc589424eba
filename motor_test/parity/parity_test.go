package parity

import (
	"go/types"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/gomotor/gomotor/internal/source"
)

// load calls Load once for all tests. They do not change its result.
var load = sync.OnceValues(Load)

// check checks rows, or the ledger if rows is nil, against the module.
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

func TestDocCommentsAreFresh(t *testing.T) {
	comments, err := check(t, nil).staleComments()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range comments {
		t.Errorf("stale comment: %v: run go generate in motor_test/parity", c)
	}
}

// altered returns the ledger with one changed row.
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
	t.Fatalf("got no row for %s, want one", name)
	return nil
}

func TestCheckInvalidRow(t *testing.T) {
	mark := func(mark, remark string) func(*Row) {
		return func(r *Row) { r.Go, r.Lines, r.Mark, r.Remark = nil, nil, mark, remark }
	}
	to := func(symbols ...string) func(*Row) {
		return func(r *Row) { r.Go, r.Lines = symbols, make([]string, len(symbols)) }
	}
	const reason = "It has no meaning in Go."
	for _, test := range []struct {
		name    string
		member  string
		change  func(*Row)
		missing bool // want it in Missing, not in Problems
	}{
		{"unknown package", "MotorCursor.clone", to("mongo.Client"), true},
		{"unknown type", "MotorCursor.clone", to("motor.Cursors.Clone"), true},
		{"unknown method", "MotorCursor.clone", to("motor.Cursor.Clones"), true},
		{"method of a function", "MotorCursor.clone", to("motor.NewClient.Clone"), true},
		{"unexported method", "MotorCursor.clone", to("motor.Cursor.find"), true},
		{"one unknown of two", "MotorCursor.clone", to("motor.Cursor.Clone", "motor.Cursor.Clones"), true},
		{"not asynchronous", "MotorDatabase.command", to("motor.Database.Name"), true},
		{"not a method", "MotorDatabase.command", to("motor.Database"), true},
		{"n/a in the first era", "MotorClient.open", mark(notApplicable, reason), false},
		{"missing in the first era", "MotorClient.open", to("motor.Client.Opens"), false},
		{"n/a without a reason", "MotorCursor.clone", mark(notApplicable, ""), false},
		{"n/a without a sentence", "MotorCursor.clone", mark(notApplicable, "internal"), false},
		{"pending", "MotorCursor.clone", mark(pending, ""), false},
		{"duplicate member", "MotorCursor.clone", func(r *Row) { r.Member = "rewind" }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
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
				t.Errorf("got missing %v and problems %v, want the invalid row among them", res.Missing, res.Problems)
			}
		})
	}
}

func TestCheckNumberOfRows(t *testing.T) {
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	if res := check(t, rows[1:]); len(res.Problems) != 1 {
		t.Errorf("with a missing row: got problems %v, want one", res.Problems)
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
					t.Errorf("with the maximal number of n/a rows: got problems %v, want none", res.Problems)
				}
			}
		}
	}
	if res := check(t, rows); len(res.Problems) != 1 {
		t.Errorf("with one more n/a row: got problems %v, want one", res.Problems)
	}
}

func TestCheckMissingCallbackForm(t *testing.T) {
	m, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := Rows()
	if err != nil {
		t.Fatal(err)
	}
	m.packages["callback"] = types.NewPackage(source.Callback, "callback") // empty
	missing := make(map[string]bool)
	for r := range Check(m, rows).Missing {
		missing[r.Name()] = true
	}
	for _, test := range []struct {
		name string
		want bool
	}{
		{"MotorClient.open", true},
		{"MotorClient.host", true},
		{"MotorCursor.each", true},
		{"MotorClient.__init__", true},
		{"(module) motor.MotorDatabase", true},
		{"MotorClient.PORT", false},
	} {
		if missing[test.name] != test.want {
			t.Errorf("%s: got missing %t, want %t", test.name, missing[test.name], test.want)
		}
	}
}

func TestParse(t *testing.T) {
	head := strings.Join(columns, "\t") + "\n"
	row := func(goes, line string) string {
		return "C\tm\tproperty\tcurrent\t\t\t\t\t" + goes + "\t\t" + line + "\n"
	}
	for _, test := range []struct{ name, tsv string }{
		{"other columns", "class\tmember\n"},
		{"missing column", head + "C\tm\n"},
		{"neither symbol nor mark", head + row("", "")},
		{"text without symbol", head + row(pending, "x")},
		{"too many texts", head + row("motor.Client", "a|b")},
	} {
		if rows, err := parse(test.tsv); err == nil {
			t.Errorf("%s: got %v, want an error", test.name, rows)
		} else {
			t.Log(err)
		}
	}
	rows, err := parse(head + row("motor.A, motor.B", "|x") + row("motor.A", "") + row(notApplicable, ""))
	if err != nil || len(rows) != 3 || strings.Join(rows[0].Lines, ";") != ";x" || len(rows[1].Go) != 1 || rows[2].Mark != notApplicable {
		t.Errorf("got %+v, %v, want three rows", rows, err)
	}
}
