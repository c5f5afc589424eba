package motor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// TestOperationsUseSession runs every operation in a context derived from Session.Context, and in one that the driver
// made.
func TestOperationsUseSession(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("listCollections", cursorOf())
	for _, test := range []struct {
		name string
		ctx  context.Context
	}{
		{"ours", context.WithValue(s.Context(t.Context()), peer, peer)},
		{"driver's", mongo.NewSessionContext(t.Context(), s.Delegate())},
	} {
		for _, o := range slices.Concat(readers, legacyReads, writes, legacyWrites) {
			wait := o.call(test.ctx, coll)
			answerRead(peer.Receive(o.command).Want(inSession(s)))
			if err := wait(test.ctx); err != nil && !errors.Is(err, motor.ProtocolError) {
				t.Errorf("%s: %s: got %v, want nil or ProtocolError", test.name, o.command, err)
			}
		}
	}
}

func TestCursorKeepsSession(t *testing.T) {
	peer, s, coll := newSession(t)
	cursor := coll.Find(bson.D{})
	if cursor.Session() != nil {
		t.Error("unread cursor has a session, want none")
	}
	first := cursor.Next(s.Context(t.Context()))
	peer.Receive("find").Want(inSession(s)).Cursor("d.c", 7, bson.M{"i": 1})
	succeed(t, first)
	if cursor.Session() != s {
		t.Errorf("cursor.Session() = %v, want %v", cursor.Session(), s)
	}
	other := sessionOf(t, coll.Database().Client())
	for _, ctx := range []context.Context{t.Context(), other.Context(t.Context())} {
		more := cursor.Next(ctx)
		peer.Receive("getMore").Want(inSession(s)).Cursor("d.c", 7, bson.M{"i": 2})
		succeed(t, more)
	}
	peer.Handle("killCursors", nil)
	closed := cursor.Close(t.Context())
	peer.Receive("killCursors").Want(inSession(s)).OK()
	succeed(t, closed)

	listing := coll.Database().ListCollections(s.Context(t.Context()), bson.D{})
	peer.Receive("listCollections").Want(inSession(s)).Cursor("d.$cmd.listCollections", 0)
	if listed := succeed(t, listing); listed.Session() != s {
		t.Errorf("listed.Session() = %v, want %v", listed.Session(), s)
	}

	// A cursor that was first read without a session stays without one.
	cursor = coll.Find(bson.D{})
	first = cursor.Next(t.Context())
	peer.Receive("find").Cursor("d.c", 8, bson.M{"i": 1})
	succeed(t, first)
	more := cursor.Next(s.Context(t.Context()))
	if lsid := peer.Receive("getMore"); lsid.Command.Lookup("lsid").String() == s.SessionID().String() {
		t.Error("getMore was sent in the session of its context")
	} else {
		lsid.Cursor("d.c", 0, bson.M{"i": 2})
	}
	succeed(t, more)
	if cursor.Session() != nil {
		t.Errorf("cursor.Session() = %v, want nil", cursor.Session())
	}
}

// A cursor whose session has ended returns the documents it has fetched, and then fails.
func TestCursorOfEndedSession(t *testing.T) {
	peer, s, coll := newSession(t)
	cursor := coll.Find(bson.D{})
	first := cursor.Next(s.Context(t.Context()))
	peer.Receive("find").Cursor("d.c", 7, bson.M{"i": 1}, bson.M{"i": 2})
	succeed(t, first)
	succeed(t, s.EndSession(t.Context()))
	if docs, err := cursor.ToList(t.Context(), 1).Await(t.Context()); len(docs) != 1 || err != nil {
		t.Errorf("ToList() = %v, %v, want 1 document, nil", docs, err)
	}
	if _, err := cursor.Next(t.Context()).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("second read: got %v, want InvalidOperation", err)
	}
	peer.Handle("killCursors", nil)
	again := sessionOf(t, coll.Database().Client())
	open := coll.Find(bson.D{})
	first = open.Next(again.Context(t.Context()))
	peer.Receive("find").Cursor("d.c", 9, bson.M{"i": 1})
	succeed(t, first)
	succeed(t, again.EndSession(t.Context()))
	closing := open.Close(t.Context())
	peer.Receive("killCursors").Want(bson.M{"cursors": bson.A{int64(9)}}).OK()
	succeed(t, closing)
}

