package motor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

type callerKey struct{}

// calledBy returns a context with the name of a caller, as tracers put a span into a context.
func calledBy(t *testing.T, caller string) context.Context {
	return context.WithValue(t.Context(), callerKey{}, caller)
}

// callers records the callers of commands.
type callers struct {
	mu   sync.Mutex
	seen []string // "command caller"
}

// option makes a client record the callers of its commands.
func (c *callers) option() motor.ClientOption {
	return motor.WithClientOptions(options.Client().SetMonitor(&event.CommandMonitor{
		Started: func(ctx context.Context, e *event.CommandStartedEvent) {
			caller, _ := ctx.Value(callerKey{}).(string)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.seen = append(c.seen, e.CommandName+" "+caller)
		},
	}))
}

func (c *callers) want(t *testing.T, want ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.seen, want) {
		t.Errorf("got the commands and callers %q, want %q", c.seen, want)
	}
}

// A monitor sees the values of the context with which the operation was called.
func TestMonitorSeesCaller(t *testing.T) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, ctx context.Context, peer *wiretest.Peer, c collection)
		want []string // commands
	}{
		{"operation", func(t *testing.T, ctx context.Context, peer *wiretest.Peer, c collection) {
			dropped := c.Drop(ctx)
			peer.Receive("drop").OK()
			succeed(t, dropped)
		}, []string{"drop"}},
		{"InsertMany", func(t *testing.T, ctx context.Context, peer *wiretest.Peer, c collection) {
			inserted := c.InsertMany(ctx, []bson.M{{"_id": 1}, {"_id": 2}})
			peer.Receive("insert").OK(bson.M{"n": 2})
			succeed(t, inserted)
		}, []string{"insert"}},
		{"ToList and Close", func(t *testing.T, ctx context.Context, peer *wiretest.Peer, c collection) {
			cursor := c.Find(bson.M{})
			docs := cursor.ToList(ctx, 2)
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
			peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 1})
			succeed(t, docs)
			closed := cursor.Close(ctx)
			succeed(t, closed)
		}, []string{"find", "getMore", "killCursors"}},
		{"ReadAhead", func(t *testing.T, ctx context.Context, peer *wiretest.Peer, c collection) {
			cursor := c.Find(bson.M{}).ReadAhead(1)
			docs := cursor.ToList(ctx)
			peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 0})
			peer.Receive("getMore").Cursor("d.c", 7, bson.M{"i": 1})
			peer.Receive("getMore").Cursor("d.c", 0, bson.M{"i": 2})
			succeed(t, docs)
		}, []string{"find", "getMore", "getMore"}},
		{"GridFS upload", func(t *testing.T, ctx context.Context, peer *wiretest.Peer, c collection) {
			bucket, err := motor.NewGridFSBucket(c.Database())
			noError(t, err)
			uploaded := bucket.UploadFromStream(ctx, "f", strings.NewReader("x"))
			peer.Receive("find").Cursor("d.fs.files", 0, bson.M{"_id": 1}) // so the indexes exist
			for range 2 {
				peer.Receive("insert").OK(bson.M{"n": 1})
			}
			succeed(t, uploaded)
		}, []string{"find", "insert", "insert"}},
		{"transaction", func(t *testing.T, ctx context.Context, peer *wiretest.Peer, c collection) {
			session := sessionOf(t, c.Database().Client())
			done := motor.WithTransaction(ctx, session, func(ctx context.Context) (any, error) {
				return c.InsertOne(ctx, bson.M{"_id": 1}).Await(ctx)
			})
			peer.Receive("insert").OK(bson.M{"n": 1})
			peer.Receive("commitTransaction").OK()
			succeed(t, done)
		}, []string{"insert", "commitTransaction"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer := wiretest.Start(t, wiretest.Primary)
			seen := new(callers)
			test.run(t, calledBy(t, "ann"), peer, newClient(t, peer.URI(), seen.option()).Database("d").Collection("c"))
			var want []string
			for _, command := range test.want {
				want = append(want, command+" ann")
			}
			seen.want(t, want...)
		})
	}
}

