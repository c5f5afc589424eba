package main

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.32.0"
	"go.opentelemetry.io/otel/trace"
)

// newMonitor returns a monitor that makes a span of each command. The parent of the span is the span in the context of
// the operation that sends the command. Names and attributes follow OpenTelemetry's conventions for databases. The spans
// have no filters, documents or texts of errors, because those hold data of users.
func newMonitor(tracer trace.Tracer) *event.CommandMonitor {
	m := &monitor{tracer: tracer}
	return &event.CommandMonitor{
		Started: m.started,
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			m.finished(e.CommandFinishedEvent, writeError(e.Reply))
		},
		Failed: func(_ context.Context, e *event.CommandFailedEvent) { m.finished(e.CommandFinishedEvent, e.Failure) },
	}
}

type monitor struct {
	tracer trace.Tracer
	spans  sync.Map // of the commands that have no reply yet, by commandID
}

// commandID identifies a command. Two clients of one monitor may use the same request id.
type commandID struct {
	connection string
	request    int64
}

func (m *monitor) started(ctx context.Context, e *event.CommandStartedEvent) {
	name, target := e.CommandName, e.DatabaseName
	attributes := []attribute.KeyValue{
		semconv.DBSystemNameMongoDB,
		semconv.DBNamespace(e.DatabaseName),
		semconv.DBOperationName(e.CommandName),
	}
	if coll := collectionOf(e); coll != "" {
		attributes = append(attributes, semconv.DBCollectionName(coll))
		target = coll
	}
	address, _, _ := strings.Cut(e.ConnectionID, "[-") // host:port[-7]
	if host, port, err := net.SplitHostPort(address); err == nil {
		attributes = append(attributes, semconv.ServerAddress(host))
		if n, err := strconv.Atoi(port); err == nil {
			attributes = append(attributes, semconv.ServerPort(n))
		}
	}
	_, span := m.tracer.Start(ctx, name+" "+target, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attributes...))
	m.spans.Store(commandID{e.ConnectionID, e.RequestID}, span)
}

func (m *monitor) finished(e event.CommandFinishedEvent, err error) {
	v, ok := m.spans.LoadAndDelete(commandID{e.ConnectionID, e.RequestID})
	if !ok {
		return
	}
	span := v.(trace.Span)
	if err != nil {
		kind := "network" // the server did not answer
		if server, ok := errors.AsType[driver.Error](err); ok && server.Code != 0 {
			kind = strconv.Itoa(int(server.Code))
			span.SetAttributes(semconv.DBResponseStatusCode(kind))
		}
		span.SetAttributes(semconv.ErrorTypeKey.String(kind))
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// collectionOf returns the collection of a command, or "" if it has none. The name of most commands has the collection
// as its value.
func collectionOf(e *event.CommandStartedEvent) string {
	key := e.CommandName
	switch key {
	case "getMore":
		key = "collection"
	case "aggregate", "collMod", "count", "create", "createIndexes", "delete", "distinct", "drop", "dropIndexes", "find",
		"findAndModify", "insert", "killCursors", "listIndexes", "update":
	default:
		return ""
	}
	coll, _ := e.Command.Lookup(key).StringValueOK()
	return coll
}

// writeError returns the first error of a write that failed. The reply of such a command is a success for the driver.
// Its type is that of the errors in the driver's events. They are not yet a mongo.CommandError, as operations return.
func writeError(reply bson.Raw) error {
	first, ok := reply.Lookup("writeErrors", "0", "code").AsInt64OK()
	if !ok {
		return nil
	}
	return driver.Error{Code: int32(first)}
}
