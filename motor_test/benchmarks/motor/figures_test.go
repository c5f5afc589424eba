// Package motor_test compares package motor with direct calls of the driver, side by side:
//
//	go test -run TestFigures -v ./benchmarks/motor -figures
//
// The server is a peer in the same process. It allocates nothing and uses the same CPU time for both, so the
// differences are those of the clients.
package motor_test

import (
	"testing"
	"time"

	"github.com/gomotor/gomotor/motor_test/internal/figures"
)

// TestFigures prints the table.
func TestFigures(t *testing.T) { figures.Report(t, 200*time.Millisecond, table) }
