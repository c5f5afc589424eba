package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

func TestRun(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as the primary of a replica set")
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	rest := out.String()
	for _, want := range []string{ // in this order; a slow machine has more lines
		`ms  server   RSPrimary, which was Unknown\n`,
		`ms  slow     Collection\.FindOne of monitoring_example\.things took \d+ ms: it waited for (the server|a free worker)\n`,
		`ms  command  misspelt failed: code 59, CommandNotFound\n`,
		`ms  server   Unknown, which was RSPrimary\n`,
		`ms  server   RSPrimary, which was Unknown\n`,
		`\ncommand +count +failed +median +longest\n`,
		`\naggregate +\d+ +\d+ +[\d.]+ ms +[\d.]+ ms\n`,
		`\nfind +5 +0 `,
		`\ninsert +1001 +1 `,
		`\nmisspelt +1 +1 `,
		`\nCollection\.FindOne +a free worker +1 `,
		`\nCollection\.FindOne +the server +4 `,
		`\nconnections: (\d+) created, (\d+) closed, at most 4 in use at once\n$`,
	} {
		found := regexp.MustCompile(want).FindStringSubmatchIndex(rest)
		if found == nil {
			t.Fatalf("got\n%swant a match of %s", out.String(), want)
		}
		if len(found) == 6 {
			if created, closed := rest[found[2]:found[3]], rest[found[4]:found[5]]; created != closed {
				t.Errorf("got %s connections created and %s closed, want the same numbers", created, closed)
			}
		}
		rest = rest[found[1]-1:] // the next line may begin with the newline of this one
	}
	if strings.Contains(out.String(), "_id") {
		t.Errorf("got\n%swant no data of commands", out.String())
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, new(strings.Builder)); !errors.Is(err, context.Canceled) {
		t.Errorf("run() with an ended context = %v, want context.Canceled", err)
	}
}
