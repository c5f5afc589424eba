package motor_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"

	"github.com/gomotor/gomotor/future"
	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// startDriverSession starts a session of the driver. It returns its context and the motor.Session that a cursor in it
// reports.
func startDriverSession(
	t *testing.T, coll collection, opts ...options.Lister[options.SessionOptions],
) (context.Context, *mongo.Session, *motor.Session) {
	t.Helper()
	driver, err := motor.StartDriverSession(t.Context(), coll.Database().Client(), opts...)
	if err != nil {
		t.Fatalf("got error %v, want nil", err)
	}
	t.Cleanup(func() { driver.EndSession(context.Background()) })
	ctx := mongo.NewSessionContext(t.Context(), driver)
	cursor := coll.Find(bson.D{}).Limit(-1)
	ended, cancel := context.WithCancel(ctx)
	cancel()
	// The read never starts, so the session is idle again. The cursor has the session since the call.
	if _, err := cursor.FetchNext(ended).Await(t.Context()); !errors.Is(err, context.Canceled) {
		t.Fatalf("FetchNext() = %v, want context.Canceled", err)
	}
	return ctx, driver, cursor.Session()
}

func TestTransactionDefaults(t *testing.T) {
	peer, _, coll := newSession(t)
	client := coll.Database().Client()
	noError(t, client.SetReadPreference(readpref.NearestMode))
	s := sessionOf(t, client, options.Session().SetDefaultTransactionOptions(
		options.Transaction().SetReadConcern(readconcern.Majority())))
	noError(t, client.SetReadPreference(readpref.SecondaryMode))
	var defaults options.TransactionOptions
	for _, set := range s.Options().DefaultTransactionOptions.List() {
		noError(t, set(&defaults))
	}
	if defaults.ReadPreference == nil || defaults.ReadPreference.Mode() != readpref.NearestMode {
		t.Errorf("got read preference %v, want the client's at the start", defaults.ReadPreference)
	}
	for _, test := range []struct {
		want string
		opts []options.Lister[options.TransactionOptions]
	}{
		{"majority", nil},
		{"snapshot", []options.Lister[options.TransactionOptions]{options.Transaction().SetReadConcern(readconcern.Snapshot())}},
	} {
		noError(t, s.StartTransaction(test.opts...))
		inserted := coll.InsertOne(s.Context(t.Context()), bson.D{})
		peer.Receive("insert").Want(bson.M{"readConcern": bson.M{"level": test.want}}).OK(bson.M{"n": 1})
		succeed(t, inserted)
		succeed(t, s.AbortTransaction(t.Context()))
	}
}

// Call order decides which operations belong to a transaction, not the order of their replies.
func TestTransactionMembershipByCallOrder(t *testing.T) {
	peer, s, coll := newSession(t)
	ctx := s.Context(t.Context())
	inserted := coll.InsertOne(ctx, bson.D{})
	held := peer.Receive("insert")
	noError(t, coll.SetWriteConcern(bson.M{"w": 0}))
	noError(t, s.StartTransaction())
	within := coll.DeleteOne(ctx, bson.D{})
	committed := s.CommitTransaction(ctx)
	if _, err := coll.DeleteOne(ctx, bson.D{}).Await(t.Context()); !errors.Is(err, motor.ConfigurationError) {
		t.Errorf("w: 0 after the transaction: got %v, want ConfigurationError", err)
	}
	held.OK(bson.M{"n": 1})
	succeed(t, inserted)
	peer.Receive("delete").Want(bson.M{"startTransaction": true, "writeConcern": wiretest.Absent}).OK(bson.M{"n": 1})
	succeed(t, within)
	succeed(t, committed)
}

// A commit that is cancelled while it waits for its turn has no effect.
func TestCommitCancelledWhileWaiting(t *testing.T) {
	peer, s, coll := newSession(t)
	noError(t, s.StartTransaction())
	inserted := coll.InsertOne(s.Context(t.Context()), bson.D{})
	held := peer.Receive("insert")
	ctx, cancel := context.WithCancel(t.Context())
	commit := s.CommitTransaction(ctx)
	eventually(t, func() bool { return coll.Database().Client().Stats().Running == 1 }) // The commit waits and lends its slot.
	cancel()
	if _, err := commit.Await(t.Context()); err != context.Canceled {
		t.Errorf("CommitTransaction() = %v, want context.Canceled", err)
	}
	if !s.InTransaction() {
		t.Error("InTransaction() = false, want true")
	}
	held.OK(bson.M{"n": 1})
	succeed(t, inserted)
	succeed(t, s.AbortTransaction(t.Context()))
}

