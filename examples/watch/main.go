// Watch prints the changes of the collection test.things as they happen.
//
//	go run ./examples/watch
//
// Without a server it starts the embedded one. That has no change streams, so a proxy adds them, for tests. The program
// then makes changes of its own, breaks the connection between two of them, and shows that no change is lost.
//
// With a replica set it waits for the changes that you make, until Ctrl-C. It keeps the resume token of the stream in a
// file. The next run continues where this one stopped.
//
//	MONGODB_URI='mongodb://localhost:27017/?replicaSet=rs0' go run ./examples/watch
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"path/filepath"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := demonstrate
	if uri := os.Getenv("MONGODB_URI"); uri != "" {
		run = func(ctx context.Context, out io.Writer) error { return follow(ctx, out, uri) }
	}
	switch err := run(ctx, os.Stdout); {
	case errors.Is(err, context.Canceled): // Ctrl-C
	case err != nil:
		log.Fatal(err)
	}
}

// demonstrate watches the changes that it makes itself.
func demonstrate(ctx context.Context, out io.Writer) error {
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
	client, err := motor.NewClient(proxy.URI())
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx))
	things := client.Database("test").Collection("things")

	stream, err := open(ctx, things, options.ChangeStream())
	if err != nil {
		return err
	}
	defer stream.Close(context.WithoutCancel(ctx))
	fmt.Fprintln(out, "watching test.things on the embedded server")

	// The changes are made in the background, one after the other, while the loop below prints them.
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	go func() {
		if err := change(ctx, proxy, things); err != nil {
			fail(err)
		}
	}()
	return cmp.Or(context.Cause(ctx), read(ctx, out, stream)) // ends with the invalidate event of the dropped collection
}

// change changes a collection in several ways. In the middle it breaks the connections of the client.
func change(ctx context.Context, proxy *faultproxy.Proxy, things *motor.Collection[bson.M]) error {
	for i, name := range []string{"anvil", "bellows", "chisel"} {
		if _, err := things.InsertOne(ctx, bson.M{"_id": i + 1, "name": name}).Await(ctx); err != nil {
			return err
		}
	}
	if err := proxy.Stop(); err != nil {
		return err
	}
	if err := proxy.Resume(); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error {
			_, err := things.UpdateOne(ctx, bson.M{"_id": 2}, bson.M{"$set": bson.M{"price": 30}}).Await(ctx)
			return err
		},
		func() error {
			_, err := things.ReplaceOne(ctx, bson.M{"_id": 3}, bson.M{"name": "drill"}).Await(ctx)
			return err
		},
		func() error { _, err := things.DeleteOne(ctx, bson.M{"_id": 1}).Await(ctx); return err },
		func() error { _, err := things.Drop(ctx).Await(ctx); return err },
	} {
		err := step()
		for errors.Is(err, motor.AutoReconnect) { // the driver tries again once; these changes can be repeated
			err = step()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// follow watches the changes that others make, from where the last run has stopped.
func follow(ctx context.Context, out io.Writer, uri string) error {
	client, err := motor.NewClient(uri)
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx))

	file := filepath.Join(os.TempDir(), "gomotor-watch-token.bson")
	opts := options.ChangeStream().SetFullDocument(options.UpdateLookup)
	if token, err := os.ReadFile(file); err == nil {
		fmt.Fprintln(out, "continuing after the last run, with the resume token in", file)
		opts.SetStartAfter(bson.Raw(token))
	}
	stream, err := open(ctx, client.Database("test").Collection("things"), opts)
	if err != nil {
		return err
	}
	defer stream.Close(context.WithoutCancel(ctx))
	defer func() {
		if token := stream.ResumeToken(); token != nil {
			if err := os.WriteFile(file, token, 0o600); err != nil {
				log.Print(err)
			}
		}
	}()
	fmt.Fprintln(out, "watching test.things; press Ctrl-C to stop")
	if err := read(ctx, out, stream); err != nil {
		return err
	}
	return errors.New("the change stream has ended: the collection was dropped or renamed")
}

// open opens a stream. It has all changes from now on.
func open(ctx context.Context, things *motor.Collection[bson.M], opts *options.ChangeStreamOptionsBuilder) (*motor.ChangeStream[bson.M], error) {
	stream := things.Watch(nil, opts)
	_, err := stream.Open(ctx).Await(ctx)
	return stream, err
}

// read prints all changes of a stream until it ends. After a lost connection, the first read resumes the stream. When
// that fails too, the next read tries again, so no change is lost.
func read(ctx context.Context, out io.Writer, stream *motor.ChangeStream[bson.M]) error {
	for {
		err := readOn(ctx, out, stream)
		if !errors.Is(err, motor.AutoReconnect) {
			return err
		}
		log.Print("reading on after: ", err)
	}
}

// readOn prints changes until the stream ends or a read fails.
func readOn(ctx context.Context, out io.Writer, stream *motor.ChangeStream[bson.M]) error {
	for event, err := range stream.All(ctx) {
		if err != nil {
			return err
		}
		show(out, event)
	}
	return nil
}

// show prints a change in a line.
func show(out io.Writer, event bson.M) {
	fmt.Fprint(out, event["operationType"])
	if key, ok := event["documentKey"].(bson.M); ok {
		fmt.Fprint(out, " ", key["_id"])
	}
	if doc, ok := event["fullDocument"].(bson.M); ok {
		fmt.Fprint(out, " ", doc["name"])
	}
	if update, ok := event["updateDescription"].(bson.M); ok {
		fmt.Fprint(out, " ", update["updatedFields"])
	}
	fmt.Fprintln(out)
}
