package parity

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestLedgerIsComplete(t *testing.T) {
	res := check(t, nil)
	for r, err := range res.Missing {
		t.Errorf("%s: got missing (%v), want found", r.Name(), err)
	}
	for _, err := range res.Problems {
		t.Error(err)
	}
	var report bytes.Buffer
	if err := res.Report(&report); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(report.String(), "\n"), "\n")
	mapped, na, toCome := res.count(""), res.count(notApplicable), res.count(pending)
	want := fmt.Sprintf("parity: 755 members, %d mapped, %d not applicable, %d pending, 0 missing", mapped, na, toCome)
	if last := lines[len(lines)-1]; last != want || mapped+na+toCome != 755 {
		t.Errorf("got the last line\n%s\nwant\n%s", last, want)
	}
}
