// Board is a message board for browsers. It runs the same board twice on one event loop: /callbacks/ is written with
// callbacks, /coroutines/ with coroutines. Both show the messages of one capped collection.
//
// Open http://localhost:8080 in two windows. A message that you write in one window appears in the other. It arrives by a
// change stream, or by a tailable cursor if the server has no change streams. Pictures and videos are saved in GridFS. A
// panel shows what the executor and the loop do.
//
//	go run ./examples/board
//
// It starts an embedded MongoDB-compatible server, or uses the server that MONGODB_URI names. There it keeps the
// database board_example. It runs until Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor/web"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

func main() {
	address := flag.String("listen", "localhost:8080", "serve on this `address`")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *address); err != nil {
		log.Fatal("board: ", err)
	}
}

func run(ctx context.Context, address string) error {
	server, err := mongotest.Run(ctx)
	if err != nil {
		return err
	}
	defer server.Close()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("open http://%s in two windows; press Ctrl-C to stop\n", listener.Addr())
	return serve(ctx, server.URI(), listener)
}

// serve serves the boards until ctx ends. It closes the listener.
func serve(ctx context.Context, uri string, listener net.Listener) error {
	defer listener.Close()
	loop := callback.NewLoop()
	defer loop.Close()
	cursors := newCursorCounter()
	// A page should say within seconds that the server does not answer.
	opts := options.Client().SetServerSelectionTimeout(2 * time.Second).SetMonitor(cursors.monitor())
	client, err := motor.NewClient(uri, motor.WithClientOptions(opts), motor.WithIOLoop(loop))
	if err != nil {
		return err
	}
	defer client.Close(context.WithoutCancel(ctx))
	db := client.Database("board_example")
	messages := motor.CollectionOf[*message](db, "messages")
	// The client continues on the loop, so the loop has to run.
	if _, err := callback.RunSyncContext(ctx, loop, func(co *callback.Co) (struct{}, error) {
		return struct{}{}, create(co, messages)
	}); err != nil {
		if ctx.Err() != nil { // Ctrl-C
			return nil
		}
		return err
	}
	bucket, err := motor.NewGridFSBucket(db, options.GridFSBucket().SetName("pictures"))
	if err != nil {
		return err
	}
	files, err := web.NewGridFSHandler(db, "pictures")
	if err != nil {
		return err
	}

	// A browser keeps a picture, and asks whether it still exists before it shows it.
	files.SetExtraHeaders = func(header http.Header, _ *motor.GridOut) { header.Set("Cache-Control", "no-cache") }

	boards := map[string]*board{}
	for name, s := range map[string]style{
		"callbacks": &callbackStyle{
			loop:     loop,
			messages: callback.WrapCollection(loop, messages),
			bucket:   callback.WrapGridFSBucket(loop, bucket),
		},
		"coroutines": &coroutineStyle{loop: loop, messages: messages, bucket: bucket},
	} {
		boards[name] = &board{style: s, hub: newHub()}
	}

	// All requests and both boards end with ctx.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	site := &http.Server{
		Handler:           newSite(loop, boards, files),
		ReadHeaderTimeout: time.Minute,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	failed := make(chan error, 1)
	go func() {
		failed <- site.Serve(listener)
		cancel()
	}()
	loop.SpawnCallback(func(co *callback.Co) error {
		defer loop.Close()
		defer startSampling(loop, client, cursors, boards)()
		var following []*future.Future[struct{}]
		for _, b := range boards {
			following = append(following, b.style.follow(ctx, b.hub))
		}
		_, err := future.All(following...).Await(co)
		// The loop must run until the last request is answered.
		_, closing := callback.RunInExecutor(co, loop, nil, func(context.Context) (struct{}, error) {
			return struct{}{}, shutDown(site)
		}).Await(co)
		return errors.Join(err, closing)
	})
	loop.Start() // returns when the loop is closed
	if err := <-failed; err != http.ErrServerClosed {
		return err
	}
	return nil
}

// shutDown waits until the requests have ended. It breaks the connection of an upload, whose browser may be slow.
func shutDown(site *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := site.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = site.Close()
	}
	return err
}

// create creates the collection with a first message, if it does not exist. A tailable cursor on an empty collection
// ends at once.
func create(co *callback.Co, messages *motor.Collection[*message]) error {
	capped := options.CreateCollection().SetCapped(true).SetSizeInBytes(1 << 20).SetMaxDocuments(maxMessages)
	_, err := messages.Database().CreateCollection(co, messages.Name(), capped).Await(co)
	if errors.Is(err, motor.CollectionInvalid) {
		return nil
	}
	if err != nil {
		return err
	}
	welcome := &message{ID: bson.NewObjectID(), Author: "The board", Text: "Welcome. Open this page in a second window.", At: time.Now()}
	_, err = messages.InsertOne(co, welcome).Await(co)
	return err
}