// A program may start and end transactions with the driver while no operation of the session runs.
func TestDriverTransactions(t *testing.T) {
	peer, _, coll := newSession(t)
	ctx, driver, s := startDriverSession(t, coll)
	for _, end := range []func(context.Context) error{driver.CommitTransaction, driver.AbortTransaction} {
		noError(t, driver.StartTransaction())
		if !s.InTransaction() {
			t.Error("InTransaction() = false in the driver's transaction, want true")
		}
		for _, in := range []any{false, wiretest.Absent} {
			inserted := coll.InsertOne(ctx, bson.D{})
			peer.Receive("insert").Want(bson.M{"lsid": driver.ID(), "autocommit": in}).OK(bson.M{"n": 1})
			succeed(t, inserted)
			if in == false {
				noError(t, end(t.Context()))
			}
			if s.InTransaction() {
				t.Error("InTransaction() = true after the driver's transaction, want false")
			}
		}
	}
	at := bson.Timestamp{T: 7}
	noError(t, driver.AdvanceOperationTime(&at))
	clock, err := bson.Marshal(bson.M{"$clusterTime": bson.M{"clusterTime": at}})
	noError(t, err)
	noError(t, driver.AdvanceClusterTime(clock))
	if got, ok := s.OperationTime(); !ok || got != at {
		t.Errorf("OperationTime() = %v, want %v", got, at)
	}
	if got, _, ok := s.ClusterTime().Lookup("clusterTime").TimestampOK(); !ok || got != at.T {
		t.Errorf("ClusterTime() = %v, want %v", s.ClusterTime(), at)
	}
}

// If the driver refuses to start a transaction, the operations called in it do not run outside it.
func TestTransactionStartFails(t *testing.T) {
	peer, _, coll := newSession(t)
	ctx, _, s := startDriverSession(t, coll, options.Session().SetSnapshot(true)) // snapshot sessions have no transactions
	if err := s.StartTransaction(); !errors.Is(err, motor.InvalidOperation) || s.InTransaction() {
		t.Errorf("got %v, want InvalidOperation", err)
	}
	for _, test := range []struct {
		name string
		end  func(context.Context) error
	}{
		{"commit", func(ctx context.Context) error { return second(s.CommitTransaction(ctx).Await(ctx)) }},
		{"abort", func(ctx context.Context) error { return second(s.AbortTransaction(ctx).Await(ctx)) }},
	} {
		found := coll.FindOne(ctx, bson.D{})
		held := peer.Receive("find")
		noError(t, s.StartTransaction()) // the driver refuses later
		within := coll.FindOne(ctx, bson.M{"_id": 1})
		ended := make(chan error, 1)
		go func() { ended <- test.end(t.Context()) }()
		eventually(t, func() bool { return !s.InTransaction() })
		outside := coll.FindOne(ctx, bson.M{"_id": 2})
		held.Cursor("d.c", 0, bson.M{})
		succeed(t, found)
		if _, err := within.Await(t.Context()); !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("%s: operation in the transaction: got %v, want InvalidOperation", test.name, err)
		}
		peer.Receive("find").Want(bson.M{"filter": bson.M{"_id": 2}}).Cursor("d.c", 0, bson.M{})
		succeed(t, outside)
		if err := <-ended; !errors.Is(err, motor.InvalidOperation) {
			t.Errorf("%s: got %v, want InvalidOperation", test.name, err)
		}
	}
}

// commitUnknown returns a session whose commit ran out of time. The transaction may have been committed.
func commitUnknown(t *testing.T) (*wiretest.Peer, *motor.Session, collection) {
	t.Helper()
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	peer.Handle("aggregate", func(r *wiretest.Request) { r.Want(inSession(s)).Cursor("d.c", 0) })
	peer.Handle("commitTransaction", nil)
	noError(t, s.StartTransaction())
	succeed(t, coll.InsertOne(s.Context(t.Context()), bson.D{}))
	commit := s.CommitTransaction(t.Context())
	peer.Receive("commitTransaction").Fail(50, "MaxTimeMSExpired", "too late", unknown)
	if _, err := commit.Await(t.Context()); !errors.Is(err, motor.ExecutionTimeout) {
		t.Errorf("CommitTransaction() = %v, want ExecutionTimeout", err)
	}
	if s.InTransaction() {
		t.Error("InTransaction() = true, want false")
	}
	peer.Handle("commitTransaction", ok())
	return peer, s, coll
}

