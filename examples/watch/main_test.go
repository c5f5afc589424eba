package main

import (
	"os"
	"strings"
	"testing"
)

func TestDemonstrate(t *testing.T) {
	if os.Getenv("MONGODB_URI") != "" {
		t.Skip("the proxy poses as the primary, which a server of a replica set already is")
	}
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
