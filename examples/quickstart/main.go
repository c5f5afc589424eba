// Quickstart shows the whole of gomotor on real data, in a few seconds, with nothing to install: it starts an
// embedded MongoDB-compatible server (or uses the one that MONGODB_URI names), loads 6,000 bicycle trips and their
// riders, and works on them in the ways that gomotor has: futures, callbacks on an event loop, and cursors. Its
// database is called quickstart, and is dropped before and after.
//
//	go run ./examples/quickstart
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
		fmt.Fprintln(os.Stderr, "quickstart:", err)
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
	fmt.Printf("connected to a server of version %v; at most %d operations at once\n", info["version"], client.MaxWorkers())

	db := client.Database("quickstart")
	for _, part := range []func(context.Context, *motor.Database) error{load, futures, callbacks, cursors, typedErrors} {
		if err := part(ctx, db); err != nil {
			return err
		}
	}

	heading("What the executor did")
	stats := client.Stats()
	fmt.Printf("%d operations completed, %d running, %d queued, %d rejected, %d panics\n",
		stats.Completed, stats.Running, stats.Queued, stats.Rejected, stats.Panics)
	fmt.Printf("%d of them waited for a slot, the longest %s; %d goroutines are kept warm for the next ones\n",
		stats.Waited, stats.MaxQueueWait.Round(time.Millisecond), stats.Idle)

	_, err = db.Command(ctx, "dropDatabase").Await(ctx)
	return err
}

// typedErrors catches an error by its class, as Python's except does.
func typedErrors(ctx context.Context, db *motor.Database) error {
	heading("An error, caught by its class")
	_, err := db.Collection("riders").InsertOne(ctx, bson.M{"_id": "rider-001"}).Await(ctx)
	switch {
	case errors.Is(err, motor.DuplicateKeyError):
		var e *motor.Error
		errors.As(err, &e)
		fmt.Printf("rider-001 is there already: %s, code %d\n", e.Class().Name(), e.Code())
		return nil
	case err == nil:
		return errors.New("a duplicate _id was accepted")
	default:
		return err
	}
}

func heading(title string) { fmt.Printf("\n== %s\n", title) }
