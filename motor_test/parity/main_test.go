package parity

import (
	"testing"

	"go.uber.org/goleak"

	_ "github.com/gomotor/gomotor/callback" // makes the package part of the test cache's key
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
