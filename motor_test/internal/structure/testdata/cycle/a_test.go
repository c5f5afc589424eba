package cycle

import "testing"

// What tests use does not count.
func TestUse(t *testing.T) { t.Log(errUnused, use(d{})) }
