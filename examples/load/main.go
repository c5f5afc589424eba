// Load inserts documents in two ways, reads them back, stores a file, reads that too, and copies the database. Each
// step shows its progress: as a bar on a terminal, and elsewhere as a line each second and one at the end.
//
// It starts an embedded MongoDB-compatible server, or uses the server that MONGODB_URI names. It drops the databases
// load_example and load_example_copy before and after its work.
//
//	go run ./examples/load
//	go run ./examples/load -documents 200000 -megabytes 200
//	go run ./examples/load | cat
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/gomotor/gomotor/examples/internal/display"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func main() {
	documents := flag.Int("documents", 20_000, "the `number` of documents")
	megabytes := flag.Int("megabytes", 32, "the `size` of the file in MiB")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, display.New(os.Stdout), *documents, *megabytes); err != nil {
		log.Fatal("load: ", err)
	}
}

func run(ctx context.Context, show *display.Display, documents, megabytes int) error {
	if documents < 1 || megabytes < 1 {
		return fmt.Errorf("invalid size of %d documents and %d MiB: need at least 1 of each", documents, megabytes)
	}
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	client, err := motor.NewClient(server.URI())
	if err != nil {
		return err
	}
	const name, copied = "load_example", "load_example_copy"
	drop := func(ctx context.Context) error {
		_, err := future.All(client.DropDatabase(ctx, name), client.DropDatabase(ctx, copied)).Await(ctx)
		return err
	}
	if err := drop(ctx); err != nil {
		return err
	}
	defer func() {
		ctx := context.WithoutCancel(ctx) // also after Ctrl-C
		_ = drop(ctx)
		_ = client.Close(ctx)
	}()
	db := client.Database(name)
	if err := load(ctx, show, db, documents); err != nil {
		return err
	}
	if err := store(ctx, show, db, megabytes); err != nil {
		return err
	}
	_, err = display.Follow(ctx, show, "copy", func(ctx context.Context) *future.Future[*motor.CopyResult] {
		return client.CopyDatabase(ctx, name, copied)
	})
	return err
}

// load inserts documents into one collection, and events into another with a bulk write, and reads the documents.
func load(ctx context.Context, show *display.Display, db *motor.Database, n int) error {
	people := db.Collection("people")
	docs, events := make([]bson.M, n), make([]mongo.WriteModel, n)
	for i := range docs {
		docs[i] = bson.M{"_id": i, "name": fmt.Sprintf("person %d", i)}
		events[i] = mongo.NewInsertOneModel().SetDocument(bson.M{"person": i, "event": "added"})
	}
	_, err := display.Follow(ctx, show, "insert", func(ctx context.Context) *future.Future[*motor.InsertManyResult] {
		return people.InsertMany(ctx, docs)
	})
	if err != nil {
		return err
	}
	_, err = display.Follow(ctx, show, "bulk", func(ctx context.Context) *future.Future[*motor.BulkWriteResult] {
		return db.Collection("events").BulkWrite(ctx, events)
	})
	if err != nil {
		return err
	}
	all, err := display.Follow(ctx, show, "read", func(ctx context.Context) *future.Future[[]bson.M] {
		return people.Find(bson.M{}).BatchSize(1000).ToList(ctx)
	})
	if err == nil && len(all) != n {
		err = fmt.Errorf("read %d documents, want %d", len(all), n)
	}
	return err
}

// store uploads a file and downloads it.
func store(ctx context.Context, show *display.Display, db *motor.Database, megabytes int) error {
	bucket, err := motor.NewGridFSBucket(db)
	if err != nil {
		return err
	}
	file := bytes.Repeat([]byte("0123456789abcdef"), megabytes<<16)
	id, err := display.Follow(ctx, show, "upload", func(ctx context.Context) *future.Future[bson.ObjectID] {
		return bucket.UploadFromStream(ctx, "digits", bytes.NewReader(file))
	})
	if err != nil {
		return err
	}
	n, err := display.Follow(ctx, show, "download", func(ctx context.Context) *future.Future[int64] {
		return bucket.DownloadToStream(ctx, id, io.Discard)
	})
	if err == nil && n != int64(len(file)) {
		err = fmt.Errorf("downloaded %d bytes, want %d", n, len(file))
	}
	return err
}
