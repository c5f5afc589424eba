package parity

import (
	"fmt"
	"strings"
)

// most is the maximal percentage of members that may be n/a.
const most = 20

// Result is the result of checking a ledger.
type Result struct {
	Rows     []*Row
	Missing  map[*Row]error // rows with missing symbols, or with symbols missing in one style
	Problems []error        // other errors in the ledger
	symbols  map[*Row][]*symbol
	notes    notes
	module   *Module
}

// Check compares the ledger with the module.
func Check(m *Module, rows []*Row) *Result {
	res := &Result{Rows: rows, Missing: map[*Row]error{}, symbols: map[*Row][]*symbol{}, module: m}
	var err error
	if res.notes, err = parseNotes(keywordsTSV); err != nil {
		res.problem("%w", err)
	}
	seen := make(map[string]bool)
	for _, r := range rows {
		if seen[r.Name()] {
			res.problem("duplicate row for %s", r.Name())
		}
		seen[r.Name()] = true
		res.checkMark(r)
		if err := res.find(r); err != nil {
			res.Missing[r] = err
		}
		if r.isOf("seed") && (r.Mark != "" || res.Missing[r] != nil) {
			res.problem("%s belongs to the first era and must be mapped", r.Name())
		}
	}
	res.checkKeywords()
	if len(rows) != members {
		res.problem("got %d members, want %d", len(rows), members)
	}
	if n := res.count(notApplicable); n*100 > most*len(rows) {
		res.problem("%d of %d members are not applicable: want at most %d %%", n, len(rows), most)
	}
	return res
}

func (res *Result) problem(format string, args ...any) {
	res.Problems = append(res.Problems, fmt.Errorf(format, args...))
}

func (res *Result) checkMark(r *Row) {
	switch {
	case r.Mark == notApplicable && (!strings.HasSuffix(r.Remark, ".") || len(strings.Fields(r.Remark)) < 4):
		res.problem("%s is not applicable: the remark must be a sentence that says why", r.Name())
	case r.Mark == pending:
		res.problem("%s must not be pending", r.Name())
	}
}

// find looks up the symbols of a row and their callback forms.
func (res *Result) find(r *Row) error {
	async := r.Kind != "async-method"
	for _, name := range r.Go {
		s, err := res.module.lookup(name)
		if err != nil {
			return err
		}
		form, err := res.module.callbackForm(s)
		if err != nil {
			return err
		}
		// A method like Each delivers several results in turn, so it cannot return a future. A net/http handler runs
		// on a separate goroutine for each request.
		async = async || s.pkg == "web" || form != nil && s.function() != nil && (s.isAsync() || callsBack(s.function()))
		res.symbols[r] = append(res.symbols[r], s)
	}
	if !async && r.Mark == "" {
		return fmt.Errorf("%s is asynchronous, but none of %s is", r.Name(), strings.Join(r.Go, ", "))
	}
	return nil
}

// count returns the number of rows with a mark. The empty mark stands for mapped rows.
func (res *Result) count(mark string) int {
	n := 0
	for _, r := range res.Rows {
		if r.Mark == mark && res.Missing[r] == nil {
			n++
		}
	}
	return n
}

// OK reports whether the check has found no errors.
func (res *Result) OK() bool { return len(res.Missing) == 0 && len(res.Problems) == 0 }

// Summary returns the last line of the report.
func (res *Result) Summary() string {
	return fmt.Sprintf("parity: %d members, %d mapped, %d not applicable, %d pending, %d missing",
		len(res.Rows), res.count(""), res.count(notApplicable), res.count(pending), len(res.Missing))
}
