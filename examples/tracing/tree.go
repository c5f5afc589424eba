package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.32.0"
	"go.opentelemetry.io/otel/trace"
)

// tree is an exporter that prints the spans as a tree when it is shut down. Siblings are in the order of their starts.
type tree struct {
	out io.Writer

	mu    sync.Mutex
	spans []sdktrace.ReadOnlySpan
}

func (t *tree) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.spans = append(t.spans, spans...)
	return nil
}

func (t *tree) Shutdown(context.Context) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	children := make(map[trace.SpanID][]sdktrace.ReadOnlySpan)
	for _, s := range t.spans {
		parent := s.Parent().SpanID() // zero for a root
		children[parent] = append(children[parent], s)
	}
	for _, siblings := range children {
		slices.SortStableFunc(siblings, func(a, b sdktrace.ReadOnlySpan) int { return a.StartTime().Compare(b.StartTime()) })
	}
	for _, root := range children[trace.SpanID{}] {
		if err := t.print(root, "", "", children); err != nil {
			return err
		}
	}
	t.spans = nil
	return nil
}

// print prints a span after first, and the spans below it after rest.
func (t *tree) print(s sdktrace.ReadOnlySpan, first, rest string, children map[trace.SpanID][]sdktrace.ReadOnlySpan) error {
	name := first + s.Name()
	outcome := ""
	if s.Status().Code == codes.Error {
		outcome = "  failed"
	}
	for _, a := range s.Attributes() {
		if a.Key == semconv.ErrorTypeKey {
			outcome = "  error " + a.Value.AsString()
		}
	}
	took := s.EndTime().Sub(s.StartTime()).Round(10 * time.Microsecond)
	padding := strings.Repeat(" ", max(0, 40-len([]rune(name))))
	if _, err := fmt.Fprintf(t.out, "%s%s %8v%s\n", name, padding, took, outcome); err != nil {
		return err
	}
	below := children[s.SpanContext().SpanID()]
	for i, child := range below {
		branch, bar := "├─ ", "│  "
		if i == len(below)-1 {
			branch, bar = "└─ ", "   "
		}
		if err := t.print(child, rest+branch, rest+bar, children); err != nil {
			return err
		}
	}
	return nil
}
