package main

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `/
/docs /blog /search
/docs/api /docs/tour /blog/1 /blog/2 /blog/3 /blog/4 /about
/docs/api/future /docs/api/motor
13 pages
asked a second mirror: true, tried again: true, at most 4 requests at a time: true
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
