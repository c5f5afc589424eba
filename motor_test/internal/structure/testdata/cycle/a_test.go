package cycle

import "testing"

// Uses in test files do not count.
func TestUse(t *testing.T) { t.Log(errUnused, use(d{})) }
