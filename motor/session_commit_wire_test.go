package motor_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/gomotor/gomotor/internal/wiretest"
	"github.com/gomotor/gomotor/motor"
)

// TestCommitConcerns runs transactions and other operations in one session, and compares the write concerns with those
// of the transactions specification.
func TestCommitConcerns(t *testing.T) {
	journaled := &writeconcern.WriteConcern{W: 1, Journal: new(true)}
	for _, test := range []struct {
		name                          string
		client                        bson.M // the client's write concern
		transaction                   *writeconcern.WriteConcern
		first, repeated, abort, plain any
	}{
		{"none", nil, nil, wiretest.Absent, bson.M{"w": "majority", "wtimeout": 10000}, wiretest.Absent, wiretest.Absent},
		{"of the transaction", nil, journaled, bson.M{"w": 1, "j": true},
			bson.M{"w": "majority", "j": true, "wtimeout": 10000}, bson.M{"w": 1, "j": true}, wiretest.Absent},
		{"of the client", bson.M{"w": 2}, nil, bson.M{"w": 2},
			bson.M{"w": "majority", "wtimeout": 10000}, bson.M{"w": 2}, bson.M{"w": 2}},
		{"with wtimeout", bson.M{"w": 2, "wtimeout": 500}, nil, bson.M{"w": 2, "wtimeout": 500},
			bson.M{"w": "majority", "wtimeout": 500}, bson.M{"w": 2, "wtimeout": 500}, bson.M{"w": 2, "wtimeout": 500}},
		{"both", bson.M{"w": 2, "wtimeout": 500}, journaled, bson.M{"w": 1, "j": true},
			bson.M{"w": "majority", "j": true, "wtimeout": 10000}, bson.M{"w": 1, "j": true}, bson.M{"w": 2, "wtimeout": 500}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer, _, coll := newSession(t)
			client := coll.Database().Client()
			peer.Handle("commitTransaction", nil)
			peer.Handle("abortTransaction", nil)
			if test.client != nil {
				noError(t, client.SetWriteConcern(test.client))
				coll = client.Database("d").Collection("c")
			}
			s := sessionOf(t, client)
			ctx := s.Context(t.Context())
			insert := func(concern any) {
				t.Helper()
				f := coll.InsertOne(ctx, bson.M{"_id": 1})
				peer.Receive("insert").Want(bson.M{"writeConcern": concern}).OK(bson.M{"n": 1})
				succeed(t, f)
			}
			start := func() {
				t.Helper()
				opts := options.Transaction()
				if test.transaction != nil {
					opts.SetWriteConcern(test.transaction)
				}
				noError(t, s.StartTransaction(opts))
				insert(wiretest.Absent)
			}
			commit := func(concern any) {
				t.Helper()
				f := s.CommitTransaction(ctx)
				peer.Receive("commitTransaction").Want(bson.M{"writeConcern": concern}).OK()
				succeed(t, f)
			}
			abort := func() {
				t.Helper()
				f := s.AbortTransaction(ctx)
				peer.Receive("abortTransaction").Want(bson.M{"writeConcern": test.abort}).OK()
				succeed(t, f)
			}
			for range 2 { // the second time after the repeated commits of the first
				start()
				commit(test.first)
				start()
				commit(test.first)
				commit(test.repeated)
				commit(test.repeated)
				start()
				abort()
				insert(test.plain)
				start()
				commit(test.first)
				insert(test.plain)
				start()
				abort()
				start()
				commit(test.first)
				removed := coll.FindOneAndDelete(ctx, bson.M{})
				peer.Receive("findAndModify").Want(bson.M{"writeConcern": test.plain}).OK()
				succeed(t, removed)
			}
		})
	}
}