func TestTransactionCommands(t *testing.T) {
	peer, s, coll := newSession(t, options.Session().SetDefaultTransactionOptions(
		options.Transaction().SetWriteConcern(writeconcern.Majority())))
	ctx := s.Context(t.Context())
	if s.InTransaction() {
		t.Error("new session: InTransaction() = true, want false")
	}
	if err := s.StartTransaction(options.Transaction().SetReadPreference(readpref.Primary())); err != nil || !s.InTransaction() {
		t.Fatalf("StartTransaction() = %v, InTransaction() = %t, want nil, true", err, s.InTransaction())
	}
	inserted := coll.InsertOne(ctx, bson.M{"_id": 1})
	first := peer.Receive("insert").Want(bson.M{
		"lsid": s.SessionID(), "startTransaction": true, "autocommit": false, "writeConcern": wiretest.Absent,
	})
	number := first.Command.Lookup("txnNumber").Int64()
	first.OK(bson.M{"n": 1})
	succeed(t, inserted)
	inTransaction := bson.M{"lsid": s.SessionID(), "startTransaction": wiretest.Absent, "autocommit": false, "txnNumber": number}
	found := coll.Find(bson.D{}).ToList(ctx)
	peer.Receive("find").Want(inTransaction).Cursor("d.c", 0)
	succeed(t, found)
	// In a transaction CreateCollection does not list the collections first.
	created := coll.Database().CreateCollection(ctx, "new")
	peer.Receive("create").Want(inTransaction).OK()
	succeed(t, created)

	peer.Handle("commitTransaction", nil)
	committed := s.CommitTransaction(t.Context())
	if s.InTransaction() {
		t.Error("InTransaction() = true after the commit, want false")
	}
	majority := bson.M{"w": "majority"}
	peer.Receive("commitTransaction").Want(inTransaction).Want(bson.M{"$db": "admin", "writeConcern": majority}).OK()
	succeed(t, committed)

	outside := coll.InsertOne(ctx, bson.M{"_id": 2})
	peer.Receive("insert").Want(inSession(s)).OK(bson.M{"n": 1})
	succeed(t, outside)

	if err := s.StartTransaction(); err != nil {
		t.Fatalf("StartTransaction() = %v, want nil", err)
	}
	inserted = coll.InsertOne(ctx, bson.M{"_id": 3})
	next := peer.Receive("insert").Want(bson.M{"startTransaction": true})
	if n := next.Command.Lookup("txnNumber").Int64(); n <= number {
		t.Errorf("got transaction number %d after %d, want a larger one", n, number)
	}
	next.OK(bson.M{"n": 1})
	succeed(t, inserted)
	peer.Handle("abortTransaction", nil)
	aborted := s.AbortTransaction(t.Context())
	peer.Receive("abortTransaction").Want(bson.M{"$db": "admin", "autocommit": false}).Fail(251, "NoSuchTransaction", "no")
	succeed(t, aborted) // an error of abortTransaction is ignored
}

// usage is an invalid use of a session.
type usage struct {
	name  string
	use   func(context.Context, *motor.Session) error
	class *motor.ErrorClass
}

