package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

func TestRun(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as the primary of a replica set")
	var out strings.Builder
	if err := run(t.Context(), &screen{out: &out}, 8); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var want strings.Builder
	for id := 1; id <= 13; id++ {
		line := lines[id%len(lines)]
		age := " (N ms ago)"
		if id <= old {
			age = ""
		}
		fmt.Fprintf(&want, "%4d TIME %-7s %s%s\n", id, line.level, line.text, age)
	}
	want.WriteString("---- 13 records, each of them once\n")
	got := regexp.MustCompile(`\d\d:\d\d:\d\d\.\d{3}`).ReplaceAllString(out.String(), "TIME")
	got = regexp.MustCompile(`\(\d+ ms ago\)`).ReplaceAllString(got, "(N ms ago)")
	notes := regexp.MustCompile(`(?m)^---- (the server has gone|reading on after).*\n`)
	if records := notes.ReplaceAllString(got, ""); records != want.String() {
		t.Errorf("got\n%swant, apart from notes,\n%s", got, want.String())
	}
	if !strings.Contains(got, "---- the server has gone; ") || !strings.Contains(got, "---- reading on after record ") {
		t.Errorf("got\n%swant notes that the server has gone, and that the program reads on", got)
	}
}

func TestRunRefused(t *testing.T) {
	if err := run(t.Context(), &screen{out: new(strings.Builder)}, 0); err == nil {
		t.Error("run() of 0 records = nil, want an error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, &screen{out: new(strings.Builder)}, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("run() with an ended context = %v, want context.Canceled", err)
	}
}

func TestScreen(t *testing.T) {
	for _, test := range []struct {
		name     string
		terminal bool
		level    string
		old      bool
		want     string
	}{
		{"info", true, "info", false, "   7 12:00:01.002 info    text (0 ms ago)"},
		{"error", true, "error", false, red + "   7 12:00:01.002 error   text (0 ms ago)" + plain},
		{"old error", true, "error", true, faint + "   7 12:00:01.002 error   text" + plain},
		{"no terminal", false, "error", false, "   7 12:00:01.002 error   text (0 ms ago)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			s := &screen{&out, test.terminal}
			s.show(record{ID: 7, At: time.Date(2026, 11, 27, 12, 0, 1, 2e6, time.UTC), Level: test.level, Text: "text"}, test.old)
			if got := regexp.MustCompile(`\(-?\d+ ms`).ReplaceAllString(out.String(), "(0 ms"); got != test.want+"\n" {
				t.Errorf("got  %q\nwant %q", got, test.want+"\n")
			}
		})
	}
}
