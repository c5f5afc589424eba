package wiretest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// recorder is a test within a test: it records failures, so that a test can check what a peer reports. Examples use it
// because they have no testing.T.
type recorder struct {
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex
	reports  []string
	cleanups []func()
}

func newT() *recorder {
	t := new(recorder)
	t.ctx, t.cancel = context.WithCancel(context.Background())
	return t
}

func (t *recorder) Helper()                  {}
func (t *recorder) Context() context.Context { return t.ctx }
func (t *recorder) Cleanup(f func())         { t.cleanups = append(t.cleanups, f) }

func (t *recorder) Errorf(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.reports = append(t.reports, fmt.Sprintf(format, args...))
}

func (t *recorder) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	runtime.Goexit()
}

func (t *recorder) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.reports) > 0
}

// end ends the context and runs the cleanups, as at the end of a test.
func (t *recorder) end() {
	t.cancel()
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}

// End ends an example and prints what was reported.
func (t *recorder) End() {
	t.end()
	for _, report := range t.reports {
		fmt.Println(report)
	}
}

// reportsOf returns what a test reports, from its start to its end.
func reportsOf(test func(t *recorder)) []string {
	t := newT()
	done := make(chan struct{})
	go func() { defer close(done); test(t) }() // Fatalf ends the goroutine
	<-done
	t.end()
	return t.reports
}

// wantReports fails the test unless got has one report for each element of want, in order, that contains all its
// words.
func wantReports(t *testing.T, got []string, want ...[]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("got %d reports, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	for i, words := range want {
		for _, word := range words {
			if !strings.Contains(got[i], word) {
				t.Errorf("report %d: got %q, want it to contain %q", i, got[i], word)
			}
		}
	}
}
