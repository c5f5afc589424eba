// Httpapi is an HTTP server whose handlers share one client. The program sends requests to itself and prints the answers:
// many at once, wrong ones, one whose user leaves, one that takes too long, more than the server can take, and some while
// the database does not answer. It needs about two seconds.
//
// It starts an embedded MongoDB-compatible server, and a proxy that makes it fail. The variable MONGODB_URI may name
// another server, which must not be in a replica set: the proxy poses as one. The program drops the database
// httpapi_example before and after its work.
//
//	go run ./examples/httpapi
//
// With -listen it continues to serve. Open /debug/motor in a browser for the statistics of the client:
//
//	go run ./examples/httpapi -listen localhost:8080
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

const (
	name    = "httpapi_example"
	workers = 8               // operations that run at once
	queue   = 200             // operations that wait
	limit   = 3 * time.Second // of a request
)

func main() {
	address := flag.String("listen", "", "continue to serve on this `address`, such as localhost:8080")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	switch err := run(ctx, os.Stdout, *address); {
	case errors.Is(err, context.Canceled): // Ctrl-C
	case err != nil:
		log.Fatal("httpapi: ", err)
	}
}

func run(ctx context.Context, out io.Writer, address string) error {
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
	client, err := motor.NewClient(proxy.URI(), motor.WithMaxWorkers(workers), motor.WithMaxQueue(queue))
	if err != nil {
		return err
	}
	defer func() {
		ctx := context.WithoutCancel(ctx) // also after Ctrl-C
		_, _ = client.DropDatabase(ctx, name).Await(ctx)
		_ = client.Close(ctx)
	}()
	if _, err := client.DropDatabase(ctx, name).Await(ctx); err != nil {
		return err
	}

	listenOn := address
	if listenOn == "" {
		listenOn = "localhost:0"
	}
	listener, err := net.Listen("tcp", listenOn)
	if err != nil {
		return err
	}
	site := &http.Server{Handler: newAPI(client, limit), ReadHeaderTimeout: time.Minute}
	served := make(chan error, 1)
	go func() { served <- site.Serve(listener) }()
	// Shutdown waits for the requests, which use the client, so it comes before the end of the client.
	defer func() {
		_ = site.Shutdown(context.WithoutCancel(ctx))
		<-served
	}()

	v := &visitor{out: out, site: "http://" + listener.Addr().String(), client: client, proxy: proxy}
	if err := v.visit(ctx); err != nil {
		return err
	}
	if address != "" {
		fmt.Fprintln(out, "serving", v.site, "until Ctrl-C")
		<-ctx.Done()
	}
	return nil
}
