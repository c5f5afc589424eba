package main

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func TestMain(m *testing.M) { mongotest.Main(m) }

// recorder returns a provider whose spans are kept in memory.
func recorder() (*sdktrace.TracerProvider, *tracetest.InMemoryExporter) {
	exporter := tracetest.NewInMemoryExporter()
	return sdktrace.NewTracerProvider(sdktrace.WithSyncer(exporter)), exporter
}

// outline returns the names of the spans below a parent, indented by depth. Siblings are in the order of their names.
func outline(spans tracetest.SpanStubs, parent trace.SpanID, indent string) (text string) {
	var below tracetest.SpanStubs
	for _, s := range spans {
		if s.Parent.SpanID() == parent {
			below = append(below, s)
		}
	}
	slices.SortFunc(below, func(a, b tracetest.SpanStub) int { return cmp.Compare(a.Name, b.Name) })
	for _, s := range below {
		text += indent + s.Name + "\n" + outline(spans, s.SpanContext.SpanID(), indent+"  ")
	}
	return text
}

func TestCommandsHangUnderCallers(t *testing.T) {
	provider, exporter := recorder()
	if err := sell(t.Context(), mongotest.URI(t), provider.Tracer("test")); err != nil {
		t.Fatal(err)
	}
	const want = `callbacks
  sell
    findAndModify books
    insert orders
close
  endSessions admin
coroutines
  list
    find books
    getMore books
  sell
    findAndModify books
    insert orders
drop
  dropDatabase tracing_example
futures
  aggregate books
  findAndModify books
  insert orders
  order again
    insert orders
stock
  dropDatabase tracing_example
  insert books
`
	spans := exporter.GetSpans()
	if got := outline(spans, trace.SpanID{}, ""); got != want {
		t.Errorf("got the spans\n%swant\n%s", got, want)
	}
	for _, s := range spans {
		if s.EndTime.Before(s.StartTime) {
			t.Errorf("%s: got the end %v before the start %v", s.Name, s.EndTime, s.StartTime)
		}
	}
}

func TestRefusedCommand(t *testing.T) {
	provider, exporter := recorder()
	opts := options.Client().SetMonitor(newMonitor(provider.Tracer("test")))
	client, err := motor.NewClient(mongotest.URI(t), motor.WithClientOptions(opts))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(context.Background())
	if _, err := client.Database("admin").Command(t.Context(), "misspelt").Await(t.Context()); motor.Code(err) != 59 {
		t.Fatalf("got %v, want an error with code 59", err)
	}
	for _, s := range exporter.GetSpans() {
		for _, a := range s.Attributes {
			if a.Key == "error.type" && a.Value.AsString() == "59" {
				return
			}
		}
	}
	t.Errorf("got %v, want a span with the error type 59", exporter.GetSpans())
}

