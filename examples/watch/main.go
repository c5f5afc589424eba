// Watch prints the changes of a collection as they happen, and goes on where it stopped when it is run again: it keeps
// the stream's resume token in a file. It is Motor's change stream example.
//
// It needs a replica set, which may have one member: mongod --replSet rs0, and then rs.initiate() in mongosh. The
// embedded server of the other examples has no change streams.
//
//	MONGODB_URI='mongodb://localhost:27017/?replicaSet=rs0' go run ./examples/watch
//
// Change something in the collection test.things meanwhile, and end the program with Ctrl-C.
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
		return errors.New("change streams need a replica set: name one in MONGODB_URI")
	}
	client, err := motor.NewClient(uri)
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx))

	file := filepath.Join(os.TempDir(), "gomotor-watch-token.bson")
	opts := options.ChangeStream().SetFullDocument(options.UpdateLookup)
	if token, err := os.ReadFile(file); err == nil {
		fmt.Println("going on where the last run stopped:", file)
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
	return errors.New("the collection is gone, and the stream with it")
}
