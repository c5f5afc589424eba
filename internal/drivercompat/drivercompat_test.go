package drivercompat_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
	"go.uber.org/goleak"

	"github.com/gomotor/gomotor/internal/command"
	"github.com/gomotor/gomotor/internal/drivercompat"
	"github.com/gomotor/gomotor/internal/wiretest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// connect returns a client of the driver.
func connect(t *testing.T, uri string, opts ...*options.ClientOptions) *mongo.Client {
	t.Helper()
	client, err := mongo.Connect(append([]*options.ClientOptions{options.Client().ApplyURI(uri)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client
}

func insert(ctx context.Context, client *mongo.Client) error {
	_, err := client.Database("d").Collection("c").InsertOne(ctx, bson.D{{Key: "_id", Value: 1}})
	return err
}

// occupy returns a client whose only connection is in use by a find.
func occupy(t *testing.T) (client *mongo.Client, find *wiretest.Request, waiting <-chan struct{}) {
	peer := wiretest.Start(t, wiretest.Standalone)
	checkOuts := make(chan struct{}, 10)
	monitor := &event.PoolMonitor{Event: func(e *event.PoolEvent) {
		if e.Type == event.ConnectionCheckOutStarted {
			checkOuts <- struct{}{}
		}
	}}
	client = connect(t, peer.URI("maxPoolSize=1", "retryReads=false", "retryWrites=false"), options.Client().SetPoolMonitor(monitor))
	found := make(chan struct{})
	go func() {
		defer close(found)
		client.Database("d").Collection("c").FindOne(context.Background(), bson.D{})
	}()
	t.Cleanup(func() { <-found })
	<-checkOuts
	return client, peer.Receive("find"), checkOuts
}

// TestErrors makes the driver fail with each of the recognized errors.
func TestErrors(t *testing.T) {
	recognizers := []struct {
		name string
		is   func(error) bool
	}{
		{"topology.ServerSelectionError", drivercompat.IsServerSelection},
		{"topology.WaitQueueTimeoutError", drivercompat.IsWaitQueueTimeout},
		{"topology.poolClearedError", drivercompat.IsPoolCleared},
		{"topology.ConnectionError", drivercompat.IsConnection},
		{"driver.WriteCommandError", func(err error) bool { return drivercompat.WriteCommandReply(err) != nil }},
	}
	for _, c := range []struct {
		when string
		is   string
		fail func(*testing.T) error
	}{
		{"no server can be selected", "topology.ServerSelectionError", func(t *testing.T) error {
			peer := wiretest.Start(t, wiretest.Secondary)
			return insert(t.Context(), connect(t, peer.URI("serverSelectionTimeoutMS=50")))
		}},
		{"a time limit expires in the pool's wait queue", "topology.WaitQueueTimeoutError", func(t *testing.T) error {
			client, find, _ := occupy(t)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err := insert(ctx, client)
			find.Cursor("d.c", 0)
			return err
		}},
		{"another operation clears the pool", "topology.poolClearedError", func(t *testing.T) error {
			client, find, waiting := occupy(t)
			failed := make(chan error, 1)
			go func() { failed <- insert(context.Background(), client) }()
			<-waiting
			find.HangUp()
			return <-failed
		}},
		{"the server closes the connection", "topology.ConnectionError", func(t *testing.T) error {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("insert", func(r *wiretest.Request) { r.HangUp() })
			return insert(t.Context(), connect(t, peer.URI("retryWrites=false")))
		}},
		{"a drop fails its write concern", "driver.WriteCommandError", func(t *testing.T) error {
			peer := wiretest.Start(t, wiretest.Standalone)
			peer.Handle("drop", func(r *wiretest.Request) { r.WriteConcernError(64, "WriteConcernTimeout", "slow") })
			return connect(t, peer.URI()).Database("d").Collection("c").Drop(t.Context())
		}},
	} {
		t.Run(c.when, func(t *testing.T) {
			err := c.fail(t)
			if err == nil {
				t.Fatalf("got no error, want a %s", c.is)
			}
			for _, r := range recognizers {
				also := c.is == "topology.poolClearedError" && r.name == "topology.ConnectionError" // its cause
				if is := r.is(err); is != (r.name == c.is) && !also {
					t.Errorf("The types of the driver's errors have changed. When %s: recognized as %s: got %t, want %t, with the types %s.",
						c.when, r.name, is, !is, tree(err))
				}
			}
			if c.is == "driver.WriteCommandError" {
				if code, ok := drivercompat.WriteCommandReply(err).Lookup("writeConcernError", "code").AsInt64OK(); !ok || code != 64 {
					t.Errorf("The field Raw of driver.WriteCommandError is no longer the reply of the server: got %s.", drivercompat.WriteCommandReply(err))
				}
			}
			for _, r := range recognizers {
				if joined := errors.Join(errors.New("first"), fmt.Errorf("wrapped: %w", err)); r.name == c.is && !r.is(joined) {
					t.Errorf("a joined error of type %s: got not recognized, want recognized", r.name)
				}
			}
		})
	}
}

// tree returns the types of the errors in err.
func tree(err error) string {
	s := fmt.Sprintf("%T", err)
	switch w := err.(type) {
	case interface{ Unwrap() error }:
		if inner := w.Unwrap(); inner != nil {
			s += " > " + tree(inner)
		}
	case interface{ Unwrap() []error }:
		for _, inner := range w.Unwrap() {
			s += " > [" + tree(inner) + "]"
		}
	}
	return s
}

// ConnectionError has the same name as a type of the driver.
type ConnectionError struct{}

func (ConnectionError) Error() string { return "the user's own" }

func TestErrorsOtherPackage(t *testing.T) {
	for _, err := range []error{ConnectionError{}, &ConnectionError{}, (*ConnectionError)(nil), errors.Join(ConnectionError{})} {
		if drivercompat.IsConnection(err) {
			t.Errorf("IsConnection(%T) = true, want false", err)
		}
	}
}

func TestSessionReads(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Primary)
	client := connect(t, peer.URI())
	for _, c := range []struct {
		name             string
		opts             *options.SessionOptionsBuilder
		snapshot, causal bool
	}{
		{"no options", options.Session(), false, true},
		{"Snapshot", options.Session().SetSnapshot(true), true, false},
		{"CausalConsistency false", options.Session().SetCausalConsistency(false), false, false},
	} {
		session, err := client.StartSession(c.opts)
		if err != nil {
			t.Fatal(err)
		}
		snapshot, causal := drivercompat.SessionReads(session)
		session.EndSession(t.Context())
		if snapshot != c.snapshot || causal != c.causal {
			t.Errorf("%s: got snapshot %t, causal %t, want %t, %t. The fields clientSession.Snapshot and "+
				"clientSession.Consistent of the driver's Session have changed.", c.name, snapshot, causal, c.snapshot, c.causal)
		}
	}
}

// TestTransactionFields sets the fields of the driver's session that a commit sends.
func TestTransactionFields(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Mongos)
	peer.Handle("insert", func(r *wiretest.Request) { r.OK(bson.M{"n": 1, "recoveryToken": bson.M{"a": 1}}) })
	peer.Handle("commitTransaction", func(r *wiretest.Request) { r.OK() })
	session, err := connect(t, peer.URI()).StartSession()
	if err != nil {
		t.Fatal(err)
	}
	defer session.EndSession(t.Context())
	if err := session.StartTransaction(options.Transaction().SetWriteConcern(writeconcern.W1())); err != nil {
		t.Fatal(err)
	}
	if err := insert(mongo.NewSessionContext(t.Context(), session), session.Client()); err != nil {
		t.Fatal(err)
	}
	if got := drivercompat.TransactionConcern(session); got == nil || got.W != 1 {
		t.Errorf("TransactionConcern() = %v, want w: 1. The field clientSession.CurrentWc of the driver's Session has changed.", got)
	}
	drivercompat.SetTransactionConcern(session, &writeconcern.WriteConcern{W: 2})
	drivercompat.SetWTimeout(session, 3*time.Second)
	drivercompat.ClearRecoveryToken(session)
	if err := session.CommitTransaction(t.Context()); err != nil {
		t.Fatal(err)
	}
	commit := peer.Seen("commitTransaction")[0]
	if got := commit.Lookup("writeConcern").String(); got != `{"w": {"$numberInt":"2"},"wtimeout": {"$numberLong":"3000"}}` {
		t.Errorf("got writeConcern %s, want w: 2 and wtimeout: 3000. The fields clientSession.CurrentWc and "+
			"clientSession.CurrentWTimeout of the driver's Session have changed.", got)
	}
	if err := session.CommitTransaction(t.Context()); err != nil {
		t.Fatal(err)
	}
	drivercompat.ClearCommit(session)
	if err := insert(mongo.NewSessionContext(t.Context(), session), session.Client()); err != nil {
		t.Fatal(err)
	}
	if got, err := peer.Seen("insert")[1].LookupErr("autocommit"); err == nil {
		t.Errorf("got autocommit %s after a repeated commit, want none. The field clientSession.RetryingCommit of the driver's "+
			"Session has changed.", got)
	}
	if got, err := commit.LookupErr("recoveryToken"); err == nil {
		t.Errorf("got recoveryToken %s, want none. The field clientSession.RecoveryToken of the driver's Session has changed.", got)
	}
}

func TestHideDeadline(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("ping", func(r *wiretest.Request) { r.OK() })
	client := connect(t, peer.URI("timeoutMS=60000"))
	for _, c := range []struct {
		name    string
		context func(context.Context) context.Context
		want    bool
	}{
		{"deadline", func(ctx context.Context) context.Context { return ctx }, true},
		{"hidden deadline", drivercompat.HideDeadline, false},
	} {
		before := len(peer.Seen("ping"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := client.Database("d").RunCommand(c.context(ctx), bson.D{{Key: "ping", Value: 1}}).Err()
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		_, err = peer.Seen("ping")[before].LookupErr("maxTimeMS")
		if has := err == nil; has != c.want {
			t.Errorf("%s: got a maxTimeMS: %t, want %t. The driver has changed how it derives maxTimeMS from a deadline.", c.name, has, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	hidden := drivercompat.HideDeadline(ctx)
	cancel()
	if !errors.Is(hidden.Err(), context.Canceled) {
		t.Errorf("after cancel: hidden.Err() = %v, want context.Canceled", hidden.Err())
	}
}

func TestSetMaxTimeMS(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Standalone)
	peer.Handle("aggregate", func(r *wiretest.Request) { r.Cursor("d.c", 0) })
	coll := connect(t, peer.URI("timeoutMS=60000")).Database("d").Collection("c")
	var set options.AggregateOptions
	drivercompat.SetMaxTimeMS(&set, 7)
	_, err := coll.Aggregate(t.Context(), bson.A{}, &command.Literal[options.AggregateOptions]{Options: set})
	if err != nil {
		t.Fatal(err)
	}
	if limit, ok := peer.Seen("aggregate")[0].Lookup("maxTimeMS").AsInt64OK(); !ok || limit != 7 {
		t.Errorf("sent %v, want the maxTimeMS 7. The driver has changed what it adds to an aggregate command.", peer.Seen("aggregate")[0])
	}
}