// Operations in a transaction send neither the client's write concern nor the handle's read concern.
func TestTransactionConcerns(t *testing.T) {
	peer, s, coll := newSession(t)
	client := coll.Database().Client()
	noError(t, client.SetWriteConcern(bson.M{"w": 1}))
	coll = coll.WithOptions(options.Collection().SetReadConcern(readconcern.Majority()))
	ctx := s.Context(t.Context())
	noError(t, s.StartTransaction())
	first := coll.FindOne(ctx, bson.D{}) // with the transaction's read concern
	peer.Receive("find").Want(bson.M{"startTransaction": true}).Cursor("d.c", 0)
	succeed(t, first)

	found := coll.Find(bson.D{}).MaxTimeMS(1234).ToList(ctx) // a command that motor builds
	without := bson.M{"autocommit": false, "readConcern": wiretest.Absent, "writeConcern": wiretest.Absent}
	peer.Receive("find").Want(without).Fail(91, "ShutdownInProgress", "which is not tried again")
	if _, err := found.Await(t.Context()); !errors.Is(err, motor.OperationFailure) && !errors.Is(err, motor.ConnectionFailure) {
		t.Errorf("ToList() = %v, want OperationFailure or ConnectionFailure", err)
	}
	counted := coll.Count(ctx)
	peer.Receive("count").Want(without).OK(bson.M{"n": 1})
	succeed(t, counted)
	peer.Handle("bulkWrite", func(r *wiretest.Request) {
		r.Want(without).Fail(8, "Scripted", "as scripted")
	})
	written := client.BulkWrite(ctx, []mongo.ClientBulkWrite{{
		Database: "d", Collection: "c", Model: mongo.NewClientInsertOneModel().SetDocument(bson.D{}),
	}})
	if _, err := written.Await(t.Context()); err == nil || len(peer.Seen("bulkWrite")) != 1 {
		t.Errorf("BulkWrite() = %v, want an error after one bulkWrite command", err)
	}
	if n := len(peer.Seen("find")); n != 2 {
		t.Errorf("got %d find commands, want 2", n)
	}
}

// An operation after an unknown commit does not abort the old transaction. A new transaction can be aborted as usual.
func TestAfterUnknownCommitResult(t *testing.T) {
	for _, next := range []struct {
		name   string
		do     func(context.Context, *testing.T, *motor.Session, collection)
		aborts int
	}{
		{"the end of the session", nil, 0},
		{"an operation", func(ctx context.Context, t *testing.T, s *motor.Session, coll collection) {
			succeed(t, coll.Aggregate(bson.A{}).ToList(ctx))
			noError(t, s.StartTransaction())
			succeed(t, s.CommitTransaction(ctx))
		}, 0},
		{"a transaction", func(ctx context.Context, t *testing.T, s *motor.Session, coll collection) {
			noError(t, s.StartTransaction())
			succeed(t, coll.InsertOne(ctx, bson.D{}))
		}, 1},
		{"an operation, and a transaction", func(ctx context.Context, t *testing.T, s *motor.Session, coll collection) {
			succeed(t, coll.InsertOne(ctx, bson.D{}))
			noError(t, s.StartTransaction())
			succeed(t, coll.InsertOne(ctx, bson.D{}))
		}, 1},
	} {
		t.Run(next.name, func(t *testing.T) {
			peer, s, coll := commitUnknown(t)
			if next.do != nil {
				next.do(s.Context(t.Context()), t, s, coll)
			}
			succeed(t, s.EndSession(t.Context()))
			if n := len(peer.Seen("abortTransaction")); n != next.aborts {
				t.Errorf("got %d aborts, want %d", n, next.aborts)
			}
		})
	}
}

// An operation called after a commit stays outside the transaction, even if the commit is cancelled. The transaction
// is then aborted.
func TestAfterCancelledCommit(t *testing.T) {
	peer, s, coll := newSession(t)
	ctx := s.Context(t.Context())
	noError(t, s.StartTransaction())
	inserted := coll.InsertOne(ctx, bson.M{"_id": 1})
	held := peer.Receive("insert")
	short, cancel := context.WithCancel(t.Context())
	commit := s.CommitTransaction(short)
	outside := coll.InsertOne(ctx, bson.M{"_id": 2})
	cancel()
	if _, err := commit.Await(t.Context()); err != context.Canceled {
		t.Errorf("CommitTransaction() = %v, want context.Canceled", err)
	}
	if s.InTransaction() {
		t.Error("InTransaction() = true after a call outside it, want false")
	}
	held.OK(bson.M{"n": 1})
	succeed(t, inserted)
	peer.Receive("insert").Want(inSession(s)).OK(bson.M{"n": 1})
	succeed(t, outside)
	if n := len(peer.Seen("abortTransaction")); n != 1 {
		t.Errorf("got %d abortTransaction commands, want 1", n)
	}
}

