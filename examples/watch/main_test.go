package main

import (
	"strings"
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestDemonstrate(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as the primary of a replica set")
	var out strings.Builder
	if err := demonstrate(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	const want = `watching test.things on the embedded server
insert 1 anvil
insert 2 bellows
insert 3 chisel
update 2 {"price":{"$numberInt":"30"}}
replace 3 drill
delete 1
drop
invalidate
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