// A commit that ran out of time may have been done, so the next one is a repeated commit.
func TestCommitAfterTimeout(t *testing.T) {
	peer, s, coll := newSession(t)
	ctx := s.Context(t.Context())
	peer.Handle("insert", ok(bson.M{"n": 1}))
	peer.Handle("commitTransaction", nil)
	noError(t, s.StartTransaction(options.Transaction().SetWriteConcern(writeconcern.W1())))
	succeed(t, coll.InsertOne(ctx, bson.M{}))
	failing := s.CommitTransaction(ctx)
	peer.Receive("commitTransaction").Want(bson.M{"writeConcern": bson.M{"w": 1}}).Fail(50, "MaxTimeMSExpired", "late", unknown)
	if _, err := failing.Await(t.Context()); !errors.Is(err, motor.ExecutionTimeout) {
		t.Errorf("first CommitTransaction() = %v, want ExecutionTimeout", err)
	}
	again := s.CommitTransaction(ctx)
	peer.Receive("commitTransaction").Want(bson.M{"writeConcern": bson.M{"w": "majority", "wtimeout": 10000}}).OK()
	succeed(t, again)
}

// The driver leaves its wtimeout in the session, also if the program commits with the driver.
func TestWriteAfterDriverCommit(t *testing.T) {
	peer, _, coll := newSession(t)
	ctx, driver, _ := startDriverSession(t, coll)
	noError(t, coll.SetWriteConcern(bson.M{"w": 1}))
	peer.Handle("insert", nil)
	for _, concern := range []any{wiretest.Absent, bson.M{"w": 1}} {
		if concern == wiretest.Absent {
			noError(t, driver.StartTransaction())
		}
		inserted := coll.InsertOne(ctx, bson.M{})
		peer.Receive("insert").Want(bson.M{"writeConcern": concern}).OK(bson.M{"n": 1})
		succeed(t, inserted)
		if concern == wiretest.Absent {
			noError(t, driver.CommitTransaction(ctx))
		}
	}
}

// An operation after a repeated commit is in no transaction.
func TestOperationAfterRepeatedCommit(t *testing.T) {
	for _, byDriver := range []bool{false, true} {
		peer, s, coll := newSession(t)
		ctx, driver, _ := startDriverSession(t, coll)
		start := driver.StartTransaction
		commit := func() error { return driver.CommitTransaction(ctx) }
		if !byDriver {
			ctx = s.Context(t.Context())
			start = s.StartTransaction
			commit = func() error { return second(s.CommitTransaction(ctx).Await(ctx)) }
		}
		peer.Handle("insert", ok(bson.M{"n": 1}))
		peer.Handle("commitTransaction", ok())
		noError(t, start())
		succeed(t, coll.InsertOne(ctx, bson.M{}))
		noError(t, commit())
		noError(t, commit())
		peer.Handle("insert", nil)
		inserted := coll.InsertOne(ctx, bson.M{})
		peer.Receive("insert").Want(bson.M{"autocommit": wiretest.Absent, "startTransaction": wiretest.Absent}).OK(bson.M{"n": 1})
		succeed(t, inserted)
	}
}

// The recovery token of a transaction is not sent with the next transaction.
func TestRecoveryTokenOfPreviousTransaction(t *testing.T) {
	peer := wiretest.Start(t, wiretest.Mongos)
	client := newClient(t, peer.URI())
	coll := client.Database("d").Collection("c")
	s := sessionOf(t, client)
	ctx := s.Context(t.Context())
	peer.Handle("commitTransaction", ok())
	for i, token := range []any{bson.M{"of": 1}, nil} {
		noError(t, s.StartTransaction())
		inserted := coll.InsertOne(ctx, bson.M{})
		reply, want := bson.M{"n": 1}, any(wiretest.Absent)
		if token != nil {
			reply["recoveryToken"], want = token, token
		}
		peer.Receive("insert").OK(reply)
		succeed(t, inserted)
		succeed(t, s.CommitTransaction(ctx))
		got, err := peer.Seen("commitTransaction")[i].LookupErr("recoveryToken")
		if (err == nil) != (token != nil) {
			t.Errorf("commit %d: got recoveryToken %s, want %v", i, got, want)
		}
	}
}

