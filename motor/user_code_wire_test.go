package motor_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/reporttest"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// The operations of these tests succeed while every function that the user has passed panics.
func TestMonitorsPanic(t *testing.T) {
	var calls, reports atomic.Int64
	reporttest.LeaveOthers(t)
	before := future.SetUnobservedHandler(func(err error) {
		var panicked *future.PanicError
		if errors.As(err, &panicked) && (panicked.Value == "monitor" || panicked.Value == "sink") {
			reports.Add(1)
		}
	})
	t.Cleanup(func() { future.SetUnobservedHandler(before) }) // after the client is closed
	fail := func() { calls.Add(1); panic("monitor") }
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("ping", func(r *wiretest.Request) { r.OK() })
	opts := options.Client().
		SetMonitor(&event.CommandMonitor{
			Started:   func(context.Context, *event.CommandStartedEvent) { fail() },
			Succeeded: func(context.Context, *event.CommandSucceededEvent) { fail() },
		}).
		SetPoolMonitor(&event.PoolMonitor{Event: func(*event.PoolEvent) { fail() }}).
		SetServerMonitor(&event.ServerMonitor{
			ServerDescriptionChanged:   func(*event.ServerDescriptionChangedEvent) { fail() },
			TopologyDescriptionChanged: func(*event.TopologyDescriptionChangedEvent) { fail() },
			ServerOpening:              func(*event.ServerOpeningEvent) { fail() },
			ServerHeartbeatStarted:     func(*event.ServerHeartbeatStartedEvent) { fail() },
			ServerHeartbeatSucceeded:   func(*event.ServerHeartbeatSucceededEvent) { fail() },
		}).
		SetLoggerOptions(options.Logger().SetSink(sinkThatPanics{}).SetComponentLevel(options.LogComponentAll, options.LogLevelDebug))
	client := newClient(t, peer.URI(), motor.WithClientOptions(opts))
	for range 10 {
		if _, err := client.Database("d").Command(t.Context(), "ping").Await(t.Context()); err != nil {
			t.Errorf("got %v, want nil", err)
		}
	}
	if n, reported := calls.Load(), reports.Load(); n < 20 || reported < n {
		t.Errorf("got %d panics of monitors and %d reports of panics, want at least 20, and all of them", n, reported)
	}
}

type sinkThatPanics struct{}

func (sinkThatPanics) Info(int, string, ...any)    { panic("sink") }
func (sinkThatPanics) Error(error, string, ...any) { panic("sink") }

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

func (f dialFunc) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return f(ctx, network, address)
}

func TestDialerMisbehaves(t *testing.T) {
	for _, test := range []struct {
		name, want string
		dial       dialFunc
	}{
		{"panics", "dialer", func(context.Context, string, string) (net.Conn, error) { panic("dialer") }},
		{"returns nothing", "neither a connection nor an error", func(context.Context, string, string) (net.Conn, error) { return nil, nil }},
	} {
		for _, limit := range []string{"", "&socketTimeoutMS=1000"} {
			client := newClient(t, "mongodb://h/?serverSelectionTimeoutMS=50"+limit, motor.WithClientOptions(options.Client().SetDialer(test.dial)))
			// The error names the dialer's fault once the client has dialed. On a busy machine that can take more than 50 ms.
			eventually(t, func() bool {
				_, err := client.Database("d").Command(t.Context(), "ping").Await(t.Context())
				if !errors.Is(err, motor.ServerSelectionTimeoutError) {
					t.Fatalf("a dialer that %s: got %v, want a ServerSelectionTimeoutError", test.name, err)
				}
				return strings.Contains(err.Error(), test.want)
			})
		}
	}
}

// codecThatPanics panics when it is encoded or decoded.
type codecThatPanics struct{ A int }

func (codecThatPanics) MarshalBSON() ([]byte, error)  { panic("marshal") }
func (*codecThatPanics) UnmarshalBSON(b []byte) error { panic("unmarshal") }

