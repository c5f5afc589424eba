package soak_test

import (
	"testing"

	"github.com/gomotor/gomotor/motor_test/mongotest"
	"github.com/gomotor/gomotor/motor_test/soak"
)

// A short run. The command soak runs longer ones.
func TestSoak(t *testing.T) {
	mongotest.SkipUnlessEmbedded(t, "the proxy poses as the primary of a replica set")
	const seed, operations = 1, 1000
	report, err := soak.Run(t.Context(), soak.Config{Operations: operations, Seed: seed})
	if err != nil {
		t.Fatal(err)
	}
	t.Log(report)
	for _, p := range report.Problems {
		t.Errorf("seed %d: %s", seed, p)
	}
	if !report.OK() || report.Operations != operations || report.Settled != operations || report.Faults == 0 {
		t.Errorf("got %+v, want all operations settled, under faults, and nothing lost or left", report)
	}
}
