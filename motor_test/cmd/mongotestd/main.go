//go:build !race

// Command mongotestd runs the embedded MongoDB server of package mongotest as a separate process.
//
// It prints the server's URI as one line on standard output and serves until its standard input is closed. So it never
// outlives the program that started it, even if that program crashes. By hand:
//
//	go run ./motor_test/cmd/mongotestd      # Ctrl-C or Ctrl-D stops it
//
// Package mongotest uses it for tests built with the race detector, because the server is many times slower under the
// detector. For that reason there is no race build of this command.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/gomotor/gomotor/motor_test/internal/ferret"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "mongotestd:", err)
		os.Exit(1)
	}
}

func run() error {
	// An interrupt from the terminal reaches both this process and the one that started it. Both stop the server, so
	// that its directory is removed.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()

	server, err := ferret.Start()
	if err != nil {
		return err
	}
	if _, err := fmt.Println(server.URI()); err != nil {
		_ = server.Close()
		return err
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		stop()
	}()
	<-ctx.Done()
	return server.Close()
}
