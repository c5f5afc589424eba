// Monitoring listens to everything that a client tells: its commands, its connections, its server, and the operations
// that take long. The program inserts a thousand documents, makes the server slow, makes mistakes, and stops the server
// for a moment. It prints what the monitors see, and their numbers at the end. It needs about two seconds.
//
// It starts an embedded MongoDB-compatible server, and a proxy that makes it fail. The variable MONGODB_URI may name
// another server, which must not be in a replica set: the proxy poses as one. The program drops the database
// monitoring_example before and after its work.
//
//	go run ./examples/monitoring
//
// Package motor/web shows the statistics of the executor as a page: see examples/httpapi and examples/board. Spans of
// OpenTelemetry are in examples/tracing.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

const (
	name    = "monitoring_example"
	count   = 1000
	workers = 4                      // operations that run at once
	limit   = 200 * time.Millisecond // a longer operation is slow
	delay   = 300 * time.Millisecond
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal("monitoring: ", err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	proxy, err := faultproxy.Start(ctx, server.URI())
	if err != nil {
		return err
	}
	defer proxy.Close()
	r := newRecorder(out, limit)
	if err := work(ctx, proxy, r); err != nil {
		return err
	}
	r.summary() // the client is closed, so all commands and connections have been counted
	return nil
}

// work uses a client that the recorder listens to.
func work(ctx context.Context, proxy *faultproxy.Proxy, r *recorder) error {
	client, err := motor.NewClient(proxy.URI(), append(r.options(), motor.WithMaxWorkers(workers))...)
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	if _, err := client.DropDatabase(ctx, name).Await(ctx); err != nil {
		return err
	}
	defer func() { _, _ = client.DropDatabase(ctx, name).Await(ctx) }()

	p := &program{proxy, r, client.Database(name).Collection("things")}
	for _, step := range []func(context.Context) error{p.insert, p.slow, p.fail, p.outage} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

type program struct {
	proxy    *faultproxy.Proxy
	recorder *recorder
	things   *motor.Collection[bson.M]
}

// insert inserts documents, as many at once as there are workers.
func (p *program) insert(ctx context.Context) error {
	var all []*future.Future[*motor.InsertOneResult]
	for i := range count {
		all = append(all, p.things.InsertOne(ctx, bson.M{"_id": i}))
	}
	_, err := future.All(all...).Await(ctx)
	return err
}

// slow makes all workers wait for the server, and one more read wait for a worker.
func (p *program) slow(ctx context.Context) error {
	var faults []faultproxy.Fault
	for range workers {
		faults = append(faults, faultproxy.Fault{Delay: delay})
	}
	if err := p.proxy.Script("find", faults...); err != nil {
		return err
	}
	var all []*future.Future[bson.M]
	for i := range workers + 1 {
		all = append(all, p.things.FindOne(ctx, bson.M{"_id": i}))
	}
	_, err := future.All(all...).Await(ctx)
	return err
}

// fail inserts a document twice, and sends a command that does not exist. The first is a success for the driver, with an
// error in the reply.
func (p *program) fail(ctx context.Context) error {
	if _, err := p.things.InsertOne(ctx, bson.M{"_id": 1}).Await(ctx); !errors.Is(err, motor.DuplicateKeyError) {
		return fmt.Errorf("got %v for the second document, want DuplicateKeyError", err)
	}
	if _, err := p.things.Database().Command(ctx, "misspelt").Await(ctx); !errors.Is(err, motor.OperationFailure) {
		return fmt.Errorf("got %v for a command that does not exist, want OperationFailure", err)
	}
	return nil
}

// outage stops the server until the client has noticed.
func (p *program) outage(ctx context.Context) error {
	if err := p.proxy.Stop(); err != nil {
		return err
	}
	if err := p.await(ctx, false); err != nil {
		return err
	}
	if err := p.proxy.Resume(); err != nil {
		return err
	}
	if err := p.await(ctx, true); err != nil {
		return err
	}
	for {
		_, err := p.things.CountDocuments(ctx, bson.M{}).Await(ctx)
		if !errors.Is(err, motor.AutoReconnect) {
			return err
		}
	}
}

// await waits until the client has found the server, or lost it.
func (p *program) await(ctx context.Context, found bool) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-p.recorder.state:
			if now == found {
				return nil
			}
		}
	}
}
