package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gomotor/gomotor/motor"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &display{out: &out}, 2500, 3); err != nil {
		t.Fatal(err)
	}
	const want = `insert   100%  2500 of 2500 writes, done
bulk     100%  2500 of 2500 writes, done
read     100%  2500 of 2500 documents, done
upload   100%  3145728 of 3145728 bytes, done
download 100%  3145728 of 3145728 bytes, done
copy     100%  5014 of 5014 documents, 4 of 4 collections, done
`
	// A slow machine prints more lines than the last ones.
	got := regexp.MustCompile(`(?m)^.*[^,]* (writes|documents|bytes|collections)\n`).ReplaceAllString(out.String(), "")
	if got != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	if err := run(t.Context(), &display{out: &out}, 0, 1); err == nil {
		t.Error("run with 0 documents = nil, want an error")
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, &display{out: new(strings.Builder)}, 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("run() with an ended context = %v, want context.Canceled", err)
	}
}

func TestLine(t *testing.T) {
	calls := []motor.Progress{
		{Unit: "documents"},
		{Done: 3000, Unit: "documents"},
		{Done: 3000, Total: 4000, Unit: "documents", Collections: 1, CollectionsTotal: 2},
	}
	for _, test := range []struct {
		name     string
		terminal bool
		err      error
		want     string
	}{
		{"terminal", true, nil, "" +
			"\rread     [#                             ]       0 documents\x1b[K" +
			"\rread     [   #                          ]       3000 documents\x1b[K" +
			"\rread     [######################        ]  75%  3000 of 4000 documents, 1 of 2 collections\x1b[K" +
			"\rread     [######################        ]  75%  3000 of 4000 documents, 1 of 2 collections, done\x1b[K\n"},
		{"no terminal", false, nil, "" + // the second call comes after 0.6 s, the third after 1.2 s
			"read      75%  3000 of 4000 documents, 1 of 2 collections\n" +
			"read      75%  3000 of 4000 documents, 1 of 2 collections, done\n"},
		{"failure", false, errors.New("broken"), "" +
			"read      75%  3000 of 4000 documents, 1 of 2 collections\n" +
			"read      75%  3000 of 4000 documents, 1 of 2 collections, failed\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out strings.Builder
				l := &line{display: &display{&out, test.terminal}, name: "read", shown: time.Now()}
				for i, p := range calls {
					if i > 0 {
						time.Sleep(600 * time.Millisecond)
					}
					l.show(p)
				}
				l.end(test.err)
				if got := out.String(); got != test.want {
					t.Errorf("got\n%q\nwant\n%q", got, test.want)
				}
			})
		})
	}
}
