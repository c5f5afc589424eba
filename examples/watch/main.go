// Watch prints the changes of the collection test.things as they happen. It keeps the resume token of the change stream
// in a file. The next run reads the token and continues where this one stopped.
//
// It needs a replica set, because the embedded server of the other examples has no change streams. One member is
// enough: start "mongod --replSet rs0", and call rs.initiate() in mongosh.
//
//	MONGODB_URI='mongodb://localhost:27017/?replicaSet=rs0' go run ./examples/watch
//
// While it runs, change documents in test.things. Press Ctrl-C to stop it.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/motor"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, os.Getenv("MONGODB_URI")); {
	case errors.Is(err, context.Canceled): // Ctrl-C
	case err != nil:
		log.Fatal(err)
	}
}

func run(ctx context.Context, uri string) error {
	if uri == "" {
		return errors.New("change streams need a replica set: set MONGODB_URI to the address of one")
	}
	client, err := motor.NewClient(uri)
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx))

	file := filepath.Join(os.TempDir(), "gomotor-watch-token.bson")
	opts := options.ChangeStream().SetFullDocument(options.UpdateLookup)
	if token, err := os.ReadFile(file); err == nil {
		fmt.Println("continuing after the last run, with the resume token in", file)
		opts.SetResumeAfter(bson.Raw(token))
	}
	stream := client.Database("test").Collection("things").Watch(nil, opts)
	defer func() {
		if token := stream.ResumeToken(); token != nil {
			if err := os.WriteFile(file, token, 0o600); err != nil {
				log.Print(err)
			}
		}
	}()

	if _, err := stream.Open(ctx).Await(ctx); err != nil {
		return err
	}
	defer stream.Close(context.WithoutCancel(ctx))
	fmt.Println("watching test.things")
	for change, err := range stream.All(ctx) {
		if err != nil {
			return err
		}
		fmt.Println(change["operationType"], change["documentKey"], change["fullDocument"])
	}
	return errors.New("the change stream has ended: the collection was dropped or renamed")
}
