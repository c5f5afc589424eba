// Tracing records spans of OpenTelemetry for the commands of MongoDB. A program sells books in three ways: with futures,
// with callbacks and with coroutines. The span of each command hangs under the span of the code that started it.
//
// It starts an embedded MongoDB-compatible server, or uses the server that MONGODB_URI names. It drops the database
// tracing_example before and after its work. It prints the spans as trees.
//
//	go run ./examples/tracing
//
// With an address of a collector, such as Jaeger's, it also sends the spans there:
//
//	OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 go run ./examples/tracing
package main

import (
	"context"
	"errors"
	"io"
	"log"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.32.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal("tracing: ", err)
	}
}

func run(ctx context.Context, out io.Writer) (err error) {
	exporters := []sdktrace.TracerProviderOption{
		sdktrace.WithSyncer(&tree{out: out}),
		sdktrace.WithResource(resource.NewSchemaless(semconv.ServiceName("bookshop"))),
	}
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" {
		collector, err := otlptracehttp.New(ctx)
		if err != nil {
			return err
		}
		exporters = append(exporters, sdktrace.WithBatcher(collector))
	}
	provider := sdktrace.NewTracerProvider(exporters...)
	defer func() { err = errors.Join(err, provider.Shutdown(ctx)) }() // prints the trees

	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	return sell(ctx, server.URI(), provider.Tracer("bookshop"))
}

// sell sells books in three ways. The commands before and after that are in spans too.
func sell(ctx context.Context, uri string, tracer trace.Tracer) error {
	client, err := motor.NewClient(uri, motor.WithClientOptions(options.Client().SetMonitor(newMonitor(tracer))))
	if err != nil {
		return err
	}
	s := &shop{
		tracer: tracer,
		books:  client.Database("tracing_example").Collection("books"),
		orders: client.Database("tracing_example").Collection("orders"),
	}
	defer s.inSpan(ctx, "close", client.Close)
	if err := s.inSpan(ctx, "stock", s.stock); err != nil {
		return err
	}
	for _, way := range []struct {
		name string
		sell func(context.Context) error
	}{
		{"futures", s.futures},
		{"callbacks", s.callbacks},
		{"coroutines", s.coroutines},
	} {
		if err := s.inSpan(ctx, way.name, way.sell); err != nil {
			return err
		}
	}
	return s.inSpan(ctx, "drop", func(ctx context.Context) error {
		_, err := client.DropDatabase(ctx, "tracing_example").Await(ctx)
		return err
	})
}

type shop struct {
	tracer        trace.Tracer
	books, orders *motor.Collection[bson.M]
}

// inSpan calls fn with a context that has a new span.
func (s *shop) inSpan(ctx context.Context, name string, fn func(context.Context) error) error {
	ctx, span := s.tracer.Start(ctx, name)
	defer span.End()
	return failed(span, fn(ctx))
}

// failed records an error in a span.
func failed(span trace.Span, err error) error {
	if err != nil {
		span.RecordError(err)
		span.SetStatus(codes.Error, err.Error())
	}
	return err
}

// stock fills the empty database with 150 books.
func (s *shop) stock(ctx context.Context) error {
	if _, err := s.books.Database().Command(ctx, "dropDatabase").Await(ctx); err != nil {
		return err
	}
	books := make([]any, 150)
	for i := range books {
		books[i] = bson.M{"_id": i, "left": 3}
	}
	_, err := s.books.InsertMany(ctx, books).Await(ctx)
	return err
}

var (
	oneLess = bson.M{"$inc": bson.M{"left": -1}}
	left    = bson.M{"left": bson.M{"$gt": 0}}
)

// futures sells book 1. The first two commands run at the same time. A continuation passes the context on, so its command
// has the same parent. The second order has the _id of the first, which fails.
func (s *shop) futures(ctx context.Context) error {
	sold := s.books.FindOneAndUpdate(ctx, bson.M{"_id": 1}, oneLess)
	titles := s.books.CountDocuments(ctx, left)
	ordered := future.ThenFuture(sold, func(book bson.M) *future.Future[*motor.InsertOneResult] {
		return s.orders.InsertOne(ctx, bson.M{"_id": "by futures", "book": book["_id"]})
	})
	if _, err := future.Join2(ordered, titles).Await(ctx); err != nil {
		return err
	}
	err := s.inSpan(ctx, "order again", func(ctx context.Context) error {
		_, err := s.orders.InsertOne(ctx, bson.M{"_id": "by futures"}).Await(ctx)
		return err
	})
	if !errors.Is(err, motor.DuplicateKeyError) {
		return errors.Join(errors.New("an order was accepted twice"), err)
	}
	return nil
}

// callbacks sells book 2. Each callback passes on the context with the span, and the last one ends the span.
func (s *shop) callbacks(ctx context.Context) (failure error) {
	loop := callback.NewLoop()
	defer loop.Close()
	books, orders := callback.WrapCollection(loop, s.books), callback.WrapCollection(loop, s.orders)

	ctx, span := s.tracer.Start(ctx, "sell")
	done := func(err error) {
		failure = failed(span, err)
		span.End()
		loop.Stop()
	}
	books.FindOneAndUpdate(ctx, bson.M{"_id": 2}, oneLess, func(book bson.M, err error) {
		if err != nil {
			done(err)
			return
		}
		orders.InsertOne(ctx, bson.M{"_id": "by callbacks", "book": book["_id"]}, func(_ *motor.InsertOneResult, err error) {
			done(err)
		})
	})
	loop.Start() // returns after Stop
	return failure
}

// coroutines sells book 3 and reads the list of books, in two coroutines at the same time. Each has a span. A Co is a
// context, and With gives it the span.
func (s *shop) coroutines(ctx context.Context) error {
	loop := callback.NewLoop()
	defer loop.Close()
	inSpan := func(name string, fn func(co *callback.Co) error) func(co *callback.Co) (struct{}, error) {
		return callback.Proc(func(co *callback.Co) error {
			return s.inSpan(co, name, func(ctx context.Context) error { return fn(co.With(ctx)) })
		})
	}
	sell := inSpan("sell", func(co *callback.Co) error {
		book, err := s.books.FindOneAndUpdate(co, bson.M{"_id": 3}, oneLess).Await(co)
		if err != nil {
			return err
		}
		_, err = s.orders.InsertOne(co, bson.M{"_id": "by coroutines", "book": book["_id"]}).Await(co)
		return err
	})
	list := inSpan("list", func(co *callback.Co) error {
		for _, err := range s.books.Find(left).BatchSize(100).All(co) { // 150 books: find and one getMore
			if err != nil {
				return err
			}
		}
		return nil
	})
	_, err := callback.RunSyncContext(ctx, loop, func(co *callback.Co) ([]struct{}, error) {
		return callback.Gather(co, sell, list)
	})
	return err
}