// Operations that share a command have different callers. The command has the values of the first one.
func TestBatchHasFirstCaller(t *testing.T) {
	t.Run("inserts", func(t *testing.T) {
		seen := new(callers)
		peer, c, first, held := startBatching(t, seen.option())
		ctx, cancel := context.WithCancel(calledBy(t, "ann"))
		a, b := c.InsertOne(ctx, bson.M{"_id": 1}), c.InsertOne(calledBy(t, "bob"), bson.M{"_id": 2})
		held.OK(bson.M{"n": 1})
		succeed(t, first)
		batch := peer.Receive("insert")
		cancel() // ends the first operation, not the command
		if _, err := a.Await(t.Context()); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v for the cancelled insert, want context.Canceled", err)
		}
		batch.OK(bson.M{"n": 2})
		succeed(t, b)
		seen.want(t, "insert ", "insert ann")
	})
	t.Run("reads", func(t *testing.T) {
		seen := new(callers)
		peer, c, held := startFinds(t, seen.option())
		all := []found{c.FindOne(calledBy(t, "ann"), bson.M{"_id": 1}), c.FindOne(calledBy(t, "bob"), bson.M{"_id": 2})}
		held.Cursor("d.c", 0, bson.M{"_id": 0})
		peer.Receive("find").Cursor("d.c", 0, bson.M{"_id": 1, "a": 1}, bson.M{"_id": 2, "a": 2})
		wantFound(t, all, int32(1), int32(2))
		seen.want(t, "find ", "find ann")
	})
}

// The commands of a long poll have the values of the read that waits for it.
func TestLongPollHasReadersValues(t *testing.T) {
	seen := new(callers)
	peer := wiretest.Start(t, wiretest.Primary)
	stream := newClient(t, peer.URI("retryReads=false"), seen.option()).Database("d").Collection("c").Watch(nil)
	opened := stream.Open(calledBy(t, "ann"))
	changes(peer.Receive("aggregate"), 7, 1)
	succeed(t, opened)

	next := stream.Next(calledBy(t, "bob"))
	peer.Receive("getMore").HangUp()
	changes(peer.Receive("aggregate").Want(resumedAt(1)), 8, 0, changeEvent(2))
	if doc := succeed(t, next); !isChange(doc, 2) {
		t.Errorf("Next() = %v, want change 2", doc)
	}
	next = stream.Next(calledBy(t, "eve"))
	changes(peer.Receive("getMore"), 8, 0, changeEvent(3))
	succeed(t, next)
	closed := stream.Close(calledBy(t, "joe"))
	succeed(t, closed)
	seen.want(t, "aggregate ann", "getMore bob", "aggregate bob", "getMore eve", "killCursors joe")
}

// A poll has the values of the read that waits, but never its session or its end.
func TestPollContext(t *testing.T) {
	ends, end := context.WithCancel(t.Context())
	poll, lend := motor.NewPollContext(ends)
	session, _ := withSession(t, newClient(t, wiretest.Start(t, wiretest.Primary).URI()))
	for _, caller := range []string{"ann", "bob", ""} {
		reader, cancel := context.WithCancel(context.WithValue(session, callerKey{}, caller))
		if caller == "" {
			lend(nil)
		} else {
			lend(reader)
		}
		cancel()
		if got, _ := poll.Value(callerKey{}).(string); got != caller {
			t.Errorf("got the caller %q, want %q", got, caller)
		}
		if got := mongo.SessionFromContext(poll); got != nil {
			t.Errorf("got the session %v of the reader, want none", got)
		}
		if _, ok := poll.Deadline(); ok || poll.Err() != nil {
			t.Errorf("got a deadline %t and the error %v after the end of the reader, want false, nil", ok, poll.Err())
		}
	}
	end()
	if poll.Err() != context.Canceled {
		t.Errorf("got error %v after the end of the connection, want context.Canceled", poll.Err())
	}
}