func TestMaxCommitTime(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	commits := func(want bool) {
		t.Helper()
		seen := peer.Seen("commitTransaction")
		limit, err := seen[len(seen)-1].LookupErr("maxTimeMS")
		if ms, _ := limit.AsInt64OK(); (err == nil) != want || want && (ms <= 0 || ms > 60_000) {
			t.Errorf("commit: got maxTimeMS %s, want one of at most 60,000: %t", limit, want)
		}
	}
	short := motor.MaxCommitTime(time.Minute)
	run := func(opts ...options.Lister[options.TransactionOptions]) {
		t.Helper()
		noError(t, s.StartTransaction(opts...))
		succeed(t, coll.InsertOne(s.Context(t.Context()), bson.M{}))
		if _, err := peer.Seen("insert")[len(peer.Seen("insert"))-1].LookupErr("maxTimeMS"); err == nil {
			t.Error("insert has maxTimeMS, want none")
		}
		succeed(t, s.CommitTransaction(context.WithoutCancel(t.Context())))
	}
	run(options.Transaction().SetWriteConcern(writeconcern.W1()), short)
	commits(true)
	succeed(t, s.CommitTransaction(context.WithoutCancel(t.Context())))
	commits(true)
	run()
	commits(false)
	run(short, motor.MaxCommitTime(0))
	commits(false)
	succeed(t, motor.WithTransaction(t.Context(), s, inserting(coll, 1), short))
	commits(true)
	succeed(t, motor.Transact(t.Context(), s, inserting(coll, 1), short))
	commits(true)
	if err := s.StartTransaction(motor.MaxCommitTime(-1)); !errors.Is(err, motor.ValueError) || s.InTransaction() {
		t.Errorf("StartTransaction(MaxCommitTime(-1)) = %v, want ValueError", err)
	}

	// The limit also ends the wait for a reply.
	peer.Handle("commitTransaction", nil)
	noError(t, s.StartTransaction(motor.MaxCommitTime(50*time.Millisecond)))
	succeed(t, coll.InsertOne(s.Context(t.Context()), bson.M{}))
	late := s.CommitTransaction(context.WithoutCancel(t.Context()))
	request := peer.Receive("commitTransaction")
	if _, err := late.Await(t.Context()); !errors.Is(err, motor.NetworkTimeout) {
		t.Errorf("CommitTransaction() without a reply = %v, want NetworkTimeout", err)
	}
	request.Nothing()
}

// A commit whose result stays unknown is retried until the context ends.
func TestCommitRetriesEndWithContext(t *testing.T) {
	peer, s, coll := newSession(t)
	peer.Handle("insert", ok(bson.M{"n": 1}))
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	peer.Handle("commitTransaction", func(r *wiretest.Request) {
		if n++; n == 2 {
			cancel()
		}
		r.Fail(8, "UnknownError", "again", unknown)
	})
	f := motor.WithTransaction(ctx, s, inserting(coll, 1))
	if _, err := f.Await(t.Context()); !errors.Is(err, motor.OperationFailure) || !motor.HasLabel(err, unknown) {
		t.Errorf("WithTransaction() = %v, want OperationFailure with the label %s", err, unknown)
	}
	if got := len(peer.Seen("commitTransaction")); got != 2 {
		t.Errorf("got %d commits, want 2", got)
	}
}

// The longest pauses are those of the specifications: the first ones, and the last.
func TestRetryPauses(t *testing.T) {
	for _, test := range []struct {
		name  string
		start motor.RetryPauses
		want  []time.Duration
		last  time.Duration
	}{
		{"transaction", motor.TransactionPauses, []time.Duration{7500 * time.Microsecond, 11250 * time.Microsecond}, 500 * time.Millisecond},
		{"commit", motor.CommitPauses, []time.Duration{200 * time.Millisecond, 400 * time.Millisecond}, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			longest := make([]time.Duration, 30)
			for range 200 {
				pauses := test.start
				for i := range longest {
					before := time.Now()
					noError(t, pauses.Pause(t.Context(), time.Now().Add(time.Hour), nil))
					longest[i] = max(longest[i], time.Since(before))
				}
			}
			for i, want := range append(test.want, test.last) {
				got := longest[i]
				if i == len(test.want) {
					got = longest[len(longest)-1]
				}
				if got > want || got < want*9/10 {
					t.Errorf("%s: longest of 200 pauses, number %d: got %v, want about %v", test.name, i, got, want)
				}
			}
		})
	}
}

