package parity

import (
	"fmt"
	"slices"
	"strings"
)

// most is how many in a hundred may be n/a.
const most = 20

// Result is what the check of a ledger has found.
type Result struct {
	Rows     []*Row
	Missing  map[*Row]error // the rows whose symbols are not there, or not in both styles
	Problems []error        // what else is wrong with the ledger
	symbols  map[*Row][]*symbol
	module   *Module
}

// Check holds the ledger against the module.
func Check(m *Module, rows []*Row) *Result {
	res := &Result{Rows: rows, Missing: map[*Row]error{}, symbols: map[*Row][]*symbol{}, module: m}
	seen := make(map[string]bool)
	for _, r := range rows {
		if seen[r.Name()] {
			res.problem("%s stands in the ledger twice", r.Name())
		}
		seen[r.Name()] = true
		res.checkMark(r)
		if err := res.find(r); err != nil {
			res.Missing[r] = err
		}
		if r.isOf("seed") && (r.Mark != "" || res.Missing[r] != nil) {
			res.problem("%s is of the first era, and not mapped", r.Name())
		}
	}
	if len(rows) != members {
		res.problem("the ledger has %d members, and Motor %d", len(rows), members)
	}
	if n := res.count(notApplicable); n*100 > most*len(rows) {
		res.problem("%d of %d members are not applicable: more than %d %%", n, len(rows), most)
	}
	return res
}

func (res *Result) problem(format string, args ...any) {
	res.Problems = append(res.Problems, fmt.Errorf(format, args...))
}

// comesNext are the classes that may be pending: encryption.
var comesNext = []string{
	"MotorClientEncryption",
}

// mayPend reports whether a row may be pending: one of those classes, or what leads to them from another.
func mayPend(r *Row) bool {
	if slices.Contains(comesNext, r.Class) || r.Member == "watch" {
		return true
	}
	return strings.HasPrefix(r.Class, "(module) ") && slices.Contains(comesNext, strings.TrimPrefix(r.Member, "AsyncIO"))
}

func (res *Result) checkMark(r *Row) {
	switch {
	case r.Mark == notApplicable && (!strings.HasSuffix(r.Remark, ".") || len(strings.Fields(r.Remark)) < 4):
		res.problem("%s is not applicable without a sentence that says why", r.Name())
	case r.Mark == pending && !mayPend(r):
		res.problem("%s is pending, and does not come next", r.Name())
	}
}

// find looks for the symbols of a row, and for their callback forms.
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
		// What a method like Each gives, one after the other, it can give no future for. A handler of net/http has a
		// goroutine of its own for each request.
		async = async || s.pkg == "web" || form != nil && s.function() != nil && (s.isAsync() || callsBack(s.function()))
		res.symbols[r] = append(res.symbols[r], s)
	}
	if !async && r.Mark == "" {
		return fmt.Errorf("%s is asynchronous, and none of %s", r.Name(), strings.Join(r.Go, ", "))
	}
	return nil
}

// count returns how many rows have a mark; the empty one stands for the mapped.
func (res *Result) count(mark string) int {
	n := 0
	for _, r := range res.Rows {
		if r.Mark == mark && res.Missing[r] == nil {
			n++
		}
	}
	return n
}

// OK reports whether nothing is missing and nothing is wrong.
func (res *Result) OK() bool { return len(res.Missing) == 0 && len(res.Problems) == 0 }

// Summary returns the last line of the report.
func (res *Result) Summary() string {
	return fmt.Sprintf("parity: %d members, %d mapped, %d not applicable, %d pending, %d missing",
		len(res.Rows), res.count(""), res.count(notApplicable), res.count(pending), len(res.Missing))
}
