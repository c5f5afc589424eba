package motor_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/motor"
)

func TestNewClientBadOptions(t *testing.T) {
	strict := []motor.ClientOption{motor.WithStrictOptions()}
	for _, test := range []struct {
		name  string
		uri   string
		opts  []motor.ClientOption
		class *motor.ErrorClass
	}{
		{"neither a host nor a connection string", "localhost/app", nil, motor.InvalidURI},
		{"a list with a gap", "a,,b", nil, motor.InvalidURI},
		{"port that is not a number", "localhost:port", nil, motor.InvalidURI},
		{"another scheme", "postgres://localhost", nil, motor.InvalidURI},
		{"no host", "mongodb://", nil, motor.InvalidURI},
		{"invalid percent escape", "mongodb://u:%zz@localhost", nil, motor.InvalidURI},
		{"a value out of range", "mongodb://localhost/?maxPoolSize=-1", strict, motor.ConfigurationError},
		{"unknown option", "mongodb://localhost/?maxPoolSzie=10", strict, motor.ConfigurationError},
		{"contradiction", "mongodb://a,b/?directConnection=true", nil, motor.InvalidURI},
		{"contradiction with the driver's options", "mongodb://a,b/",
			[]motor.ClientOption{motor.WithClientOptions(options.Client().SetDirect(true))}, motor.ConfigurationError},
		{"no workers", "mongodb://localhost", []motor.ClientOption{motor.WithMaxWorkers(0)}, motor.ConfigurationError},
		{"negative queue", "mongodb://localhost", []motor.ClientOption{motor.WithMaxQueue(-1)}, motor.ConfigurationError},
		{"nil loop", "mongodb://localhost", []motor.ClientOption{motor.WithIOLoop(nil)}, motor.TypeError},
		{"nil driver options", "mongodb://localhost", []motor.ClientOption{motor.WithClientOptions(nil)}, motor.TypeError},
		{"nil option", "mongodb://localhost", []motor.ClientOption{nil}, motor.TypeError},
	} {
		t.Run(test.name, func(t *testing.T) {
			client, err := motor.NewClient(test.uri, test.opts...)
			if client != nil || !errors.Is(err, test.class) {
				t.Errorf("got %v, %v; want a %v", client, err, test.class)
			}
		})
	}
}

func TestUnknownOptionError(t *testing.T) {
	_, err := motor.NewClient("mongodb://localhost/?maxPoolSzie=10", motor.WithStrictOptions())
	if err == nil || !strings.Contains(err.Error(), `"maxPoolSzie"`) {
		t.Errorf(`got error %v, want one that contains "maxPoolSzie" in quotes`, err)
	}
}

func TestMaxWorkers(t *testing.T) {
	for _, test := range []struct {
		name string
		env  string
		uri  string
		opts []motor.ClientOption
		want int
	}{
		{"default", "", "mongodb://localhost", nil, 100},
		{"maxPoolSize", "", "mongodb://localhost/?maxPoolSize=7", nil, 7},
		{"environment", "12", "mongodb://localhost/?maxPoolSize=7", nil, 12},
		{"option", "12", "mongodb://localhost", []motor.ClientOption{motor.WithMaxWorkers(3)}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("MOTOR_MAX_WORKERS", test.env)
			if got := newClient(t, test.uri, test.opts...).MaxWorkers(); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
	t.Setenv("MOTOR_MAX_WORKERS", "many")
	if _, err := motor.NewClient("mongodb://localhost"); !errors.Is(err, motor.ConfigurationError) {
		t.Errorf("MOTOR_MAX_WORKERS=many: got %v, want a ConfigurationError", err)
	}
}

func TestHandlesDoNoIO(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	called := make(chan struct{}, 16)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			called <- struct{}{}
			_ = conn.Close()
		}
	}()
	client := newClient(t, "mongodb://"+l.Addr().String()+"/?serverSelectionTimeoutMS=50")
	cursor := client.Database("d").Collection("c").Find(bson.D{}).Sort("a").Limit(3)
	if !cursor.Alive() || cursor.NextObject() != nil {
		t.Error("unread cursor: want alive and no documents")
	}
	select {
	case <-called:
		t.Error("got a connection, want no I/O")
	case <-time.After(20 * time.Millisecond):
	}
	// An operation connects. So the listener works.
	_, err = cursor.ToList(t.Context(), 1).Await(t.Context())
	if !errors.Is(err, motor.ConnectionFailure) {
		t.Errorf("got %v, want a ConnectionFailure", err)
	}
	<-called
	_ = l.Close()
	<-done
}

func TestServerUnreachable(t *testing.T) {
	ctx := context.Background()
	client := newClient(t, noServerURI)
	_, err := client.Open(ctx).Await(ctx)
	for _, class := range []*motor.ErrorClass{
		motor.ServerSelectionTimeoutError, motor.AutoReconnect, motor.ConnectionFailure, motor.PyMongoError,
	} {
		if !errors.Is(err, class) {
			t.Errorf("got %v, want %v", err, class)
		}
	}
	var e *motor.Error
	if !errors.As(err, &e) || !e.Timeout() {
		t.Errorf("got %v, want an error with Timeout() true", err)
	}
}

func TestOperationContextEnds(t *testing.T) {
	client := newClient(t, "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=60000")
	ctx, cancel := context.WithCancel(context.Background())
	f := client.Open(ctx)
	cancel()
	if _, err := f.Await(context.Background()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	f = client.Open(context.Background())
	if !f.Cancel() {
		t.Fatal("Cancel() = false for a pending operation, want true")
	}
	if _, err := f.Await(context.Background()); !errors.Is(err, future.ErrCancelled) {
		t.Errorf("got %v, want ErrCancelled", err)
	}
}

func TestNilContext(t *testing.T) {
	client := newClient(t, noServerURI)
	var none context.Context
	if _, err := client.ServerInfo(none).Await(t.Context()); !errors.Is(err, motor.TypeError) {
		t.Errorf("got %v, want a TypeError", err)
	}
}

func TestClientCloseAndReopen(t *testing.T) {
	ctx := context.Background()
	client := newClient(t, noServerURI)
	for range 3 {
		if _, err := client.ServerInfo(ctx).Await(ctx); !errors.Is(err, motor.ServerSelectionTimeoutError) {
			t.Errorf("got %v, want a ServerSelectionTimeoutError", err)
		}
		for range 2 {
			if err := client.Disconnect(ctx); err != nil {
				t.Errorf("Disconnect() = %v, want nil", err)
			}
		}
	}
	if got := client.Stats().Completed; got != 3 {
		t.Errorf("got %d operations in Stats() after a reopen, want 3", got)
	}
}

func TestClientCloseWithEndedContext(t *testing.T) {
	client := newClient(t, noServerURI)
	_, _ = client.Open(t.Context()).Await(t.Context())
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := client.Close(over); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Close() = %v, want nil or context.Canceled", err)
	}
	// goleak checks after all tests that the monitors have stopped.
}

func TestErrorsWrapDriverErrors(t *testing.T) {
	client := newClient(t, noServerURI)
	_, err := client.Database("d").Collection("c").InsertOne(t.Context(), bson.M{"f": func() {}}).Await(t.Context())
	var marshal mongo.MarshalError
	if !errors.Is(err, motor.InvalidDocument) || !errors.As(err, &marshal) {
		t.Errorf("got %v, want an InvalidDocument around the driver's MarshalError", err)
	}
}