// Starting the next transaction also ends the old one. Then no abort is sent.
func TestTransactionAfterCancelledCommit(t *testing.T) {
	peer, s, coll := newSession(t)
	ctx := s.Context(t.Context())
	noError(t, s.StartTransaction())
	inserted := coll.InsertOne(ctx, bson.M{"_id": 1})
	held := peer.Receive("insert")
	commit := s.CommitTransaction(ctx)
	noError(t, s.StartTransaction())
	if !commit.Cancel() {
		t.Fatal("Cancel() = false for a waiting commit, want true")
	}
	next := coll.InsertOne(ctx, bson.M{"_id": 2})
	held.OK(bson.M{"n": 1})
	succeed(t, inserted)
	again := peer.Receive("insert").Want(bson.M{"startTransaction": true, "autocommit": false})
	if a, b := held.Command.Lookup("txnNumber").Int64(), again.Command.Lookup("txnNumber").Int64(); a >= b {
		t.Errorf("got transaction number %d after %d, want a larger one", b, a)
	}
	again.OK(bson.M{"n": 1})
	succeed(t, next)
	if n := len(peer.Seen("abortTransaction")); n != 0 {
		t.Errorf("got %d abortTransaction commands, want 0", n)
	}
	succeed(t, s.CommitTransaction(ctx))
}

// The calls of several transactions may be made at once, before any has run.
func TestTransactionsCalledAhead(t *testing.T) {
	peer, s, coll := newSession(t)
	ctx := s.Context(t.Context())
	var all []*future.Future[struct{}]
	for n := range 3 {
		noError(t, s.StartTransaction())
		coll.InsertOne(ctx, bson.M{"_id": n})
		all = append(all, s.CommitTransaction(ctx))
	}
	var numbers []int64
	for range all {
		r := peer.Receive("insert").Want(bson.M{"startTransaction": true})
		numbers = append(numbers, r.Command.Lookup("txnNumber").Int64())
		r.OK(bson.M{"n": 1})
	}
	for _, f := range all {
		succeed(t, f)
	}
	if !slices.IsSorted(numbers) || numbers[0] == numbers[2] || len(peer.Seen("commitTransaction")) != 3 {
		t.Errorf("got transaction numbers %v, %d commits, want increasing numbers, 3", numbers, len(peer.Seen("commitTransaction")))
	}
}

// Calls that are cancelled before their turn leave the transaction state unchanged.
func TestWithdrawnTransactionCalls(t *testing.T) {
	type call = func(context.Context, *motor.Session, collection) interface{ Cancel(...error) bool }
	commit := func(ctx context.Context, s *motor.Session, _ collection) interface{ Cancel(...error) bool } {
		return s.CommitTransaction(ctx)
	}
	insert := func(ctx context.Context, _ *motor.Session, coll collection) interface{ Cancel(...error) bool } {
		return coll.InsertOne(ctx, bson.D{})
	}
	for _, test := range []struct {
		name    string
		calls   []call
		cancels []int
	}{
		{"commit", []call{commit}, []int{0}},
		{"two_commits", []call{commit, commit}, []int{0, 1}},
		{"two_commits_last_first", []call{commit, commit}, []int{1, 0}},
		{"commit_and_operation_last_first", []call{commit, insert}, []int{1, 0}},
	} {
		t.Run(test.name, func(t *testing.T) {
			peer, s, coll := newSession(t)
			ctx := s.Context(t.Context())
			noError(t, s.StartTransaction())
			inserted := coll.InsertOne(ctx, bson.D{})
			held := peer.Receive("insert")
			var waiting []interface{ Cancel(...error) bool }
			for _, call := range test.calls {
				waiting = append(waiting, call(ctx, s, coll))
			}
			for _, i := range test.cancels {
				if !waiting[i].Cancel() {
					t.Errorf("call %d could not be cancelled", i)
				}
			}
			if !s.InTransaction() {
				t.Error("InTransaction() = false, want true")
			}
			held.OK(bson.M{"n": 1})
			succeed(t, inserted)
			succeed(t, s.CommitTransaction(ctx))
			if n := len(peer.Seen("commitTransaction")); n != 1 {
				t.Errorf("got %d commits, want 1", n)
			}
		})
	}
}
