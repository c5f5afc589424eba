// Timeouts shows the ways to limit an operation, or the wait for it, and what each leaves behind. It starts an embedded
// MongoDB-compatible server, and a proxy that makes the server slow or silent. The program needs about two seconds.
//
// The variable MONGODB_URI may name another server, which must not be in a replica set: the proxy poses as one.
//
//	go run ./examples/timeouts
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
	"github.com/gomotor/gomotor/motor_test/faultproxy"
	"github.com/gomotor/gomotor/motor_test/mongotest"
)

// short is the limit of the operations. A silent server exceeds any limit, and a slow one this.
const (
	short = 50 * time.Millisecond
	slow  = time.Second
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal("timeouts: ", err)
	}
}

func run(ctx context.Context, out io.Writer) error {
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
	client, err := motor.NewClient(proxy.URI(), motor.WithMaxWorkers(1)) // one operation at a time, the others wait
	if err != nil {
		return err
	}
	defer client.Close(ctx)
	p := &program{out, proxy, client.Database("timeouts_example").Collection("things")}
	if _, err := p.things.Drop(ctx).Await(ctx); err != nil {
		return err
	}
	defer p.things.Drop(ctx)
	if _, err := p.things.InsertOne(ctx, bson.M{"_id": 1}).Await(ctx); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{p.deadline, p.wait, p.cancel, p.queued, p.whole} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

type program struct {
	out    io.Writer
	proxy  *faultproxy.Proxy
	things *motor.Collection[bson.M]
}

// deadline limits an operation. Its context ends the command, and the driver closes the connection that waits for the
// reply.
func (p *program) deadline(ctx context.Context) error {
	if err := p.proxy.Script("find", faultproxy.Fault{Stall: true}); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, short)
	defer cancel()
	_, err := p.things.FindOne(limited, bson.M{"_id": 1}).Await(ctx)
	fmt.Fprintln(p.out, "deadline of the operation:", errors.Is(err, context.DeadlineExceeded))
	return p.stillWorks(ctx)
}

// wait limits only the wait. The operation goes on, and a second wait gets its result.
func (p *program) wait(ctx context.Context) error {
	if err := p.proxy.Script("find", faultproxy.Fault{Delay: slow}); err != nil {
		return err
	}
	found := p.things.FindOne(ctx, bson.M{"_id": 1})
	limited, cancel := context.WithTimeout(ctx, short)
	defer cancel()
	_, err := found.Await(limited)
	doc, later := found.Await(ctx)
	fmt.Fprintln(p.out, "deadline of the wait:", errors.Is(err, context.DeadlineExceeded), "and then", doc["_id"], later)
	return p.stillWorks(ctx)
}

// cancel ends an operation that runs.
func (p *program) cancel(ctx context.Context) error {
	if err := p.proxy.Script("find", faultproxy.Fault{Stall: true}); err != nil {
		return err
	}
	found := p.things.FindOne(ctx, bson.M{"_id": 1})
	cancelled := found.Cancel(errors.New("the user has left the page"))
	_, err := found.Await(ctx)
	fmt.Fprintln(p.out, "cancelled:", cancelled, errors.Is(err, future.ErrCancelled))
	return p.stillWorks(ctx)
}

// queued cancels an operation that waits for a worker. It is never sent.
func (p *program) queued(ctx context.Context) error {
	if err := p.proxy.Script("find", faultproxy.Fault{Stall: true}); err != nil {
		return err
	}
	first := p.things.FindOne(ctx, bson.M{"_id": 1}) // has the only worker
	second := p.things.InsertOne(ctx, bson.M{"_id": 2})
	second.Cancel()
	first.Cancel()
	n, err := p.things.CountDocuments(ctx, bson.M{}).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.out, "cancelled in the queue:", second.Cancelled(), "and", n, "document")
	return p.stillWorks(ctx)
}

// whole limits several operations together, like asyncio.wait_for. The future that it limits is cancelled too.
func (p *program) whole(ctx context.Context) error {
	if err := p.proxy.Script("find", faultproxy.Fault{Stall: true}); err != nil {
		return err
	}
	found := p.things.FindOne(ctx, bson.M{"_id": 1})
	_, err := future.WaitFor(found, short).Await(ctx)
	fmt.Fprintln(p.out, "WaitFor:", errors.Is(err, future.ErrTimeout), "and the operation is cancelled:", found.Cancelled())
	return p.stillWorks(ctx)
}

// stillWorks checks that the client can be used after a timeout.
func (p *program) stillWorks(ctx context.Context) error {
	if err := p.proxy.Script("find"); err != nil { // the operation may have ended before its command was sent
		return err
	}
	doc, err := p.things.FindOne(ctx, bson.M{"_id": 1}).Await(ctx)
	if err == nil && doc == nil {
		err = errors.New("the document is lost")
	}
	return err
}
