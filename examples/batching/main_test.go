package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	for i, want := range []struct {
		name        string
		least, most int // commands
	}{
		{"inserts alone", count, count},
		{"inserts in batches", 1, count / 2},
		{"reads alone", count, count},
		{"reads in batches", 1, count / 2},
		{"a cursor", 20, 21}, // some servers close the cursor with the last document, others with an empty batch
		{"a cursor that reads ahead", 20, 21},
	} {
		if i >= len(lines) {
			t.Fatalf("got the output\n%swant a line for %s", out.String(), want.name)
		}
		var n int
		rest := strings.TrimSpace(strings.TrimPrefix(lines[i], want.name))
		if _, err := fmt.Sscanf(rest, "%d commands", &n); err != nil || n < want.least || n > want.most {
			t.Errorf("got %q (%v), want %s with %d to %d commands", lines[i], err, want.name, want.least, want.most)
		}
	}
}