// The getters of a session in every state.
func TestSessionGetters(t *testing.T) {
	for _, test := range []struct {
		name string
		opts *options.SessionOptionsBuilder
		do   func(*testing.T, *motor.Session, collection)

		inTransaction, causal, snapshot bool
	}{
		{"new", options.Session(), func(*testing.T, *motor.Session, collection) {}, false, true, false},
		{"snapshot", options.Session().SetSnapshot(true), func(*testing.T, *motor.Session, collection) {}, false, false, true},
		{"not causal", options.Session().SetCausalConsistency(false),
			func(*testing.T, *motor.Session, collection) {}, false, false, false},
		{"started", options.Session(), func(t *testing.T, s *motor.Session, _ collection) {
			noError(t, s.StartTransaction())
		}, true, true, false},
		{"in progress", options.Session(), func(t *testing.T, s *motor.Session, coll collection) {
			noError(t, s.StartTransaction())
			succeed(t, coll.InsertOne(s.Context(t.Context()), bson.M{}))
		}, true, true, false},
		{"committed without an operation", options.Session(), func(t *testing.T, s *motor.Session, _ collection) {
			noError(t, s.StartTransaction())
			succeed(t, s.CommitTransaction(t.Context()))
		}, false, true, false},
		{"aborted", options.Session(), func(t *testing.T, s *motor.Session, _ collection) {
			noError(t, s.StartTransaction())
			succeed(t, s.AbortTransaction(t.Context()))
		}, false, true, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			peer, _, coll := newSession(t)
			peer.Handle("insert", ok(bson.M{"n": 1, "operationTime": bson.Timestamp{T: 7}}))
			s := sessionOf(t, coll.Database().Client(), test.opts)
			test.do(t, s, coll)
			id, text := s.SessionID(), s.String()
			at, timed := s.OperationTime()
			check := func(ended, inTransaction bool) {
				t.Helper()
				if got := s.InTransaction(); got != inTransaction {
					t.Errorf("InTransaction() = %t, want %t", got, inTransaction)
				}
				if got := s.HasEnded(); got != ended {
					t.Errorf("HasEnded() = %t, want %t", got, ended)
				}
				if got := s.SessionID(); got.String() != id.String() || s.String() != text {
					t.Errorf("SessionID() = %s, String() = %s, want %s, %s", got, s, id, text)
				}
				if got, ok := s.OperationTime(); got != at || ok != timed {
					t.Errorf("OperationTime() = %v, %t, want %v, %t", got, ok, at, timed)
				}
				o := s.Options()
				if o.CausalConsistency == nil || *o.CausalConsistency != test.causal || o.Snapshot == nil || *o.Snapshot != test.snapshot {
					t.Errorf("Options() = %+v, want causal consistency %t, snapshot %t", o, test.causal, test.snapshot)
				}
				*o.CausalConsistency, *o.Snapshot = !test.causal, !test.snapshot // a copy
			}
			check(false, test.inTransaction)
			succeed(t, s.EndSession(t.Context()))
			check(true, false)
			check(true, false)
		})
	}
	t.Run("of the driver", func(t *testing.T) {
		_, _, coll := newSession(t)
		_, _, s := startDriverSession(t, coll, options.Session().SetCausalConsistency(false))
		if o := s.Options(); o.CausalConsistency == nil || *o.CausalConsistency || o.Snapshot == nil || *o.Snapshot {
			t.Errorf("Options() = %+v, want causal consistency false, snapshot false", o)
		}
	})
}
