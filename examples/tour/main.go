// Tour is a tour of gomotor. It loads 200 riders and 6,000 bicycle trips, and works on them with futures, with
// callbacks on an event loop, and with cursors. It takes a few seconds.
//
// It starts an embedded MongoDB-compatible server, or uses the server that MONGODB_URI names. It drops the database
// tour before and after its work.
//
//	go run ./examples/tour
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "tour:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()

	client, err := motor.NewClient(server.URI())
	if err != nil {
		return err
	}
	defer client.Close(ctx)

	heading("A client")
	info, err := client.ServerInfo(ctx).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("connected to a server of version %v; at most %d operations run at once\n", info["version"], client.MaxWorkers())

	db := client.Database("tour")
	for _, part := range []func(context.Context, *motor.Database) error{load, futures, callbacks, cursors, typedErrors} {
		if err := part(ctx, db); err != nil {
			return err
		}
	}

	heading("What the executor did")
	stats := client.Stats()
	fmt.Printf("%d operations completed, %d running, %d queued, %d rejected, %d panics\n",
		stats.Completed, stats.Running, stats.Queued, stats.Rejected, stats.Panics)
	fmt.Printf("%d of them waited for a slot, the longest for %s; idle workers: %d\n",
		stats.Waited, stats.MaxQueueWait.Round(time.Millisecond), stats.Idle)

	_, err = db.Command(ctx, "dropDatabase").Await(ctx)
	return err
}

// typedErrors checks the class of an error, as except does in Python.
func typedErrors(ctx context.Context, db *motor.Database) error {
	heading("The class of an error")
	_, err := db.Collection("riders").InsertOne(ctx, bson.M{"_id": "rider-001"}).Await(ctx)
	switch {
	case errors.Is(err, motor.DuplicateKeyError):
		var e *motor.Error
		errors.As(err, &e)
		fmt.Printf("rider-001 exists already: %s, code %d\n", e.Class().Name(), e.Code())
		return nil
	case err == nil:
		return errors.New("a duplicate _id was accepted")
	default:
		return err
	}
}

func heading(title string) { fmt.Printf("\n== %s\n", title) }