func TestMonitorSpans(t *testing.T) {
	document := func(json string) (raw bson.Raw) {
		if err := bson.UnmarshalExtJSON([]byte(json), false, &raw); err != nil {
			t.Fatal(err)
		}
		return raw
	}
	common := map[string]string{
		"db.system.name": "mongodb", "db.namespace": "d", "server.address": "::1", "server.port": "27017",
	}
	for _, test := range []struct {
		name    string
		command string
		reply   string
		failure error
		span    string
		status  codes.Code
		more    map[string]string
	}{
		{
			name: "find", command: `{"find": "c", "filter": {"secret": 1}}`, reply: `{"ok": 1}`, span: "find c",
			more: map[string]string{"db.operation.name": "find", "db.collection.name": "c"},
		},
		{
			name: "getMore", command: `{"getMore": 5, "collection": "c"}`, reply: `{"ok": 1}`, span: "getMore c",
			more: map[string]string{"db.operation.name": "getMore", "db.collection.name": "c"},
		},
		{
			name: "aggregate of a database", command: `{"aggregate": 1}`, reply: `{"ok": 1}`, span: "aggregate d",
			more: map[string]string{"db.operation.name": "aggregate"},
		},
		{
			name: "name of a user", command: `{"createUser": "ann"}`, reply: `{"ok": 1}`, span: "createUser d",
			more: map[string]string{"db.operation.name": "createUser"},
		},
		{
			name: "write error", command: `{"insert": "c"}`, span: "insert c", status: codes.Error,
			reply: `{"ok": 1, "writeErrors": [{"index": 0, "code": 11000, "errmsg": "secret"}]}`,
			more: map[string]string{
				"db.operation.name": "insert", "db.collection.name": "c",
				"db.response.status_code": "11000", "error.type": "11000",
			},
		},
		{
			name: "error of the server", command: `{"drop": "c"}`, reply: `{"ok": 1}`, span: "drop c", status: codes.Error,
			failure: driver.Error{Code: 13, Message: "secret"},
			more: map[string]string{
				"db.operation.name": "drop", "db.collection.name": "c", "db.response.status_code": "13", "error.type": "13",
			},
		},
		{
			name: "error of the network", command: `{"ping": 1}`, reply: `{"ok": 1}`, span: "ping d", status: codes.Error,
			failure: errors.New("secret"),
			more:    map[string]string{"db.operation.name": "ping", "error.type": "network"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			provider, exporter := recorder()
			m := newMonitor(provider.Tracer("test"))
			ctx, parent := provider.Tracer("test").Start(t.Context(), "parent")
			const connection = "[::1]:27017[-3]"
			command := document(test.command)
			name := command.Index(0).Key()
			m.Started(ctx, &event.CommandStartedEvent{
				Command: command, CommandName: name, DatabaseName: "d", RequestID: 7, ConnectionID: connection,
			})
			finished := event.CommandFinishedEvent{CommandName: name, DatabaseName: "d", RequestID: 7, ConnectionID: connection}
			for range 2 { // the second event has no span
				if test.failure != nil {
					m.Failed(context.Background(), &event.CommandFailedEvent{CommandFinishedEvent: finished, Failure: test.failure})
				} else {
					m.Succeeded(context.Background(), &event.CommandSucceededEvent{CommandFinishedEvent: finished, Reply: document(test.reply)})
				}
			}
			spans := exporter.GetSpans()
			if len(spans) != 1 {
				t.Fatalf("got %d spans, want 1", len(spans))
			}
			s := spans[0]
			if s.Name != test.span || s.SpanKind != trace.SpanKindClient || s.Status != (sdktrace.Status{Code: test.status}) {
				t.Errorf("got the span %q of kind %v with status %v, want %q, client and %v", s.Name, s.SpanKind, s.Status, test.span, test.status)
			}
			if s.Parent.SpanID() != parent.SpanContext().SpanID() {
				t.Errorf("got the parent %v, want %v", s.Parent.SpanID(), parent.SpanContext().SpanID())
			}
			var all []attribute.KeyValue
			for _, part := range []map[string]string{common, test.more} {
				for k, v := range part {
					all = append(all, attribute.String(k, v))
				}
			}
			want := attribute.NewSet(all...)
			var got []attribute.KeyValue
			for _, a := range s.Attributes {
				got = append(got, attribute.String(string(a.Key), a.Value.Emit()))
			}
			if gotSet := attribute.NewSet(got...); !gotSet.Equals(&want) {
				t.Errorf("got the attributes %v, want %v", gotSet.ToSlice(), want.ToSlice())
			}
		})
	}
}

// The program prints the spans, and sends them to a collector that the environment names.
func TestRun(t *testing.T) {
	received := make(chan string, 100)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { received <- r.URL.Path }))
	t.Cleanup(collector.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("MONGODB_URI", mongotest.URI(t)) // the server of the other tests
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"\nfutures ", "\n└─ order again  ", "\n   └─ insert orders  ", "  error 11000\n", "\n   └─ getMore books  ",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got the output\n%swant %q in it", out.String(), want)
		}
	}
	select {
	case path := <-received:
		if path != "/v1/traces" {
			t.Errorf("the collector got a request for %s, want /v1/traces", path)
		}
	default:
		t.Error("the collector got no spans, want some before run returns")
	}
}