func TestSessionMisuse(t *testing.T) {
	start := func(_ context.Context, s *motor.Session) error { return s.StartTransaction() }
	commit := func(ctx context.Context, s *motor.Session) error { return second(s.CommitTransaction(ctx).Await(ctx)) }
	abort := func(ctx context.Context, s *motor.Session) error { return second(s.AbortTransaction(ctx).Await(ctx)) }
	end := func(ctx context.Context, s *motor.Session) error { return second(s.EndSession(ctx).Await(ctx)) }
	ping := func(ctx context.Context, s *motor.Session) error {
		return second(s.Client().Database("d").Command(s.Context(ctx), "buildInfo").Await(ctx))
	}
	all := func(uses ...func(context.Context, *motor.Session) error) func(context.Context, *motor.Session) error {
		return func(ctx context.Context, s *motor.Session) error {
			for i, use := range uses {
				if err := use(ctx, s); err != nil && i < len(uses)-1 {
					return fmt.Errorf("step %d: %v", i, err)
				} else if err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, test := range []usage{
		{"commit without a start", commit, motor.InvalidOperation},
		{"abort without a start", abort, motor.InvalidOperation},
		{"two starts", all(start, start), motor.InvalidOperation},
		{"two aborts", all(start, abort, abort), motor.InvalidOperation},
		{"abort after commit", all(start, commit, abort), motor.InvalidOperation},
		{"commit after abort", all(start, abort, commit), motor.InvalidOperation},
		{"two commits", all(start, ping, commit, commit), nil},
		{"two empty commits", all(start, commit, commit), nil},
		{"commit after an operation outside", all(start, ping, commit, ping, commit), motor.InvalidOperation},
		{"start after commit", all(start, ping, commit, start, abort), nil},
		{"start after abort", all(start, ping, abort, start, ping, commit), nil},
		{"operation after end", all(end, ping), motor.InvalidOperation},
		{"start after end", all(end, start), motor.InvalidOperation},
		{"commit after end", all(start, end, commit), motor.InvalidOperation},
		{"abort after end", all(start, end, abort), motor.InvalidOperation},
		{"two ends", all(end, end), nil},
		{"advance after end", all(end, func(_ context.Context, s *motor.Session) error {
			return s.AdvanceOperationTime(bson.Timestamp{T: 1})
		}), motor.InvalidOperation},
		{"w: 0 in a transaction", func(_ context.Context, s *motor.Session) error {
			return s.StartTransaction(options.Transaction().SetWriteConcern(writeconcern.Unacknowledged()))
		}, motor.ConfigurationError},
		{"no cluster time", func(_ context.Context, s *motor.Session) error {
			return s.AdvanceClusterTime(bson.M{"clusterTime": 1})
		}, motor.ValueError},
		{"cluster time that is not a document", func(_ context.Context, s *motor.Session) error {
			return s.AdvanceClusterTime(1)
		}, motor.TypeError},
		{"nil context", func(_ context.Context, s *motor.Session) error {
			//lint:ignore SA1012 the test passes a nil context
			return second(s.CommitTransaction(nil).Await(context.Background()))
		}, motor.TypeError},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer, s, _ := newSession(t)
			peer.Handle("buildInfo", ok())
			err := test.use(t.Context(), s)
			if test.class == nil && err != nil || test.class != nil && !errors.Is(err, test.class) {
				t.Errorf("got %v, want %v", err, test.class)
			}
		})
	}
	t.Run("snapshot", func(t *testing.T) {
		peer, s, coll := newSession(t, options.Session().SetSnapshot(true))
		found := coll.FindOne(s.Context(t.Context()), bson.D{})
		held := peer.Receive("find")
		defer func() {
			held.Cursor("d.c", 0)
			succeed(t, found)
		}()
		if err := s.StartTransaction(); !errors.Is(err, motor.InvalidOperation) || s.InTransaction() {
			t.Errorf("transaction with a snapshot: got %v, want InvalidOperation", err)
		}
	})
	t.Run("options", func(t *testing.T) {
		client := newClient(t, noServerURI)
		for _, o := range []*options.SessionOptionsBuilder{
			options.Session().SetSnapshot(true).SetCausalConsistency(true),
			options.Session().SetSnapshotTime(bson.Timestamp{T: 1}),
		} {
			if f := client.StartSession(t.Context(), o); !f.IsDone() || !errors.Is(f.Err(), motor.ConfigurationError) {
				t.Errorf("got %v, want ConfigurationError", f.Err())
			}
		}
	})
	t.Run("default w: 0", func(t *testing.T) {
		client := newClient(t, "mongodb://127.0.0.1:1/?w=0")
		if err := sessionOf(t, client).StartTransaction(); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("got %v, want ConfigurationError", err)
		}
	})
}

