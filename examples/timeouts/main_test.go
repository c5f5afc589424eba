package main

import (
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

func TestRun(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as the primary of a replica set")
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `deadline of the operation: true
deadline of the wait: true and then 1 <nil>
cancelled: true true
cancelled in the queue: true and 1 document
WaitFor: true and the operation is cancelled: true
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
