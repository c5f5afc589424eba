// Batching shows two ways to spend less time on the way to a distant server. Many goroutines insert and read typed
// documents, alone and in batches. Then one goroutine reads all documents and works on each, with and without reading
// ahead. The program prints the number of commands and the time of each way.
//
// It starts an embedded MongoDB-compatible server, or uses the server that MONGODB_URI names. It drops the database
// batching_example before and after its work. It needs a few seconds.
//
//	go run ./examples/batching
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

const (
	count    = 1000
	distance = 2 * time.Millisecond  // to the server, for each command
	work     = 50 * time.Microsecond // on each document
)

// reading is a document. Its collection gives *reading instead of bson.M.
type reading struct {
	ID      string `bson:"_id"`
	Celsius float64
}

func idOf(i int) string { return fmt.Sprintf("reading-%04d", i) }

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal("batching: ", err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	p := &program{out: out}
	client, err := motor.NewClient(server.URI(), motor.WithClientOptions(options.Client().SetMonitor(p.monitor())))
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	db := client.Database("batching_example")
	if _, err := client.DropDatabase(ctx, db).Await(ctx); err != nil {
		return err
	}
	defer client.DropDatabase(ctx, db)

	alone := motor.CollectionOf[*reading](db, "alone")
	batched := motor.CollectionOf[*reading](db, "batched").WithBatching()
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"inserts alone", func(ctx context.Context) error { return insert(ctx, alone) }},
		{"inserts in batches", func(ctx context.Context) error { return insert(ctx, batched) }},
		{"reads alone", func(ctx context.Context) error { return find(ctx, alone) }},
		{"reads in batches", func(ctx context.Context) error { return find(ctx, batched) }},
		{"a cursor", func(ctx context.Context) error { return readAll(ctx, alone.Find(bson.D{})) }},
		{"a cursor that reads ahead", func(ctx context.Context) error { return readAll(ctx, alone.Find(bson.D{}).ReadAhead(2)) }},
	} {
		if err := p.measure(ctx, step.name, step.run); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// insert starts all inserts and waits for their futures. Each has its own result.
func insert(ctx context.Context, c *motor.Collection[*reading]) error {
	var all []*future.Future[*motor.InsertOneResult]
	for i := range count {
		all = append(all, c.InsertOne(ctx, &reading{ID: idOf(i), Celsius: float64(i) / 10}))
	}
	_, err := future.All(all...).Await(ctx)
	return err
}

// find reads each document by its _id.
func find(ctx context.Context, c *motor.Collection[*reading]) error {
	var all []*future.Future[*reading]
	for i := range count {
		all = append(all, c.FindOne(ctx, bson.M{"_id": idOf(i)}))
	}
	docs, err := future.All(all...).Await(ctx)
	if err != nil {
		return err
	}
	for i, doc := range docs {
		if doc == nil || doc.ID != idOf(i) || doc.Celsius != float64(i)/10 {
			return fmt.Errorf("got %v for %s", doc, idOf(i))
		}
	}
	return nil
}

// readAll reads a cursor in batches of 50, and works on each document.
func readAll(ctx context.Context, cursor *motor.Cursor[*reading]) error {
	n := 0
	for _, err := range cursor.BatchSize(50).All(ctx) {
		if err != nil {
			return err
		}
		for end := time.Now().Add(work); time.Now().Before(end); { // stands for a computation
		}
		n++
	}
	if n != count {
		return errors.New("documents are missing")
	}
	return nil
}

// program counts and delays commands.
type program struct {
	out      io.Writer
	commands atomic.Int64
}

func (p *program) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(context.Context, *event.CommandStartedEvent) {
		p.commands.Add(1)
		time.Sleep(distance)
	}}
}

// measure prints how many commands fn has sent, and how long it took.
func (p *program) measure(ctx context.Context, name string, fn func(context.Context) error) error {
	p.commands.Store(0)
	began := time.Now()
	err := fn(ctx)
	fmt.Fprintf(p.out, "%-26s %5d commands %10v\n", name, p.commands.Load(), time.Since(began).Round(time.Millisecond))
	return err
}
