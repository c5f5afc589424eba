// Package future_test compares the future package with its alternatives, side by side:
//
//	go test -run TestFigures -v ./benchmarks/future -figures
package future_test

import (
	"testing"
	"time"

	"github.com/gomotor/gomotor/motor_test/internal/figures"
)

// TestFigures prints the table.
func TestFigures(t *testing.T) { figures.Report(t, 60*time.Millisecond, table) }
