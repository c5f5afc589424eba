// Command crossing executes an operation in callback style on a scripted peer, and records which statements ran.
// Package structure builds it with coverage counters.
//
//	crossing OPERATION DIRECTORY
//
// It first executes the operation once, so that opening the client is not counted. Then it writes the rounds 0, 1 and 2.
// Each round has the counters of two windows of time: DIRECTORY/0/without, in which nothing was executed, and
// DIRECTORY/0/with, in which the operation was. The counters start at zero in each window.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/coverage"
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/callback"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

const rounds = 3

// operation has two steps. Only the second one is measured. It calls done once, when the callback is called.
type operation struct {
	prepare func()
	execute func(done func(error))
}

func newOperation(name string, coll *callback.Collection[bson.M]) (operation, error) {
	ctx := context.Background()
	switch name {
	case "InsertOne":
		return operation{func() {}, func(done func(error)) {
			coll.InsertOne(ctx, bson.M{"text": "hello"}, func(_ *motor.InsertOneResult, err error) { done(err) })
		}}, nil
	case "Next":
		var cursors []*callback.Cursor[bson.M] // keeps cursors reachable, so that none is closed in the background
		return operation{func() { cursors = append(cursors, coll.Find(bson.M{"text": "hello"})) }, func(done func(error)) {
			cursors[len(cursors)-1].Next(ctx, func(_ bson.M, err error) { done(err) })
		}}, nil
	}
	return operation{}, fmt.Errorf("crossing: unknown operation %q: want InsertOne or Next", name)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: crossing OPERATION DIRECTORY")
	}
	t := &process{}
	err := run(t, os.Args[1], os.Args[2])
	t.end()
	if err != nil {
		log.Fatal(err)
	}
}

func run(t *process, name, dir string) error {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1}) })
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"_id": 1}, bson.M{"_id": 2}) })

	loop := callback.NewLoop()
	ended := make(chan struct{})
	go func() { defer close(ended); loop.Start() }()
	t.Cleanup(func() { loop.Stop(); <-ended; loop.Close() })

	client, err := motor.NewClient(peer.URI("heartbeatFrequencyMS=600000"))
	if err != nil {
		return err
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	op, err := newOperation(name, callback.WrapClient(loop, client).Database("d").Collection("c"))
	if err != nil {
		return err
	}
	execute := func() error {
		done := make(chan error, 1)
		op.execute(func(err error) { done <- err })
		return <-done
	}
	for range 2 {
		op.prepare()
		if err := execute(); err != nil {
			return err
		}
	}
	for round := range rounds {
		dir := filepath.Join(dir, strconv.Itoa(round))
		op.prepare()
		if err := window(filepath.Join(dir, "without"), client, func() error { return nil }); err != nil {
			return err
		}
		if err := window(filepath.Join(dir, "with"), client, execute); err != nil {
			return err
		}
	}
	return nil
}

// window writes the counters of the statements that ran during a call, or after it because of the call, into dir.
func window(dir string, client *motor.Client, call func() error) error {
	rest(client)
	if err := coverage.ClearCounters(); err != nil {
		return err
	}
	if err := call(); err != nil {
		return err
	}
	rest(client)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if err := coverage.WriteMetaDir(dir); err != nil {
		return err
	}
	return coverage.WriteCountersDir(dir)
}

// rest waits until no worker runs an operation. Then it waits longer, since a worker does some work before it is idle,
// and the end of that work is not visible.
func rest(client *motor.Client) {
	for client.Stats().Running > 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(20 * time.Millisecond)
}

// process implements the part of testing.T that a peer needs.
type process struct {
	cleanups []func()
}

func (*process) Helper()                           {}
func (*process) Context() context.Context          { return context.Background() }
func (*process) Failed() bool                      { return false }
func (*process) Errorf(format string, args ...any) { log.Printf(format, args...) }
func (*process) Fatalf(format string, args ...any) { log.Fatalf(format, args...) }
func (t *process) Cleanup(f func())                { t.cleanups = append(t.cleanups, f) }

func (t *process) end() {
	for _, f := range slices.Backward(t.cleanups) {
		f()
	}
}
