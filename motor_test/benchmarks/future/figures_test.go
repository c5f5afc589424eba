// Package future_test measures the future package against what it has to beat, side by side:
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
