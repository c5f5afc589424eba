// Package motor_test measures package motor against the driver called directly, side by side:
//
//	go test -run TestFigures -v ./benchmarks/motor -figures
//
// The server is a peer within the process, which takes no memory and the same CPU for both: the differences are the
// client's.
package motor_test

import (
	"testing"
	"time"

	"github.com/gomotor/gomotor/motor_test/internal/figures"
)

// TestFigures prints the table.
func TestFigures(t *testing.T) { figures.Report(t, 200*time.Millisecond, table) }
