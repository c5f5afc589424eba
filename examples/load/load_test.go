package main

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/gomotor/gomotor/examples/internal/display"
)

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), display.New(&out), 2500, 3); err != nil {
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
	if err := run(t.Context(), display.New(&out), 0, 1); err == nil {
		t.Error("run with 0 documents = nil, want an error")
	}
}

func TestRunCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := run(ctx, display.New(new(strings.Builder)), 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("run() with an ended context = %v, want context.Canceled", err)
	}
}