// An operation in the session of another client, or of a closed connection, is not sent.
func TestSessionOfAnotherClient(t *testing.T) {
	_, s, coll := newSession(t)
	other := newClient(t, noServerURI).Database("d").Collection("c")
	if f := other.InsertOne(s.Context(t.Context()), bson.D{}); !f.IsDone() || !errors.Is(f.Err(), motor.InvalidOperation) {
		t.Errorf("session of another client: got %v, want InvalidOperation", f.Err())
	}
	succeed(t, sessionOf(t, other.Database().Client()).EndSession(t.Context())) // opens the other client
	if f := other.InsertOne(s.Context(t.Context()), bson.D{}); !f.IsDone() || !errors.Is(f.Err(), motor.InvalidOperation) {
		t.Errorf("session of another open client: got %v, want InvalidOperation", f.Err())
	}
	if _, err := other.Find(bson.D{}).ToList(s.Context(t.Context())).Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("cursor of another client: got %v, want InvalidOperation", err)
	}
	noError(t, coll.Database().Client().Close(t.Context()))
	if f := coll.InsertOne(s.Context(t.Context()), bson.D{}); !f.IsDone() || !errors.Is(f.Err(), motor.InvalidOperation) {
		t.Errorf("session of a closed connection: got %v, want InvalidOperation", f.Err())
	}
	succeed(t, s.EndSession(t.Context()))
	if motor.IsOpen(coll.Database().Client()) {
		t.Error("client was reopened")
	}
	if err := motor.WrapError(mongo.ErrWrongClient); !errors.Is(err, motor.InvalidOperation) {
		t.Errorf("WrapError() of a driver error = %v, want InvalidOperation", err)
	}
}

func TestSessionUnacknowledgedWrites(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("listCollections", cursorOf())
	for _, set := range []func(any) error{coll.SetWriteConcern, coll.Database().SetWriteConcern, coll.Database().Client().SetWriteConcern} {
		noError(t, set(bson.M{"w": 0}))
	}
	answered := []string{"renameCollection", "createSearchIndexes", "updateSearchIndex", "dropSearchIndex"} // always acknowledged
	for _, w := range writes {
		wait := w.call(s.Context(t.Context()), coll)
		if slices.Contains(answered, w.command) {
			peer.Receive(w.command).OK()
			continue
		}
		if err := wait(t.Context()); !errors.Is(err, motor.ConfigurationError) {
			t.Errorf("%s: got %v, want ConfigurationError", w.command, err)
		}
	}
	// Writes in a transaction send no write concern.
	noError(t, s.StartTransaction(options.Transaction().SetWriteConcern(writeconcern.W1())))
	inserted := coll.InsertOne(s.Context(t.Context()), bson.D{})
	peer.Receive("insert").Want(bson.M{"writeConcern": wiretest.Absent}).OK(bson.M{"n": 1})
	succeed(t, inserted)
}

func TestCausalConsistency(t *testing.T) {
	peer, s, coll := newSession(t)
	clock := bson.M{"clusterTime": bson.Timestamp{T: 9, I: 1}, "signature": bson.M{"keyId": int64(0)}}
	if at, ok := s.OperationTime(); ok || s.ClusterTime() != nil {
		t.Errorf("new session: got times %v and %v, want none", at, s.ClusterTime())
	}
	inserted := coll.InsertOne(s.Context(t.Context()), bson.D{})
	peer.Receive("insert").OK(bson.M{"n": 1, "operationTime": bson.Timestamp{T: 8, I: 2}, "$clusterTime": clock})
	succeed(t, inserted)
	at, ok := s.OperationTime()
	if !ok || at != (bson.Timestamp{T: 8, I: 2}) || s.ClusterTime().Lookup("clusterTime").Type != bson.TypeTimestamp {
		t.Errorf("got times %v and %v, want %v and a cluster time", at, s.ClusterTime(), bson.Timestamp{T: 8, I: 2})
	}
	reader := sessionOf(t, coll.Database().Client())
	noError(t, reader.AdvanceClusterTime(s.ClusterTime()))
	noError(t, reader.AdvanceClusterTime(s.Delegate().ClusterTime()))
	noError(t, reader.AdvanceOperationTime(at))
	noError(t, reader.AdvanceOperationTime(bson.Timestamp{T: 1}))
	for _, test := range findsOf {
		found := test.find(coll).FetchNext(reader.Context(t.Context()))
		peer.Receive("find").Want(bson.M{"readConcern": bson.M{"afterClusterTime": at}}).Cursor("d.c", 0)
		succeed(t, found)
	}
	if !s.Equal(s) || s.Equal(reader) || s.Equal(nil) || s.Client() != coll.Database().Client() || s.IOLoop() != nil {
		t.Error("session does not equal itself")
	}
	if o := reader.Options(); o.Snapshot == nil || *o.Snapshot || o.CausalConsistency == nil || !*o.CausalConsistency || o.DefaultTransactionOptions == nil {
		t.Errorf("Options() = %+v, want the options of StartSession", o)
	}
}
