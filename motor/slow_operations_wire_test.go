package motor_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// slowClient returns a client of a peer with one worker, and the operations that are reported. Each takes longer than a
// nanosecond.
func slowClient(t *testing.T) (*wiretest.Peer, *motor.Client, <-chan motor.SlowOperation) {
	t.Helper()
	peer := wiretest.Start(t, wiretest.Primary)
	for _, name := range []string{"insert", "ping", "dropDatabase"} {
		peer.Handle(name, ok(bson.M{"n": 1}))
	}
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 7, bson.M{"_id": 1}) })
	peer.Handle("getMore", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"_id": 2}) })
	reported := make(chan motor.SlowOperation, 10)
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(1), motor.WithSlowOperations(time.Nanosecond, func(o motor.SlowOperation) { reported <- o }))
	return peer, client, reported
}

func TestSlowOperationNames(t *testing.T) {
	for _, test := range []struct {
		name, namespace string
		call            func(context.Context, *motor.Client) error
	}{
		{"Collection.InsertOne", "d.c", func(ctx context.Context, c *motor.Client) error {
			_, err := c.Database("d").Collection("c").InsertOne(ctx, bson.M{}).Await(ctx)
			return err
		}},
		{"Collection.FindOne", "d.c", func(ctx context.Context, c *motor.Client) error {
			_, err := motor.CollectionOf[struct{ ID int }](c.Database("d"), "c").FindOne(ctx, bson.M{}).Await(ctx)
			return err
		}},
		{"Cursor.ToList", "d.c", func(ctx context.Context, c *motor.Client) error {
			_, err := c.Database("d").Collection("c").Find(bson.M{}).ToList(ctx).Await(ctx)
			return err
		}},
		{"Database.Command", "d", func(ctx context.Context, c *motor.Client) error {
			_, err := c.Database("d").Command(ctx, "ping").Await(ctx)
			return err
		}},
		{"Client.DropDatabase", "d", func(ctx context.Context, c *motor.Client) error {
			_, err := c.DropDatabase(ctx, "d").Await(ctx)
			return err
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, client, reported := slowClient(t)
			noError(t, test.call(t.Context(), client))
			got := <-reported
			if got.Name != test.name || got.Namespace != test.namespace || got.Err != nil || got.Took <= 0 || got.Waited > got.Took {
				t.Errorf("got %+v, want %s on %q", got, test.name, test.namespace)
			}
		})
	}
}

// An operation that waits for a slot is slow, although it takes no time itself.
func TestSlowOperationWaits(t *testing.T) {
	const pause = 20 * time.Millisecond
	peer := wiretest.Start(t, wiretest.Primary)
	var reported []motor.SlowOperation // the reports run one at a time, in the only slot
	client := newClient(t, peer.URI(), motor.WithMaxWorkers(1), motor.WithSlowOperations(pause, func(o motor.SlowOperation) { reported = append(reported, o) }))
	coll := client.Database("d").Collection("c")
	first := coll.InsertOne(t.Context(), bson.M{})
	held := peer.Receive("insert")
	second := coll.CountDocuments(t.Context(), bson.M{})
	time.Sleep(2 * pause)
	held.OK(bson.M{"n": 1})
	peer.Receive("aggregate").Fail(13, "Unauthorized", "not allowed")
	succeed(t, first)
	_, err := second.Await(t.Context())
	if len(reported) != 2 || reported[0].Waited > reported[0].Took/2 || reported[1].Waited < pause || !errors.Is(reported[1].Err, motor.OperationFailure) {
		t.Errorf("got %+v, %v, want a slow InsertOne, and a CountDocuments that waited for it and failed", reported, err)
	}
}

func TestSlowOperationIsLogged(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("ping", ok())
	client := newClient(t, peer.URI(), motor.WithSlowOperations(time.Nanosecond, nil))
	succeed(t, client.Database("d").Command(t.Context(), "ping"))
	if got := log.String(); !strings.Contains(got, `msg="motor: slow operation" name=Database.Command namespace=d waited=`) || strings.Count(got, "\n") != 1 {
		t.Errorf("got the log %q, want one line about the command", got)
	}
}

func TestSlowOperationReportPanics(t *testing.T) {
	var panicked error
	before := future.SetUnobservedHandler(func(err error) { panicked = err })
	defer func() { future.SetUnobservedHandler(before) }()
	peer := wiretest.Start(t, wiretest.Primary)
	peer.Handle("ping", ok())
	client := newClient(t, peer.URI(), motor.WithSlowOperations(time.Nanosecond, func(motor.SlowOperation) { panic("in the report") }))
	succeed(t, client.Database("d").Command(t.Context(), "ping"))
	if p := (*future.PanicError)(nil); !errors.As(panicked, &p) || p.Value != "in the report" {
		t.Errorf("got %v, want the panic of the report", panicked)
	}
}

// A wait for new data is not slow.
func TestSlowOperationLongPoll(t *testing.T) {
	_, client, reported := slowClient(t)
	c := client.Database("d").Collection("c").Find(bson.M{}).AddOption(motor.QueryFlagTailable | motor.QueryFlagAwaitData)
	succeed(t, c.Next(t.Context()))
	succeed(t, c.Next(t.Context()))
	succeed(t, client.Database("d").Command(t.Context(), "ping"))
	if got := <-reported; got.Name != "Database.Command" {
		t.Errorf("got %+v, want no report about the tailable cursor", got)
	}
}

func TestSlowOperationInvalidLimit(t *testing.T) {
	if _, err := motor.NewClient(noServerURI, motor.WithSlowOperations(0, nil)); !errors.Is(err, motor.ConfigurationError) {
		t.Errorf("got %v, want ConfigurationError", err)
	}
}