func TestMarshalerPanics(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"a": 1}, bson.M{"a": 2}) })
	peer.Handle("aggregate", func(r *wiretest.Request) { r.Cursor("d.c", 0, bson.M{"a": 1}) })
	peer.Handle("findAndModify", func(r *wiretest.Request) { r.OK(bson.M{"value": bson.M{"a": 1}}) })
	client := newClient(t, peer.URI())
	c := motor.CollectionOf[codecThatPanics](client.Database("d"), "c")
	ctx, bad := t.Context(), codecThatPanics{}
	for _, test := range []struct {
		name  string
		op    outcome
		class *motor.ErrorClass
	}{
		{"InsertOne", started(c.InsertOne(ctx, bad)), motor.InvalidDocument},
		{"InsertMany", started(c.InsertMany(ctx, []codecThatPanics{bad})), motor.InvalidDocument},
		{"InsertOne with batching", started(c.WithBatching().InsertOne(ctx, bad)), motor.InvalidDocument},
		{"ReplaceOne", started(c.ReplaceOne(ctx, bson.M{}, bad)), motor.InvalidDocument},
		{"filter", started(c.FindOne(ctx, bson.M{"a": bad})), motor.InvalidDocument},
		{"option", started(c.FindOne(ctx, bson.M{}, options.FindOne().SetComment(bad))), motor.InvalidDocument},
		{"FindOne", started(c.FindOne(ctx, bson.M{})), motor.InvalidBSON},
		{"ToList", started(c.Find(bson.M{}).ToList(ctx)), motor.InvalidBSON},
		{"Next", started(c.Find(bson.M{}).Next(ctx)), motor.InvalidBSON},
		{"Aggregate", started(c.Aggregate(bson.A{}).ToList(ctx)), motor.InvalidBSON},
		{"FindOneAndDelete", started(c.FindOneAndDelete(ctx, bson.M{})), motor.InvalidBSON},
	} {
		err := test.op(ctx)
		var panicked *future.PanicError
		if !errors.Is(err, test.class) || !errors.As(err, &panicked) {
			t.Errorf("%s: got %v, want %v with the panic as its cause", test.name, err, test.class)
		}
	}
	cursor := c.Find(bson.M{})
	for range 2 { // FetchNext has documents; NextObject decodes them
		if more, err := cursor.FetchNext(ctx).Await(ctx); !more && err == nil {
			t.Error("FetchNext: got neither a document nor an error")
		}
	}
}

type readFunc func(b []byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

// A reader that misbehaves fails its upload, and what has been written is removed.
func TestUploadReaderMisbehaves(t *testing.T) {
	for _, test := range []struct {
		name string
		read readFunc
		want func(error) bool
	}{
		{"panics", func([]byte) (int, error) { panic("reader") }, func(err error) bool { return errors.As(err, new(*future.PanicError)) }},
		{"nothing for ever", func([]byte) (int, error) { return 0, nil }, func(err error) bool { return errors.Is(err, io.ErrNoProgress) }},
		{"negative count", func([]byte) (int, error) { return -1, nil }, func(err error) bool { return err != nil }},
		{"count beyond the buffer", func(b []byte) (int, error) { return len(b) + 1, nil }, func(err error) bool { return err != nil }},
		{"error without a text", func([]byte) (int, error) { return 0, errors.New("") }, func(err error) bool { return err != nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("find", func(r *wiretest.Request) { r.Cursor("d.fs.files", 0, bson.M{"_id": 1}) })
			peer.Handle("delete", func(r *wiretest.Request) { r.OK(bson.M{"n": 0}) })
			bucket, err := motor.NewGridFSBucket(newClient(t, peer.URI()).Database("d"))
			noError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err = bucket.UploadFromStream(ctx, "f", test.read).Await(ctx)
			if !test.want(err) || ctx.Err() != nil {
				t.Errorf("got %v", err)
			}
			in := bucket.OpenUploadStream("f")
			if _, err := in.Write(ctx, []byte("a")).Await(ctx); err != nil {
				t.Errorf("the next upload: got %v, want nil", err)
			}
			succeed(t, in.Abort(ctx))
		})
	}
}
