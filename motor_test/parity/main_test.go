package parity

import (
	"testing"

	"go.uber.org/goleak"

	_ "github.com/gomotor/gomotor/callback" // so that the cache of test results knows what the tests look at
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
